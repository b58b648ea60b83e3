import GRDB

/// Runtime's tables, beside QueueRunner's in the same state.
///
/// A migration that has been released is never edited: the next number changes what it must.
enum RuntimeSchema {
  static let register: @Sendable (inout DatabaseMigrator) -> Void = { migrator in
    migrator.registerMigration("runtime-1") { db in
      for statement in [run, operations, history, claims] + indexes { try db.execute(sql: statement) }
    }
    migrator.registerMigration("runtime-2") { db in try db.execute(sql: reusedSnapshots) }
    // A JSON array: which program each start of a host command ran.
    migrator.registerMigration("runtime-2-executions") { db in
      try db.execute(sql: "ALTER TABLE operations ADD COLUMN executions TEXT")
    }
  }

  /// `driver_epoch` fences a driver that slept: every driver transition checks it. `turns` is the last turn
  /// of the callback whose operations and logs are recorded.
  private static let run = """
    CREATE TABLE run (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      run_id TEXT NOT NULL,
      name TEXT NOT NULL,
      status TEXT NOT NULL CHECK (status IN
        ('running','needs-dispatch','completed','failed','paused','stopped')),
      source_hash TEXT NOT NULL,
      manifest_hash TEXT NOT NULL,
      input_hash TEXT NOT NULL,
      approval_hash TEXT NOT NULL,
      manifest TEXT NOT NULL,
      driver_epoch INTEGER NOT NULL DEFAULT 0,
      turns INTEGER NOT NULL DEFAULT -1,
      report TEXT REFERENCES artifacts(digest),
      error TEXT,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      CHECK (status != 'completed' OR report IS NOT NULL),
      CHECK (status != 'failed' OR error IS NOT NULL)
    ) STRICT
    """

  /// `intent` is the identity of the supervisor of a host command that may be running; of an integration it says
  /// only that it has begun.
  private static let operations = """
    CREATE TABLE operations (
      generation INTEGER NOT NULL,
      key TEXT NOT NULL,
      seq INTEGER NOT NULL,
      turn INTEGER NOT NULL,
      kind TEXT NOT NULL CHECK (kind IN ('hostCommand','agent','fanout','integrate')),
      phase TEXT NOT NULL,
      args TEXT NOT NULL REFERENCES artifacts(digest),
      state TEXT NOT NULL CHECK (state IN ('pending','running','final')),
      open_tasks INTEGER NOT NULL DEFAULT 0 CHECK (open_tasks >= 0),
      intent TEXT,
      value TEXT REFERENCES artifacts(digest),
      rejection TEXT,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      PRIMARY KEY (generation, key),
      CHECK ((state = 'running') <= (intent IS NOT NULL))
    ) STRICT, WITHOUT ROWID
    """

  private static let history = """
    CREATE TABLE history (
      generation INTEGER NOT NULL,
      n INTEGER NOT NULL CHECK (n >= 1),
      key TEXT NOT NULL,
      result_hash TEXT NOT NULL,
      committed_at INTEGER NOT NULL,
      PRIMARY KEY (generation, n),
      UNIQUE (generation, key)
    ) STRICT, WITHOUT ROWID
    """

  private static let claims = """
    CREATE TABLE claims (
      generation INTEGER NOT NULL,
      id TEXT NOT NULL,
      standing TEXT NOT NULL CHECK (standing IN ('verified','attested','unverified')),
      claim TEXT NOT NULL,
      PRIMARY KEY (generation, id)
    ) STRICT, WITHOUT ROWID
    """

  /// What the workers read whose results came from another run (`run --reuse`): copies in this run's folder.
  private static let reusedSnapshots = """
    CREATE TABLE reused_snapshots (
      digest TEXT PRIMARY KEY CHECK (length(digest) = 64),
      origin TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """

  private static let indexes = [
    "CREATE UNIQUE INDEX operations_by_seq ON operations(generation, seq)",
    "CREATE INDEX operations_unfinished ON operations(generation, kind, seq) WHERE state != 'final'",
  ]
}
