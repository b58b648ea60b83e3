import Testing

@testable import QueueRunner

@Suite("pieces of work on several threads", .timeLimit(.minutes(15)))
struct ParallelTests {
  struct Broken: Error {}

  @Test(
    "each piece is done once, whatever their number and that of the cores",
    arguments: [0, 1, 31, 32, 64, 1000])
  func once(count: Int) throws {
    for cores in [1, 2, 64] {
      let done = Guarded([Int](repeating: 0, count: count))
      try Parallel.forEach(count, cores: cores) { index in done.withLock { $0[index] += 1 } }
      #expect(done.withLock { $0.allSatisfy { $0 == 1 } })
    }
  }

  @Test(
    "after an error nothing more is begun, and the error is thrown once all have ended", arguments: [1, 8])
  func fails(cores: Int) throws {
    let begun = Guarded(0)
    let running = Guarded(0)
    #expect(throws: Broken.self) {
      try Parallel.forEach(10_000, cores: cores) { index in
        running.withLock { $0 += 1 }
        defer { running.withLock { $0 -= 1 } }
        begun.withLock { $0 += 1 }
        if index == 100 { throw Broken() }
      }
    }
    #expect(running.withLock { $0 } == 0)
    #expect(begun.withLock { $0 } < 10_000)
  }
}
