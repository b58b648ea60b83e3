import Glibc
import QueueRunner
import Testing

@testable import Runtime

@Suite("the driver beside others, and after a crash", .timeLimit(.minutes(15)))
struct DriverTests {
  private static let patch = """
    --- a/src/one.txt
    +++ b/src/one.txt
    @@ -1 +1 @@
    -one
    +ONE
    --- a/src/two.txt
    +++ b/src/two.txt
    @@ -1 +1 @@
    -two
    +TWO

    """

  private func status(_ run: Run) throws -> RunStatus { try run.record().status }

  @Test("a restart keeps results that no driver has delivered yet, and what they lead to is still to come")
  func undeliveredKept() throws {
    let fixture = try DriverFixture()
    let run = try fixture.create()
    // b is waited for beside a, and c follows from a.
    let environment = fixture.environment { delivery in
      switch delivery {
      case nil: Turn(scheduled: [DriverFixture.agent("a"), DriverFixture.agent("b")], state: .suspended)
      case "agent:a": Turn(scheduled: [DriverFixture.agent("c")], state: .suspended)
      default: Turn(state: .suspended)
      }
    }
    #expect(try run.drive(environment).status == .needsDispatch)
    try DriverFixture.answer(run, ["agent:a"])
    #expect(try run.restart("agent:b") == ["agent:b"])
    let driven = try run.drive(environment)
    #expect(driven.status == .needsDispatch && driven.error == nil, "\(driven.error ?? "")")
    let open = try run.database.read { try TaskStore.open($0, generation: 2) }.map(\.childKey)
    #expect(open == ["agent:b", "agent:c"])
  }

  @Test("a callback is stuck only if nothing is under way and nothing is left to deliver, in one look")
  func stillness() throws {
    let fixture = try DriverFixture()
    let run = try fixture.create()
    let environment = fixture.environment { delivery in
      Turn(scheduled: delivery == nil ? [DriverFixture.agent("a")] : [], state: .suspended)
    }
    #expect(try run.drive(environment).status == .needsDispatch)
    func look(_ delivered: Int) throws -> Stillness {
      try run.database.read { try HistoryStore.stillness($0, generation: 1, delivered: delivered) }
    }
    #expect(try look(0) == .waiting)
    try DriverFixture.answer(run, ["agent:a"])
    #expect(try look(0) == .more, "final, and not yet delivered: a collector was quicker than the driver")
    #expect(try look(1) == .stuck)
    let end = try run.drive(environment)
    #expect(end.status == .failed && end.error?.contains("can never come") == true)
  }

  private static func command(_ id: String) -> ScheduledOperation {
    let args: JSONValue = ["id": .string(id), "phase": "one", "commandId": .string(id)]
    return ScheduledOperation(kind: .hostCommand, id: id, argsText: args.canonicalText)
  }

  @Test("a stop that was lifted before the driver looked has ended its host commands all the same")
  func stoppedAndResumed() throws {
    let fixture = try DriverFixture()
    let run = try fixture.create()
    let environment = fixture.environment { delivery in
      let commands = [Self.command("sleep"), Self.command("true")]
      return switch delivery {
      case nil: Turn(scheduled: commands, state: .suspended)
      case "hostCommand:sleep": Turn(scheduled: [DriverFixture.agent("a")], state: .suspended)
      default: Turn(state: .suspended)
      }
    }
    let seat = try #require(try DriverSeat.take(run))
    let driver = try Driver(run, epoch: seat.epoch, environment: environment)
    guard case .waiting(commands: 1...) = try driver.advance() else {
      Issue.record("no command runs")
      return
    }
    let other = try fixture.project.open("r1")
    #expect(try other.stop() == .stopped)
    try other.resume()
    #expect(throws: DriverFenced.self) { while true { _ = try driver.advance() } }
    driver.close()
    seat.release()
    #expect(try run.drive(environment).status == .needsDispatch)
    let sleep = try run.database.read { try OperationStore.find($0, generation: 1, key: "hostCommand:sleep") }
    let digest = try #require(sleep?.valueDigest, "it sleeps on")
    let value = try run.database.read { try ArtifactStore.get($0, digest, layout: run.layout) }
    #expect(try JSONValue(parsing: #require(value))["data"]?["indeterminate"] == true)
  }

