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
}
