import CSQLiteShim
import GRDB
import Glibc
import Testing

@testable import QueueRunner

@Suite("state")
struct DatabaseTests {
  @Test("the pragmas that durability rests on")
  func pragmas() throws {
    let fixture = try QueueFixture()
    let values = try fixture.queue.database.read { db in
      try ["synchronous", "journal_mode", "wal_autocheckpoint", "foreign_keys"].map {
        try String.fetchOne(db, sql: "PRAGMA \($0)") ?? ""
      }
    }
    #expect(values == ["2", "wal", "0", "1"])
  }

  @Test("no look at the state makes SQLite compile a statement anew")
  func compilesOnce() throws {
    let database = try QueueFixture().queue.database
    var compiledAgain: [Int32] = []
    for _ in 0..<3 {
      try database.read { db in
        let statement = try db.cachedStatement(sql: "SELECT state FROM queue")
        _ = try String.fetchOne(statement)
        compiledAgain.append(
          sqlite3_stmt_status(statement.sqliteStatement, SQLITE_STMTSTATUS_REPREPARE, 0))
      }
      _ = try database.foreignVersion()
    }
    #expect(compiledAgain == [0, 0, 0])
  }

  @Test("a look that throws leaves no transaction behind, and the next one sees what has changed since")
  func looks() throws {
    struct Stop: Error {}
    let fixture = try QueueFixture()
    let database = fixture.queue.database
    #expect(throws: Stop.self) { try database.read { _ in throw Stop() } }
    let other = try StateDatabase.open(fixture.layout, clock: fixture.clock, migrations: { _ in })
    try other.transition { tx in try tx.emit(.workflowLog, ["text": "new"]) }
    #expect(
      try database.read { try String.fetchOne($0, sql: "SELECT payload FROM events ORDER BY seq DESC") }
        == #"{"text":"new"}"#)
    #expect(try database.read { $0.isInsideTransaction })
  }

  @Test("what is announced is said once the commit is on disk, before the log is written")
  func announces() throws {
    let fixture = try QueueFixture()
    let log = fixture.layout.events
    let before = try FileSystem.entry(log)?.size
    var seen: [Int64?] = []
    let value = try fixture.queue.database.transition { tx in
      try tx.emit(.workflowLog, ["text": "x"])
      return 7
    } announce: { value in
      let other = try? DatabaseQueue(path: fixture.layout.database)
      let stored = try? other?.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM events") }
      seen = [Int64(value), Int64(stored ?? -1), (try? FileSystem.entry(log))??.size]
    }
    let count = try fixture.queue.database.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM events") }
    #expect(value == 7 && seen == [7, count.map(Int64.init), before])
    #expect(try FileSystem.entry(log)?.size != before)
  }

  @Test("closing a connection neither checkpoints nor deletes the log")
  func close() throws {
    let fixture = try QueueFixture()
    let log = fixture.layout.databaseLog
    let size = try FileSystem.entry(log)?.size
    #expect((size ?? 0) > 0)
    let second = try StateDatabase.open(fixture.layout, clock: fixture.clock, migrations: { _ in })
    try second.close()
    #expect(try FileSystem.entry(log)?.size == size)
  }

  @Test("a long log is checkpointed once, not at every commit from then on")
  func checkpoints() throws {
    let fixture = try QueueFixture()
    let text = JSONValue.string(String(repeating: "x", count: 256 << 10))
    var checkpoints = 0
    var logBytes: Int64 = 0
    var before = try FileSystem.entry(fixture.layout.database)
    for _ in 0..<48 {
      try fixture.queue.database.transition { tx in try tx.emit(.workflowLog, ["text": text]) }
      let after = try FileSystem.entry(fixture.layout.database)
      if after != before { checkpoints += 1 }
      before = after
      logBytes = max(logBytes, try FileSystem.entry(fixture.layout.databaseLog)?.size ?? 0)
    }
    // 65 pages a commit: at the 8th, and then each 8th again, for the log is written from its start.
    #expect((4...8).contains(checkpoints))
    #expect(logBytes < 4 << 20)
  }