  @Test(
    "a session that is started later runs what was approved, or none",
    arguments: ["workflow.ts", "input.json"])
  func changedBetweenSessions(_ name: String) throws {
    let fixture = try DriverFixture()
    let run = try fixture.create()
    let environment = fixture.environment { delivery in
      Turn(scheduled: delivery == nil ? [DriverFixture.agent("a")] : [], state: .suspended)
    }
    let seat = try #require(try DriverSeat.take(run))
    let driver = try Driver(run, epoch: seat.epoch, environment: environment)
    #expect(try driver.advance() == .waiting(commands: 0))
    driver.rest()
    let path = "\(run.layout.root)/\(name)"
    let approved = try FileSystem.read(path)
    chmod(path, 0o644)
    try FileSystem.write(approved + Array(" ".utf8), to: path)
    try DriverFixture.answer(run, ["agent:a"])
    let error = #expect(throws: FlowdexError.self) { try driver.advance() }
    #expect(error?.code == "approval-changed" && error?.message.contains(name) == true)
    #expect(try status(run) == .needsDispatch)
    try FileSystem.write(approved, to: path)
    // It is driven on, to its end: nothing else is to come.
    #expect(try driver.advance() == .ended(.failed))
    driver.close()
    seat.release()
  }

  @Test("a drive that was stopped and resumed at once goes on by itself")
  func resumedAtOnce() throws {
    let fixture = try DriverFixture()
    let run = try fixture.create()
    let isDone = Guarded(false)
    let environment = fixture.environment { delivery in
      if delivery == nil { return Turn(scheduled: [Self.command("true")], state: .suspended) }
      let isFirst = isDone.withLock { done in
        defer { done = true }
        return !done
      }
      if isFirst {
        do {
          let other = try fixture.project.open("r1")
          _ = try other.stop()
          try other.resume()
        } catch { Issue.record(error) }
      }
      return Turn(scheduled: [DriverFixture.agent("a")], state: .suspended)
    }
    let end = try run.drive(environment)
    #expect(end.status == .needsDispatch && end.otherDriver == nil)
    #expect(try run.nextLeases(limit: 1, files: false, wait: false, interrupts: []).leases.count == 1)
  }

  @Test("what is committed while a driver gets up is driven before it has gone")
  func leftBehind() throws {
    let fixture = try DriverFixture()
    let run = try fixture.create()
    let hasAnswered = Guarded(false)
    let environment = fixture.environment {
      // The session is closed with the seat still taken: a collector beside us commits, and leaves the rest to us.
      let isFirst = hasAnswered.withLock { answered in
        defer { answered = true }
        return !answered
      }
      guard isFirst, let other = try? fixture.project.open("r1") else { return }
      try? DriverFixture.answer(other, ["agent:a"])
      let seat = try? DriverSeat.take(other)
      #expect(seat == nil, "the seat is taken")
    } _: { delivery in
      delivery == nil
        ? Turn(scheduled: [DriverFixture.agent("a")], state: .suspended) : Turn(state: .completed("1"))
    }
    #expect(try run.drive(environment).status == .completed)
    #expect(try run.reportText() == "1")
  }

