import QueueRunner
import Testing

@testable import Runtime

@Suite("host commands of a driver", .timeLimit(.minutes(15)))
struct CommandBoardTests {
  @Test("an outcome is its command's, not that of the next one under the same key")
  func identity() throws {
    let fixture = try DriverFixture()
    let run = try fixture.create()
    let board = try CommandBoard(run: run, manifest: run.approvedDocument().manifest, slots: 2)
    try board.go("key", board.prepare("sleep"))
    // What a restart does: the key is the next generation's now.
    board.cancelAll()
    try board.go("key", board.prepare("sleep"))
    // Until the first has ended.
    #expect(try Poller.wait([board.descriptor], timeoutMs: 60_000) == [board.descriptor])
    #expect(board.takeFinished().isEmpty)
    #expect(board.isRunning("key") && board.running == 1)
    board.cancelAll()
    try board.go("key", board.prepare("true"))
    var outcomes: [(key: String, outcome: HostCommandOutcome)] = []
    while outcomes.isEmpty {
      #expect(try Poller.wait([board.descriptor], timeoutMs: 60_000) == [board.descriptor])
      outcomes = board.takeFinished()
    }
    #expect(outcomes.count == 1 && outcomes[0].outcome.exitCode == 0 && !outcomes[0].outcome.cancelled)
    #expect(board.running == 0)
  }

  private static func command(_ id: String) -> ScheduledOperation {
    let args: JSONValue = ["id": .string(id), "phase": "one", "commandId": "sleep"]
    return ScheduledOperation(kind: .hostCommand, id: id, argsText: args.canonicalText)
  }

  /// What kept each of three gates shut: the machine, or a fault of ours.
  static let shut: [[Bool]] = [
    [true, true, true], [false, true, true], [true, false, true], [true, true, false],
  ]

  @Test("starts that did not begin for want of machine are all taken back, in one commit", arguments: shut)
  func putBack(isMachine: [Bool]) throws {
    let fixture = try DriverFixture()
    let run = try fixture.create()
    let scripted = fixture.environment { delivery in
      Turn(scheduled: delivery == nil ? ["a", "b", "c", "d"].map(Self.command) : [], state: .suspended)
    }
    let environment = DriverEnvironment(makeSession: scripted.makeSession, interrupts: [], cores: 1)
    let taken = try DriverSeat.take(run)
    let seat = try #require(taken)
    defer { seat.release() }
    let driver = try Driver(run, epoch: seat.epoch, environment: environment)
    defer { driver.close() }
    #expect(try driver.advance() == .waiting(commands: 1))
    let keys = ["b", "c", "d"].map { "hostCommand:\($0)" }
    try driver.transition { tx in
      for key in keys {
        _ = try OperationStore.start(tx, generation: 1, key: key, intent: "1:1:boot", program: nil)
      }
    }
    let before = run.database.commits
    let unbegun = zip(keys, isMachine).map { key, isMachine in
      let error: any Error =
        isMachine ? FlowdexError.machine("thread", "no thread") : FlowdexError.bug("gate", "opened twice")
      return (key: key, error: error)
    }
    if isMachine.contains(false) {
      #expect(throws: FlowdexError.self) { try driver.putBack(unbegun) }
    } else {
      try driver.putBack(unbegun)
    }
    #expect(driver.trouble?.description.contains("no thread") == true)
    #expect(run.database.commits == before + 1)
    for (key, isMachine) in zip(keys, isMachine) {
      let operation = try run.database.read { try OperationStore.find($0, generation: 1, key: key) }
      #expect((operation?.intent == nil) == isMachine, "\(key)")
    }
  }
}
