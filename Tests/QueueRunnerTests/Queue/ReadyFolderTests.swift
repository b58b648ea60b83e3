import Glibc
import QueueRunner
import Testing

@Suite("queue/ready")
struct ReadyFolderTests {
  private func claim(_ fixture: QueueFixture, _ token: String) -> Bool {
    rename(fixture.layout.ready(token), fixture.layout.claimed(token)) == 0
  }

  @Test("an offer has no running clock and uses up no attempt; its lease starts when it is claimed")
  func claimed() throws {
    let fixture = try QueueFixture(tasks: 2)
    let offers = try fixture.queue.offer(limit: 2) { nil }
    #expect(offers.count == 2 && offers.allSatisfy { $0.expiresAtMs == nil })
    #expect(Set(try FileSystem.names(in: fixture.layout.ready)) == Set(offers.map(\.token)))
    fixture.clock.advance(ms: 100 * 60_000)
    let collector = Collector(fixture.queue)
    #expect(try collector.pass().reclaimed.isEmpty)
    #expect(try fixture.task().state == .dispatchable && fixture.task().attempt == 0)
    #expect(claim(fixture, offers[0].token))
    _ = try collector.pass()
    #expect(try fixture.task().state == .leased && fixture.task().attempt == 1)
    #expect(try fixture.leaseState(offers[0].token) == .live)
    fixture.clock.advance(ms: 29 * 60_000)
    #expect(try collector.pass().reclaimed.isEmpty)
    fixture.clock.advance(ms: 2 * 60_000)
    #expect(try collector.pass().reclaimed == ["fanout:f#t0"])
    #expect(!FileSystem.exists(fixture.layout.claimed(offers[0].token)))
  }

  @Test("exactly one of many workers wins a package")
  func race() throws {
    let fixture = try QueueFixture(tasks: 50)
    let offers = try fixture.queue.offer(limit: 50) { nil }
    let wins = Guarded<[String]>([])
    let layout = fixture.layout
    let threads = try (0..<8).map { _ in
      try PermanentThread {
        for offer in offers where rename(layout.ready(offer.token), layout.claimed(offer.token)) == 0 {
          wins.withLock { $0.append(offer.token) }
        }
      }
    }
    for thread in threads { thread.join() }
    #expect(wins.withLock { $0.sorted() } == offers.map(\.token).sorted())
  }

  @Test("a worker that moves it back gives it back; a deleted entry is put back; a result in ready is taken")
  func back() throws {
    let fixture = try QueueFixture(tasks: 3)
    let offers = try fixture.queue.offer(limit: 3) { nil }
    let collector = Collector(fixture.queue)
    #expect(claim(fixture, offers[0].token))
    _ = try collector.pass()
    #expect(rename(fixture.layout.claimed(offers[0].token), fixture.layout.ready(offers[0].token)) == 0)
    unlink(fixture.layout.ready(offers[1].token))
    try fixture.drop(offers[2])
    let report = try collector.pass()
    #expect(report.items.filter { $0.status == .collected }.map(\.childKey) == ["fanout:f#t2"])
    #expect(try fixture.leaseState(offers[0].token) == .released)
    #expect(try fixture.task(0).state == .dispatchable)
    #expect(FileSystem.exists(fixture.layout.ready(offers[1].token)))
    #expect(!FileSystem.exists(fixture.layout.ready(offers[0].token)))
    let again = try fixture.queue.offer(limit: 3) { nil }
    #expect(again.map(\.childKey) == ["fanout:f#t0"])
  }

  @Test("a hand-out that died before its commit leaves nothing behind")
  func swept() throws {
    let fixture = try QueueFixture(tasks: 1)
    let orphan = fixture.layout.package("fanout:f#t0", "dead0000-2380-4e0b-8978-d496f6d4535e").root
    try FileSystem.makeDirectories(orphan)
    try FileSystem.makeDirectories(fixture.layout.stagedPackage("half").root)
    try FileSystem.write(Array(orphan.utf8), to: fixture.layout.publishing)
    let lease = try fixture.lease()[0]
    #expect(!FileSystem.exists(orphan) && !FileSystem.exists(fixture.layout.staging + "/half"))
    #expect(FileSystem.exists(lease.package!.task))
    #expect(!FileSystem.exists(fixture.layout.publishing))
  }

  @Test("a collector sweeps it too, for there may be no next hand-out; but none that is going on")
  func sweptByCollector() throws {
    let fixture = try QueueFixture(tasks: 1)
    let orphan = fixture.layout.package("fanout:f#t0", "dead0000-2380-4e0b-8978-d496f6d4535e").root
    try FileSystem.makeDirectories(orphan)
    try FileSystem.write(Array(orphan.utf8), to: fixture.layout.publishing)
    let other = FileLock(path: fixture.layout.dispatchLock)
    try other.lock()
    _ = try Collector(fixture.queue).pass()
    #expect(FileSystem.exists(orphan) && FileSystem.exists(fixture.layout.publishing))
    other.unlock()
    _ = try Collector(fixture.queue).pass()
    #expect(!FileSystem.exists(orphan) && !FileSystem.exists(fixture.layout.publishing))
  }

  @Test("paused and stopped queues hand out nothing and still take what comes")
  func paused() throws {
    let fixture = try QueueFixture(tasks: 2)
    let lease = try fixture.lease()[0]
    _ = try fixture.queue.database.transition { try QueueStore.move($0, .pause) }
    let error = #expect(throws: FlowdexError.self) { try fixture.lease() }
    #expect(error?.code == "queue-not-open")
    try fixture.drop(lease)
    #expect(try Collector(fixture.queue).pass().items.map(\.status) == [.collected])
  }

  @Test("a second process sees and takes the same state")
  func secondProcess() throws {
    let fixture = try QueueFixture(tasks: 20)
    let leases = try fixture.lease(20)
    for lease in leases { try fixture.drop(lease) }
    let other = try fixture.reopened()
    let counts = Guarded<[Int]>([])
    let layout = fixture.layout
    let clock = fixture.clock
    _ = other
    let threads = try (0..<4).map { _ in
      try PermanentThread {
        let taken = try? {
          let database = try StateDatabase.open(layout, clock: clock, migrations: { _ in })
          let queue = try WorkQueue(database) { _, _ in }
          return try Collector(queue).pass().items.filter { $0.status == .collected }.count
        }()
        counts.withLock { $0.append(taken ?? -1000) }
      }
    }
    for thread in threads { thread.join() }
    #expect(counts.withLock { $0.reduce(0, +) } == 20, "\(counts.withLock { $0 })")
    #expect(try fixture.eventTypes().filter { $0 == "agent.completed" }.count == 20)
  }
}
