// `restart-agent`: the run goes on in a new generation that begins with the deliveries before those of the
// target. What was scheduled up to there is carried over; results of tasks whose specification is equal are
// kept and re-attached; everything else runs anew. The generation before stays as it was (contract §7).

import GRDB
import QueueRunner

/// What a restart comes to.
public struct RestartPlan: Sendable, Equatable {
  /// What runs anew, by key.
  public let invalidated: [String]
  /// The operations whose deliveries are replayed as they were, in their order.
  public let replayed: [String]
  /// The tasks whose results are kept, and taken over where the task is scheduled with an equal specification.
  public let kept: [String]
}

/// Takes a transaction back once it has shown what it would do.
private struct DryRun: Error {
  let plan: RestartPlan
}

extension Run {
  /// What `restart` would do now: it is done, and taken back.
  ///
  /// - Throws: as `restart`.
  public func restartPlan(_ target: String) throws -> RestartPlan {
    _ = try record().status.applying(.restart, to: layout.runId)
    let planner = OperationPlanner(manifest: try approvedDocument().manifest)
    do {
      return try database.transition { tx in
        throw DryRun(plan: try Restart(tx: tx, run: self, planner: planner, target: target).perform().plan)
      }
    } catch let dry as DryRun {
      return dry.plan
    }
  }

  /// Opens a new generation in which `target` (an operation's key, or one task's child key) runs anew.
  ///
  /// - Returns: the keys of what runs anew.
  /// - Throws: `op-not-found`; `no-such-move` for a paused or stopped run; `restart-applied` where patches have
  ///   been integrated since, for those cannot be taken back.
  public func restart(_ target: String) throws -> [String] {
    _ = try record().status.applying(.restart, to: layout.runId)
    _ = try Collector(queue).pass(tells: .sums)
    let planner = OperationPlanner(manifest: try approvedDocument().manifest)
    let (plan, tokens) = try database.transition { tx in
      try Restart(tx: tx, run: self, planner: planner, target: target).perform()
    }
    queue.unlink(tokens)
    return plan.invalidated
  }
}

/// One restart, inside its transaction.
private struct Restart {
  let tx: Transaction
  let run: Run
  let planner: OperationPlanner
  let target: String

  func perform() throws -> (plan: RestartPlan, tokens: [String]) {
    let record = try RunStore.get(tx.db)
    _ = try record.status.applying(.restart, to: run.layout.runId)
    let old = record.generation
    let (operation, tasks) = try find(old)
    let history = try HistoryStore.keys(tx.db, generation: old)
    let kept = history.firstIndex(of: operation.key) ?? history.count
    try refuseApplied(history[kept...], old)
    try refuseBegun(old)
    let excluded = tasks.map(\.childKey)
    let open = try TaskStore.open(tx.db, generation: old).map(\.childKey)
    let tokens = try WorkQueue.cancelAll(tx, generation: old, reason: "`\(target)` was restarted")
    try KeptStore.keep(tx, generation: old, except: excluded)
    let new = try QueueStore.beginGeneration(tx)
    try carryOver(from: old, to: new, history: history, kept: kept)
    // Deliveries that no driver has sent yet are kept too: their turns are still to come.
    try RunStore.setTurns(tx, min(kept, record.turns))
    _ = try RunStore.move(tx, .restart)
    let invalidated = try invalidate(operation, excluded, open, history[kept...], old)
    let replayed = Array(history[..<kept])
    let carried = Set(replayed)
    let results = try TaskStore.all(tx.db, generation: old).filter {
      $0.result != nil && !carried.contains($0.groupKey) && !excluded.contains($0.childKey)
    }
    return (
      RestartPlan(invalidated: invalidated, replayed: replayed, kept: results.map(\.childKey)), tokens
    )
  }

  private func find(_ generation: Int) throws -> (OperationRecord, [TaskRecord]) {
    let key = target.hasPrefix("fanout:") ? String(target.prefix { $0 != "#" }) : target
    guard let operation = try OperationStore.find(tx.db, generation: generation, key: key) else {
      let known = try OperationStore.all(tx.db, generation: generation).map(\.key)
      throw notFound(Nearest.of(target, in: known))
    }
    let tasks = try TaskStore.group(tx.db, generation: generation, groupKey: key)
    if key == target { return (operation, tasks) }
    guard let task = tasks.first(where: { $0.childKey == target }) else {
      throw notFound(Nearest.of(target, in: tasks.map(\.childKey)))
    }
    return (operation, [task])
  }

