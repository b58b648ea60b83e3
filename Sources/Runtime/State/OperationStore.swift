// Operations of the callback and the history of their deliveries. Whatever makes an operation final appends
// its delivery in the same transaction, so the order of the history is the order of the commits.

import GRDB
import QueueRunner

/// One durable operation as stored.
struct OperationRecord: Sendable {
  let key: String
  let kind: OperationKind
  let phase: String
  let turn: Int
  let argsDigest: String
  let isFinal: Bool
  let intent: String?
  let valueDigest: String?
  let rejection: String?
  /// A JSON array with one entry for each time that a host command was started; nil if it never was.
  let executions: String?
  let createdAtMs: Int64
  let updatedAtMs: Int64

  /// What `init` reads, by place.
  fileprivate static let columns = """
    kind, key, phase, turn, args, state = 'final', intent, value, rejection, executions, created_at, updated_at
    """

  fileprivate init(_ row: StateRow) throws {
    guard let kind = OperationKind(rawValue: row.text(0)) else {
      throw FlowdexError.bug("operation-kind", "a stored operation has an unknown kind")
    }
    self.kind = kind
    key = row.text(1)
    phase = row.text(2)
    turn = row.int(3)
    argsDigest = row.text(4)
    isFinal = row.bool(5)
    intent = row.optionalText(6)
    valueDigest = row.optionalText(7)
    rejection = row.optionalText(8)
    executions = row.optionalText(9)
    createdAtMs = row.int64(10)
    updatedAtMs = row.int64(11)
  }

  /// The part of the key behind `kind:`.
  var id: String { String(key.dropFirst(kind.rawValue.count + 1)) }
}

/// One entry of the history.
struct Delivery: Sendable {
  let n: Int
  let key: String
  let resultHash: String
  let committedAtMs: Int64
}

/// Finds and moves operations.
enum OperationStore {
  static func insert(
    _ tx: Transaction, generation: Int, key: String, kind: OperationKind, phase: String, turn: Int,
    args: String, openTasks: Int, layout: RunLayout
  ) throws {
    let digest = try ArtifactStore.put(tx, Array(args.utf8), layout: layout, announce: false)
    try StateStatement.run(
      tx.db,
      """
      INSERT INTO operations (generation, key, seq, turn, kind, phase, args, state, open_tasks, created_at,
        updated_at) VALUES (?, ?, (SELECT coalesce(max(seq), 0) + 1 FROM operations WHERE generation = ?),
        ?, ?, ?, ?, 'pending', ?, ?, ?)
      """,
      [generation, key, generation, turn, kind.rawValue, phase, digest, openTasks, tx.nowMs, tx.nowMs])
    try tx.emit(
      .operationScheduled,
      ["opKey": .string(key), "kind": .string(kind.rawValue), "phase": .string(phase)])
  }

  private static let selection = "SELECT \(OperationRecord.columns) FROM operations"
  static let byKey = "\(selection) WHERE generation = ? AND key = ?"
  private static let allOfThem = "\(selection) WHERE generation = ? ORDER BY seq"
  static let unfinishedOnes =
    "\(selection) WHERE generation = ? AND kind = ? AND state != 'final' ORDER BY seq"

  private static func records(
    _ db: Database, _ sql: String, _ values: StateValues
  ) throws -> [OperationRecord] {
    var records: [OperationRecord] = []
    try StateStatement.each(db, sql, values) { records.append(try OperationRecord($0)) }
    return records
  }

  static func find(_ db: Database, generation: Int, key: String) throws -> OperationRecord? {
    try records(db, byKey, [generation, key]).first
  }

  static func all(_ db: Database, generation: Int) throws -> [OperationRecord] {
    try records(db, allOfThem, [generation])
  }

  /// What a replay must meet again: the digest of each operation's arguments, by turn and key.
  static func scheduled(
    _ db: Database, generation: Int
  ) throws -> (count: Int, digests: [Int: [String: String]]) {
    let rows = try Row.fetchCursor(
      db.cachedStatement(sql: "SELECT turn, key, args FROM operations WHERE generation = ?"),
      arguments: [generation])
    var digests: [Int: [String: String]] = [:]
    var count = 0
    while let row = try rows.next() {
      digests[row[0], default: [:]][row[1]] = row[2]
      count += 1
    }
    return (count, digests)
  }

  static func count(_ db: Database, generation: Int) throws -> Int {
    try Int.fetchOne(
      db.cachedStatement(sql: "SELECT COUNT(*) FROM operations WHERE generation = ?"),
      arguments: [generation]) ?? 0
  }

  /// How many operations have ended, and how many there are.
  static func progress(_ db: Database, generation: Int) throws -> (done: Int, total: Int) {
    let sql =
      "SELECT COUNT(*) AS total, coalesce(sum(state = 'final'), 0) AS done FROM operations WHERE generation = ?"
    guard let row = try Row.fetchOne(db.cachedStatement(sql: sql), arguments: [generation]) else {
      return (0, 0)
    }
    return (row["done"], row["total"])
  }

