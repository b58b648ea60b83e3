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

  /// By operation, and who is to be told.
  private var ended: [(tasks: EndedTasks, hook: TaskEndHook)] = []

  init(db: Database, wallMs: Int64) throws {
    self.db = db
    let previous = try StateStatement.first(db, Self.lastCommit) { $0.int64(0) }
    nowMs = max(wallMs, (previous ?? Int64.min / 2) + 1)
  }

  /// Of the last event or of the last commit that said nothing, whichever is later; no row as a run is created.
  private static let lastCommit = """
    SELECT max(last_commit_ms, coalesce((SELECT created_at FROM events ORDER BY seq DESC LIMIT 1), 0)) FROM queue
    """

  /// Says what happened, in the transaction that makes it so.
  public func emit(_ type: EventType, _ payload: JSONValue) throws {
    try emit(type, payloadText: payload.canonicalText)
  }

  /// - Parameter text: a JSON object as canonical text.
  func emit(_ type: EventType, payloadText text: String) throws {
    try StateStatement.run(
      db, "INSERT INTO events (type, payload, created_at) VALUES (?, ?, ?)", [type.rawValue, text, nowMs])
    said.add(seq: db.lastInsertedRowID, type: type.rawValue, payload: text, atMs: nowMs)
  }

  /// A task has become final. Told at the end: of a burst of results, an operation is told once.
  func noteEnd(of childKey: String, in groupKey: String, generation: Int, hook: @escaping TaskEndHook) {
    // The newest first: they come in the order of their tasks.
    let known = ended.lastIndex { $0.tasks.generation == generation && $0.tasks.groupKey == groupKey }
    if let known {
      ended[known].tasks.childKeys.append(childKey)
    } else {
      let tasks = EndedTasks(generation: generation, groupKey: groupKey, childKeys: [childKey])
      ended.append((tasks, hook))
    }
  }

  /// What follows from what was done; the last thing before the commit.
  ///
  /// What says nothing writes its time all the same. Others may have seen that time; and a commit without any change would
  /// sync nothing, while whoever waits for it may rely on a commit before it whose process was killed before its sync.
  func finish() throws {
    for (tasks, hook) in ended { try hook(self, tasks) }
    if said.lastSeq == nil { _ = try change("UPDATE queue SET last_commit_ms = ?", [nowMs]) }
  }

  /// Runs one guarded statement; true if exactly one row changed.
  public func change(_ sql: String, _ values: StateValues) throws -> Bool {
    try StateStatement.run(db, sql, values)
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
