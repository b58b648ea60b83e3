import GRDB

/// QueueRunner's tables. The CHECK constraints hold what must always be true, whoever writes.
///
/// A migration that has been released is never edited: the next number changes what it must.
enum QueueSchema {
  static func register(in migrator: inout DatabaseMigrator) {
    migrator.registerMigration("queue-1") { db in
      for statement in [queue, events, artifacts, tasks, leases, refusals, kept] + indexes {
        try db.execute(sql: statement)
      }
    }
    // Without a check of the foreign keys of every row: none has changed.
    migrator.registerMigration("queue-2", foreignKeyChecks: .immediate, migrate: plainChecks)
  }

  /// Migrations that change nothing for who only reads: the state of an older flowdex is read without them where it
  /// cannot be written to.
  static let notNeededToRead: Set<String> = ["queue-2"]

  /// SQLite fills a table of its own for each `IN` of more than two values, whenever the row that is checked changes: six
  /// for each result that is taken. Comparisons cost next to nothing. What the tables hold stays as it is, so their
  /// text is changed where it lies, as SQLite's documentation of ALTER TABLE says (section 7).
  private static func plainChecks(_ db: Database) throws {
    try db.execute(sql: "PRAGMA writable_schema = ON")
    for list in lists {
      try db.execute(
        sql: """
          UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE name IN ('tasks','leases','leases_unsettled')
          """, arguments: [list.old, anyOf(list.column, list.values)])
    }
    let version = try Int.fetchOne(db, sql: "PRAGMA schema_version") ?? 0
    try db.execute(sql: "PRAGMA schema_version = \(version + 1); PRAGMA writable_schema = RESET")
  }

  private struct ValueList {
    let column: String
    let values: [String]
    /// What comes between `IN` and the values.
    var gap = " "
    var old: String { "\(column) IN\(gap)(\(values.map { "'\($0)'" }.joined(separator: ",")))" }
  }

  private static let lists = [
    ValueList(
      column: "state",
      values: [
        "pending", "dispatchable", "leased", "dispatched", "completed", "failed", "blocked", "cancelled",
      ], gap: "\n    "),
    ValueList(
      column: "state",
      values: ["offered", "live", "collected", "expired", "released", "replaced", "withdrawn"], gap: "\n    "
    ),
    ValueList(column: "result_status", values: ["completed", "failed", "blocked", "needs-approval"]),
    ValueList(column: "state", values: ["completed", "failed", "blocked"]),
    ValueList(column: "state", values: ["offered", "live", "expired"]),
  ]

  /// Whether a column is one of these, without an `IN`.
  static func anyOf(_ column: String, _ values: [String]) -> String {
    "(" + values.map { "\(column) = '\($0)'" }.joined(separator: " OR ") + ")"
  }

  /// `last_commit_ms` is the time of the last commit that said nothing: any other's is that of its events.
  private static let queue = """
    CREATE TABLE queue (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      state TEXT NOT NULL CHECK (state IN ('open','paused','stopped','closed')),
      max_concurrency INTEGER NOT NULL CHECK (max_concurrency >= 1),
      generation INTEGER NOT NULL CHECK (generation >= 1),
      last_commit_ms INTEGER NOT NULL,
      boot_id TEXT NOT NULL
    ) STRICT
    """

  private static let events = """
    CREATE TABLE events (
      seq INTEGER PRIMARY KEY,
      type TEXT NOT NULL,
      payload TEXT NOT NULL,
      created_at INTEGER NOT NULL
    ) STRICT
    """

  /// `bytes` is null when they lie in the artifacts folder (`ArtifactStore.inlineLimitBytes`).
  private static let artifacts = """
    CREATE TABLE artifacts (
      digest TEXT PRIMARY KEY CHECK (length(digest) = 64),
      size INTEGER NOT NULL CHECK (size >= 0),
      bytes BLOB,
      created_at INTEGER NOT NULL,
      CHECK (bytes IS NULL OR length(bytes) = size)
    ) STRICT, WITHOUT ROWID
    """