  /// How many operations have ended that may have changed the project's files.
  static func effects(_ db: Database, generation: Int) throws -> Int {
    let sql = """
      SELECT COUNT(*) FROM operations WHERE generation = ? AND kind IN ('hostCommand','integrate')
      AND state = 'final'
      """
    return try Int.fetchOne(db.cachedStatement(sql: sql), arguments: [generation]) ?? 0
  }

  /// Operations that are not final, of one kind, in the order in which they were scheduled.
  static func unfinished(_ db: Database, generation: Int, kind: OperationKind) throws -> [OperationRecord] {
    try records(db, unfinishedOnes, [generation, kind.rawValue])
  }

  /// Who was given host commands of older generations that have not ended: a restart has no use for them.
  static func leftBegun(_ db: Database, before generation: Int) throws -> [String] {
    var intents: [String] = []
    try StateStatement.each(db, "SELECT intent FROM operations WHERE \(leftOnes)", [generation]) {
      intents.append($0.text(0))
    }
    return intents
  }

  private static let leftOnes =
    "generation < ? AND state = 'running' AND kind = 'hostCommand'"

  /// Notes that nothing of them runs any more. The intent stays, and says that it once did.
  static func forgetBegun(_ tx: Transaction, before generation: Int) throws {
    try StateStatement.run(
      tx.db, "UPDATE operations SET state = 'pending' WHERE \(leftOnes)", [generation])
  }

  static func hasUnfinished(_ db: Database, generation: Int) throws -> Bool {
    try StateStatement.first(db, anyUnfinished, [generation]) { _ in true } ?? false
  }

  /// Left to itself SQLite searches by the primary key, and so goes over every operation that has ended: with each
  /// host command that a run has had, the next one cost more.
  static let anyUnfinished = """
    SELECT 1 FROM operations INDEXED BY operations_unfinished WHERE generation = ? AND state != 'final' LIMIT 1
    """

  // MARK: transitions

  /// Carries an operation that had ended over into another generation, as it is.
  static func copy(_ tx: Transaction, key: String, from: Int, to: Int) throws {
    let columns = """
      key, seq, turn, kind, phase, args, state, open_tasks, intent, value, rejection, created_at, updated_at,
      executions
      """
    try tx.db.cachedStatement(
      sql: """
        INSERT INTO operations (generation, \(columns))
        SELECT ?, \(columns) FROM operations WHERE generation = ? AND key = ?
        """
    ).execute(arguments: [to, from, key])
  }

  /// The intent of a host command or an integration: committed before it starts.
  static func start(_ tx: Transaction, generation: Int, key: String, intent: String) throws -> Bool {
    try tx.change(
      """
      UPDATE operations SET state = 'running', intent = ?, updated_at = ?
      WHERE generation = ? AND key = ? AND state IN ('pending','running')
      """, [intent, tx.nowMs, generation, key])
  }

  /// As `start`, with the program that is to run: each start adds an entry.
  static func start(
    _ tx: Transaction, generation: Int, key: String, intent: String, program: ProgramFile?
  ) throws -> Bool {
    guard try start(tx, generation: generation, key: key, intent: intent) else { return false }
    return try tx.change(
      """
      UPDATE operations SET executions = json_insert(coalesce(executions, '[]'), '$[#]', json(?))
      WHERE generation = ? AND key = ?
      """, [ProgramFile.json(program, startedAtMs: tx.nowMs).canonicalText, generation, key])
  }

  /// Takes the start of a host command back that surely did not begin: it waits again, as if it had never been tried.
  static func putBack(_ tx: Transaction, generation: Int, key: String) throws -> Bool {
    try tx.change(
      """
      UPDATE operations SET state = 'pending', intent = NULL, updated_at = ?,
        executions = CASE WHEN json_array_length(executions) > 1 THEN json_remove(executions, '$[#-1]') END
      WHERE generation = ? AND key = ? AND state = 'running'
      """, [tx.nowMs, generation, key])
  }

  /// What is told of a host command that was started, however it ended.
  private static func executions(_ tx: Transaction, _ generation: Int, _ key: String) throws -> JSONValue? {
    guard key.hasPrefix("\(OperationKind.hostCommand.rawValue):") else { return nil }
    return try find(tx.db, generation: generation, key: key)?.executions.map { try JSONValue(stored: $0) }
  }

  /// Ends an operation that carries its own value (a host command), and appends its delivery.
  static func finish(
    _ tx: Transaction, generation: Int, key: String, value: String, layout: RunLayout
  ) throws -> Bool {
    let digest = try ArtifactStore.put(tx, Array(value.utf8), layout: layout, announce: false)
    return try end(tx, generation, key, value: digest, rejection: nil, resultHash: digest)
  }

