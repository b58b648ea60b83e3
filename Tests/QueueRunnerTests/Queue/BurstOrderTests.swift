import GRDB
import Glibc
import Testing

@testable import QueueRunner

@Suite("a burst, from one batch to the next", .timeLimit(.minutes(15)))
struct BurstOrderTests {
  /// The second opening of a fixture's state, which tells of each batch as it is taken, within its transaction.
  private static func queue(
    _ fixture: QueueFixture, onTake: @escaping @Sendable (Transaction, EndedTasks) throws -> Void
  ) throws -> WorkQueue {
    try WorkQueue(
      StateDatabase.open(fixture.layout, clock: fixture.clock, migrations: { _ in }), onTaskEnd: onTake)
  }

  @Test("at most two batches are ever committed and not acknowledged, and the first pass afterwards does it")
  func acknowledged() throws {
    let count = 3 * ReadAhead.worthwhile
    let fixture = try QueueFixture(tasks: count, maxConcurrency: count)
    let leases = try fixture.lease(count)
    for lease in leases { try fixture.drop(lease) }
    let accepted = Dictionary(uniqueKeysWithValues: leases.map { ($0.childKey, $0.package!.accepted) })
    let order = Guarded<[String]>([])
    let unacknowledged = Guarded<[Int]>([])
    let queue = try Self.queue(fixture) { _, tasks in
      order.withLock { taken in
        // With a batch, all those before it are committed.
        let count = taken.count { !FileSystem.exists(accepted[$0]!) }
        unacknowledged.withLock { $0.append(count) }
        taken += tasks.childKeys
      }
    }
    _ = try Collector(queue).pass(.only(Set(leases.map(\.token))))
    let taken = order.withLock { $0 }
    #expect(taken.count == count)
    // The batch that is being committed comes to them.
    #expect(unacknowledged.withLock { $0.allSatisfy { $0 <= Collector.batchSize } })

    let last = taken.suffix(2 * Collector.batchSize).map { accepted[$0]! }
    for mark in last { #expect(unlink(mark) == 0) }
    _ = try Collector(fixture.reopened()).pass(.only([]))
    #expect(last.allSatisfy(FileSystem.exists))
  }

  @Test("a result read ahead is taken with the schema it was judged by, though that was forgotten since")
  func rules() throws {
    let count = 2 * ReadAhead.worthwhile
    let fixture = try QueueFixture(tasks: count, maxConcurrency: 2 * count) { $0.schema = ["type": "object"] }
    let leases = try fixture.lease(count)
    // The second batch takes, or tries to take, the result under this one.
    let late = leases[Collector.batchSize + 5]
    try fixture.queue.database.transition { tx in
      let lease = try LeaseStore.find(tx.db, token: late.token)
      let task = try #require(lease).task
      #expect(try LeaseStore.end(tx, token: late.token, as: .expired))
      #expect(try TaskStore.release(tx, task, token: late.token, expired: true))
    }
    let offers = try fixture.queue.offer(limit: count) { nil }
    let offer = try #require(offers.first)
    #expect(offer.childKey == late.childKey)
    for lease in leases + [offer] { try fixture.drop(lease) }
    // As the first batch is taken, another worker claims the package on offer: so the expired lease brings nothing.
    let isFirst = Guarded(true)
    let queue = try Self.queue(fixture) { [clock = fixture.clock, token = offer.token] tx, _ in
      let isFirst = isFirst.withLock { first in
        defer { first = false }
        return first
      }
      guard isFirst, let offered = try LeaseStore.find(tx.db, token: token) else { return }
      #expect(try LeaseStore.start(tx, token: token, Deadline(clock, inMs: offered.durationMs)))
      try LeaseStore.replaceExpired(tx, task: offered.task)
      #expect(try TaskStore.lease(tx, offered.task, token: token, attempt: offered.attempt))
    }
    let report = try Collector(queue).pass(.only(Set((leases + [offer]).map(\.token))))
    #expect(report.ended.contains(offer.token) && report.ended.count == count)
    #expect(try fixture.leaseState(late.token) == .replaced)
    for number in 0..<count {
      let task = try fixture.task(number)
      let text = try queue.database.read { try DeliveredResult.stored($0, task, layout: fixture.layout) }
      #expect(try JSONValue(parsing: text)["flowdex"]?["schemaArtifactId"] != nil, "\(number)")
    }
  }
}
