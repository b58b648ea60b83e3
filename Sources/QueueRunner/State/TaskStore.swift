// Tasks: how they are added and found. Their moves are in TaskStore+Moves.swift.

import GRDB

/// One task as stored.
public struct TaskRecord: Sendable {
  /// The row id; in the order in which tasks were added.
  public let id: Int64
  /// The life of the history that it belongs to, from 1.
  public let generation: Int
  /// `agent:id` or `fanout:id#task`: unique within its generation.
  public let childKey: String
  /// The key of the operation that it belongs to.
  public let groupKey: String
  /// Its id within its operation.
  public let taskId: String
  /// Its place within its operation, from 0: the order of the delivered results.
  public let position: Int
  /// One of the manifest's phases.
  public let phase: String
  /// Moved only along the edges of `TaskState`.
  public let state: TaskState
  /// The token of the lease that holds it; nil unless it is leased or dispatched.
  public let lease: String?
  /// How often it has been handed out.
  public let attempt: Int
  /// How many of its leases have run out: what `maxAttempts` bounds.
  public let expiries: Int
  /// How many distinct results its schema has refused: what `schemaAttempts` bounds.
  public let schemaRefusals: Int
  /// The artifact of the accepted envelope.
  public let result: String?
  /// The `status` of the accepted envelope.
  public let resultStatus: String?
  /// The SHA-256 of the result as the workflow is given it: the history's check on a replay.
  public let deliveredHash: String?
  /// The artifact of the diff that was computed of the worker's copy.
  public let diff: String?
  /// From the accepted envelope.
  public let summary: String?
  /// The accepted envelope's `usage` as JSON text; nil where it is empty.
  public let usage: String?
  /// The accepted envelope's; while the task is open, what was wrong with its last result.
  public let error: String?
  /// Where a result comes from that was not made in this generation.
  public let keptFrom: String?
  /// The specification as canonical JSON text.
  let specText: String
  /// Milliseconds since 1970.
  public let createdAtMs: Int64
  /// Milliseconds since 1970: the commit that last moved it.
  public let updatedAtMs: Int64

  /// What `init` reads, by place.
  static let columns = """
    id, generation, child_key, group_key, task_id, position, phase, state, lease, attempt, expiries,
    schema_refusals, result, result_status, delivered_hash, diff, summary, usage, error, kept_from, spec,
    created_at, updated_at
    """

  init(_ row: StateRow) throws {
    guard let state = TaskState(rawValue: row.text(7)) else {
      throw FlowdexError.bug("task-state", "a stored task has an unknown state")
    }
    self.state = state
    id = row.int64(0)
    generation = row.int(1)
    childKey = row.text(2)
    groupKey = row.text(3)
    taskId = row.text(4)
    position = row.int(5)
    phase = row.text(6)
    lease = row.optionalText(8)
    attempt = row.int(9)
    expiries = row.int(10)
    schemaRefusals = row.int(11)
    result = row.optionalText(12)
    resultStatus = row.optionalText(13)
    deliveredHash = row.optionalText(14)
    diff = row.optionalText(15)
    summary = row.optionalText(16)
    usage = row.optionalText(17)
    error = row.optionalText(18)
    keptFrom = row.optionalText(19)
    specText = row.text(20)
    createdAtMs = row.int64(21)
    updatedAtMs = row.int64(22)
  }

  /// What the worker is asked to do. Parsed anew at each call.
  public func spec() throws -> TaskSpec { try TaskSpec(stored: JSONValue(stored: specText)) }
}

/// How a task ended, as its row keeps it.
struct TaskEnding: Sendable {
  let event: TaskEvent
  let result: String
  let resultStatus: String
  let deliveredHash: String
  let diff: String?
  let summary: String
  let usage: String?
  let error: String?
}

