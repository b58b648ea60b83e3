import Testing

@testable import Runtime

/// Which runs are watched at once.
@Suite("the roster of a watch over all runs")
struct WatchRosterTests {
  @Test(
    "as many as there are descriptors for, and at least one",
    arguments: [
      (0, 1), (24, 1), (68, 1), (103, 1), (104, 2), (256, 6), (1024, 27), (Int.max, (Int.max - 32) / 36),
    ])
  func room(limit: Int, runs: Int) {
    #expect(WatchRoom.runs(descriptorLimit: limit) == runs)
  }

  @Test("those beyond wait until one has ended, which is said once")
  func turns() {
    var roster = WatchRoster(room: 2)
    let news = { roster.takeNews() }
    let start = { roster.start() }
    roster.add(["c", "b", "a"])
    #expect(start() == ["c", "b"])
    #expect(news() == 1 && news() == nil)
    #expect(start() == [] && !roster.isOver)
    roster.end(["b"])
    #expect(start() == ["a"])
    roster.add(["d"])
    #expect(start() == [] && news() == nil)
    roster.end(["a", "b", "c"])
    #expect(!roster.isOver, "one waits")
    #expect(start() == ["d"])
    roster.add(["e"])
    roster.leave()
    #expect(!roster.isOver, "one runs")
    roster.end(["a", "b", "c", "d"])
    #expect(start() == [] && roster.isOver)
  }

  @Test("a run is looked at again when its state has changed, and never once it is to be watched")
  func known() {
    var roster = WatchRoster(room: 1)
    #expect(!roster.knows("a", "1") && !roster.knows("a", nil))
    roster.passOver("a", "1")
    #expect(roster.knows("a", "1") && !roster.knows("a", "2") && !roster.knows("a", nil))
    roster.add(["a", "b"])
    #expect(roster.knows("a", "2") && roster.knows("b", nil))
    _ = roster.start()
    roster.end(["a"])
    #expect(roster.knows("a", "3"))
    let isFirst = { roster.isFirstFault(of: "x") }
    #expect(isFirst() && !isFirst())
  }
}
