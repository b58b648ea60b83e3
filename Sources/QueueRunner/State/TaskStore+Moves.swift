// The moves of a task: one function per transition, each a guarded UPDATE whose guard comes from `TaskState`. Zero
// rows changed means that somebody else moved the task first; the caller decides what that means.

import GRDB

extension TaskStore {
  static func lease(_ tx: Transaction, _ task: Int64, token: String, attempt: Int) throws -> Bool {
    try move(tx, .lease, task, "lease = ?, attempt = ?", [token, attempt])
  }

  static func attach(_ tx: Transaction, _ task: Int64, token: String) throws -> Bool {
    try move(tx, .attach, task, "lease = ?", [token], holding: token)
  }

  static func release(_ tx: Transaction, _ task: Int64, token: String, expired: Bool) throws -> Bool {
    tx.hasFreedTasks = true
    return try move(
      tx, .release, task, "lease = NULL, expiries = expiries + ?", [expired ? 1 : 0], holding: token)
  }

  /// The state that it ended in; nil where the lease does not hold the task.
  static func end(
    _ tx: Transaction, _ task: Int64, token: String, _ ending: TaskEnding
  ) throws -> TaskState? {
    let moved = try move(
      tx, ending.event, task,
      """
      lease = NULL, result = ?, result_status = ?, delivered_hash = ?, diff = ?, summary = ?, usage = ?,
      error = ?
      """,
      [
        ending.result, ending.resultStatus, ending.deliveredHash, ending.diff, ending.summary, ending.usage,
        ending.error,
      ], holding: token)
    return moved ? try Move.of(ending.event).target : nil
  }

  static func restart(_ tx: Transaction, _ task: Int64) throws -> Bool {
    try move(
      tx, .restart, task,
      """
      result = NULL, result_status = NULL, delivered_hash = NULL, diff = NULL, summary = NULL, usage = NULL,
      error = NULL, expiries = 0, schema_refusals = 0
      """, [])
  }

  static func ready(_ tx: Transaction, _ task: Int64) throws -> Bool {
    tx.hasFreedTasks = true
    return try move(tx, .ready, task, "lease = NULL", [])
  }

  static func cancel(_ tx: Transaction, _ task: Int64) throws -> Bool {
    try move(tx, .cancel, task, "lease = NULL", [])
  }

  /// Records why the last drop was refused; the task stays where it is.
  static func refuse(_ tx: Transaction, _ task: Int64, error: String, countsForSchema: Bool) throws {
    _ = try tx.change(
      "UPDATE tasks SET error = ?, schema_refusals = schema_refusals + ?, updated_at = ? WHERE id = ?",
      [error, countsForSchema ? 1 : 0, tx.nowMs, task])
  }

  private static func move(
    _ tx: Transaction, _ event: TaskEvent, _ task: Int64, _ assignments: String,
    _ values: StateValues, holding token: String? = nil
  ) throws -> Bool {
    let fence = token == nil ? "" : Sabotage.leaseGuard
    let whose: StateValues = token.map { [tx.nowMs, task, $0] } ?? [tx.nowMs, task]
    return try tx.change(Move.of(event).text(assignments) + fence, values + whose)
  }
}

/// An edge of `TaskState` as SQL, made once for each event: a burst of results asks for it thousands of times a second.
private struct Move {
  let target: TaskState
  private let guarding: String

  private static let all = Dictionary(
    uniqueKeysWithValues: TaskEvent.allCases.compactMap { event in Move(event).map { (event, $0) } })

  static func of(_ event: TaskEvent) throws -> Move {
    guard let move = all[event] else {
      throw FlowdexError.bug("task-event", "event `\(event.rawValue)` has not exactly one target")
    }
    return move
  }

  private init?(_ event: TaskEvent) {
    let states = Set(event.sources.compactMap { $0.next(event) })
    guard states.count == 1, let target = states.first else { return nil }
    self.target = target
    let sources = event.sources.map { "'\($0.rawValue)'" }.joined(separator: ",")
    guarding = Sabotage.stateGuard("state IN (\(sources))")
  }

  /// Its last parameters are the time and the row.
  func text(_ assignments: String) -> String {
    "UPDATE tasks SET state = '\(target.rawValue)', \(assignments), updated_at = ? WHERE id = ?\(guarding)"
  }
}
