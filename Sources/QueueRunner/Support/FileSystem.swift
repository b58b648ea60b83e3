import Glibc
import SystemPackage

/// The one seam to the file system: each function is one or a few system calls, retried on EINTR,
/// and fails with an error that names the path and the cause.
public enum FileSystem {
  /// What `lstat(2)` says of an entry.
  public struct Entry: Sendable, Equatable {
    /// A symlink is never followed; `other` is a FIFO, a socket or a device.
    public enum Kind: Sendable { case file, directory, symlink, other }
    /// Of the entry itself, not of what a symlink leads to.
    public let kind: Kind
    /// Bytes.
    public let size: Int64
    /// Permission bits (07777).
    public let mode: UInt32
    /// With `inode`: the same file under whatever name.
    public let device: UInt64
    /// Given anew once the file is gone.
    public let inode: UInt64
    /// Nanoseconds since 1970. Only ever compared for equality: writers can set it to anything.
    public let modifiedNs: Int64
    /// Nanoseconds since 1970, set by the kernel at every change.
    public let changedNs: Int64

    /// From what `lstat(2)`, `fstat(2)` or `fstatat(2)` filled in.
    public init(_ status: stat) {
      switch status.st_mode & S_IFMT {
      case S_IFREG: kind = .file
      case S_IFDIR: kind = .directory
      case S_IFLNK: kind = .symlink
      default: kind = .other
      }
      size = Int64(status.st_size)
      mode = UInt32(status.st_mode & 0o7777)
      device = UInt64(status.st_dev)
      inode = UInt64(status.st_ino)
      modifiedNs = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
      changedNs = Int64(status.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_ctim.tv_nsec)
    }
  }

  /// The error of a failed call: `ENOSPC` and its kin are the machine's fault and say so.
  public static func failure(_ doing: String, _ path: String, _ code: Int32 = errno) -> FlowdexError {
    let cause = String(cString: strerror(code)).lowercased()
    return .machine("errno-\(code)", "cannot \(doing) `\(path)`: \(cause)")
  }

