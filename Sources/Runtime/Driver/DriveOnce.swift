// One drive to where the run needs workers or ends: what `run`, `continue` and `resume` do.

import QueueRunner

/// What a drive came to.
public struct DriveResult: Sendable {
  /// The run that was driven.
  public let runId: String
  /// Where the run stood when the drive let go of it.
  public let status: RunStatus
  /// The report's JSON text, where the run has completed.
  public let reportText: String?
  /// Why the run failed, where it has.
  public let error: String?
  /// The process that drives the run in our place, where there is one.
  public let otherDriver: Int32?
  /// Whether a signal ended the drive; the run can be gone on with.
  public let wasInterrupted: Bool
}

/// How far a driver has come in the history.
struct DrivePosition: Equatable {
  let generation: Int
  let delivered: Int
}

extension Run {
  /// How often a drive looks at the state although nothing told it to: a hint may be lost.
  private static let lookAnywayMs = 1000

  /// Advances the run as far as it goes without workers, waiting for the host commands that it starts.
  ///
  /// Beside a live driver it leaves the driving to that one. Must be called on a permanent thread.
  public func drive(_ environment: DriverEnvironment) throws -> DriveResult {
    while true {
      if try !record().status.isLive { return try resultAtRest() }
      guard let seat = try DriverSeat.take(self) else { return try result(otherDriver: driver()?.pid ?? 0) }
      // Fenced off by a stop that has been lifted, the seat may be free; by another driver, it is not.
      guard let (result, position) = try drive(seat, environment) else { continue }
      guard let position, try isLeftBehind(position) else { return result }
    }
  }

  /// How a run stands that is not to be driven, with what its end left undone made up for.
  public func resultAtRest() throws -> DriveResult {
    // Who may only read is told how it ended all the same.
    if try record().status.isOver { try? healEnded() }
    return try result()
  }

  /// One sitting; the position that it ended at, where it came to its end. nil if it was fenced off.
  private func drive(
    _ seat: DriverSeat, _ environment: DriverEnvironment
  ) throws -> (DriveResult, DrivePosition?)? {
    defer { seat.release() }
    try database.healEvents()
    try queue.repairPackagesAfterReboot()
    let driver = try Driver(self, epoch: seat.epoch, environment: environment)
    defer { driver.close() }
    // Others stop, pause and restart a run, and bring results, while its host commands run.
    let wakes = try WakeWatch(layout)
    while true {
      do {
        return try sit(driver, wakes, environment.interrupts)
      } catch is DriverFenced {
        return nil
      } catch {
        if !driver.outlast(error, say: environment.say) { throw error }
      }
    }
  }

  private func sit(
    _ driver: Driver, _ wakes: WakeWatch, _ interrupts: [Int32]
  ) throws -> (DriveResult, DrivePosition?) {
    while true {
      let before = try database.foreignVersion()
      switch try driver.advance() {
      case .ended, .suspended(_, commands: 0), .waiting(commands: 0): return (try result(), driver.position)
      case .interrupted: return (try result(wasInterrupted: true), nil)
      case .waiting, .suspended:
        if try !waitForNews(driver, wakes, since: before, interrupts) {
          return (try result(wasInterrupted: true), nil)
        }
      }
    }
  }

  /// Waits for a command's end, another's commit, or the time to look anyway; false for an interrupt. This driver's own
  /// commits rewrite `wake` too, and are no news.
  private func waitForNews(
    _ driver: Driver, _ wakes: WakeWatch, since version: Int, _ interrupts: [Int32]
  ) throws -> Bool {
    while true {
      let ready = try Poller.wait(
        [driver.descriptor, wakes.descriptor] + interrupts, timeoutMs: Self.lookAnywayMs)
      if !ready.isDisjoint(with: interrupts) { return false }
      if ready.contains(wakes.descriptor) { wakes.take() }
      if ready != [wakes.descriptor] { return true }
      if try database.foreignVersion() != version { return true }
    }
  }

  /// Whether something was committed for a driver since one came to this position. Asked once the seat is free:
  /// whoever commits while it is taken leaves the driving to its holder, who may have been about to get up.
  func isLeftBehind(_ position: DrivePosition) throws -> Bool {
    try database.read { db in
      let record = try RunStore.get(db)
      guard record.status.isLive else { return false }
      return try record.status == .running || record.generation != position.generation
        || !HistoryStore.after(db, generation: position.generation, n: position.delivered, limit: 1).isEmpty
    }
  }

  /// Where the run stands.
  public func result(otherDriver: Int32? = nil, wasInterrupted: Bool = false) throws -> DriveResult {
    let record = try record()
    return DriveResult(
      runId: layout.runId, status: record.status, reportText: try reportText(), error: record.error,
      otherDriver: otherDriver, wasInterrupted: wasInterrupted)
  }
}
