// The SQLite that this process runs with, which need not be the one it was built against.

import CSQLiteShim

/// The system's SQLite.
public enum SQLiteLibrary {
  /// Such as `3.40.1` (sqlite3_libversion).
  public static var version: String { String(cString: sqlite3_libversion()) }

  /// Whether a version has the WAL-reset fault: two checkpoints and a commit that meet within one narrow moment
  /// can leave a damaged database (sqlite.org/wal.html#walresetbug; 3.7.0 to 3.51.2, without 3.44.6, 3.50.7 and
  /// what followed them). nil for what is no version.
  public static func hasWALResetFault(version: String) -> Bool? {
    let parts = version.split(separator: ".").map { Int($0) }
    guard parts.count >= 3, let major = parts[0], let minor = parts[1], let patch = parts[2] else {
      return nil
    }
    if major != 3 { return major < 3 ? nil : false }
    let mendedIn = [44: 6, 50: 7, 51: 3]
    if minor < 7 || minor > 51 { return false }
    return mendedIn[minor].map { patch < $0 } ?? true
  }
}
