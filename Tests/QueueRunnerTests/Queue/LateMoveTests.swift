import Glibc
import Testing

@testable import QueueRunner

/// Moves that come after somebody else's: each must change nothing, and leave nothing lying about.
@Suite("late moves and what dead processes leave")
struct LateMoveTests {
  private static let schema: JSONValue = ["type": "object", "required": ["n"]]

  private func finding(_ text: String) -> Collector.Finding {
    Collector.Finding(digest: Digest.sha256Hex(text), text: text, isForSchema: true)
  }

  @Test("a refusal that comes after the task ended, or after another took it over, does not touch it")
  func lateRefusal() throws {
    let fixture = try QueueFixture(tasks: 2) { $0.schema = Self.schema }
    let leases = try fixture.lease(2)
    let seen = try fixture.unsettled()
    try fixture.drop(leases[0], QueueFixture.envelope(data: ["n": 1]))
    #expect(try Collector(fixture.reopened()).pass().items.contains { $0.status == .collected })
    fixture.clock.advance(ms: 31 * 60_000)
    _ = try Collector(fixture.reopened()).pass()
    let next = try fixture.lease()[0]
    #expect(next.childKey == "fanout:f#t1")
    let slow = Collector(fixture.queue)
    for lease in seen { _ = try slow.refuse(lease, finding("broken")) }
    #expect(try fixture.task(0).state == .completed && fixture.task(0).error == nil)
    #expect(try fixture.task(1).schemaRefusals == 0 && fixture.task(1).error == nil)
    #expect(try !fixture.eventTypes().contains("native.result.error"))
  }

  @Test("queue entries of leases that ended with a process that died are removed by the next one")
  func deadEntries() throws {
    let fixture = try QueueFixture(tasks: 3)
    let offers = try fixture.queue.offer(limit: 3) { nil }
    #expect(rename(fixture.layout.ready(offers[0].token), fixture.layout.claimed(offers[0].token)) == 0)
    _ = try Collector(fixture.queue).pass()
    // The process that ends the run dies right behind its commit.
    _ = try fixture.queue.database.transition { try WorkQueue.cancelAll($0, generation: 1, reason: "over") }
    try FileSystem.write([], to: "\(fixture.layout.ready)/of-somebody-else")
    _ = try Collector(fixture.reopened()).pass()
    #expect(try FileSystem.names(in: fixture.layout.ready) == ["of-somebody-else"])
    #expect(try FileSystem.names(in: fixture.layout.claimed) == [])
  }

  @Test("an offer that is withdrawn before its entry is shown leaves no entry")
  func withdrawnBeforeShown() throws {
    let fixture = try QueueFixture(tasks: 1)
    let offer = try fixture.queue.offer(limit: 1) { nil }[0]
    let tokens = try fixture.queue.database.transition { try WorkQueue.withdrawAll($0, reason: "stopped") }
    fixture.queue.unlink(tokens)
    // The one that offered it gets to showing it only now.
    try fixture.queue.show([(offer.childKey, offer.token)])
    #expect(try FileSystem.names(in: fixture.layout.ready) == [])
  }

  @Test("an entry that is not there is put back only while nobody else hands out, and never beside a claim")
  func shownOnce() throws {
    let fixture = try QueueFixture(tasks: 1)
    let offer = try fixture.queue.offer(limit: 1) { nil }[0]
    unlink(fixture.layout.ready(offer.token))
    let lease = try #require(try fixture.queue.database.read { try LeaseStore.find($0, token: offer.token) })
    let other = try fixture.reopened()
    try other.dispatchLock.lock()
    try fixture.queue.showAgain(lease)
    #expect(!FileSystem.exists(fixture.layout.ready(offer.token)), "the other is about to show it")
    other.dispatchLock.unlock()
    symlink("somewhere", fixture.layout.claimed(offer.token))
    try fixture.queue.showAgain(lease)
    #expect(!FileSystem.exists(fixture.layout.ready(offer.token)), "it has been claimed meanwhile")
    unlink(fixture.layout.claimed(offer.token))
    try fixture.queue.showAgain(lease)
    #expect(FileSystem.exists(fixture.layout.ready(offer.token)))
  }

  @Test("what is dropped for an expired lease after the run's end is reported once")
  func lateAfterEnd() throws {
    let fixture = try QueueFixture(tasks: 1)
    let lease = try fixture.lease()[0]
    fixture.clock.advance(ms: 31 * 60_000)
    let collector = Collector(fixture.queue)
    #expect(try collector.pass().reclaimed.count == 1)
    _ = try fixture.queue.database.transition { try WorkQueue.cancelAll($0, generation: 1, reason: "over") }
    try fixture.drop(lease)
    let passes = try (0..<3).map { _ in try collector.pass().items.filter { $0.status == .stale }.count }
    #expect(passes.reduce(0, +) == 1, "\(passes)")
    #expect(try fixture.eventTypes().filter { $0 == "native.result.stale" }.count == 1)
  }

  @Test("a package that one worker has wrecked stops no other worker's result")
  func wrecked() throws {
    let fixture = try QueueFixture(tasks: 2)
    let leases = try fixture.lease(2)
    let first = leases[0].package!.root
    try FileSystem.removeTree(first)
    symlink(first, first)
    try fixture.drop(leases[1])
    let report = try Collector(fixture.queue).pass()
    #expect(report.items.filter { $0.status == .collected }.map(\.childKey) == ["fanout:f#t1"])
  }

  @Test("a result that came while others were taken is looked for before its lease is called expired")
  func lastMoment() throws {
    let fixture = try QueueFixture(tasks: 1) { $0.maxAttempts = 1 }
    let lease = try fixture.lease()[0]
    let collector = Collector(fixture.queue)
    let seen = try fixture.unsettled()
    var report = CollectReport()
    fixture.clock.advance(ms: 31 * 60_000)
    var late = LateLeases(seen, fixture.clock)
    late.didNotSee(seen[0])
    try fixture.drop(lease)
    try collector.reclaim(late, except: [], &report)
    #expect(try fixture.task().state == .leased, "there is a result to be judged first")
    #expect(report.lookAgainAt == [lease.token])
    _ = try collector.pass()
    #expect(try fixture.task().state == .completed)
  }

  @Test("half an artifact and half a rebuilt log that a killed process left are swept")
  func halfFiles() throws {
    let fixture = try QueueFixture(tasks: 1)
    let bytes = [UInt8](repeating: 7, count: ArtifactStore.inlineLimitBytes + 1)
    let lease = try fixture.lease()[0]
    try FileSystem.makeDirectories(fixture.layout.temporary)
    for name in ["artifact", "events.jsonl", "command-1-2-3.stdout"] {
      try FileSystem.write(bytes, to: "\(fixture.layout.temporary)/\(name)")
    }
    try fixture.queue.database.sweepTemporary()
    #expect(try FileSystem.names(in: fixture.layout.temporary) == [])
    try fixture.drop(lease, QueueFixture.envelope(summary: String(repeating: "s", count: 100_000)))
    _ = try Collector(fixture.queue).pass()
    #expect(try fixture.queue.database.rebuildEvents() > 0)
    let artifacts = try FileSystem.names(in: fixture.layout.artifacts)
    #expect(artifacts == [try fixture.task().result ?? ""])
    #expect(try FileSystem.names(in: fixture.layout.root).filter { $0.contains("rebuild") } == [])
  }
}
