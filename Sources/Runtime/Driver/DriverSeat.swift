// Who drives a run: the holder of an advisory lock, with an epoch behind it that fences whoever held it before.

import Glibc
import QueueRunner

/// The right to drive one run, held until `release` or the end of the process.
final class DriverSeat {
  let epoch: Int64
  private let lock: FileLock

  /// nil if another process (or another seat of this one) holds it.
  static func take(_ run: Run) throws -> DriverSeat? {
    let lock = FileLock(path: run.layout.driverLock)
    guard try lock.tryLock() else { return nil }
    try lock.writeOwner(getpid())
    let epoch = try run.database.transition { try RunStore.takeEpoch($0) }
    return DriverSeat(lock, epoch)
  }

  private init(_ lock: FileLock, _ epoch: Int64) {
    self.lock = lock
    self.epoch = epoch
  }

  func release() { lock.unlock() }
}

extension Run {
  /// Who drives the run now: a pid that is information only, and whether the lock is held.
  public func driver() throws -> (pid: Int32, isAlive: Bool)? {
    let lock = FileLock(path: layout.driverLock)
    guard let pid = try lock.owner() else { return nil }
    return (pid, try lock.isHeldByOther())
  }
}
