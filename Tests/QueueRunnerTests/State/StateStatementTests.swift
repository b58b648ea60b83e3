import GRDB
import Testing

@testable import QueueRunner

@Suite("statements that are run by the thousand")
struct StateStatementTests {
  private static func inMemory<Value>(_ body: (Database) throws -> Value) throws -> Value {
    try DatabaseQueue().writeWithoutTransaction { db in
      try db.execute(sql: "CREATE TABLE t (n INTEGER UNIQUE, v)")
      return try body(db)
    }
  }

  @Test("each kind of value comes back as it was given, and of the kind that SQLite knows")
  func values() throws {
    let given: [(value: (any StateValue)?, type: String)] = [
      (Int64.min, "integer"), (7, "integer"), (true, "integer"), ("", "text"), ("é😀\u{0}b", "text"),
      ([UInt8](), "blob"), ([0, 255, 39] as [UInt8], "blob"), (nil, "null"),
    ]
    try Self.inMemory { db in
      for (at, one) in given.enumerated() {
        try StateStatement.run(db, "INSERT INTO t VALUES (?, ?)", [at, one.value])
      }
      var types: [String] = []
      try StateStatement.each(db, "SELECT typeof(v) FROM t ORDER BY n") { types.append($0.text(0)) }
      #expect(types == given.map(\.type))
      let sql = "SELECT v FROM t WHERE n = ?"
      #expect(try StateStatement.first(db, sql, [0]) { $0.int64(0) } == Int64.min)
      #expect(try StateStatement.first(db, sql, [1]) { $0.int(0) } == 7)
      #expect(try StateStatement.first(db, sql, [2]) { $0.bool(0) } == true)
      #expect(try StateStatement.first(db, sql, [3]) { $0.optionalText(0) } == .some(""))
      #expect(try StateStatement.first(db, sql, [4]) { $0.text(0) } == "é😀\u{0}b")
      #expect(try StateStatement.first(db, sql, [5]) { $0.isNull(0) } == false)
      #expect(try StateStatement.first(db, sql, [6]) { $0.blob(0) } == [0, 255, 39])
      #expect(try StateStatement.first(db, sql, [7]) { $0.optionalInt64(0) == nil && $0.isNull(0) } == true)
      #expect(try StateStatement.first(db, sql, [8]) { _ in true } == nil)
    }
  }

  @Test("no value is left over from the run before, and as many are given as are asked for")
  func count() throws {
    try Self.inMemory { db in
      try StateStatement.run(db, "INSERT INTO t VALUES (?, ?)", [1, "kept?"])
      for values: StateValues in [[2], [], [2, "x", "y"]] {
        let error = #expect(throws: DatabaseError.self) {
          try StateStatement.run(db, "INSERT INTO t VALUES (?, ?)", values)
        }
        #expect(error?.resultCode == .SQLITE_RANGE)
      }
      #expect(try StateStatement.first(db, "SELECT count(*) FROM t") { $0.int(0) } == 1)
    }
  }

  @Test("a statement that fails says SQLite's whole code, and can be run again")
  func fails() throws {
    try Self.inMemory { db in
      let insert = "INSERT INTO t VALUES (?, ?)"
      try StateStatement.run(db, insert, [1, "a"])
      let error = #expect(throws: DatabaseError.self) { try StateStatement.run(db, insert, [1, "b"]) }
      #expect(error?.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE)
      try StateStatement.run(db, insert, [2, "b"])
    }
  }

  @Test("rows that are not all read, or whose reader throws, hold no look at the state open")
  func resets() throws {
    struct Stop: Error {}
    try Self.inMemory { db in
      for n in 0..<3 { try StateStatement.run(db, "INSERT INTO t VALUES (?, ?)", [n, "v"]) }
      let all = "SELECT n FROM t"
      #expect(try StateStatement.first(db, all) { $0.int(0) } == 0)
      #expect(throws: Stop.self) { try StateStatement.each(db, all) { _ in throw Stop() } }
      // SQLite refuses this while any statement still reads.
      try db.execute(sql: "DROP TABLE t")
    }
  }
}
