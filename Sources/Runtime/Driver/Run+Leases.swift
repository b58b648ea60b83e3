// What `next` and `collect-results` do to a run, waiting included.

import QueueRunner

/// What a look for work came to.
public struct NextLeases: Sendable {
  /// Only new ones: what was leased before is not repeated.
  public let leases: [IssuedLease]
  /// Why there are none.
  public let whyNone: String?
  /// Whether a signal ended the wait.
  public let wasInterrupted: Bool
}

extension Run {
  /// Leases the next tasks: after a look at what has been dropped, so that what has run out is free again.
  public func nextLeases(
    limit: Int, files: Bool, durationMs: Int64? = nil, wait: Bool, interrupts: [Int32]
  ) throws -> NextLeases {
    let collector = Collector(queue)
    let wakes = wait ? try WakeWatch(layout) : nil
    while true {
      let report = try collector.pass(tells: .sums)
      let status = try record().status
      if !status.isLive { return NextLeases(leases: [], whyNone: whyNone(status), wasInterrupted: false) }
      let leases: [IssuedLease]
      do {
        leases = try next(limit: limit, files: files, durationMs: durationMs)
      } catch let error as FlowdexError where error.code == "queue-not-open" {
        continue  // Paused, stopped or ended since: said above.
      }
      guard leases.isEmpty, let wakes else {
        return NextLeases(
          leases: leases, whyNone: leases.isEmpty ? try whyNothing(limit) : nil, wasInterrupted: false)
      }
      let inMs = min(report.lookAgainInMs ?? 1000, 1000)
      let ready = try Poller.wait([wakes.descriptor] + interrupts, timeoutMs: Int(inMs))
      wakes.take()
      if !ready.isDisjoint(with: interrupts) {
        return NextLeases(leases: [], whyNone: "interrupted", wasInterrupted: true)
      }
    }
  }

  /// Why there is nothing to hand out now, as a sentence without its full stop.
  func whyIdle() throws -> String {
    let status = try record().status
    return status.isLive ? try whyNothing(.max) : whyNone(status)
  }

  private func whyNone(_ status: RunStatus) -> String {
    "run `\(layout.runId)` is \(status.rawValue): nothing is handed out"
  }

  private func whyNothing(_ limit: Int) throws -> String {
    try database.read { db in
      let settings = try QueueStore.settings(db)
      let active = try LeaseStore.activeCount(db)
      let counts = try TaskStore.counts(db, generation: settings.generation)
      let out = active == 1 ? "1 lease is out" : "\(active) leases are out"
      if counts[.dispatchable, default: 0] == 0 {
        return active == 0
          ? "run `\(layout.runId)` has no task to hand out"
          : "run `\(layout.runId)` has no further task to hand out; \(out)"
      }
      let bound = min(limit, settings.maxConcurrency)
      let asked = limit == .max ? "" : "--limit \(limit), "
      return "\(out), and \(bound) may be (\(asked)`maxConcurrency` "
        + "\(settings.maxConcurrency))"
    }
  }

  /// Takes every result that is there, once, waiting a settle time for files that do not parse yet.
  public func collectOnce() throws -> [CollectReport.Item] {
    try queue.repairPackagesAfterReboot()
    let collector = Collector(queue)
    var report = try collector.pass(tells: .everything)
    if let inMs = report.lookAgainInMs {
      let collected = report.items.filter { $0.status != .missing && !report.lookAgainAt.contains($0.token) }
      _ = try Poller.wait([], timeoutMs: Int(inMs) + 1)
      report = try collector.pass(tells: .everything)
      let seen = Set(report.items.map(\.token))
      report.items += collected.filter { !seen.contains($0.token) }
    }
    let found = report
    return try database.read { try found.itemsAsTheyStand($0) }
  }

  /// Lifts a pause, a stop or a failure; a completed run is left as it is.
  public func resume() throws {
    try database.transition { tx in
      let status = try RunStore.get(tx.db).status
      if status.isLive || status == .completed { return }
      _ = try RunStore.move(tx, .resume)
      _ = try QueueStore.move(tx, .open)
      try WorkQueue.reopenCancelled(tx, generation: try QueueStore.settings(tx.db).generation)
    }
  }

  /// No new lease and no tick until `resume`; results and running host commands are still kept.
  ///
  /// - Parameter reason: kept as the run's `error`, for whoever wants to know why it stands still.
  public func pause(reason: String? = nil) throws -> RunStatus {
    try database.transition { tx in
      let next = try RunStore.get(tx.db).status.applying(.pause, to: layout.runId)
      _ = try RunStore.move(tx, .pause, error: reason)
      _ = try QueueStore.move(tx, .pause)
      return next
    }
  }

  /// Takes what is there, withdraws every lease, and has a live driver kill its host commands.
  public func stop() throws -> RunStatus {
    _ = try record().status.applying(.stop, to: layout.runId)
    _ = try Collector(queue).pass(tells: .sums)
    let (status, tokens) = try database.transition { tx in
      let next = try RunStore.get(tx.db).status.applying(.stop, to: layout.runId)
      _ = try RunStore.move(tx, .stop)
      _ = try QueueStore.move(tx, .stop)
      // A resume may come before a live driver looks: fenced off, it kills its host commands all the same.
      _ = try RunStore.takeEpoch(tx)
      return (next, try WorkQueue.withdrawAll(tx, reason: "the run was stopped"))
    }
    queue.unlink(tokens)
    return status
  }
}
