import GRDB
import Glibc
import Testing

@testable import QueueRunner

/// How a state is read where its folder may not be written to.
@Suite("access to the state")
struct StateAccessTests {
  static let cases: [(mayWrite: Bool, logBytes: Int64?, hasIndex: Bool, StateAccess)] = [
    // SQLite makes what it needs.
    (true, nil, false, .shared), (true, 0, false, .shared), (true, 9, false, .shared),
    (true, 9, true, .shared),
    (true, nil, true, .shared),
    // The index is there: SQLite reads by it, or makes one in memory where it does not trust it.
    (false, 0, true, .shared), (false, 9, true, .shared),
    // The file is all.
    (false, nil, false, .still), (false, nil, true, .still), (false, 0, false, .still),
    // Never an old state.
    (false, 9, false, .unindexed),
  ]

  @Test("decided by the log, its index, and whether one can be made", arguments: cases)
  func judge(mayWrite: Bool, logBytes: Int64?, hasIndex: Bool, access: StateAccess) {
    #expect(
      StateAccess.judge(mayWriteFolder: mayWrite, logBytes: logBytes, hasIndex: hasIndex) == access)
  }

  @Test("a path with signs of a URI is given as it is")
  func name() {
    #expect(StateAccess.name("/a b/50%?#/é", isStill: false) == "/a b/50%?#/é")
    let uri = StateAccess.name("/a b/50%?#/é", isStill: true)
    #expect(uri.hasPrefix("file:/a b/50%25%3f%23/") && uri.hasSuffix("?immutable=1"))
    #expect(uri.contains("é"))
  }

  /// A state that was taken for still, and how it can be read from then on.
  private static func open(
    _ fixture: QueueFixture, then later: StateAccess, looks: Int
  ) throws -> StateDatabase {
    let left = Guarded(looks)
    return try StateDatabase.open(fixture.layout, clock: fixture.clock, migrations: { _ in }) { _ in
      left.withLock { left in
        left -= 1
        return left >= 0 ? .still : later
      }
    }
  }

  /// Everything into the file: what is read without its log is then whole.
  private static func emptyLog(_ layout: RunLayout) throws {
    let queue = try DatabaseQueue(path: layout.database)
    try queue.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
  }

  /// Nothing of it is as it was.
  private static func spoil(_ layout: RunLayout) throws {
    let file = try FileSystem.open(layout.database, O_RDWR)
    defer { close(file) }
    let noise = [UInt8](repeating: 0xa5, count: 64 << 10)
    #expect(pwrite(file, noise, noise.count, 0) == noise.count)
  }

  private static func code(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return (error as? FlowdexError)?.code }
  }

  @Test(
    "what looks like damage is called so only where nobody has written meanwhile",
    arguments: [(.still, "state-corrupt"), (.shared, "state-changed")] as [(StateAccess, String)])
  func writtenMeanwhile(later: StateAccess, code: String) throws {
    let fixture = try QueueFixture()
    try Self.emptyLog(fixture.layout)
    let database = try Self.open(fixture, then: later, looks: 1)
    try Self.spoil(fixture.layout)
    #expect(Self.code { _ = try database.read { try QueueStore.settings($0) } } == code, "a read")
    #expect(Self.code { _ = try Self.open(fixture, then: later, looks: 1) } == code, "an opening")
  }
}