  private func notFound(_ nearest: String?) -> FlowdexError {
    FlowdexError.failed(
      "op-not-found", "run `\(run.layout.runId)` has no operation or task `\(target)`",
      next: nearest.map { "did you mean `\($0)`?" } ?? "run `flowdex status \(run.layout.runId)` to see them")
  }

  /// What has been written into the project cannot be un-run.
  private func refuseApplied(_ keys: ArraySlice<String>, _ generation: Int) throws {
    for key in keys {
      guard let operation = try OperationStore.find(tx.db, generation: generation, key: key),
        operation.kind == .integrate, let digest = operation.valueDigest,
        let bytes = try ArtifactStore.get(tx.db, digest, layout: run.layout),
        try JSONValue(parsing: bytes)["status"] == "completed"
      else { continue }
      throw FlowdexError.failed(
        "restart-applied",
        "`\(target)` cannot be restarted: `\(key)` came after it and has changed the project's files",
        next: "start a new run; `--reuse \(run.layout.runId)` keeps the results of its agents")
    }
  }

  /// What is being written into the project belongs to this generation until it is done or undone.
  private func refuseBegun(_ generation: Int) throws {
    let begun = try OperationStore.unfinished(tx.db, generation: generation, kind: .integrate)
    guard let operation = begun.first(where: { $0.intent != nil }) else { return }
    throw FlowdexError.failed(
      "restart-applied",
      "`\(target)` cannot be restarted while `\(operation.key)` is changing the project's files",
      next: "run `flowdex continue \(run.layout.runId)` to bring that to its end")
  }

  /// Operations that the kept deliveries lead to: those delivered are copied, the others begin again, each
  /// with the results that are kept for its tasks.
  private func carryOver(from old: Int, to new: Int, history: [String], kept: Int) throws {
    let delivered = Set(history[..<kept])
    try HistoryStore.copy(tx, from: old, to: new, through: kept)
    let recorder = OperationRecorder(layout: run.layout, generation: new)
    for operation in try OperationStore.all(tx.db, generation: old) where operation.turn <= kept {
      if delivered.contains(operation.key) {
        try OperationStore.copy(tx, key: operation.key, from: old, to: new)
        try TaskStore.copyGroup(tx, operation.key, from: old, to: new)
      } else {
        try recorder.record(tx, try recording(operation))
      }
    }
  }

  private func recording(_ operation: OperationRecord) throws -> Recording {
    guard let bytes = try ArtifactStore.get(tx.db, operation.argsDigest, layout: run.layout) else {
      throw FlowdexError.bug("operation-args", "`\(operation.key)` has no stored arguments")
    }
    let args = try JSONValue(parsing: bytes, limits: .arguments)
    let plan =
      operation.rejection.map(OperationPlan.rejected)
      ?? planner.plan(
        key: operation.key, kind: operation.kind, id: operation.id, args: args, counts: AgentCounts())
    return Recording(
      turn: operation.turn,
      operation: ScheduledOperation(
        kind: operation.kind, id: operation.id, argsText: String(decoding: bytes, as: UTF8.self)), plan: plan,
      phase: operation.phase, prepared: nil)
  }

  /// Says what runs anew: the target, the tasks that nobody had answered, and everything after the target
  /// that is not an agent's result.
  private func invalidate(
    _ operation: OperationRecord, _ excluded: [String], _ open: [String], _ after: ArraySlice<String>,
    _ old: Int
  ) throws -> [String] {
    var keys = excluded.isEmpty ? [operation.key] : excluded
    var reasons = Dictionary(uniqueKeysWithValues: keys.map { ($0, "restarted") })
    func add(_ key: String, _ reason: String) {
      if reasons.updateValue(reasons[key] ?? reason, forKey: key) == nil { keys.append(key) }
    }
    for key in open { add(key, "it had no result yet") }
    for key in after {
      let kind = try OperationStore.find(tx.db, generation: old, key: key)?.kind
      if kind == .hostCommand || kind == .integrate { add(key, "it came after `\(target)`") }
    }
    for key in keys {
      try tx.emit(
        .taskInvalidated,
        [
          "childKey": .string(key), "generation": JSONValue(old), "reason": .string(reasons[key] ?? ""),
          "restarted": .string(target),
        ])
    }
    return keys
  }
}
