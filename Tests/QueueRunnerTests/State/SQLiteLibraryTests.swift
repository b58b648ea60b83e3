import QueueRunner
import Testing

@Suite("the system's SQLite")
struct SQLiteLibraryTests {
  @Test(
    "versions with the WAL-reset fault",
    arguments: [
      ("3.40.1", true), ("3.51.2", true), ("3.51.3", false), ("3.50.6", true), ("3.50.7", false),
      ("3.44.5", true), ("3.44.6", false), ("3.45.0", true), ("3.52.0", false), ("3.53.1", false),
      ("3.6.23", false), ("3.7.0", true), ("4.0.0", false), ("3.x", nil), ("", nil),
    ])
  func fault(version: String, expected: Bool?) {
    #expect(SQLiteLibrary.hasWALResetFault(version: version) == expected)
  }

  @Test("the version that is running is one")
  func running() {
    #expect(SQLiteLibrary.hasWALResetFault(version: SQLiteLibrary.version) != nil)
  }
}
