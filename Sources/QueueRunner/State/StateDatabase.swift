// One run's state.sqlite: how it is opened, and `transition`, the only way in which it changes.
//
// SQLite 3.40.1 (Debian 12) has a WAL corruption that needs a checkpoint racing another connection's commit.
// So one advisory lock per run is held across every write transaction and every checkpoint, automatic
// checkpoints are off, and no connection checkpoints when it closes (docs/architecture.md, Decisions).
//
// Rejected: GRDB's `.wal` journal mode and DatabasePool. Both set `synchronous` back to NORMAL, which loses
// the last commits on power loss.

import CSQLiteShim
import GRDB
import Glibc

/// The connection of one thread to one run's state.
public final class StateDatabase {
  /// Where the run lies.
  public let layout: RunLayout
  /// What transactions take their time from.
  public let clock: any WallClock
  private let connection: DatabaseQueue
  private let writeLock: FileLock
  let log: EventLog
  private let inLog: LogLength
  let access: StateAccess
  private let look: AccessLook
  /// How many transactions this connection has committed.
  public private(set) var commits = 0
  /// How many of them may have let a task be handed out.
  private(set) var freeings = 0
  /// Whether something was read since this connection last knew all that it can read to be on disk.
  var hasReadSinceSync = false

  /// What SQLite may keep of the state in memory. Two megabytes, its default, are less than a burst of some thousand
  /// results touches again and again: each then read fourteen pages anew.
  private static let cacheKiB = 4096

  /// Tables that a module above adds to the run's state, in its own numbered migrations.
  public typealias Migrations = @Sendable (inout DatabaseMigrator) -> Void

  /// Says how a state can be read now.
  typealias AccessLook = (RunLayout) throws -> StateAccess

  private init(
    _ layout: RunLayout, _ clock: any WallClock, _ connection: DatabaseQueue, _ access: StateAccess,
    _ look: @escaping AccessLook, _ inLog: LogLength
  ) {
    self.layout = layout
    self.clock = clock
    self.connection = connection
    self.access = access
    self.look = look
    writeLock = FileLock(path: layout.writeLock)
    log = EventLog(layout: layout)
    self.inLog = inLog
  }

  /// Creates the tables of a run that is being built. `fill` runs in the same transaction.
  public static func create(
    _ layout: RunLayout, maxConcurrency: Int, clock: any WallClock, migrations: Migrations,
    fill: (Transaction) throws -> Void
  ) throws -> StateDatabase {
    try clock.prepare()
    let database = try connect(layout, clock)
    try Self.wording(layout.database) {
      try database.connection.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = WAL") }
      try migrator(migrations).migrate(database.connection)
    }
    try database.transition { tx in
      try QueueStore.insert(tx, maxConcurrency: maxConcurrency, bootId: clock.bootId())
      try fill(tx)
    }
    return database
  }

  deinit { ConnectionRoom.retire(connection) }

  /// Opens a run's state and brings its tables up to date; refuses one that a newer flowdex has written.
  public static func open(
    _ layout: RunLayout, clock: any WallClock, migrations: Migrations
  ) throws -> StateDatabase {
    try open(layout, clock: clock, migrations: migrations, look: StateAccess.of)
  }

  static func open(
    _ layout: RunLayout, clock: any WallClock, migrations: Migrations, look: @escaping AccessLook
  ) throws -> StateDatabase {
    guard try FileSystem.entry(layout.database)?.kind == .file else {
      throw FlowdexError.failed(
        "run-no-state", "run `\(layout.runId)` has no state: expected the file `\(layout.database)`",
        next: "restore that file, or remove the run's folder")
    }
    try clock.prepare()
    let database = try connect(layout, clock, look)
    do {
      try Self.wording(layout.database) { try database.bringUpToDate(migrator(migrations)) }
    } catch {
      try database.checkStill()
      throw error
    }
    return database
  }

