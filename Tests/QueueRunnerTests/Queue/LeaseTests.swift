import Glibc
import QueueRunner
import Testing

@Suite("leases")
struct LeaseTests {
  @Test("the package is whole, the lease fenced by its token, the event in the same commit")
  func handOut() throws {
    let fixture = try QueueFixture(tasks: 3, maxConcurrency: 2)
    let leases = try fixture.lease(10)
    #expect(leases.map(\.childKey) == ["fanout:f#t0", "fanout:f#t1"], "maxConcurrency bounds the limit")
    #expect(try fixture.lease(10).isEmpty)
    let package = try #require(leases[0].package)
    for path in [package.task, package.instructions, package.schema, package.scratch] {
      #expect(FileSystem.exists(path), "\(path)")
    }
    let task = try JSONValue(parsing: FileSystem.read(package.task))
    #expect(task["leaseToken"] == .string(leases[0].token))
    #expect(task["resultPath"] == .string(package.result))
    #expect(try fixture.task().state == .leased)
    #expect(try fixture.eventTypes().filter { $0 == "native.dispatch.leased" }.count == 2)
  }

  @Test("a result is taken once; the same bytes again are a no-op, other bytes are ignored")
  func once() throws {
    let fixture = try QueueFixture()
    let lease = try fixture.lease()[0]
    try fixture.drop(lease)
    let collector = Collector(fixture.queue)
    #expect(try collector.pass().items.map(\.status) == [.collected])
    #expect(FileSystem.exists(lease.package!.accepted))
    #expect(try collector.pass().items.isEmpty)
    try fixture.drop(lease, QueueFixture.envelope("failed"))
    let changed = try Collector(fixture.queue).pass().items
    #expect(changed.map(\.status) == [.stale], "a later change is noted, and not taken")
    #expect(try Collector(fixture.queue).pass().items.isEmpty)
    #expect(try fixture.task().state == .completed)
    #expect(fixture.ended.withLock { $0 } == ["fanout:f#t0"])
    #expect(try fixture.eventTypes().filter { $0 == "agent.completed" }.count == 1)
  }

  @Test(
    "how an envelope's status ends the task",
    arguments: [
      ("completed", TaskState.completed), ("failed", .failed), ("blocked", .blocked),
      ("needs-approval", .blocked),
    ])
  func endings(status: String, state: TaskState) throws {
    let fixture = try QueueFixture()
    try fixture.drop(try fixture.lease()[0], QueueFixture.envelope(status))
    _ = try Collector(fixture.queue).pass()
    #expect(try fixture.task().state == state)
    #expect(try fixture.task().resultStatus == status)
  }

  @Test("expiry counts on the boot clock, so that setting the wall clock changes nothing")
  func clockJumps() throws {
    let fixture = try QueueFixture()
    let lease = try fixture.lease()[0]
    let collector = Collector(fixture.queue)
    for jump in [Int64(10), -20, 10].map({ $0 * 86_400_000 }) {
      fixture.clock.jump(ms: jump)
      #expect(try collector.pass().reclaimed.isEmpty)
      #expect(try fixture.leaseState(lease.token) == .live)
    }
    fixture.clock.advance(ms: 30 * 60_000)
    #expect(try collector.pass().reclaimed == ["fanout:f#t0"])
    #expect(try fixture.task().state == .dispatchable)
  }

  @Test("copies of writing tasks are durable before their leases are", arguments: ["write", "read-only"])
  func copies(mode: String) throws {
    let fixture = try QueueFixture(tasks: 2) { $0.mode = mode }
    let synced = Guarded<[Int]>([])
    let (layout, clock) = (fixture.layout, fixture.clock)
    let copies = WorkCopies(
      make: { _, folder in try FileSystem.makeDirectories(folder) }, judge: { _, _ in .unchanged },
      sync: { folder in
        #expect(folder == layout.dispatches)
        let state = try StateDatabase.open(layout, clock: clock, migrations: { _ in })
        let held = try state.read { try LeaseStore.activeCount($0) }
        synced.withLock { $0.append(held) }
      })
    let queue = try WorkQueue(fixture.queue.database, workCopies: copies) { _, _ in }
    #expect(try queue.lease(limit: 2, files: true) { nil }.count == 2)
    #expect(synced.withLock { $0 } == (mode == "write" ? [0] : []))
  }

