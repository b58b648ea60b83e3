// Leases: the fencing tokens under which results are taken. A lease is `offered` while its package waits in
// queue/ready, `live` from hand-over or claim, and ends in exactly one way.

import GRDB

/// How a lease stands.
public enum LeaseState: String, Sendable, CaseIterable {
  case offered, live, collected, expired, released, replaced, withdrawn

  /// On offer or held: it counts against `maxConcurrency`, and has an entry in `queue/` if it came by it.
  var isActive: Bool {
    switch self {
    case .offered, .live: true
    case .collected, .expired, .released, .replaced, .withdrawn: false
    }
  }

  /// Its package may still bring a result: it has not ended, or has run out and not been replaced.
  var isUnsettled: Bool { isActive || self == .expired }
}

/// How a package reaches its worker.
public enum LeaseVia: String, Sendable { case hand, queue }

/// One lease as stored, with what is needed of its task.
public struct LeaseRecord: Sendable {
  /// The fencing token: a result is taken only under it.
  public let token: String
  /// The row id of its task.
  public let task: Int64
  /// Names the task within its generation.
  public let childKey: String
  /// The task's id within its operation.
  public let taskId: String
  /// The key of the operation that its task belongs to.
  public let groupKey: String
  /// The generation of its task.
  public let generation: Int
  /// The task may be held by another lease by now.
  public let taskState: TaskState
  /// How the lease itself stands.
  public let state: LeaseState
  /// `queue` for a lease that was offered before it was held.
  public let via: LeaseVia
  /// Counts the hand-outs of the task, from 1.
  public let attempt: Int
  /// How long it lasts from hand-over, claim or renewal.
  public let durationMs: Int64
  /// The snapshot that the worker reads; nil where the hand-out was given no workspace.
  public let cwd: String?
  /// False for a lease that was handed out without files: nothing can be dropped for it.
  public let hasPackage: Bool
  /// What the worker is called by whoever attached it.
  public let agentRef: String?
  /// The time of the last heartbeat that renewed it, nanoseconds since 1970; only compared for equality.
  let heartbeatNs: Int64?
  /// Milliseconds since 1970: when it was committed, which for an offer is before its clock starts.
  public let createdAtMs: Int64
  /// The expiry that the package's task.json says; null for one that was queued.
  public let printedExpiryMs: Int64?
  /// Milliseconds since 1970; nil for an offer.
  public let expiresAtMs: Int64?
  /// The boot that `bootDeadlineMs` belongs to.
  let bootId: String?
  /// When it runs out by the boot clock, in milliseconds since that boot.
  let bootDeadlineMs: Int64?
  /// What the kernel said of the result file when it was taken: a later change shows.
  let resultStamp: String?

  /// The row id: a lease that is committed later has a higher one.
  public let row: Int64

  /// What `init` reads, by place: a look at ten thousand leases must not look up names.
  static let columns = """
    leases.state, leases.via, tasks.state, leases.token, leases.task, tasks.child_key, tasks.task_id,
    tasks.generation, leases.attempt, leases.duration_ms, leases.cwd, leases.has_package, leases.agent_ref,
    leases.heartbeat_ns, leases.created_at, leases.printed_expiry, leases.expires_at, leases.boot_id,
    leases.boot_deadline, leases.result_stamp, leases.rowid, tasks.group_key
    """

  static let columnCount = 22

  /// - Parameter neighbour: a record whose strings are taken where they are equal: the leases of one hand-out share their
  ///   workspace and their boot, and a hundred thousand copies of both are memory.
  init(_ row: StateRow, sharing neighbour: LeaseRecord? = nil) throws {
    guard let state = LeaseState(rawValue: row.text(0)), let via = LeaseVia(rawValue: row.text(1)),
      let taskState = TaskState(rawValue: row.text(2))
    else { throw FlowdexError.bug("lease-state", "a stored lease has an unknown state") }
    self.state = state
    self.via = via
    self.taskState = taskState
    token = row.text(3)
    task = row.int64(4)
    childKey = row.text(5)
    taskId = row.text(6)
    generation = row.int(7)
    attempt = row.int(8)
    durationMs = row.int64(9)
    cwd = Self.one(row.optionalText(10), neighbour?.cwd)
    hasPackage = row.bool(11)
    agentRef = row.optionalText(12)
    heartbeatNs = row.optionalInt64(13)
    createdAtMs = row.int64(14)
    printedExpiryMs = row.optionalInt64(15)
    expiresAtMs = row.optionalInt64(16)
    bootId = Self.one(row.optionalText(17), neighbour?.bootId)
    bootDeadlineMs = row.optionalInt64(18)
    resultStamp = row.optionalText(19)
    self.row = row.int64(20)
    let group = row.text(21)
    groupKey = neighbour?.groupKey == group ? neighbour?.groupKey ?? group : group
  }

  private static func one(_ new: String?, _ known: String?) -> String? { new == known ? known : new }