  private func bringUpToDate(_ migrator: DatabaseMigrator) throws {
    let (done, isNewer, isComplete) = try connection.read { db in
      (
        try migrator.appliedIdentifiers(db), try migrator.hasBeenSuperseded(db),
        try migrator.hasCompletedMigrations(db)
      )
    }
    // A run is created with its tables; what has none of them must not be given them now.
    if done.isEmpty { throw Self.corrupt(layout.database, "holds none of the tables of a run") }
    if isNewer {
      throw FlowdexError.failed(
        "newer-state", "run `\(layout.runId)` was written by a newer flowdex",
        next: "use that version, or a later one")
    }
    if isComplete { return }
    if !StateAccess.mayWrite(layout) {
      let missing = Set(migrator.migrations).subtracting(done)
      if missing.isSubset(of: QueueSchema.notNeededToRead) { return }
      throw StateAccess.olderState(layout)
    }
    try locked { try migrator.migrate(connection) }
  }

  private static func migrator(_ migrations: Migrations) -> DatabaseMigrator {
    var migrator = DatabaseMigrator()
    QueueSchema.register(in: &migrator)
    migrations(&migrator)
    return migrator
  }

  private static func connect(
    _ layout: RunLayout, _ clock: any WallClock, _ look: @escaping AccessLook = StateAccess.of
  ) throws -> StateDatabase {
    let inLog = LogLength()
    var configuration = Configuration()
    configuration.busyMode = .timeout(30)
    configuration.prepareDatabase { db in
      if let connection = db.sqliteConnection {
        _ = flowdex_sqlite_no_checkpoint_on_close(connection)
      }
      let synchronous = Sabotage.synchronous
      try db.execute(
        sql: """
          PRAGMA synchronous = \(synchronous.name); PRAGMA wal_autocheckpoint = 0;
          PRAGMA cache_size = -\(cacheKiB)
          """)
      if let connection = db.sqliteConnection { flowdex_sqlite_count_log(connection, inLog.pages) }
      guard try Int.fetchOne(db, sql: "PRAGMA synchronous") == synchronous.level else {
        throw FlowdexError.bug("not-durable", "`PRAGMA synchronous` is not FULL")
      }
    }
    return try wording(layout.database) {
      try ConnectionRoom.ensure(toOpen: layout.database)
      let access = try look(layout)
      if access == .unindexed { throw StateAccess.refusal(layout) }
      configuration.readonly = access == .still
      let name = StateAccess.name(layout.database, isStill: access == .still)
      do {
        let connection = try DatabaseQueue(path: name, configuration: configuration)
        return StateDatabase(layout, clock, connection, access, look, inLog)
      } catch {
        try checkStill(layout, access, look)
        throw error
      }
    }
  }

  /// Closes the connection; what is committed stays where it is.
  public func close() throws {
    try Self.wording(layout.database) { try connection.close() }
  }

