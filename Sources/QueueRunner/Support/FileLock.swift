import Glibc

/// An advisory lock on a whole file, held by an open file description (`F_OFD_SETLK`, fcntl(2)): two locks
/// exclude each other within one process too, and the kernel drops them when the holder dies.
///
/// The file is opened, and made where it is not there, by the first attempt to lock it: who only asks needs no right
/// to write. Not `Sendable`: owned by one thread.
public final class FileLock {
  private let path: String
  private var opened: Int32?

  // <fcntl.h>, Linux: the constants need _GNU_SOURCE and are not imported.
  private static let getLock: Int32 = 36
  private static let setLock: Int32 = 37
  private static let setLockWait: Int32 = 38

  /// Opens nothing and takes no lock yet.
  public init(path: String) { self.path = path }

  deinit { if let opened { close(opened) } }

  /// Waits until the lock is free, and takes it. A wait that lasts is told of (`LockWaits`), and goes on.
  ///
  /// The wait is the kernel's: it ends as soon as the lock is free, which no naps between attempts do.
  public func lock() throws {
    if try tryLock() { return }
    let wait = LockWaits.begin(path)
    defer { LockWaits.end(wait) }
    let descriptor = try descriptor()
    var request = Self.request(F_WRLCK)
    if FileSystem.retrying({ fcntl(descriptor, Self.setLockWait, &request) }) != 0 {
      throw FileSystem.failure("lock", path)
    }
  }

  /// False if somebody else holds it.
  public func tryLock() throws -> Bool {
    let descriptor = try descriptor()
    var request = Self.request(F_WRLCK)
    if FileSystem.retrying({ fcntl(descriptor, Self.setLock, &request) }) == 0 { return true }
    if errno == EAGAIN || errno == EACCES { return false }
    throw FileSystem.failure("lock", path)
  }

  /// False if somebody else holds it for so long. For who has something better to do than to wait for ever.
  public func tryLock(forMs patienceMs: Int32) throws -> Bool {
    let napMs: Int32 = 10
    for _ in 0..<(patienceMs / napMs) {
      if try tryLock() { return true }
      poll(nil, 0, napMs)
    }
    return try tryLock()
  }

  /// Lets the next one have it; a no-op without the lock.
  public func unlock() {
    guard let opened else { return }
    var request = Self.request(F_UNLCK)
    _ = fcntl(opened, Self.setLock, &request)
  }

  /// Whether another holder has it now; a file that is not there is held by nobody.
  public func isHeldByOther() throws -> Bool {
    try looking("look at the lock") { descriptor in
      var request = Self.request(F_WRLCK)
      if fcntl(descriptor, Self.getLock, &request) != 0 { return nil }
      return request.l_type != Int16(F_UNLCK)
    } ?? false
  }

  /// What a holder says of itself: information for people, never what decides.
  public struct Owner: Sendable, Equatable {
    /// The holder's process.
    public let pid: Int32
    /// One line; nil for nothing.
    public let note: String?
  }

  /// Writes what the holder says of itself into the file, always in two lines: whoever reads meanwhile finds a pid all the
  /// same, and no rest of an older note.
  public func writeOwner(_ pid: Int32, note: String? = nil) throws {
    let descriptor = try descriptor()
    let bytes = Array("\(pid)\n\(note ?? "")\n".utf8)
    if FileSystem.retrying({ pwrite(descriptor, bytes, bytes.count, 0) }) != bytes.count {
      throw FileSystem.failure("write", path)
    }
    ftruncate(descriptor, off_t(bytes.count))
  }

  /// What the last holder wrote; nil where that is nothing, or there is no file.
  public func owner() throws -> Owner? {
    let text = try looking("read") { descriptor -> String? in
      var bytes = [UInt8](repeating: 0, count: 1024)
      let count = FileSystem.retrying { pread(descriptor, &bytes, bytes.count, 0) }
      return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
    }
    let lines = text?.split(separator: "\n", omittingEmptySubsequences: false) ?? []
    guard let pid = lines.first.flatMap({ Int32($0) }) else { return nil }
    return Owner(pid: pid, note: lines.count > 1 && !lines[1].isEmpty ? String(lines[1]) : nil)
  }

  private func descriptor() throws -> Int32 {
    if let opened { return opened }
    let descriptor = try FileSystem.open(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o644)
    opened = descriptor
    return descriptor
  }

  /// Runs a look at the file, which says nil where the kernel refused it; nil where there is no file.
  private func looking<Value>(_ doing: String, _ look: (Int32) -> Value?) throws -> Value? {
    if let opened {
      if let value = look(opened) { return value }
      throw FileSystem.failure(doing, path)
    }
    let descriptor = FileSystem.retrying { open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) }
    if descriptor < 0 {
      if errno == ENOENT { return nil }
      throw FileSystem.failure("read", path)
    }
    defer { close(descriptor) }
    if let value = look(descriptor) { return value }
    throw FileSystem.failure(doing, path)
  }

  private static func request(_ type: Int32) -> flock {
    flock(l_type: Int16(type), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0)
  }
}