  @Test("after a reboot the wall clock decides, and lost packages are written again")
  func reboot() throws {
    let fixture = try QueueFixture()
    let lease = try fixture.lease()[0]
    let package = lease.package!
    let before = try FileSystem.read(package.task)
    try FileSystem.write([], to: package.task)
    try FileSystem.remove(package.instructions)
    try fixture.drop(lease, Array("{".utf8))
    // What the power cut kept of a hand-out that was not committed, and what is not flowdex's.
    let stranger = fixture.layout.package("fanout:f#t0", "00000000-0000-4000-8000-000000000000").root
    let foreign = fixture.layout.package("fanout:f#t0", "notes").root
    for folder in [stranger, foreign] { try FileSystem.makeDirectories(folder) }
    fixture.clock.reboot(afterMs: 60_000)
    try fixture.queue.repairPackagesAfterReboot()
    #expect(!FileSystem.exists(stranger) && FileSystem.exists(foreign))
    #expect(try FileSystem.read(package.task) == before)
    #expect(FileSystem.exists(package.instructions))
    #expect(try FileSystem.read(package.result) == Array("{".utf8), "the worker's file is left alone")
    #expect(try Collector(fixture.queue).pass().reclaimed.isEmpty)
    fixture.clock.advance(ms: 29 * 60_000)
    #expect(try Collector(fixture.queue).pass().reclaimed == ["fanout:f#t0"])
  }

  @Test("a heartbeat starts the lease's time anew")
  func heartbeat() throws {
    let fixture = try QueueFixture()
    let lease = try fixture.lease()[0]
    let collector = Collector(fixture.queue)
    fixture.clock.advance(ms: 29 * 60_000)
    try FileSystem.write([], to: lease.package!.heartbeat)
    _ = try collector.pass()
    fixture.clock.advance(ms: 29 * 60_000)
    #expect(try collector.pass().reclaimed.isEmpty)
    fixture.clock.advance(ms: 2 * 60_000)
    #expect(try collector.pass().reclaimed.count == 1, "an old heartbeat counts no second time")
  }

  @Test("of a heartbeat only that its time changes counts, never the time that it says")
  func heartbeatTimes() throws {
    let fixture = try QueueFixture()
    let lease = try fixture.lease()[0]
    let collector = Collector(fixture.queue)
    try FileSystem.write([], to: lease.package!.heartbeat)
    // In 1970, in 2400, and back again; what a file system cannot keep it cuts to what it can.
    for second in [0, 13_569_465_600, 0, 1] {
      let time = timespec(tv_sec: second, tv_nsec: 0)
      #expect(utimensat(AT_FDCWD, lease.package!.heartbeat, [time, time], 0) == 0)
      fixture.clock.advance(ms: 29 * 60_000)
      #expect(try collector.pass().reclaimed.isEmpty, "\(second)")
    }
    fixture.clock.advance(ms: 29 * 60_000)
    #expect(try collector.pass().reclaimed.isEmpty)
    fixture.clock.advance(ms: 2 * 60_000)
    #expect(try collector.pass().reclaimed.count == 1)
  }

  @Test(
    "a heartbeat of 2200 or 2400 keeps a lease for no longer than any other",
    arguments: [7_258_118_400, 13_569_465_600])
  func heartbeatAhead(second: Int) throws {
    let fixture = try QueueFixture()
    let lease = try fixture.lease()[0]
    let collector = Collector(fixture.queue)
    try FileSystem.write([], to: lease.package!.heartbeat)
    let time = timespec(tv_sec: second, tv_nsec: 0)
    #expect(utimensat(AT_FDCWD, lease.package!.heartbeat, [time, time], 0) == 0)
    fixture.clock.advance(ms: 29 * 60_000)
    #expect(try collector.pass().reclaimed.isEmpty)
    fixture.clock.advance(ms: 31 * 60_000)
    #expect(try collector.pass().reclaimed.count == 1)
  }

  @Test("a result that lies there is taken before the lease is called expired")
  func resultBeforeExpiry() throws {
    let fixture = try QueueFixture()
    let lease = try fixture.lease()[0]
    try fixture.drop(lease)
    fixture.clock.advance(ms: 100 * 60_000)
    let report = try Collector(fixture.queue).pass()
    #expect(report.items.map(\.status) == [.collected] && report.reclaimed.isEmpty)
  }