  /// A consistent look at the state; never blocks a writer. The body must only read.
  ///
  /// Not GRDB's `read`: it sets and resets `PRAGMA query_only`, and SQLite then compiles every statement anew that
  /// was compiled before (pragma.c, OP_Expire), which cost a drop half of its time.
  public func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
    try Self.wording(layout.database) {
      hasReadSinceSync = true
      return try connection.unsafeRead { db in
        let before = db.totalChangesCount
        try StateStatement.run(db, "BEGIN")
        do {
          let value = try body(db)
          assert(db.totalChangesCount == before, "a look at the state has changed it")
          try StateStatement.run(db, "COMMIT")
          try checkStill()
          return value
        } catch {
          try? db.rollback()
          try checkStill()
          throw error
        }
      }
    }
  }

  /// What was taken for a file that nobody changes may have been read while somebody did: then that is what is wrong,
  /// whatever it looked like.
  private func checkStill() throws { try Self.checkStill(layout, access, look) }

  private static func checkStill(_ layout: RunLayout, _ access: StateAccess, _ look: AccessLook) throws {
    if try access != .still || look(layout) == .still { return }
    throw FlowdexError.machine(
      "state-changed", "`\(layout.database)` was changed as it was read", next: "try again")
  }

  /// Changes whenever another connection has committed, and never for what this one commits; nothing else about it
  /// means anything.
  public func foreignVersion() throws -> Int {
    try Self.wording(layout.database) {
      try connection.unsafeRead { try StateStatement.first($0, "PRAGMA data_version") { $0.int(0) } ?? 0 }
    }
  }

  /// One durable transaction: rows and their events together, or nothing.
  ///
  /// When it returns, the commit is on disk, `events.jsonl` has been brought up and `wake` rewritten;
  /// so whatever the caller announces afterwards is true.
  ///
  /// - Parameter announce: called as soon as the commit is on disk, before what only follows from it: whoever waits
  ///   for nothing but the commit need not wait for the log to be written, or now and then for a checkpoint.
  public func transition<Value>(
    _ body: (Transaction) throws -> Value, announce: (Value) -> Void = { _ in }
  ) throws -> Value {
    try locked {
      let (value, tx) = try Self.wording(layout.database) {
        try connection.writeWithoutTransaction { db in
          try StateStatement.run(db, "BEGIN IMMEDIATE")
          do {
            let tx = try Transaction(db: db, wallMs: clock.nowMs())
            hasReadSinceSync = true
            let value = try body(tx)
            try tx.finish()
            try commit(db)
            return (value, tx)
          } catch {
            try? db.rollback()
            throw error
          }
        }
      }
      commits += 1
      hasReadSinceSync = false
      announce(value)
      if tx.hasFreedTasks { freeings += 1 }
      if let lastSeq = tx.said.lastSeq { project(tx.said, through: lastSeq) }
      checkpointIfLong()
      return value
    }
  }

  /// Rebuilds `events.jsonl` from the events table, byte for byte; the number of events.
  public func rebuildEvents() throws -> Int {
    try locked { try read { try log.rebuild(from: $0) } }
  }

  /// Removes what killed processes left half written. Only for the one process that may run host commands now:
  /// their output is gathered there too.
  public func sweepTemporary() throws {
    try locked {
      for name in try FileSystem.names(in: layout.temporary) {
        try FileSystem.removeTree("\(layout.temporary)/\(name)")
      }
    }
  }

  /// How `events.jsonl` differs from the events table, as the end of a sentence; nil if it holds the same bytes.
  ///
  /// - Throws: `lock-held` if somebody writes for longer than a second.
  public func eventsDifference() throws -> String? {
    guard try writeLock.tryLock(forMs: 1000) else {
      throw FlowdexError.machine(
        "lock-held", "`\(layout.writeLock)` is held by another process", next: "try again")
    }
    defer { writeLock.unlock() }
    return try read { try log.difference(from: $0) }
  }

  func locked<Value>(_ body: () throws -> Value) throws -> Value {
    try writeLock.lock()
    defer { writeLock.unlock() }
    return try body()
  }

  /// The commit has happened; a projection that cannot be written (no space, say) must not undo it, and the
  /// next one catches up.
  private func project(_ said: SaidEvents, through seq: Int64) {
    if (try? log.append(said)) != true { try? read { try log.catchUp($0) } }
    try? FileSystem.overwrite(Array("\(seq)\n".utf8), to: layout.wake)
  }

  private func checkpointIfLong() {
    guard inLog.isDue() else { return }
    _ = try? connection.writeWithoutTransaction { try $0.checkpoint(.passive) }
  }

  private static func corrupt(_ path: String, _ what: String) -> FlowdexError {
    .machine("state-corrupt", "`\(path)` \(what)", next: "restore it from a copy, or remove the run's folder")
  }

  /// SQLite's errors in our words: the machine's fault, or ours.
  static func wording<Value>(_ path: String, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as DatabaseError {
      switch error.resultCode {
      case .SQLITE_FULL: throw FileSystem.failure("write", path, ENOSPC)
      case .SQLITE_READONLY: throw FileSystem.failure("write", path, EROFS)
      case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH: throw FileSystem.failure("open", path, EACCES)
      case .SQLITE_IOERR: throw FileSystem.failure("read or write", path, EIO)
      case .SQLITE_NOMEM: throw FileSystem.failure("read or write", path, ENOMEM)
      case .SQLITE_BUSY, .SQLITE_LOCKED:
        throw FlowdexError.machine(
          "state-busy", "`\(path)` stayed locked for 30 s", next: "see which process holds it")
      case .SQLITE_PROTOCOL:
        throw FlowdexError.machine(
          "state-lock", "`\(path)` could not be locked: the file system did not grant what it should",
          next: "try again; if it stays so, keep the project on a local disk")
      case .SQLITE_CORRUPT, .SQLITE_NOTADB:
        throw Self.corrupt(path, "is damaged, or no SQLite database")
      default:
        let code = error.extendedResultCode.rawValue
        throw FlowdexError.bug(
          "sqlite-\(code)", "a statement on `\(path)` failed with SQLite's code \(code)", details: "\(error)")
      }
    }
  }
}