  /// Repeats a call that a signal interrupted; -1 with any other errno is returned as it is.
  @discardableResult
  public static func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
      let result = call()
      if result != -1 || errno != EINTR { return result }
    }
  }

  /// nil when nothing is there.
  public static func entry(_ path: String) throws -> Entry? {
    var status = stat()
    if retrying({ lstat(path, &status) }) == 0 { return Entry(status) }
    if errno == ENOENT || errno == ENOTDIR { return nil }
    throw failure("look at", path)
  }

  /// Whether something is there, where a wrong no would do harm. A dangling symlink is something.
  ///
  /// - Throws: a `FlowdexError` where it cannot be looked at.
  public static func isThere(_ path: String) throws -> Bool { try entry(path) != nil }

  /// False also where it cannot be looked at. A dangling symlink exists.
  public static func exists(_ path: String) -> Bool { ((try? entry(path)) ?? nil) != nil }

  /// Opens with `O_CLOEXEC` added; the caller closes.
  public static func open(_ path: String, _ flags: Int32, mode: mode_t = 0o666) throws -> Int32 {
    let descriptor = retrying { Glibc.open(path, flags | O_CLOEXEC, mode) }
    if descriptor < 0 { throw failure(flags & O_ACCMODE == O_RDONLY ? "read" : "write", path) }
    return descriptor
  }

  /// The whole file; refuses one over `limitBytes` and follows symlinks.
  public static func read(_ path: String, limitBytes: Int = 1 << 30) throws -> [UInt8] {
    let descriptor = try open(path, O_RDONLY)
    defer { close(descriptor) }
    return try readAll(descriptor, path, limitBytes: limitBytes)
  }

  /// The same of what others may have laid there: a link is not followed, and a FIFO is not waited at.
  public static func readPlain(_ path: String, limitBytes: Int = 1 << 30) throws -> [UInt8] {
    let descriptor = try open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure("look at", path) }
    guard Entry(status).kind == .file else {
      throw FlowdexError.failed("no-plain-file", "`\(path)` is no plain file")
    }
    return try readAll(descriptor, path, limitBytes: limitBytes)
  }

  /// The code of the error of a file that is larger than its reader allows.
  public static let tooLarge = "file-too-large"

  /// Reads from the descriptor's offset to the end.
  public static func readAll(_ descriptor: Int32, _ path: String, limitBytes: Int) throws -> [UInt8] {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure("look at", path) }
    // Files under /proc say that they are empty; one read must get them whole.
    var bytes = [UInt8](repeating: 0, count: min(max(Int(status.st_size), 4095), limitBytes) + 1)
    var filled = 0
    while true {
      if filled == bytes.count { bytes.append(contentsOf: repeatElement(0, count: max(bytes.count, 4096))) }
      let count = retrying {
        bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + filled, $0.count - filled) }
      }
      if count < 0 { throw failure("read", path) }
      if count == 0 { break }
      filled += count
      if filled > limitBytes {
        throw FlowdexError.failed(tooLarge, "`\(path)` is larger than \(limitBytes) bytes")
      }
    }
    bytes.removeLast(bytes.count - filled)
    return bytes
  }

  /// Writes every byte or throws.
  public static func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, _ path: String) throws {
    var done = 0
    while done < bytes.count {
      let count = retrying { Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done) }
      if count < 0 { throw failure("write", path) }
      done += count
    }
  }

  /// Creates or truncates, writes, closes. Not atomic and not durable: for files inside a hidden staging folder.
  public static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o644, sync: Bool = false) throws
  {
    let descriptor = try open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: mode)
    defer { close(descriptor) }
    try bytes.withUnsafeBytes { try writeAll(descriptor, $0, path) }
    if sync, !Sabotage.noSync.isOn, retrying({ fsync(descriptor) }) != 0 { throw failure("sync", path) }
  }

  /// Writes over the beginning of a file, which is made where it is not there: for what never gets shorter.
  /// Truncating a file first costs ext4 more than all the rest, for it frees the block and takes another.
  public static func overwrite(_ bytes: [UInt8], to path: String) throws {
    // A FIFO in its place is not waited at.
    let descriptor = try open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, mode: 0o644)
    defer { close(descriptor) }
    try bytes.withUnsafeBytes { try writeAll(descriptor, $0, path) }
  }

  /// Whole or not at all, for every reader: a hidden temporary file beside it, then `rename(2)`.
  public static func writeAtomically(_ bytes: [UInt8], to path: String, sync: Bool) throws {
    let (parent, name) = split(path)
    let temporary = "\(parent)/.\(name).\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    do {
      try write(bytes, to: temporary, sync: sync)
      try rename(temporary, path)
    } catch {
      unlink(temporary)
      throw error
    }
    if sync { try syncDirectory(parent) }
  }

  /// What a person asked for at a place of their own: a new or plain file whole or not at all, anything else (a FIFO, a
  /// device, what a link leads to) by writing into it, as the shell does.
  public static func put(_ bytes: [UInt8], at path: String) throws {
    let kind = try entry(path)?.kind
    if kind == nil || kind == .file { return try writeAtomically(bytes, to: path, sync: false) }
    let descriptor = try open(path, O_WRONLY | O_CREAT | O_TRUNC)
    defer { close(descriptor) }
    try bytes.withUnsafeBytes { try writeAll(descriptor, $0, path) }
  }

  /// Replaces a file that is there, in one step; `rename(2)`, so only within one file system.
  public static func rename(_ from: String, _ to: String) throws {
    if retrying({ Glibc.rename(from, to) }) != 0 { throw failure("move into place", to) }
  }

  /// Makes every missing folder of the path.
  public static func makeDirectories(_ path: String) throws {
    if retrying({ mkdir(path, 0o777) }) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, path.utf8.count > 1 else { throw failure("make the folder", path) }
    try makeDirectories(split(path).parent)
    if retrying({ mkdir(path, 0o777) }) != 0, errno != EEXIST { throw failure("make the folder", path) }
  }

  /// Makes entries that were created or renamed in the folder durable (`fsync(2)` on the folder).
  public static func syncDirectory(_ path: String) throws {
    if Sabotage.noSync.isOn { return }
    let descriptor = try open(path, O_RDONLY | O_DIRECTORY)
    defer { close(descriptor) }
    if retrying({ fsync(descriptor) }) != 0 { throw failure("sync", path) }
  }

  /// True if it was there.
  @discardableResult
  public static func remove(_ path: String) throws -> Bool {
    if retrying({ unlink(path) }) == 0 { return true }
    if errno == ENOENT || errno == ENOTDIR { return false }
    throw failure("remove", path)
  }

  /// The names in a folder, without `.` and `..`, unordered; a folder that is not there has none.
  ///
  /// - Throws: a `FlowdexError` where it cannot be read to its end: a part of the names is never taken for all.
  public static func names(in path: String) throws -> [String] {
    var opened = opendir(path)
    while opened == nil, errno == EINTR { opened = opendir(path) }
    guard let folder = opened else {
      if errno == ENOENT { return [] }
      throw failure("list", path)
    }
    defer { closedir(folder) }
    var names: [String] = []
    // readdir(3) gives nil at the end as after an error: only errno tells them apart.
    errno = 0
    while let next = readdir(folder) {
      let name = withUnsafePointer(to: &next.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
      errno = 0
    }
    if errno != 0 { throw failure("list", path) }
    return names
  }

  /// `("/a/b", "c")` of `/a/b/c`; `(".", "c")` of `c`.
  public static func split(_ path: String) -> (parent: String, name: String) {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
    let parent = path[..<slash]
    return (parent.isEmpty ? "/" : String(parent), String(path[path.utf8.index(after: slash)...]))
  }
}
