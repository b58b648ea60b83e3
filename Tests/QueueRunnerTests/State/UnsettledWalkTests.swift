// What is read in parts is read whole, whatever moves between two parts.

import GRDB
import Testing

@testable import QueueRunner

@Suite("a walk over unsettled leases")
struct UnsettledWalkTests {
  private func next(_ walk: inout UnsettledWalk, _ fixture: QueueFixture, limit: Int) throws -> [String]? {
    try fixture.queue.database.read { try walk.next($0, limit: limit)?.map(\.childKey) }
  }

  @Test("every lease once, by state and age, in parts of any size", arguments: [1, 2, 3, 7, 100])
  func parts(limit: Int) throws {
    let fixture = try QueueFixture(tasks: 7)
    _ = try fixture.lease(2)
    fixture.clock.advance(ms: 31 * 60_000)
    _ = try Collector(fixture.queue).pass()
    _ = try fixture.queue.offer(limit: 2) { nil }
    _ = try fixture.lease(7)
    var walk = UnsettledWalk()
    var seen: [String] = []
    var sizes: Set<Int> = []
    while let part = try next(&walk, fixture, limit: limit) {
      seen += part
      sizes.insert(part.count)
    }
    // Two offered, five live, and two that ran out and whose tasks nobody has taken since.
    #expect(seen.map { String($0.last!) } == ["0", "1", "2", "3", "4", "5", "6", "0", "1"])
    #expect(sizes.max() == min(limit, seen.count))
    #expect(try next(&walk, fixture, limit: limit) == nil)
  }

  @Test("a lease that moves on between two parts is met, in its old state or its new one")
  func moves() throws {
    let fixture = try QueueFixture(tasks: 4)
    let offers = try fixture.queue.offer(limit: 4) { nil }
    var walk = UnsettledWalk()
    var seen = Set(try #require(try next(&walk, fixture, limit: 2)))
    // One that was met and one that was not are claimed by another process.
    try fixture.queue.database.transition { tx in
      for offer in [offers[0], offers[3]] {
        let lease = try #require(try LeaseStore.find(tx.db, token: offer.token))
        #expect(try fixture.queue.claim(tx, lease))
      }
    }
    while let part = try next(&walk, fixture, limit: 2) { seen.formUnion(part) }
    #expect(seen == Set(offers.map(\.childKey)))
  }

  @Test("a lease that runs out between two parts is told of once")
  func toldOnce() throws {
    let count = LookParts.size + 10
    let fixture = try QueueFixture(tasks: count, maxConcurrency: count)
    let leases = try fixture.lease(count)
    fixture.clock.advance(ms: 31 * 60_000)
    let report = try Collector(fixture.queue).pass(tells: .everything)
    #expect(report.reclaimed.count == count)
    #expect(report.items.map(\.token).sorted() == leases.map(\.token).sorted())
  }

  @Test("each part is found by the index, and needs no sorting")
  func plan() throws {
    let fixture = try QueueFixture(tasks: 3)
    let plan = try fixture.queue.database.read { db in
      try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN \(LeaseStore.ofState)", arguments: ["live", 0, 10])
        .map { $0["detail"] as String }
    }
    #expect(plan.first?.contains("INDEX leases_unsettled (state=? AND rowid>?)") == true, "\(plan)")
    #expect(!plan.contains { $0.contains("TEMP B-TREE") }, "\(plan)")
  }

  @Test("what a report has of each lease is what was asked for")
  func details() throws {
    for (detail, statuses) in [
      (CollectReport.Detail.everything, [CollectReport.Status.collected, .missing, .skipped]),
      (.news, [.collected, .skipped]), (.sums, []),
    ] {
      let fixture = try QueueFixture(tasks: 3)
      let leases = try fixture.lease(3)
      try fixture.drop(leases[0])
      try fixture.drop(leases[1], Array("{".utf8))
      let report = try Collector(fixture.queue).pass(tells: detail)
      #expect(report.items.map(\.status.rawValue).sorted() == statuses.map(\.rawValue), "\(detail)")
      #expect(report.ended == [leases[0].token] && report.didCollect, "\(detail)")
      #expect(report.lookAgainAt == [leases[1].token] && report.nextExpiryInMs == 30 * 60_000, "\(detail)")
    }
  }
}