  @Test("a transaction that throws leaves neither rows nor events")
  func rollback() throws {
    let fixture = try QueueFixture()
    let before = try fixture.eventTypes()
    struct Stop: Error {}
    #expect(throws: Stop.self) {
      try fixture.queue.database.transition { tx in
        try tx.emit(.workflowLog, ["text": "x"])
        throw Stop()
      }
    }
    #expect(try fixture.eventTypes() == before)
  }

  @Test("commit times go on by at least 1 ms, whatever the clock does and whether anything is said")
  func times() throws {
    let fixture = try QueueFixture()
    var last: Int64 = 0
    for jump in [Int64(0), 0, -86_400_000, 5, 86_400_000, -1] {
      fixture.clock.jump(ms: jump)
      for says in [true, false, false, true] {
        let now = try fixture.queue.database.transition { tx -> Int64 in
          if says { try tx.emit(.workflowLog, ["text": "x"]) }
          return tx.nowMs
        }
        #expect(now > last)
        last = now
      }
    }
  }

  @Test("a transition that changes nothing writes all the same, so that its sync covers what came before")
  func nothing() throws {
    let fixture = try QueueFixture()
    let size = { try FileSystem.entry(fixture.layout.databaseLog)?.size ?? 0 }
    let before = try size()
    try fixture.queue.database.transition { _ in }
    #expect(try size() > before)
  }

  @Test(
    "events.jsonl is healed and rebuilt byte for byte",
    arguments: ["", "torn", "gap", "repeat", "{\"seq\":1", "garbage\n", "\u{0}\u{0}\n"])
  func eventLog(damage: String) throws {
    let fixture = try QueueFixture(tasks: 5)
    _ = try fixture.lease(5)
    let whole = try FileSystem.read(fixture.layout.events)
    #expect(try fixture.queue.database.eventsDifference() == nil)
    #expect(whole.filter { $0 == 10 }.count == (try fixture.eventTypes().count))
    switch damage {
    case "": try FileSystem.remove(fixture.layout.events)
    case "torn": try FileSystem.write(Array(whole.dropLast(7)), to: fixture.layout.events)
    case "gap": try FileSystem.write(Array(whole.prefix { $0 != 10 }) + [10], to: fixture.layout.events)
    case "repeat":
      try FileSystem.write(whole + whole.suffix(from: try lastLine(of: whole)), to: fixture.layout.events)
    default: try FileSystem.write(whole + Array(damage.utf8), to: fixture.layout.events)
    }
    let other = try fixture.reopened()
    #expect(try other.database.eventsDifference() != nil)
    try other.database.healEvents()
    // Whole lines that are not the next ones: nothing of ours writes them, and a commit does not read what it has written.
    if !["repeat", "garbage\n", "\u{0}\u{0}\n"].contains(damage) {
      #expect(try FileSystem.read(fixture.layout.events) == whole)
    }
    #expect(try other.database.rebuildEvents() == (try fixture.eventTypes().count))
    #expect(try other.database.eventsDifference() == nil)
    #expect(try FileSystem.read(fixture.layout.events) == whole)
  }

  private func lastLine(of log: [UInt8]) throws -> Int {
    try #require(log.dropLast().lastIndex(of: 10)) + 1
  }

  @Test("an events.jsonl that cannot be written does not undo the commit")
  func projectionFails() throws {
    let fixture = try QueueFixture()
    try FileSystem.remove(fixture.layout.events)
    try FileSystem.makeDirectories(fixture.layout.events)
    let lease = try fixture.lease()[0]
    #expect(try fixture.leaseState(lease.token) == .live)
    rmdir(fixture.layout.events)
    try fixture.queue.database.healEvents()
    #expect(
      try FileSystem.read(fixture.layout.events).filter { $0 == 10 }.count == (try fixture.eventTypes().count)
    )
  }

  @Test(
    "a FIFO, a link or a device in the place of events.jsonl or wake ends nothing, and nobody waits at it",
    arguments: ["fifo", "read fifo", "link", "device"], ["events", "wake"])
  func strangeProjection(kind: String, name: String) throws {
    let fixture = try QueueFixture(tasks: 3)
    _ = try fixture.lease(1)
    let path = name == "wake" ? fixture.layout.wake : fixture.layout.events
    let outside = "\(fixture.layout.root)/outside"
    try FileSystem.write(Array("mine".utf8), to: outside)
    try FileSystem.remove(path)
    switch kind {
    case "link": #expect(symlink(outside, path) == 0)
    case "device": #expect(symlink("/dev/zero", path) == 0)
    default: #expect(mkfifo(path, 0o644) == 0)
    }
    let reader = kind == "read fifo" ? open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1
    defer { if reader >= 0 { Glibc.close(reader) } }
    // Of the connection that wrote the file last, and of one that sees it for the first time.
    for queue in [fixture.queue, try fixture.reopened()] {
      let lease = try #require(try queue.lease(limit: 9, atMost: 1, files: true) { nil }.first)
      #expect(try fixture.leaseState(lease.token) == .live)
      if name == "events" { #expect(throws: FlowdexError.self) { try queue.database.healEvents() } }
    }
    #expect(try FileSystem.read(outside) == Array("mine".utf8))
    let database = try fixture.reopened().database
    #expect(try (database.eventsDifference() == "is no file") == (name == "events"))
    #expect(try database.rebuildEvents() == (try fixture.eventTypes().count))
    #expect(try database.eventsDifference() == nil)
  }

  @Test("a state that a newer version wrote is refused, and left as it is")
  func newer() throws {
    let fixture = try QueueFixture()
    try fixture.queue.database.transition { tx in
      try tx.db.execute(sql: "INSERT INTO grdb_migrations VALUES ('queue-999')")
    }
    let error = #expect(throws: FlowdexError.self) { try fixture.reopened() }
    #expect(error?.code == "newer-state")
  }

  @Test("a file that is no database is an error in our words")
  func corrupt() throws {
    let fixture = try QueueFixture()
    try FileSystem.write(
      Array("no database at all, but long enough to be read as one".utf8), to: "\(fixture.root)/x")
    let layout = RunLayout(root: "\(fixture.root)/other", runId: "other")
    try FileSystem.makeDirectories(layout.root)
    try FileSystem.write(Array(repeating: 7, count: 8192), to: layout.database)
    let error = #expect(throws: FlowdexError.self) {
      try StateDatabase.open(layout, clock: fixture.clock, migrations: { _ in })
    }
    #expect(error?.code == "state-corrupt" && error?.kind == .machine, "\(String(describing: error))")
  }

  @Test(
    "what the machine does to SQLite is the machine's fault in our words; what we did is a bug of ours",
    arguments: [
      (ResultCode.SQLITE_FULL, "no space left"), (.SQLITE_IOERR, "input/output error"),
      (.SQLITE_READONLY, "read-only file system"), (.SQLITE_CANTOPEN, "permission denied"),
      (.SQLITE_NOMEM, "cannot allocate memory"), (.SQLITE_BUSY, "stayed locked"),
      (.SQLITE_PROTOCOL, "could not be locked"), (.SQLITE_NOTADB, "is damaged"), (.SQLITE_MISUSE, "code 21"),
    ])
  func wording(code: ResultCode, words: String) {
    let error = #expect(throws: FlowdexError.self) {
      try StateDatabase.wording("x") { throw DatabaseError(resultCode: code) }
    }
    #expect(error?.kind == (code == .SQLITE_MISUSE ? .bug : .machine), "\(String(describing: error))")
    #expect(error?.message.contains(words) == true, "\(String(describing: error))")
  }

  @Test("the constraints hold the invariants, whoever writes")
  func constraints() throws {
    let fixture = try QueueFixture()
    for sql in [
      "UPDATE tasks SET state = 'leased'", "UPDATE tasks SET state = 'completed'",
      "UPDATE tasks SET state = 'nonsense'", "UPDATE tasks SET lease = 'none'",
      "UPDATE queue SET state = 'ajar'", "INSERT INTO queue SELECT 2, state, 1, 1, 1, '' FROM queue",
      "INSERT INTO artifacts VALUES ('short', 1, NULL, 1)",
    ] {
      #expect(throws: (any Error).self, "\(sql)") {
        try fixture.queue.database.transition { try $0.db.execute(sql: sql) }
      }
    }
  }

  @Test("the queries of the hot paths use an index")
  func plans() throws {
    let fixture = try QueueFixture(tasks: 3)
    for sql in [
      "SELECT 1 FROM tasks WHERE generation = 1 AND state = 'dispatchable' ORDER BY id LIMIT 1",
      "SELECT * FROM leases WHERE \(LeaseStore.isUnsettled)",
      "SELECT COUNT(*) FROM leases WHERE \(LeaseStore.isUnsettled) AND state != 'expired'",
      "SELECT COUNT(*) FROM tasks WHERE generation = 1 AND group_key = 'f' AND state IN ('pending','leased')",
      "SELECT * FROM events WHERE seq > 5 ORDER BY seq LIMIT 10",
    ] {
      let plan = try fixture.queue.database.read {
        try Row.fetchAll($0, sql: "EXPLAIN QUERY PLAN \(sql)").map { $0["detail"] as String }
      }
      #expect(plan.allSatisfy { !$0.hasPrefix("SCAN") || $0.contains("INDEX") }, "\(sql): \(plan)")
    }
  }

  /// What SQLite does for an `IN` of more than two values, in a constraint as well, each time that it is checked.
  @Test(
    "a move fills no table of SQLite's own",
    arguments: [
      "UPDATE leases SET state = 'collected', result_stamp = '' WHERE rowid = 1 AND token = ''",
      "UPDATE tasks SET state = 'completed', result_status = 'failed', lease = NULL WHERE id = 1",
      "INSERT INTO leases (token, task, state, via, attempt, duration_ms, has_package, created_at) "
        + "VALUES ('', 1, 'offered', 'queue', 1, 1, 1, 1)",
    ])
  func ephemeral(sql: String) throws {
    let fixture = try QueueFixture(tasks: 1)
    let steps = try fixture.queue.database.read {
      try Row.fetchAll($0, sql: "EXPLAIN \(sql)").map { $0["opcode"] as String }
    }
    #expect(steps.contains("Transaction"))
    #expect(!steps.contains("OpenEphemeral"), "\(steps)")
  }

  @Test("the newest lease of each task is looked up once, not once for every task")
  func newestLease() throws {
    let fixture = try QueueFixture(tasks: 3)
    let issued = try fixture.queue.lease(limit: 2, files: false) { nil }
    let (plan, newest) = try fixture.queue.database.read { db in
      let rows = try Row.fetchAll(
        db, sql: "EXPLAIN QUERY PLAN \(LeaseStore.newestFirst)", arguments: [1])
      return (rows.map { $0["detail"] as String }, try LeaseStore.newestByTask(db, generation: 1))
    }
    #expect(Set(newest.values.map(\.token)) == Set(issued.map(\.token)))
    let loops = plan.filter { $0.hasPrefix("SEARCH") }
    #expect(loops.first?.hasPrefix("SEARCH leases") == true, "\(plan)")
    #expect(loops.last?.hasPrefix("SEARCH tasks USING INTEGER PRIMARY KEY") == true, "\(plan)")
  }
}
