import GRDB

/// An open write transaction: the rows it changes, the time it happens at, the events it says.
public final class Transaction {
  /// For reading and changing rows; valid only while the transaction is open.
  public let db: Database
  /// The commit's time: the clock, or the previous commit plus 1 ms where the clock has not moved on.
  public let nowMs: Int64
  private(set) var lastSeq: Int64?

  init(db: Database, wallMs: Int64) throws {
    self.db = db
    let previous = try Int64.fetchOne(db.cachedStatement(sql: "SELECT last_commit_ms FROM queue"))
    nowMs = max(wallMs, (previous ?? Int64.min / 2) + 1)
  }

  /// Says what happened, in the transaction that makes it so.
  public func emit(_ type: EventType, _ payload: JSONValue) throws {
    let insert = try db.cachedStatement(
      sql: "INSERT INTO events (type, payload, created_at) VALUES (?, ?, ?)")
    try insert.execute(arguments: [type.rawValue, payload.canonicalText, nowMs])
    lastSeq = db.lastInsertedRowID
  }

  func finish() throws {
    try db.cachedStatement(sql: "UPDATE queue SET last_commit_ms = ?").execute(arguments: [nowMs])
  }

  /// Runs one guarded statement; true if exactly one row changed.
  public func change(_ sql: String, _ arguments: StatementArguments) throws -> Bool {
    try db.cachedStatement(sql: sql).execute(arguments: arguments)
    return db.changesCount == 1
  }
}

/// The events of contract §7.
public enum EventType: String, Sendable, CaseIterable {
  case runCreated = "run.created"
  case runStatus = "run.status"
  case operationScheduled = "operation.scheduled"
  case operationCompleted = "operation.completed"
  case taskCreated = "agent.task.created"
  case leased = "native.dispatch.leased"
  case reclaimed = "native.dispatch.reclaimed"
  case released = "native.dispatch.released"
  case attached = "native.dispatch.attached"
  case snapshot = "native.dispatch.snapshot"
  case agentCompleted = "agent.completed"
  case agentFailed = "agent.failed"
  case agentBlocked = "agent.blocked"
  case agentCancelled = "agent.cancelled"
  case resultError = "native.result.error"
  case resultStale = "native.result.stale"
  case artifactWritten = "artifact.written"
  case taskInvalidated = "task.invalidated"
  case workflowLog = "workflow.log"
  case workflowCompleted = "workflow.completed"
  case workflowFailed = "workflow.failed"
  case workflowSuspended = "workflow.suspended"
}
