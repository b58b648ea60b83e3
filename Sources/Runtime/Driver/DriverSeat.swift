// Who drives a run: the holder of an advisory lock, with an epoch behind it that fences whoever held it before.

import Glibc
import QueueRunner

/// The right to drive one run, held until `release` or the end of the process.
final class DriverSeat {
  let epoch: Int64
  private let lock: FileLock
  private var noted: String?

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

  /// Says in the lock's file what the holder looks at on a timer, for `status` in other processes; it counts for as long
  /// as the lock is held. Best effort: nothing depends on it.
  func note(_ polling: String?) {
    if polling == noted { return }
    noted = polling
    try? lock.writeOwner(getpid(), note: polling)
  }

  func release() { lock.unlock() }
}

extension Run {
  /// Who drives the run now: a pid that is information only, whether the lock is held, and, while it is, what its holder
  /// looks at on a timer for want of hints, and why.
  public func driver() throws -> (pid: Int32, isAlive: Bool, polling: String?)? {
    let lock = FileLock(path: layout.driverLock)
    guard let owner = try lock.owner() else { return nil }
    let isAlive = try lock.isHeldByOther()
    return (owner.pid, isAlive, isAlive ? owner.note : nil)
  }
}
