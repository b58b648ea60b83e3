import GRDB

/// An open write transaction: the rows it changes, the time it happens at, the events it says.
public final class Transaction {
  /// For reading and changing rows; valid only while the transaction is open.
  public let db: Database
  /// The commit's time: the clock, or the previous commit plus 1 ms where the clock has not moved on.
  public let nowMs: Int64
  /// What it has said so far, as long as that is little: the log need then not read it back.
  private(set) var said = SaidEvents()
  /// A task may have become free to be handed out.
  var hasFreedTasks = false

  init(db: Database, wallMs: Int64) throws {
    self.db = db
    let previous = try Int64.fetchOne(db.cachedStatement(sql: "SELECT last_commit_ms FROM queue"))
    nowMs = max(wallMs, (previous ?? Int64.min / 2) + 1)
  }

  /// Says what happened, in the transaction that makes it so.
  public func emit(_ type: EventType, _ payload: JSONValue) throws {
    let insert = try db.cachedStatement(
      sql: "INSERT INTO events (type, payload, created_at) VALUES (?, ?, ?)")
    let text = payload.canonicalText
    try insert.execute(arguments: [type.rawValue, text, nowMs])
    said.add(seq: db.lastInsertedRowID, type: type.rawValue, payload: text, atMs: nowMs)
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

/// The events of one transaction.
struct SaidEvents {
  /// Beyond, only the last number is remembered.
  private static let limit = 1000

  struct Event {
    let seq: Int64
    let type: String
    let payload: String
    let atMs: Int64
  }

  private(set) var lastSeq: Int64?
  private(set) var events: [Event] = []
  private(set) var isWhole = true

  mutating func add(seq: Int64, type: String, payload: String, atMs: Int64) {
    lastSeq = seq
    if events.count == Self.limit {
      events = []
      isWhole = false
    }
    if isWhole { events.append(Event(seq: seq, type: type, payload: payload, atMs: atMs)) }
  }
}
