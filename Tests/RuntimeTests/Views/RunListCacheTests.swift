import Glibc
import QueueRunner
import Testing

@testable import Runtime

@Suite("what `list` remembers of runs")
struct RunListCacheTests {
  /// A time at which everything in a test's folder is old.
  private static let later = Int64.max / 2

  private static func listed(_ layout: ProjectLayout, nowMs: Int64 = later, says name: String) throws -> (
    JSONValue, didLook: Bool
  ) {
    var cache = RunListCache(layout)
    var didLook = false
    let value = try cache.listed("r1", nowMs: nowMs) {
      didLook = true
      return ["name": .string(name)]
    }
    cache.save()
    return (value, didLook)
  }

  private static func project() throws -> (ProjectTree, ProjectLayout) {
    let tree = try ProjectTree([
      ".flowdex/runs/r1/state.sqlite": "one", ".flowdex/runs/r1/state.sqlite-wal": "log",
    ])
    return (tree, ProjectLayout(projectRoot: tree.root))
  }

  @Test("a run whose state is as it was is not opened again; one whose file or log has changed is")
  func remembers() throws {
    let (tree, layout) = try Self.project()
    #expect(try Self.listed(layout, says: "first") == (["name": "first"], true))
    #expect(try Self.listed(layout, says: "second") == (["name": "first"], false))
    for name in ["state.sqlite", "state.sqlite-wal"] {
      try tree.write(".flowdex/runs/r1/\(name)", "changed \(name)")
      #expect(try Self.listed(layout, says: name) == (["name": .string(name)], true))
      #expect(try Self.listed(layout, says: "other") == (["name": .string(name)], false))
    }
    try FileSystem.remove(layout.run("r1").databaseLog)
    #expect(try Self.listed(layout, says: "without a log").didLook)
  }

  @Test("opening a run does not make it look changed, though SQLite touches the log where it runs as root")
  func opened() throws {
    let (tree, layout) = try Self.project()
    #expect(try Self.listed(layout, says: "first").didLook)
    // What fchown(2) does: the time of the entry's last change is a new one.
    #expect(chmod(layout.run("r1").databaseLog, 0o600) == 0)
    #expect(try Self.listed(layout, says: "second") == (["name": "first"], false))
    withExtendedLifetime(tree) {}
  }

  @Test("a state that was written a moment ago may be written again within one tick, so it is not remembered")
  func young() throws {
    let (tree, layout) = try Self.project()
    let now = try #require(try FileSystem.entry(layout.run("r1").database)).changedNs / 1_000_000 + 1999
    #expect(try Self.listed(layout, nowMs: now, says: "first").didLook)
    #expect(try Self.listed(layout, nowMs: now, says: "second") == (["name": "second"], true))
    withExtendedLifetime(tree) {}
  }

  @Test("a cache that is torn or no cache is as good as none", arguments: ["", "x", "cut", "\0\n\n"])
  func torn(_ what: String) throws {
    let (tree, layout) = try Self.project()
    #expect(try Self.listed(layout, says: "first").didLook)
    let whole = try FileSystem.read(layout.runListCache)
    try FileSystem.write(
      what == "cut" ? Array(whole.dropLast(20)) : Array(what.utf8), to: layout.runListCache)
    #expect(try Self.listed(layout, says: "second") == (["name": "second"], true))
    withExtendedLifetime(tree) {}
  }
}