  @Test("a late result is taken as long as nobody else has the task, and stale afterwards")
  func late() throws {
    let fixture = try QueueFixture(tasks: 2)
    let leases = try fixture.lease(2)
    let collector = Collector(fixture.queue)
    fixture.clock.advance(ms: 31 * 60_000)
    #expect(try collector.pass().reclaimed.count == 2)
    try fixture.drop(leases[0])
    #expect(try collector.pass().items.filter { $0.status == .collected }.map(\.childKey) == ["fanout:f#t0"])
    let second = try fixture.lease(5)
    #expect(second.map(\.childKey) == ["fanout:f#t1"] && second[0].attempt == 2)
    try fixture.drop(leases[1], QueueFixture.envelope("failed"))
    let stale = try collector.pass()
    #expect(stale.items.filter { $0.status == .stale }.map(\.token) == [leases[1].token])
    #expect(try fixture.task(1).state == .leased)
    #expect(try fixture.eventTypes().filter { $0 == "native.result.stale" }.count == 1)
    _ = try collector.pass()
    #expect(try fixture.eventTypes().filter { $0 == "native.result.stale" }.count == 1, "reported once")
    let error = #expect(throws: FlowdexError.self) {
      try fixture.queue.complete(
        childKey: "fanout:f#t1", token: leases[1].token, result: QueueFixture.envelope())
    }
    #expect(error?.code == "lease-stale")
  }

  @Test("after maxAttempts leases without a result the task ends failed, and says so")
  func exhausted() throws {
    let fixture = try QueueFixture { $0.maxAttempts = 2 }
    let collector = Collector(fixture.queue)
    for _ in 0..<2 {
      _ = try fixture.lease()
      fixture.clock.advance(ms: 31 * 60_000)
      _ = try collector.pass()
    }
    let task = try fixture.task()
    #expect(task.state == .failed && task.error?.contains("no result came in 2 leases") == true)
    #expect(fixture.ended.withLock { $0 }.count == 1)
  }

  @Test("a file that does not parse is called invalid only after it has been left alone for a while")
  func settling() throws {
    let fixture = try QueueFixture()
    let lease = try fixture.lease()[0]
    let collector = Collector(fixture.queue)
    try fixture.drop(lease, Array("{\"status\":".utf8))
    let first = try collector.pass()
    #expect(first.items.map(\.status) == [.skipped] && first.lookAgainInMs == 500)
    fixture.clock.advance(ms: 400)
    #expect(try collector.pass().items.map(\.status) == [.skipped])
    fixture.clock.advance(ms: 100)
    #expect(try collector.pass().items.map(\.status) == [.invalid])
    #expect(FileSystem.exists(lease.package!.rejected))
    #expect(try fixture.task().state == .leased && fixture.task().error != nil)
    #expect(try collector.pass().items.first?.isNews == false)
    #expect(try fixture.eventTypes().filter { $0 == "native.result.error" }.count == 1)
    try fixture.drop(lease)
    #expect(try collector.pass().items.map(\.status) == [.collected])
    #expect(!FileSystem.exists(lease.package!.rejected))
  }

  @Test("schema refusals count by distinct content, broken envelopes never")
  func schemaRefusals() throws {
    let fixture = try QueueFixture {
      $0.schema = ["type": "object", "required": ["n"]]
      $0.schemaAttempts = 2
    }
    let lease = try fixture.lease()[0]
    func refuse(_ bytes: [UInt8]) throws -> CollectReport.Status? {
      try fixture.drop(lease, bytes)
      let collector = Collector(fixture.queue)
      _ = try collector.pass()
      fixture.clock.advance(ms: 600)
      return try collector.pass().items.first?.status
    }
    for _ in 0..<3 {
      #expect(try refuse(Array("{}".utf8)) == .invalid)
      #expect(try refuse(QueueFixture.envelope(data: ["m": 1])) == .invalid)
    }
    #expect(try fixture.task().state == .leased && fixture.task().schemaRefusals == 1)
    _ = try refuse(QueueFixture.envelope(data: ["m": 2]))
    #expect(try fixture.task().state == .failed)
    #expect(try fixture.task().error?.contains("schema") == true)
  }
}