  /// Milliseconds until the lease runs out, negative where it is late; nil for an offer. By the same clock that
  /// decides over it.
  public func leftMs(_ clock: any WallClock) -> Int64? {
    guard let expiresAtMs, let bootDeadlineMs else { return nil }
    return bootId == clock.bootId() ? bootDeadlineMs - clock.bootMs() : expiresAtMs - clock.nowMs()
  }

  /// Whether the lease has run out. Within one boot the boot clock decides, which nobody can set; after a
  /// reboot only the wall clock is left.
  public func hasRunOut(_ clock: any WallClock) -> Bool {
    guard state == .live, let leftMs = leftMs(clock) else { return false }
    return leftMs <= 0
  }

  /// Milliseconds until it runs out, by the clock that decides; nil unless its time runs.
  func runsOutInMs(_ clock: any WallClock) -> Int64? {
    state == .live ? leftMs(clock) : nil
  }
}

/// Finds and moves leases.
public enum LeaseStore {
  private static let selection =
    "SELECT \(LeaseRecord.columns) FROM leases JOIN tasks ON tasks.id = leases.task"

  static func records(
    _ db: Database, _ sql: String, _ arguments: StateValues = []
  ) throws -> [LeaseRecord] {
    var records: [LeaseRecord] = []
    try StateStatement.each(db, sql, arguments) { records.append(try LeaseRecord($0, sharing: records.last)) }
    return records
  }

  /// The condition of the partial index `leases_unsettled`: SQLite uses it only where it is asked for in these words.
  public static let isUnsettled = QueueSchema.anyOf("leases.state", ["offered", "live", "expired"])

  /// nil where no lease was ever committed under the token.
  public static func find(_ db: Database, token: String) throws -> LeaseRecord? {
    try findWithDemands(db, token: token)?.lease
  }

  private static let byTokenWithDemands = """
    SELECT \(LeaseRecord.columns), \(TaskStore.demanding)
    FROM leases JOIN tasks ON tasks.id = leases.task WHERE token = ?
    """

  /// A lease, with the specification of its task where that demands more of a result than the envelope does.
  static func findWithDemands(
    _ db: Database, token: String
  ) throws -> (lease: LeaseRecord, demands: String?)? {
    try StateStatement.first(db, byTokenWithDemands, [token]) {
      (try LeaseRecord($0), $0.optionalText(LeaseRecord.columnCount))
    }
  }

  /// Leases that ended without a result being taken: what is dropped there now is stale.
  public static func superseded(_ db: Database) throws -> [LeaseRecord] {
    let sql = """
      \(selection) WHERE leases.state IN ('replaced','withdrawn','released') AND has_package = 1
      AND noted_digest IS NULL ORDER BY leases.rowid
      """
    return try records(db, sql)
  }

  /// The leases whose results were taken last, newest first.
  public static func lastCollected(_ db: Database, limit: Int) throws -> [LeaseRecord] {
    let sql = """
      \(selection) WHERE leases.state = 'collected' AND has_package = 1
      ORDER BY tasks.updated_at DESC LIMIT ?
      """
    return try records(db, sql, [limit])
  }

  /// The newest leases whose dropped results were taken and for which no later change has been noted.
  public static func recentlyCollected(_ db: Database, limit: Int) throws -> [LeaseRecord] {
    let sql = """
      \(selection) WHERE leases.state = 'collected' AND result_stamp IS NOT NULL AND noted_digest IS NULL
      ORDER BY leases.rowid DESC LIMIT ?
      """
    return try records(db, sql, [limit])
  }

  /// The live leases, oldest first, with what was wrong with the last drop under each.
  public static func held(_ db: Database, limit: Int) throws -> [(lease: LeaseRecord, error: String?)] {
    let sql = """
      SELECT \(LeaseRecord.columns), tasks.error FROM leases JOIN tasks ON tasks.id = leases.task
      WHERE \(isUnsettled) AND leases.state = 'live' ORDER BY leases.rowid LIMIT ?
      """
    var held: [(lease: LeaseRecord, error: String?)] = []
    try StateStatement.each(db, sql, [limit]) {
      held.append((try LeaseRecord($0), $0.optionalText(LeaseRecord.columnCount)))
    }
    return held
  }

  /// The folders that leases have given their workers to read.
  public static func workspaces(_ db: Database) throws -> [String] {
    try String.fetchAll(db, sql: "SELECT DISTINCT cwd FROM leases WHERE cwd IS NOT NULL ORDER BY cwd")
  }

  /// How many leases count against `maxConcurrency`: those that are held, and those on offer.
  public static func activeCount(_ db: Database) throws -> Int {
    try Int.fetchOne(
      db.cachedStatement(sql: "SELECT COUNT(*) FROM leases WHERE \(isUnsettled) AND state != 'expired'")) ?? 0
  }

  /// How many packages wait in `queue/ready`.
  public static func offeredCount(_ db: Database) throws -> Int {
    let sql = "SELECT COUNT(*) FROM leases WHERE \(isUnsettled) AND state = 'offered'"
    return try Int.fetchOne(db.cachedStatement(sql: sql)) ?? 0
  }

  // MARK: transitions