  /// Ends an operation that broke a rule; the callback's promise is rejected with `reason`.
  static func reject(_ tx: Transaction, generation: Int, key: String, reason: String) throws -> Bool {
    try end(tx, generation, key, value: nil, rejection: reason, resultHash: Digest.sha256Hex(reason))
  }

  /// Where tasks are left: to be told how many, SQLite would fill a table (RETURNING).
  static let countDown = """
    UPDATE operations SET open_tasks = open_tasks - ?
    WHERE generation = ? AND key = ? AND open_tasks > ? AND state != 'final'
    """

  /// So many of the operation's tasks have ended; with the last of them, the operation has.
  static func tasksEnded(_ tx: Transaction, generation: Int, key: String, count: Int) throws {
    if try tx.change(countDown, [count, generation, key, count]) { return }
    let isLast = try tx.change(
      """
      UPDATE operations SET open_tasks = 0
      WHERE generation = ? AND key = ? AND open_tasks = ? AND state != 'final'
      """, [generation, key, count])
    if isLast { try finishTasks(tx, generation: generation, key: key) }
  }

  /// Ends an operation whose tasks have all ended.
  private static func finishTasks(_ tx: Transaction, generation: Int, key: String) throws {
    let isOne = key.hasPrefix("\(OperationKind.agent.rawValue):")
    var hash = GroupHash(isOne: isOne)
    try TaskStore.eachDeliveredHash(tx.db, generation: generation, groupKey: key) { hash.add($0) }
    _ = try end(tx, generation, key, value: nil, rejection: nil, resultHash: hash.hex)
  }

  private static func end(
    _ tx: Transaction, _ generation: Int, _ key: String, value: String?, rejection: String?,
    resultHash: String
  ) throws -> Bool {
    let ended = try tx.change(
      """
      UPDATE operations SET state = 'final', intent = NULL, value = ?, rejection = ?, updated_at = ?
      WHERE generation = ? AND key = ? AND state != 'final'
      """, [value, rejection, tx.nowMs, generation, key])
    guard ended else { return false }
    try HistoryStore.append(tx, generation: generation, key: key, resultHash: resultHash)
    var payload = JSONObject([
      ("opKey", .string(key)), ("resultHash", .string(resultHash)), ("rejection", JSONValue(rejection)),
    ])
    if let executions = try executions(tx, generation, key) { payload["executions"] = executions }
    try tx.emit(.operationCompleted, .object(payload))
    return true
  }
}

/// What a callback that has been given so many deliveries can still expect.
enum Stillness {
  /// There are further deliveries.
  case more
  /// Operations are under way.
  case waiting
  /// Nothing is under way, so nothing will ever come.
  case stuck
}

/// The log of deliveries that a replay follows.
enum HistoryStore {
  /// Both looks are of one moment: between two, the last operation could become final and be seen by neither.
  static func stillness(_ db: Database, generation: Int, delivered: Int) throws -> Stillness {
    if try !after(db, generation: generation, n: delivered, limit: 1).isEmpty { return .more }
    return try OperationStore.hasUnfinished(db, generation: generation) ? .waiting : .stuck
  }

  /// The keys delivered in a generation, in order.
  static func keys(_ db: Database, generation: Int) throws -> [String] {
    try String.fetchAll(
      db.cachedStatement(sql: "SELECT key FROM history WHERE generation = ? ORDER BY n"),
      arguments: [generation])
  }

  /// Begins a generation with the first deliveries of another.
  static func copy(_ tx: Transaction, from: Int, to: Int, through n: Int) throws {
    try tx.db.execute(
      sql: """
        INSERT INTO history SELECT ?, n, key, result_hash, committed_at FROM history
        WHERE generation = ? AND n <= ?
        """, arguments: [to, from, n])
  }

  static func append(_ tx: Transaction, generation: Int, key: String, resultHash: String) throws {
    let insert = """
      INSERT INTO history VALUES (?, (SELECT coalesce(max(n), 0) + 1 FROM history WHERE generation = ?),
        ?, ?, ?)
      """
    try StateStatement.run(tx.db, insert, [generation, generation, key, resultHash, tx.nowMs])
  }

  static let next = """
    SELECT n, key, result_hash, committed_at FROM history WHERE generation = ? AND n > ? ORDER BY n LIMIT ?
    """

  /// The deliveries after the n-th, at most `limit`, in order.
  static func after(_ db: Database, generation: Int, n: Int, limit: Int) throws -> [Delivery] {
    var deliveries: [Delivery] = []
    try StateStatement.each(db, next, [generation, n, limit]) { row in
      deliveries.append(
        Delivery(
          n: row.int(0), key: row.text(1), resultHash: row.text(2), committedAtMs: row.int64(3)))
    }
    return deliveries
  }
}
