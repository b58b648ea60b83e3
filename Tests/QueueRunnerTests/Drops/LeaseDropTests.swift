import Glibc
import Testing

@testable import QueueRunner

/// Results under leases that bring nothing, and more of them than the kernel tells of. Among the tests of the watcher, which
/// run one after the other: an overflow is one for every subscriber.
extension DropWatcherTests {
  /// What is watched of a queue, and what is taken of what is told.
  private struct Bench {
    let fixture: QueueFixture
    let collector: Collector
    let subscription: DropWatcher.Subscription

    init(tasks: Int) throws {
      fixture = try QueueFixture(tasks: tasks, maxConcurrency: max(100, tasks))
      collector = Collector(fixture.queue)
      subscription = try DropWatcher.shared().subscribe()
    }

    /// A pass over what is told of these folders, once all of it is: over everything after an overflow.
    func pass(told roots: [String: String]) throws -> CollectReport {
      var told: Set<String> = []
      for _ in 0..<100 where told.count < roots.count {
        let hints = subscription.take()
        if hints.overflowed { return try collector.pass() }
        told.formUnion(hints.paths.keys.compactMap { roots[$0] })
        if told.count < roots.count { _ = try Poller.wait([subscription.descriptor], timeoutMs: 100) }
      }
      #expect(told.count == roots.count, "told of \(told.count) of \(roots.count)")
      return try collector.pass(.only(told))
    }
  }

  @Test("a result under a lease that has run out and was replaced is noted, and not taken")
  func oldLease() throws {
    let bench = try Bench(tasks: 1)
    let fixture = bench.fixture
    let old = try fixture.lease()[0]
    fixture.clock.advance(ms: 30 * 60_000)
    #expect(try bench.collector.pass().reclaimed == ["fanout:f#t0"])
    let new = try fixture.lease()[0]
    #expect(new.token != old.token)
    let roots = [old, new].map { ($0.package!.root, $0.token) }
    #expect(bench.subscription.watch(roots.map(\.0), kind: .folder) == [.watching, .watching])
    try fixture.drop(old, QueueFixture.envelope("failed"))
    let hinted = try bench.pass(told: [roots[0].0: roots[0].1])
    #expect(!hinted.items.contains { $0.status == .collected }, "\(hinted)")
    let looked = try bench.collector.pass().items + hinted.items
    #expect(looked.filter { $0.token == old.token }.map(\.status) == [.stale])
    #expect(try fixture.task().state == .leased)
    #expect(!FileSystem.exists(old.package!.accepted))
    try fixture.drop(new)
    #expect(try bench.pass(told: [roots[1].0: roots[1].1]).items.map(\.status) == [.collected])
    #expect(try fixture.task().state == .completed)
    #expect(fixture.ended.withLock { $0 } == ["fanout:f#t0"])
  }

  /// The same files as a worker finds them, under a token that nobody gave out; in the task's own folder and in
  /// that of a task that there is not.
  @Test("a result under a lease that there never was is not taken", arguments: ["fanout:f#t0", "fanout:f#x"])
  func unknownLease(childKey: String) throws {
    let bench = try Bench(tasks: 1)
    let fixture = bench.fixture
    let lease = try fixture.lease()[0]
    let token = "00000000-0000-4000-8000-000000000000"
    let made = fixture.layout.package(childKey, token)
    try FileSystem.makeDirectories(made.root)
    for path in [lease.package!.task, lease.package!.instructions] {
      let name = path.dropFirst(lease.package!.root.count)
      try FileSystem.write(try FileSystem.read(path), to: made.root + name)
    }
    #expect(
      bench.subscription.watch([lease.package!.root, made.root], kind: .folder) == [.watching, .watching])
    try FileSystem.write(QueueFixture.envelope("failed"), to: made.result)
    #expect(symlink(made.root, fixture.layout.claimed(token)) == 0)
    let hinted = try bench.pass(told: [made.root: token])
    #expect(hinted.items.isEmpty, "\(hinted)")
    for collector in [bench.collector, Collector(fixture.queue)] {
      let items = try collector.pass().items
      #expect(items.allSatisfy { $0.token == lease.token && $0.status == .missing }, "\(items)")
    }
    #expect(try fixture.task().state == .leased)
    #expect(!FileSystem.exists(made.accepted) && !FileSystem.exists(made.rejected))
    try fixture.drop(lease)
    #expect(try bench.pass(told: [lease.package!.root: lease.token]).items.map(\.status) == [.collected])
    #expect(try fixture.task().state == .completed)
  }

  /// How many drop at once: FLOWDEX_DROPS, or as many as `make test` has time for.
  private static let drops = getenv("FLOWDEX_DROPS").flatMap { Int(String(cString: $0)) } ?? 300

  @Test("more results at once than the kernel tells of are all taken, each once", arguments: [false, true])
  func flood(byRename: Bool) throws {
    let bench = try Bench(tasks: Self.drops)
    let fixture = bench.fixture
    let leases = try fixture.lease(Self.drops)
    let watched = bench.subscription.watch(leases.map { $0.package!.root }, kind: .folder)
    #expect(watched.allSatisfy { $0 == .watching }, "the limit on watches is under \(Self.drops)")
    let limit = try #require(InotifyLibrary.setting("fs/inotify/max_queued_events"))
    let packages = leases.map { $0.package! }
    let noisy = try ScratchFolder()
    #expect(bench.subscription.watch(noisy.path, kind: .folder) == .watching)
    let note = "\(noisy.path)/note"
    // Each file is made and closed, two events. Nobody takes any, so that the queue is full before the first result is
    // there: the kernel tells of none.
    try DropWatcher.shared().hold {
      for _ in 0..<(limit / 2 + 100) {
        Glibc.close(open(note, O_CREAT | O_WRONLY, 0o600))
        unlink(note)
      }
      for package in packages {
        let made = byRename ? "\(package.scratch)/made" : package.result
        try? FileSystem.write(QueueFixture.envelope(), to: made)
        if byRename { try? FileSystem.rename(made, package.result) }
      }
    }
    var taken: [String: Int] = [:]
    var overflowed = false
    var waits = 0
    while taken.count < leases.count, waits < 100 {
      let hints = bench.subscription.take()
      overflowed = overflowed || hints.overflowed
      let told = leases.filter { hints.paths[$0.package!.root] != nil }.map(\.token)
      let report = try bench.collector.pass(hints.overflowed ? .all : .only(Set(told)))
      for item in report.items where item.status == .collected { taken[item.token, default: 0] += 1 }
      if try Poller.wait([bench.subscription.descriptor], timeoutMs: 100).isEmpty { waits += 1 }
    }
    #expect(overflowed, "the kernel's queue of \(limit) did not overflow")
    #expect(taken.count == leases.count && taken.values.allSatisfy { $0 == 1 })
    #expect(packages.allSatisfy { FileSystem.exists($0.accepted) })
    #expect(Set(fixture.ended.withLock { $0 }).count == leases.count)
    #expect(fixture.ended.withLock { $0.count } == leases.count, "a task has ended twice")
  }
}