  static func insert(_ tx: Transaction, _ plan: LeasePlan) throws {
    try StateStatement.run(
      tx.db,
      """
      INSERT INTO leases (token, task, state, via, attempt, duration_ms, cwd, has_package, created_at,
        printed_expiry, expires_at, boot_id, boot_deadline) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        plan.token, plan.task.id, plan.isOffer ? "offered" : "live", plan.isOffer ? "queue" : "hand",
        plan.attempt, plan.durationMs, plan.cwd, plan.hasPackage, tx.nowMs,
        plan.deadline?.wallMs, plan.deadline?.wallMs, plan.deadline?.bootId, plan.deadline?.bootMs,
      ])
  }

  /// An offered package was claimed: its clock starts.
  static func start(_ tx: Transaction, token: String, _ deadline: Deadline) throws -> Bool {
    try tx.change(
      """
      UPDATE leases SET state = 'live', expires_at = ?, boot_id = ?, boot_deadline = ?
      WHERE token = ? AND state = 'offered'
      """, [deadline.wallMs, deadline.bootId, deadline.bootMs, token])
  }

  static func renew(_ tx: Transaction, token: String, _ deadline: Deadline, heartbeatNs: Int64?) throws
    -> Bool
  {
    try tx.change(
      """
      UPDATE leases SET expires_at = ?, boot_id = ?, boot_deadline = ?,
      heartbeat_ns = coalesce(?, heartbeat_ns) WHERE token = ? AND state = 'live'
      """, [deadline.wallMs, deadline.bootId, deadline.bootMs, heartbeatNs, token])
  }

  /// Of a lease under which a result is taken; one that has expired is revived first, or not at all.
  static let isCollectable = "state = 'live'"

  static func setDuration(_ tx: Transaction, token: String, _ durationMs: Int64) throws {
    _ = try tx.change("UPDATE leases SET duration_ms = ? WHERE token = ?", [durationMs, token])
  }

  /// - Parameter seen: the lease as it was when it was last looked at; it may have ended since.
  static func collect(_ tx: Transaction, _ seen: LeaseRecord, stamp: String?) throws -> Bool {
    try tx.change(collecting, [stamp, seen.row, seen.token])
  }

  /// By row, which is where the lease lies; the token is what decides.
  private static let collecting = """
    UPDATE leases SET state = 'collected', result_stamp = ?
    WHERE rowid = ? AND token = ?\(Sabotage.stateGuard(isCollectable))
    """

  /// `live` to one of `expired`, `released`, `withdrawn`; `offered` only to `withdrawn`.
  static func end(_ tx: Transaction, token: String, as state: LeaseState) throws -> Bool {
    let sources = state == .withdrawn ? "'live','offered'" : "'live'"
    tx.hasFreedTasks = true
    return try tx.change(
      "UPDATE leases SET state = ? WHERE token = ? AND state IN (\(sources))", [state.rawValue, token])
  }

  /// The run is over: what comes for a lease that had run out comes too late.
  static func withdrawExpired(_ tx: Transaction) throws {
    try tx.db.execute(sql: "UPDATE leases SET state = 'withdrawn' WHERE \(isUnsettled) AND state = 'expired'")
  }

  /// A result came for an expired lease whose task nobody else holds: the lease is taken up again.
  static func revive(_ tx: Transaction, token: String) throws -> Bool {
    try tx.change("UPDATE leases SET state = 'live' WHERE token = ? AND state = 'expired'", [token])
  }

  /// A lease of the task begins: whoever had an expired one is too late from now on.
  static func replaceExpired(_ tx: Transaction, task: Int64) throws {
    try StateStatement.run(
      tx.db, "UPDATE leases SET state = 'replaced' WHERE task = ? AND state = 'expired'", [task])
  }

  /// The offers of a task that is no longer to be handed out; their tokens.
  static func withdrawOffers(_ tx: Transaction, task: Int64) throws -> [String] {
    try String.fetchAll(
      tx.db,
      sql: "UPDATE leases SET state = 'withdrawn' WHERE task = ? AND state = 'offered' RETURNING token",
      arguments: [task])
  }

  static func attach(_ tx: Transaction, token: String, agentRef: String) throws -> Bool {
    try tx.change(
      "UPDATE leases SET agent_ref = ? WHERE token = ? AND state = 'live'", [agentRef, token])
  }

  /// Remembers the one stale content of this lease that was reported.
  static func note(_ tx: Transaction, token: String, digest: String) throws -> Bool {
    try tx.change(
      "UPDATE leases SET noted_digest = ? WHERE token = ? AND noted_digest IS NOT ?",
      [digest, token, digest])
  }

  /// True the first time that this content is refused for this task.
  static func recordRefusal(
    _ tx: Transaction, task: Int64, lease: String, digest: String, forSchema: Bool, text: String
  ) throws -> Bool {
    try tx.change(
      "INSERT OR IGNORE INTO refusals VALUES (?, ?, ?, ?, ?, ?)",
      [task, digest, lease, forSchema, text, tx.nowMs])
  }
}
