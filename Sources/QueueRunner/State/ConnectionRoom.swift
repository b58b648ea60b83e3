// libdispatch, on which GRDB serialises a connection, ends the queue of one that is dropped on a thread of its own. That
// thread opens descriptors (epoll(7), /proc), and where there are none to be had it traps and takes the process with it. So
// a state is opened only where there are descriptors to spare, and those that a command has done with are closed and
// kept: it then has no such thread at all.

import GRDB
import Glibc

/// Keeps libdispatch from being short of descriptors.
enum ConnectionRoom {
  /// What a connection opens (state, log, their index, the lock) and what libdispatch may.
  private static let wanted = 8
  /// More than a command needs; `list` and a watch of all runs open more.
  private static let keptAtMost = 64
  /// With so many, there are always some to spare: a watch opens no more runs at once than leave it some (`WatchRoom`).
  /// With fewer, all are kept, however many: a closed one costs memory and no descriptor.
  private static let enough = 1024
  private static let isShort = DescriptorLimit.soft < enough
  private static let kept = Guarded(0)

  /// - Throws: `errno-24` (EMFILE) or `errno-23` (ENFILE), where there are not enough descriptors.
  static func ensure(toOpen path: String) throws {
    if let code = shortage() { throw FileSystem.failure("open", path, code) }
  }

  /// Closes a connection that nobody uses any more.
  static func retire(_ connection: DatabaseQueue) {
    try? connection.close()
    let isOfFirst = kept.withLock { count in
      if count == keptAtMost { return false }
      count += 1
      return true
    }
    if isShort || isOfFirst || shortage() != nil { _ = Unmanaged.passRetained(connection) }
  }

  /// The `errno` of what keeps so many descriptors from being opened; nil if nothing does.
  private static func shortage() -> Int32? {
    var spare: [Int32] = []
    defer { for descriptor in spare { close(descriptor) } }
    while spare.count < wanted {
      let descriptor = FileSystem.retrying { open("/dev/null", O_RDONLY | O_CLOEXEC) }
      if descriptor < 0 { return errno }
      spare.append(descriptor)
    }
    return nil
  }
}
