import Glibc
import Testing

@testable import QueueRunner

@Suite("results that come together", .timeLimit(.minutes(15)))
struct BurstTests {
  /// Many more than are read ahead at once, and not all of them as they should be.
  static let count = 3 * ReadAhead.worthwhile + 7

  enum Drop { case right, wrong, nothing, symlink }

  static func drop(_ number: Int) -> Drop {
    if number % 5 == 3 { return .wrong }
    if number % 7 == 2 { return .nothing }
    return number % 31 == 0 ? .symlink : .right
  }

  private func lay(_ lease: IssuedLease, _ number: Int) throws {
    let result = lease.package!.result
    switch Self.drop(number) {
    case .right: try FileSystem.write(QueueFixture.envelope(data: ["n": JSONValue(number)]), to: result)
    case .wrong: try FileSystem.write(Array("{\"status\":\"completed\"".utf8), to: result)
    case .nothing: break
    case .symlink: #expect(symlink("/etc/passwd", result) == 0)
    }
  }

  @Test("what is right is taken and acknowledged when the pass returns, each as its own; the rest is left")
  func mixed() throws {
    let fixture = try QueueFixture(tasks: Self.count, maxConcurrency: Self.count)
    let leases = try fixture.lease(Self.count)
    for (number, lease) in leases.enumerated() { try lay(lease, number) }
    let report = try Collector(fixture.queue).pass(.only(Set(leases.map(\.token))))

    let right = (0..<Self.count).filter { Self.drop($0) == .right }
    #expect(Set(report.ended) == Set(right.map { leases[$0].token }))
    // In the order in which they were handed out, whatever the order of their tokens.
    #expect(fixture.ended.withLock { $0 } == right.map { "fanout:f#t\($0)" })
    for (number, lease) in leases.enumerated() {
      let isRight = Self.drop(number) == .right
      #expect(FileSystem.exists(lease.package!.accepted) == isRight, "\(number)")
      #expect(try fixture.leaseState(lease.token) == (isRight ? .collected : .live), "\(number)")
    }
    for number in right.prefix(200) {
      let result = try #require(try fixture.task(number).result)
      let bytes = try fixture.queue.database.read {
        try ArtifactStore.get($0, result, layout: fixture.layout)
      }
      #expect(bytes == QueueFixture.envelope(data: ["n": JSONValue(number)]), "\(number)")
    }
  }

  @Test("what is not right is refused once it has been left alone, and taken when it has been mended")
  func mended() throws {
    let fixture = try QueueFixture(tasks: Self.count, maxConcurrency: Self.count)
    let leases = try fixture.lease(Self.count)
    let tokens = Set(leases.map(\.token))
    for (number, lease) in leases.enumerated() { try lay(lease, number) }
    let collector = Collector(fixture.queue)
    _ = try collector.pass(.only(tokens))
    fixture.clock.advance(ms: Collector.settleMs)
    _ = try collector.pass(.only(tokens))
    for (number, lease) in leases.enumerated() {
      let isWrong = Self.drop(number) == .wrong || Self.drop(number) == .symlink
      #expect(FileSystem.exists(lease.package!.rejected) == isWrong, "\(number)")
      unlink(lease.package!.result)
      if Self.drop(number) != .right { try fixture.drop(lease) }
    }
    _ = try collector.pass(.only(tokens))
    #expect(try leases.allSatisfy { try fixture.leaseState($0.token) == .collected })
    #expect(Set(fixture.ended.withLock { $0 }).count == Self.count)
    #expect(fixture.ended.withLock { $0 }.count == Self.count)
  }
}

@Suite("a thread beside")
struct CompanionTests {
  @Test("does everything in order, and what it was handed is done when it is waited for")
  func order() throws {
    let companion = try Companion()
    let done = Guarded<[Int]>([])
    var numbers: [Int] = []
    for number in 0..<1000 { numbers.append(companion.hand { done.withLock { $0.append(number) } }) }
    companion.wait(for: numbers[500])
    #expect(done.withLock { Array($0.prefix(501)) } == Array(0...500))
    companion.waitForAll()
    #expect(done.withLock { $0 } == Array(0..<1000))
  }

  @Test("does what it was handed even if nobody waits", .timeLimit(.minutes(15)))
  func abandoned() throws {
    let finished = try Wakeup()
    do {
      let companion = try Companion()
      _ = companion.hand {}
      _ = companion.hand { finished.signal() }
    }
    #expect(try Poller.wait([finished.descriptor], timeoutMs: nil) == [finished.descriptor])
  }
}

@Suite("events that come together")
struct EventPaceTests {
  @Test(
    "gather only in a burst",
    arguments: [
      ([(1, 5)], [0]), ([(15, 5)], [0]), ([(16, 5)], [1]), ([(9, 5), (6, 5), (1, 5)], [0, 0, 1]),
      // The next millisecond begins anew.
      ([(15, 5), (15, 6), (1, 7)], [0, 0, 0]), ([(40, 5), (40, 6), (2, 7)], [1, 1, 0]),
      // So does one after a clock that stood still for a while.
      ([(0, 5), (16, 900), (0, 901)], [0, 1, 0]),
    ] as [([(Int, Int64)], [Int])])
  func gather(taken: [(Int, Int64)], pauses: [Int]) {
    var pace = EventPace()
    #expect(taken.map { pace.pauseMs(after: $0.0, atMs: $0.1) } == pauses)
  }
}
