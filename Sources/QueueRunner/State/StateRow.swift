// How rows are read: by the place of their columns, where SQLite has them. GRDB's `Row` makes a table of its columns'
// names for each statement that is stepped, which cost more than the row itself.

import CSQLiteShim

/// The row at which a statement stands; only valid until the next one is asked for. Columns are counted from 0.
public struct StateRow {
  private let statement: OpaquePointer

  init(_ statement: OpaquePointer) { self.statement = statement }

  /// 0 for null.
  public func int64(_ column: Int) -> Int64 { sqlite3_column_int64(statement, CInt(column)) }
  /// 0 for null.
  public func int(_ column: Int) -> Int { Int(int64(column)) }
  /// false for null and 0.
  public func bool(_ column: Int) -> Bool { int64(column) != 0 }

  /// Empty for null.
  public func text(_ column: Int) -> String {
    guard let bytes = sqlite3_column_text(statement, CInt(column)) else { return "" }
    let count = Int(sqlite3_column_bytes(statement, CInt(column)))
    return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
  }

  /// Empty for null.
  public func blob(_ column: Int) -> [UInt8] {
    guard let bytes = sqlite3_column_blob(statement, CInt(column)) else { return [] }
    return [UInt8](
      UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(statement, CInt(column)))))
  }

  /// Whether there is nothing.
  public func isNull(_ column: Int) -> Bool {
    sqlite3_column_type(statement, CInt(column)) == SQLITE_NULL
  }
  /// nil for null.
  public func optionalText(_ column: Int) -> String? { isNull(column) ? nil : text(column) }
  /// nil for null.
  public func optionalInt64(_ column: Int) -> Int64? { isNull(column) ? nil : int64(column) }
}
