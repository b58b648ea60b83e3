import Glibc

/// An advisory lock on a whole file, held by an open file description (`F_OFD_SETLK`, fcntl(2)): two locks
/// exclude each other within one process too, and the kernel drops them when the holder dies.
///
/// Not `Sendable`: owned by one thread.
public final class FileLock {
  private let descriptor: Int32
  private let path: String

  // <fcntl.h>, Linux: the constants need _GNU_SOURCE and are not imported.
  private static let getLock: Int32 = 36
  private static let setLock: Int32 = 37
  private static let setLockWait: Int32 = 38

  /// Opens or creates the file; takes no lock yet.
  public init(path: String) throws {
    self.path = path
    descriptor = try FileSystem.open(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o644)
  }

  deinit { close(descriptor) }

  /// Waits until the lock is free, and takes it.
  public func lock() throws {
    var request = Self.request(F_WRLCK)
    if FileSystem.retrying({ fcntl(descriptor, Self.setLockWait, &request) }) != 0 {
      throw FileSystem.failure("lock", path)
    }
  }

  /// False if somebody else holds it.
  public func tryLock() throws -> Bool {
    var request = Self.request(F_WRLCK)
    if FileSystem.retrying({ fcntl(descriptor, Self.setLock, &request) }) == 0 { return true }
    if errno == EAGAIN || errno == EACCES { return false }
    throw FileSystem.failure("lock", path)
  }

  /// Lets the next one have it; a no-op without the lock.
  public func unlock() {
    var request = Self.request(F_UNLCK)
    _ = fcntl(descriptor, Self.setLock, &request)
  }

  /// Whether another holder has it now.
  public func isHeldByOther() throws -> Bool {
    var request = Self.request(F_WRLCK)
    if fcntl(descriptor, Self.getLock, &request) != 0 { throw FileSystem.failure("look at the lock", path) }
    return request.l_type != Int16(F_UNLCK)
  }

  /// Writes the holder's pid into the file: information for people, never what decides.
  public func writeOwner(_ pid: Int32) throws {
    let bytes = Array("\(pid)\n".utf8)
    ftruncate(descriptor, 0)
    if FileSystem.retrying({ pwrite(descriptor, bytes, bytes.count, 0) }) != bytes.count {
      throw FileSystem.failure("write", path)
    }
  }

  /// The pid that the last holder wrote.
  public func owner() throws -> Int32? {
    var bytes = [UInt8](repeating: 0, count: 32)
    let count = FileSystem.retrying { pread(descriptor, &bytes, bytes.count, 0) }
    return Int32(String(decoding: bytes.prefix(max(0, count)).prefix { $0 != 10 }, as: UTF8.self))
  }

  private static func request(_ type: Int32) -> flock {
    flock(l_type: Int16(type), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0)
  }
}
