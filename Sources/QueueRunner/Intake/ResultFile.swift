// Opening what a worker dropped. It may be anything: half a file, a link to a secret, a FIFO that would block
// for ever, a device. So it is opened relative to its folder, without following, without blocking, looked at,
// and read once; what is judged and hashed later are those bytes.

import Glibc

/// The result file of a package.
public enum ResultFile {
  /// The largest result that is taken: 16 MiB.
  public static let limitBytes = 16 << 20

  /// Tells one state of the file from another; only ever compared for equality.
  public struct Stamp: Sendable, Equatable {
    private let entry: FileSystem.Entry
    private let fullMode: UInt32

    init(_ status: stat) {
      entry = FileSystem.Entry(status)
      fullMode = UInt32(status.st_mode)
    }

    /// Device, inode, mode, size, and the times of the last change to the bytes and to the file, in hexadecimal.
    public var text: String {
      let parts = [
        entry.device, entry.inode, UInt64(fullMode), UInt64(bitPattern: entry.size),
        UInt64(bitPattern: entry.modifiedNs), UInt64(bitPattern: entry.changedNs),
      ]
      return parts.map { String($0, radix: 16) }.joined(separator: "-")
    }
  }

  /// What lies in the file's place.
  public enum Reading: Sendable, Equatable {
    case missing
    /// It was written to while it was read: look again.
    case changing
    /// Nothing that can be a result, in one sentence. Its stamp stays the same until somebody changes it.
    case refused(String, Stamp)
    case bytes([UInt8], Stamp)
  }

  /// What lies there now, whatever it is; nil if nothing does. One `lstat(2)` where nothing does, which is what is
  /// mostly asked; a package that is a symlink holds nothing.
  ///
  /// - Throws: trouble of the machine: a result that cannot be looked at is not one that has not come.
  public static func stamp(package: String) throws -> Stamp? {
    var status = stat()
    let path = "\(package)/\(PackageLayout.resultName)"
    if FileSystem.retrying({ lstat(path, &status) }) != 0 {
      // Mostly there is none, and then no words are made.
      if errno == ENOENT { return nil }
      let failure = FileSystem.failure("look at", path)
      if failure.isOfTheEntry { return nil }
      throw failure
    }
    return try isFolder(package) ? Stamp(status) : nil
  }

  /// A folder itself in a folder itself, not a link to one: what lies behind a link is not the worker's package, and
  /// flowdex would lay its answers there.
  static func isFolder(_ package: String) throws -> Bool {
    try isPlainFolder(package) && isPlainFolder(FileSystem.split(package).parent)
  }

  /// Not a link to one; false also where what lies there keeps us from looking.
  static func isPlainFolder(_ path: String) throws -> Bool {
    do { return try FileSystem.entry(path)?.kind == .directory } catch let error as FlowdexError
      where error.isOfTheEntry
    { return false }
  }

  /// Reads the result once. Only trouble of the machine (no descriptors, a broken disk) is thrown: what a
  /// worker did wrong is a reading, so that it stops no other worker's result.
  public static func read(package: String) throws -> Reading {
    do {
      let folder = FileSystem.split(package).parent
      guard try FileSystem.entry(folder)?.kind == .directory else { return .missing }
    } catch let error as FlowdexError where error.isOfTheEntry {
      return .missing
    }
    return try read(folder: package, name: PackageLayout.resultName, O_NOFOLLOW)
  }