/// Finds and moves tasks.
public enum TaskStore {
  /// Adds a task that can be handed out at once, or, where a result of an equal task is kept, one that has
  /// that result; true in the second case.
  @discardableResult
  public static func add(
    _ tx: Transaction, _ spec: TaskSpec, generation: Int, childKey: String, groupKey: String, position: Int
  ) throws -> Bool {
    let text = spec.json.canonicalText
    let hash = Digest.sha256Hex(text)
    let kept = try KeptStore.find(tx.db, childKey: childKey, specHash: hash)
    try StateStatement.run(
      tx.db,
      """
      INSERT INTO tasks (generation, child_key, group_key, task_id, position, phase, spec, spec_hash, state,
        attempt, result, result_status, delivered_hash, diff, summary, usage, error, kept_from, created_at,
        updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        generation, childKey, groupKey, spec.taskId, position, spec.phase, text, hash,
        (kept?.state ?? .dispatchable).rawValue, kept?.attempt ?? 0, kept?.result, kept?.resultStatus,
        kept?.deliveredHash, kept?.diff, kept?.summary, kept?.usage, kept?.error, kept?.origin, tx.nowMs,
        tx.nowMs,
      ])
    var payload = JSONObject([
      ("childKey", .string(childKey)), ("parentOpKey", .string(groupKey)), ("taskId", .string(spec.taskId)),
      ("phase", .string(spec.phase)),
    ])
    if let kept {
      payload["status"] = .string(kept.state.rawValue)
      payload["keptFrom"] = .string(kept.origin)
      payload["resultArtifactId"] = .string(kept.result)
    }
    try tx.emit(.taskCreated, .object(payload))
    tx.hasFreedTasks = true
    return kept != nil
  }

  /// Carries the tasks of an operation that had ended over into another generation, as they are.
  public static func copyGroup(_ tx: Transaction, _ groupKey: String, from: Int, to: Int) throws {
    let columns = """
      child_key, group_key, task_id, position, phase, spec, spec_hash, state, attempt, expiries,
      schema_refusals, result, result_status, delivered_hash, diff, summary, usage, error, kept_from, created_at,
      updated_at
      """
    try tx.db.cachedStatement(
      sql: """
        INSERT INTO tasks (generation, \(columns))
        SELECT ?, \(columns) FROM tasks WHERE generation = ? AND group_key = ? ORDER BY position
        """
    ).execute(arguments: [to, from, groupKey])
  }

  private static let byId = "SELECT \(TaskRecord.columns) FROM tasks WHERE id = ?"

  /// Made of the rows as they pass: GRDB's own copies of them would cost more than the records.
  private static func records(
    _ db: Database, _ sql: String, _ arguments: StateValues
  ) throws -> [TaskRecord] {
    var records: [TaskRecord] = []
    try StateStatement.each(db, sql, arguments) { records.append(try TaskRecord($0)) }
    return records
  }

  /// nil where the generation has no such task.
  public static func find(_ db: Database, generation: Int, childKey: String) throws -> TaskRecord? {
    let sql = "SELECT \(TaskRecord.columns) FROM tasks WHERE generation = ? AND child_key = ?"
    return try records(db, sql, [generation, childKey]).first
  }

  /// nil where there is no such row.
  public static func find(_ db: Database, id: Int64) throws -> TaskRecord? {
    try StateStatement.first(db, byId, [id], TaskRecord.init)
  }

  /// Every task of a generation, in the order in which they were created.
  public static func all(_ db: Database, generation: Int) throws -> [TaskRecord] {
    let sql = "SELECT \(TaskRecord.columns) FROM tasks WHERE generation = ? ORDER BY id"
    return try records(db, sql, [generation])
  }

  /// The tasks of one operation, in task order.
  public static func group(_ db: Database, generation: Int, groupKey: String) throws -> [TaskRecord] {
    let sql =
      "SELECT \(TaskRecord.columns) FROM tasks WHERE generation = ? AND group_key = ? ORDER BY position"
    return try records(db, sql, [generation, groupKey])
  }

  /// The tasks of one operation one after the other, in task order, for groups that are too large to hold.
  public static func each(
    _ db: Database, generation: Int, groupKey: String, _ body: (TaskRecord) throws -> Void
  ) throws {
    let sql =
      "SELECT \(TaskRecord.columns) FROM tasks WHERE generation = ? AND group_key = ? ORDER BY position"
    try StateStatement.each(db, sql, [generation, groupKey]) { try body(TaskRecord($0)) }
  }

  /// What decides the result of an operation whose tasks have ended, in task order: the hash of each as delivered.
  public static func eachDeliveredHash(
    _ db: Database, generation: Int, groupKey: String, _ body: (String) -> Void
  ) throws {
    let sql = """
      SELECT coalesce(delivered_hash, '') FROM tasks WHERE generation = ? AND group_key = ? ORDER BY position
      """
    let hashes = try String.fetchCursor(db, sql: sql, arguments: [generation, groupKey])
    while let hash = try hashes.next() { body(hash) }
  }

  /// The tasks whose accepted envelope is this artifact.
  public static func withResult(_ db: Database, generation: Int, artifact: String) throws -> [TaskRecord] {
    let sql = "SELECT \(TaskRecord.columns) FROM tasks WHERE generation = ? AND result = ? ORDER BY id"
    return try records(db, sql, [generation, artifact])
  }

  /// Whether some task's computed diff is this artifact.
  public static func hasDiff(_ db: Database, generation: Int, artifact: String) throws -> Bool {
    let sql = "SELECT 1 FROM tasks WHERE generation = ? AND diff = ? LIMIT 1"
    return try Row.fetchOne(db.cachedStatement(sql: sql), arguments: [generation, artifact]) != nil
  }

  /// The tasks that have this id in one operation or another, oldest first.
  public static func childKeys(_ db: Database, generation: Int, taskId: String) throws -> [String] {
    let sql = "SELECT child_key FROM tasks WHERE generation = ? AND task_id = ? ORDER BY id"
    return try String.fetchAll(db.cachedStatement(sql: sql), arguments: [generation, taskId])
  }

  /// Tasks that no worker holds and for which no package waits in `queue/ready`, oldest first.
  public static func dispatchable(_ db: Database, generation: Int, limit: Int) throws -> [TaskRecord] {
    let sql = """
      SELECT \(TaskRecord.columns) FROM tasks WHERE generation = ? AND state = 'dispatchable' AND NOT EXISTS
        (SELECT 1 FROM leases WHERE task = tasks.id AND leases.state = 'offered') ORDER BY id LIMIT ?
      """
    return try records(db, sql, [generation, limit])
  }

  /// How many tasks are in each state; states without a task are left out.
  public static func counts(_ db: Database, generation: Int) throws -> [TaskState: Int] {
    let sql = "SELECT state, COUNT(*) AS count FROM tasks WHERE generation = ? GROUP BY state"
    var counts: [TaskState: Int] = [:]
    for row in try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [generation]) {
      if let state = TaskState(rawValue: row["state"]) { counts[state] = row["count"] }
    }
    return counts
  }

  /// The tasks of a generation that have not ended, oldest first.
  public static func open(_ db: Database, generation: Int) throws -> [TaskRecord] {
    let sql = """
      SELECT \(TaskRecord.columns) FROM tasks WHERE generation = ?
      AND state IN ('pending','dispatchable','leased','dispatched') ORDER BY id
      """
    return try records(db, sql, [generation])
  }

  /// How many tasks of each phase are in each state.
  public static func phaseStates(_ db: Database, generation: Int) throws -> [(String, TaskState, Int)] {
    let sql = "SELECT phase, state, COUNT(*) AS count FROM tasks WHERE generation = ? GROUP BY phase, state"
    return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [generation]).compactMap { row in
      TaskState(rawValue: row["state"]).map { (row["phase"], $0, row["count"]) }
    }
  }

  /// How many tasks each phase of the generation has.
  public static func phaseCounts(_ db: Database, generation: Int) throws -> [String: Int] {
    let sql = "SELECT phase, COUNT(*) AS count FROM tasks WHERE generation = ? GROUP BY phase"
    var counts: [String: Int] = [:]
    for row in try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [generation]) {
      counts[row["phase"]] = row["count"]
    }
    return counts
  }

  /// Whether any task of the generation has not ended.
  public static func hasOpen(_ db: Database, generation: Int) throws -> Bool {
    let sql = """
      SELECT 1 FROM tasks WHERE generation = ? AND state IN ('pending','dispatchable','leased','dispatched')
      LIMIT 1
      """
    return try Row.fetchOne(db.cachedStatement(sql: sql), arguments: [generation]) != nil
  }

  /// How many tasks of the group have not ended.
  public static func openCount(_ db: Database, generation: Int, groupKey: String) throws -> Int {
    let sql = """
      SELECT COUNT(*) FROM tasks WHERE generation = ? AND group_key = ?
      AND state IN ('pending','dispatchable','leased','dispatched')
      """
    return try Int.fetchOne(db.cachedStatement(sql: sql), arguments: [generation, groupKey]) ?? 0
  }

  /// A column: the specification as it is stored, where it demands more of a result than the envelope does; else null.
  static let demanding = """
    CASE WHEN instr(tasks.spec, '"schema":') > 0 OR instr(tasks.spec, '"mode":"\(TaskSpec.writeMode)"') > 0
    THEN tasks.spec END
    """

  /// What the task demands, if anything.
  static func demands(_ db: Database, id: Int64) throws -> String? {
    try String.fetchOne(
      db.cachedStatement(sql: "SELECT \(demanding) FROM tasks WHERE id = ?"), arguments: [id])
  }
}
