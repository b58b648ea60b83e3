import Testing

@testable import QueueRunner

@Suite("gathering hints")
struct HintBoxTests {
  @Test("hints are gathered until they are taken, and the descriptor tells of them")
  func gathers() throws {
    let box = try HintBox()
    #expect(try Poller.wait([box.descriptor], timeoutMs: 0).isEmpty)
    box.saw("a", "x")
    box.saw("a", "x")
    box.saw("a", "y")
    box.saw("w", "")
    box.lost("b")
    #expect(try Poller.wait([box.descriptor], timeoutMs: 0) == [box.descriptor])
    var expected = DropWatcher.Hints()
    expected.paths = ["a": ["x", "y"], "w": []]
    expected.lost = ["b"]
    #expect(box.take() == expected)
    #expect(box.take().isEmpty)
    #expect(try Poller.wait([box.descriptor], timeoutMs: 0).isEmpty)
  }

  @Test("an overflow is kept until it is taken, whatever comes after it")
  func overflow() throws {
    let box = try HintBox()
    box.saw("a", "x")
    box.overflowed()
    box.saw("a", "y")
    box.lost("b")
    let hints = box.take()
    #expect(hints.overflowed && hints.paths.isEmpty && hints.lost == ["b"])
    box.saw("a", "z")
    #expect(box.take().paths == ["a": ["z"]])
  }

  @Test("more names than anybody would look at one by one become an overflow")
  func bounded() throws {
    let box = try HintBox()
    for number in 0..<HintBox.maxNames { box.saw("a", "\(number)") }
    let hints = box.take()
    #expect(hints.overflowed && hints.paths.isEmpty)
    for number in 0..<(HintBox.maxNames - 1) { box.saw("a", "\(number)") }
    #expect(box.take().paths["a"]?.count == HintBox.maxNames - 1)
  }
}