  /// - Parameter flags: besides, for how the folder is opened; a person may name it by a link, a worker may not make
  ///   its package one.
  static func read(folder: String, name: String, _ flags: Int32 = 0) throws -> Reading {
    let directory = FileSystem.retrying { open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags) }
    guard directory >= 0 else { return try unopened(folder, name) }
    defer { close(directory) }
    // Published by link(2) and then unlinked under its first name, a file changes its own times without
    // changing; a second look costs less than waiting for the next hint.
    for _ in 0..<3 {
      let reading = try readOnce(directory, folder, name)
      if reading != .changing { return reading }
    }
    return .changing
  }

  private static func unopened(_ folder: String, _ name: String) throws -> Reading {
    let code = errno
    switch code {
    // `ENOTCONN`: a file system that a worker mounted over its package, and whose program has died.
    case ENOENT, ENOTDIR, ELOOP, ESTALE, ENOTCONN: return .missing
    case EACCES, EPERM:
      var status = stat()
      guard FileSystem.retrying({ lstat("\(folder)/\(name)", &status) }) == 0 else { return .missing }
      return .refused("the folder of `\(shown(name))` cannot be opened: permission denied", Stamp(status))
    default: throw FileSystem.failure("open", folder, code)
    }
  }

  private static func readOnce(_ directory: Int32, _ folder: String, _ name: String) throws -> Reading {
    var status = stat()
    // A device or a FIFO is not even opened: opening can have effects of its own.
    if FileSystem.retrying({ fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) }) != 0 {
      return try vanished("look at", folder, name)
    }
    if let why = objection(status, name) { return .refused(why, Stamp(status)) }
    let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY
    let file = FileSystem.retrying { openat(directory, name, flags) }
    if file < 0 { return try unreadable(status, folder, name) }
    defer { close(file) }
    var before = stat()
    guard fstat(file, &before) == 0 else { throw FileSystem.failure("look at", "\(folder)/\(name)") }
    if let why = objection(before, name) { return .refused(why, Stamp(before)) }
    guard let bytes = try contents(file, before, "\(folder)/\(name)") else { return .changing }
    var after = stat()
    guard fstat(file, &after) == 0 else { throw FileSystem.failure("look at", "\(folder)/\(name)") }
    return Stamp(before) == Stamp(after) ? .bytes(bytes, Stamp(after)) : .changing
  }

  /// Exactly as many bytes as `fstat` announced; nil if there are fewer or more.
  private static func contents(_ file: Int32, _ status: stat, _ path: String) throws -> [UInt8]? {
    let size = Int(status.st_size)
    var failed: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: size + 1) { buffer, filled in
      while filled <= size, let base = buffer.baseAddress {
        let count = FileSystem.retrying { Glibc.read(file, base + filled, size + 1 - filled) }
        if count < 0 { failed = errno }
        if count <= 0 { break }
        filled += count
        // Less than was asked for, and as much as was announced: the end, as read(2) tells it of a regular file.
        if filled == size { break }
      }
    }
    if failed == ESTALE { return nil }
    if failed != 0 { throw FileSystem.failure("read", path, failed) }
    return bytes.count == size ? bytes : nil
  }

  private static func vanished(_ doing: String, _ folder: String, _ name: String) throws -> Reading {
    let code = errno
    switch code {
    // A folder that may be listed but not searched hides whether the file is there.
    case ENOENT, ENOTDIR, ESTALE, EACCES, ENAMETOOLONG, ENOTCONN: return .missing
    default: throw FileSystem.failure(doing, "\(folder)/\(name)", code)
    }
  }

  /// The file was there and regular a moment ago, and cannot be opened now.
  private static func unreadable(_ status: stat, _ folder: String, _ name: String) throws -> Reading {
    let code = errno
    switch code {
    case ENOENT, ESTALE: return .changing
    // Something else has been put in its place since: the next look names it.
    case ELOOP, ENXIO, ENODEV: return .changing
    case EACCES, EPERM:
      return .refused("`\(shown(name))` cannot be read: permission denied", Stamp(status))
    default: throw FileSystem.failure("open", "\(folder)/\(name)", code)
    }
  }

  /// Why the entry cannot be a result, by what it is.
  private static func objection(_ status: stat, _ name: String) -> String? {
    let kind: String
    switch status.st_mode & S_IFMT {
    case S_IFREG:
      if status.st_size <= limitBytes { return nil }
      return "`\(shown(name))` is too large: expected at most \(limitBytes) bytes, found \(status.st_size)"
    case S_IFLNK: kind = "a symlink"
    case S_IFDIR: kind = "a directory"
    case S_IFIFO: kind = "a FIFO"
    case S_IFSOCK: kind = "a socket"
    case S_IFCHR, S_IFBLK: kind = "a device"
    default: kind = "something of an unknown kind"
    }
    return "`\(shown(name))` is not a file: expected a regular file, found \(kind)"
  }

  private static func shown(_ name: String) -> String { Excerpt.plain(name) }
}