  private static let tasks = """
    CREATE TABLE tasks (
      id INTEGER PRIMARY KEY,
      generation INTEGER NOT NULL,
      child_key TEXT NOT NULL,
      group_key TEXT NOT NULL,
      task_id TEXT NOT NULL,
      position INTEGER NOT NULL,
      phase TEXT NOT NULL,
      spec TEXT NOT NULL,
      spec_hash TEXT NOT NULL,
      state TEXT NOT NULL CHECK (state IN
        ('pending','dispatchable','leased','dispatched','completed','failed','blocked','cancelled')),
      lease TEXT REFERENCES leases(token),
      attempt INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
      expiries INTEGER NOT NULL DEFAULT 0 CHECK (expiries >= 0),
      schema_refusals INTEGER NOT NULL DEFAULT 0,
      result TEXT REFERENCES artifacts(digest),
      result_status TEXT CHECK (result_status IN ('completed','failed','blocked','needs-approval')),
      delivered_hash TEXT,
      diff TEXT REFERENCES artifacts(digest),
      summary TEXT,
      usage TEXT,
      error TEXT,
      kept_from TEXT,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      UNIQUE (generation, child_key),
      CHECK ((state IN ('leased','dispatched')) = (lease IS NOT NULL)),
      CHECK ((state IN ('completed','failed','blocked')) =
        (result IS NOT NULL AND result_status IS NOT NULL AND delivered_hash IS NOT NULL))
    ) STRICT
    """

  /// `offered` is a package in queue/ready: no clock, no attempt. `expired` may still be answered until
  /// another lease of the task starts, which makes it `replaced`.
  private static let leases = """
    CREATE TABLE leases (
      token TEXT PRIMARY KEY,
      task INTEGER NOT NULL REFERENCES tasks(id),
      state TEXT NOT NULL CHECK (state IN
        ('offered','live','collected','expired','released','replaced','withdrawn')),
      via TEXT NOT NULL CHECK (via IN ('hand','queue')),
      attempt INTEGER NOT NULL,
      duration_ms INTEGER NOT NULL CHECK (duration_ms > 0),
      cwd TEXT,
      has_package INTEGER NOT NULL CHECK (has_package IN (0, 1)),
      agent_ref TEXT,
      heartbeat_ns INTEGER,
      created_at INTEGER NOT NULL,
      printed_expiry INTEGER,
      expires_at INTEGER,
      boot_id TEXT,
      boot_deadline INTEGER,
      result_stamp TEXT,
      noted_digest TEXT,
      CHECK ((state = 'offered') = (expires_at IS NULL) OR state = 'withdrawn'),
      CHECK ((expires_at IS NULL) = (boot_deadline IS NULL))
    ) STRICT
    """

  /// Each distinct content that was refused, once: what a schema refusal is counted by.
  private static let refusals = """
    CREATE TABLE refusals (
      task INTEGER NOT NULL REFERENCES tasks(id),
      digest TEXT NOT NULL,
      lease TEXT NOT NULL,
      for_schema INTEGER NOT NULL CHECK (for_schema IN (0, 1)),
      text TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      PRIMARY KEY (task, digest)
    ) STRICT, WITHOUT ROWID
    """

  /// Results that a task with an equal specification takes over when it is added: of the generation before a
  /// restart, or of another run. `origin` says in words where each comes from.
  private static let kept = """
    CREATE TABLE kept (
      child_key TEXT PRIMARY KEY,
      spec_hash TEXT NOT NULL,
      attempt INTEGER NOT NULL,
      result TEXT NOT NULL REFERENCES artifacts(digest),
      result_status TEXT NOT NULL CHECK (result_status IN ('completed','failed','blocked','needs-approval')),
      delivered_hash TEXT NOT NULL,
      diff TEXT REFERENCES artifacts(digest),
      summary TEXT,
      usage TEXT,
      error TEXT,
      origin TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """

  private static let indexes = [
    "CREATE INDEX tasks_by_state ON tasks(generation, state, id)",
    "CREATE INDEX tasks_by_group ON tasks(generation, group_key, position)",
    "CREATE INDEX leases_by_task ON leases(task)",
    "CREATE INDEX leases_unsettled ON leases(state) WHERE state IN ('offered','live','expired')",
  ]
}
