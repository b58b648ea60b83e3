// How statements are run that are asked for by the thousand. GRDB compiles, keeps and owns them; binding and stepping go
// straight to SQLite. GRDB makes arrays of its own values of the arguments and asks its observers before and after
// each step, of which there are none here.

import CSQLiteShim
import GRDB

/// What a `?` of a statement can stand for.
public protocol StateValue {
  /// SQLite's code (sqlite3_bind_*).
  func bind(_ statement: OpaquePointer, _ index: CInt) -> CInt
}

/// SQLite copies what it is given: the statement outlives the call.
private let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

extension Int64: StateValue {
  /// As an integer.
  public func bind(_ statement: OpaquePointer, _ index: CInt) -> CInt {
    sqlite3_bind_int64(statement, index, self)
  }
}

extension Int: StateValue {
  /// As an integer.
  public func bind(_ statement: OpaquePointer, _ index: CInt) -> CInt {
    sqlite3_bind_int64(statement, index, Int64(self))
  }
}

extension Bool: StateValue {
  /// As 1 or 0.
  public func bind(_ statement: OpaquePointer, _ index: CInt) -> CInt {
    sqlite3_bind_int64(statement, index, self ? 1 : 0)
  }
}

extension String: StateValue {
  /// As text.
  public func bind(_ statement: OpaquePointer, _ index: CInt) -> CInt {
    // No bytes may have no address, and that would be NULL.
    if isEmpty { return sqlite3_bind_text(statement, index, "", 0, copied) }
    var text = self
    return text.withUTF8 { bytes in
      bytes.withMemoryRebound(to: CChar.self) {
        sqlite3_bind_text(statement, index, $0.baseAddress, CInt($0.count), copied)
      }
    }
  }
}

extension [UInt8]: StateValue {
  /// As a blob.
  public func bind(_ statement: OpaquePointer, _ index: CInt) -> CInt {
    withUnsafeBytes { bytes in
      bytes.isEmpty
        ? sqlite3_bind_zeroblob(statement, index, 0)
        : sqlite3_bind_blob(statement, index, bytes.baseAddress, CInt(bytes.count), copied)
    }
  }
}

/// The values of a statement's parameters, in their order.
public struct StateValues: ExpressibleByArrayLiteral {
  private var values: [(any StateValue)?]

  /// nil is NULL.
  public init(arrayLiteral elements: (any StateValue)?...) { values = elements }

  static func + (first: StateValues, second: StateValues) -> StateValues {
    var all = first
    all.values += second.values
    return all
  }

  fileprivate func bind(_ statement: OpaquePointer) -> CInt {
    for (at, value) in values.enumerated() {
      let index = CInt(at + 1)
      let code = value?.bind(statement, index) ?? sqlite3_bind_null(statement, index)
      if code != SQLITE_OK { return code }
    }
    // One too few would leave a NULL where a value was meant.
    return CInt(values.count) == sqlite3_bind_parameter_count(statement) ? SQLITE_OK : SQLITE_RANGE
  }
}

/// Runs statements that are compiled once for each connection.
public enum StateStatement {
  /// Runs one that gives no rows.
  ///
  /// - Throws: GRDB's `DatabaseError`.
  public static func run(_ db: Database, _ sql: String, _ values: StateValues = []) throws {
    try each(db, sql, values) { _ in }
  }

  /// Its rows one after the other: there may be too many to hold. `body` must not run the same statement.
  ///
  /// - Throws: GRDB's `DatabaseError`, or what `body` throws.
  public static func each(
    _ db: Database, _ sql: String, _ values: StateValues = [], _ body: (StateRow) throws -> Void
  ) throws {
    try step(db, sql, values) {
      try body($0)
      return true
    }
  }

  /// What is made of the first row; nil where there is none.
  ///
  /// - Throws: GRDB's `DatabaseError`, or what `body` throws.
  public static func first<Value>(
    _ db: Database, _ sql: String, _ values: StateValues = [], _ body: (StateRow) throws -> Value
  ) throws -> Value? {
    var found: Value?
    try step(db, sql, values) {
      found = try body($0)
      return false
    }
    return found
  }

  /// - Parameter body: whether to go on.
  private static func step(
    _ db: Database, _ sql: String, _ values: StateValues, _ body: (StateRow) throws -> Bool
  ) throws {
    let statement = try db.cachedStatement(sql: sql)
    try withExtendedLifetime(statement) {
      let raw = statement.sqliteStatement
      // Reset, it holds no lock; cleared, it keeps no copy of what may be large.
      defer {
        sqlite3_reset(raw)
        sqlite3_clear_bindings(raw)
      }
      let code = values.bind(raw)
      guard code == SQLITE_OK else { throw failure(code, raw, sql) }
      while true {
        switch sqlite3_step(raw) {
        case SQLITE_ROW: if try !body(StateRow(raw)) { return }
        case SQLITE_DONE: return
        case let code: throw failure(code, raw, sql)
        }
      }
    }
  }

  private static func failure(_ code: CInt, _ statement: OpaquePointer, _ sql: String) -> DatabaseError {
    let connection = sqlite3_db_handle(statement)
    let extended = sqlite3_extended_errcode(connection)
    // A misuse, as a wrong count of values, is not remembered by the connection.
    let told = extended & 0xff == code & 0xff ? extended : code
    let message = told == code && told != extended ? sqlite3_errstr(told) : sqlite3_errmsg(connection)
    return DatabaseError(
      resultCode: ResultCode(rawValue: told), message: message.map { String(cString: $0) }, sql: sql)
  }
}