  /// As a process leaves it that is killed when the first of two files is in place.
  private func halfIntegrated(_ fixture: DriverFixture) throws -> Run {
    try FileSystem.write(Array("one\n".utf8), to: "\(fixture.root)/src/one.txt")
    try FileSystem.write(Array("two\n".utf8), to: "\(fixture.root)/src/two.txt")
    let run = try fixture.create()
    let scheduled = [DriverFixture.integrate("i", Self.patch), DriverFixture.agent("a")]
    let planner = OperationPlanner(manifest: try run.manifest())
    let recorder = OperationRecorder(layout: run.layout, generation: 1)
    try run.database.transition { tx in
      for operation in scheduled {
        let plan = planner.plan(
          key: operation.key, kind: operation.kind, id: operation.id,
          args: try JSONValue(parsing: operation.argsText), counts: AgentCounts())
        try recorder.record(
          tx, Recording(turn: 0, operation: operation, plan: plan, phase: "one", prepared: nil))
      }
      try RunStore.setTurns(tx, 0)
      let begun = try OperationStore.start(
        tx, generation: 1, key: "integrate:i", intent: Driver.integrationIntent)
      #expect(begun)
    }
    try FileSystem.makeDirectories(run.layout.integrations)
    let integration = PatchIntegration(
      projectRoot: fixture.root, writeGlobs: GlobSet(try run.manifest().permissions.write),
      folder: run.layout.integration("1.integrate:i"))
    struct Death: Error {}
    guard case .ready(let prepared) = try integration.prepare([Self.patch]) else {
      throw FlowdexError.bug("test", "the patch does not apply")
    }
    #expect(throws: Death.self) {
      try integration.promote(prepared) { step in if step == .placed { throw Death() } }
    }
    let texts = try ["one", "two"].map { try FileSystem.read("\(fixture.root)/src/\($0).txt") }
    #expect(texts == [Array("ONE\n".utf8), Array("two\n".utf8)], "half of it is done")
    return run
  }

  @Test("no restart leaves a half done integration behind")
  func halfThenRestart() throws {
    let fixture = try DriverFixture()
    let run = try halfIntegrated(fixture)
    let error = #expect(throws: FlowdexError.self) { try run.restart("agent:a") }
    #expect(error?.code == "restart-applied", "\(error?.message ?? "")")
    #expect(try run.record().generation == 1)
  }

  @Test("a half done integration is finished although the callback ends the run at the next delivery")
  func halfThenFailure() throws {
    let fixture = try DriverFixture()
    let run = try halfIntegrated(fixture)
    try DriverFixture.answer(run, ["agent:a"])
    let environment = fixture.environment { delivery in
      delivery == nil
        ? Turn(
          scheduled: [DriverFixture.integrate("i", Self.patch), DriverFixture.agent("a")], state: .suspended)
        : Turn(state: .failed("thrown"))
    }
    #expect(try run.drive(environment).status == .failed)
    let texts = try ["one", "two"].map { try FileSystem.read("\(fixture.root)/src/\($0).txt") }
    #expect(texts == [Array("ONE\n".utf8), Array("TWO\n".utf8)])
  }

  @Test("the end of a cancelled command is not taken for that of another under the same key")
  func cancelledCommand() throws {
    let fixture = try DriverFixture()
    let run = try fixture.create()
    let board = try CommandBoard(run: run, manifest: run.manifest(), slots: 4)
    func start() throws {
      let prepared = try board.prepare("sleep")
      try board.go("hostCommand:x", prepared)
    }
    try start()
    board.cancelAll()
    try start()
    _ = try Poller.wait([board.descriptor], timeoutMs: nil)
    #expect(board.takeFinished().isEmpty)
    #expect(board.isRunning("hostCommand:x"))
    board.cancelAll()
  }

  @Test("two runs of one workflow in the same millisecond are two runs; what a killed creation left goes")
  func creation() throws {
    let fixture = try DriverFixture(clock: StoppedClock())
    let staged = fixture.project.layout.stagedRun("killed").root
    try FileSystem.makeDirectories("\(staged)/snapshots")
    let ids = try (0..<3).map { _ in try fixture.create(id: nil).layout.runId }
    #expect(Set(ids).count == 3, "\(ids)")
    #expect(!FileSystem.exists(staged))
    #expect(try Set(fixture.project.runIds()) == Set(ids))
  }

  @Test("a worker that removes its copy is refused, and stops nobody else's result")
  func copyGone() throws {
    let fixture = try DriverFixture()
    let run = try fixture.create()
    let scheduled = [DriverFixture.agent("w", mode: "write"), DriverFixture.agent("r")]
    let environment = fixture.environment { _ in Turn(scheduled: scheduled, state: .suspended) }
    #expect(try run.drive(environment).status == .needsDispatch)
    for lease in try run.next(limit: 2, files: true) {
      let package = try #require(lease.package)
      if lease.spec.isWrite { try FileSystem.removeTree(package.work) }
      try FileSystem.write(DriverFixture.result, to: package.result)
    }
    let items = try run.collectOnce()
    #expect(items.first { $0.taskId == "r" }?.status == .collected)
    let refused = items.first { $0.taskId == "w" }
    #expect(refused?.status == .invalid && refused?.error?.contains("is gone") == true, "\(items)")
  }
}
