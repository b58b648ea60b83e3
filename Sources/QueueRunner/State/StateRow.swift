// How the rows that are read by the thousand are read: by the place of their columns, where SQLite has them. GRDB's `Row`
// makes a table of its columns' names for each statement that is stepped, which cost more than the row itself.

import CSQLiteShim
import GRDB

/// The row at which a statement stands; only valid until the next one is asked for. Its first column is never null.
struct StateRow: DatabaseValueConvertible, StatementColumnConvertible {
  private let statement: OpaquePointer

  init(sqliteStatement: SQLiteStatement, index: CInt) { statement = sqliteStatement }

  // Asked for of values that come from somewhere else than a statement, which a row never does.
  var databaseValue: DatabaseValue { .null }
  static func fromDatabaseValue(_ dbValue: DatabaseValue) -> StateRow? { nil }

  /// One after the other: there may be too many to hold.
  static func each(
    _ db: Database, _ sql: String, _ arguments: StatementArguments, _ body: (StateRow) throws -> Void
  ) throws {
    let rows = try fetchCursor(db.cachedStatement(sql: sql), arguments: arguments)
    while let row = try rows.next() { try body(row) }
  }

  /// What is made of the first row; nil where there is none.
  static func first<Value>(
    _ db: Database, _ sql: String, _ arguments: StatementArguments, _ body: (StateRow) throws -> Value
  ) throws -> Value? {
    let rows = try fetchCursor(db.cachedStatement(sql: sql), arguments: arguments)
    // The statement is reset with its cursor, and the row would be gone.
    return try withExtendedLifetime(rows) { try rows.next().map(body) }
  }

  func int64(_ column: Int) -> Int64 { sqlite3_column_int64(statement, CInt(column)) }
  func int(_ column: Int) -> Int { Int(int64(column)) }
  func bool(_ column: Int) -> Bool { int64(column) != 0 }

  /// Empty for null.
  func text(_ column: Int) -> String {
    guard let bytes = sqlite3_column_text(statement, CInt(column)) else { return "" }
    let count = Int(sqlite3_column_bytes(statement, CInt(column)))
    return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
  }

  func isNull(_ column: Int) -> Bool { sqlite3_column_type(statement, CInt(column)) == SQLITE_NULL }
  func optionalText(_ column: Int) -> String? { isNull(column) ? nil : text(column) }
  func optionalInt64(_ column: Int) -> Int64? { isNull(column) ? nil : int64(column) }
}
