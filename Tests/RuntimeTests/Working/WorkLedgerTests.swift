import QueueRunner
import Testing

@testable import Runtime

/// What is decided after each run of a worker's command.
@Suite("the ledger of a pool") struct WorkLedgerTests {
  private static func failure(_ line: String = "no", code: Int = 1, refusal: String? = nil) -> WorkFailure {
    WorkFailure(ending: .exit(code), lastLine: line, refusal: refusal)
  }

  @Test("retries wait twice as long each time, to a minute, then the task is given up")
  func retries() {
    var ledger = WorkLedger(retries: 8, backOffMs: 1000, breakAfter: 0)
    let steps = (1...9).map { ledger.failed(Self.failure(), task: "t", runs: $0) }
    let waits: [Int64] = [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]
    #expect(steps == waits.map { .runAgain(afterMs: $0) } + [.giveUp])
    #expect(!ledger.isBroken)
    // One that is asked to wait longer than the cap waits so long each time.
    var patient = WorkLedger(retries: 2, backOffMs: 90_000, breakAfter: 0)
    #expect(patient.failed(Self.failure(), task: "t", runs: 2) == .runAgain(afterMs: 90_000))
  }

  @Test("failures alike of different tasks break the circuit; whatever comes then goes back")
  func breaks() {
    var ledger = WorkLedger(retries: 2, backOffMs: 1, breakAfter: 3)
    #expect(ledger.failed(Self.failure("limit at 10:01"), task: "a", runs: 1) == .runAgain(afterMs: 1))
    #expect(ledger.failed(Self.failure("limit at 10:02"), task: "b", runs: 1) == .runAgain(afterMs: 1))
    #expect(
      ledger.failed(Self.failure("limit at 10:03"), task: "c", runs: 1)
        == .breakCircuit(
          "3 workers in a row failed alike: the command exited with 1 without a result (`limit at 10:03`)"))
    #expect(ledger.isBroken)
    #expect(ledger.failed(Self.failure(code: 9), task: "d", runs: 1) == .giveBack)
  }

  struct Row: Sendable {
    let name: String
    let failures: [(WorkFailure, String)]
    let isBroken: Bool
  }

  static let rows: [Row] = [
    Row(
      name: "one task alone", failures: (0..<6).map { _ in (failure(), "a") }, isBroken: false),
    Row(
      name: "another exit", failures: [(failure(), "a"), (failure(code: 2), "b"), (failure(), "c")],
      isBroken: false),
    Row(
      name: "another word", failures: [(failure(), "a"), (failure("else"), "b"), (failure(), "c")],
      isBroken: false),
    Row(
      name: "a refusal beside none",
      failures: [(failure(), "a"), (failure(refusal: "`/data`"), "b"), (failure(), "c")], isBroken: false),
    Row(
      name: "alike refusals", failures: ["a", "b", "c"].map { (failure(refusal: "`/data`: missing"), $0) },
      isBroken: true),
    Row(
      name: "two tasks, turn about", failures: ["a", "a", "b"].map { (failure(), $0) }, isBroken: true),
  ]

  @Test("what is alike, and what is in a row", arguments: rows)
  func alike(row: Row) {
    var ledger = WorkLedger(retries: 9, backOffMs: 1, breakAfter: 3)
    for (failure, task) in row.failures { _ = ledger.failed(failure, task: task, runs: 1) }
    #expect(ledger.isBroken == row.isBroken, "\(row.name)")
  }

  @Test("a result that is taken ends the row; 1 breaks at once; 0 never breaks")
  func rowEnds() {
    var ledger = WorkLedger(retries: 9, backOffMs: 1, breakAfter: 2)
    _ = ledger.failed(Self.failure(), task: "a", runs: 1)
    ledger.took()
    #expect(ledger.failed(Self.failure(), task: "b", runs: 1) == .runAgain(afterMs: 1))
    var strict = WorkLedger(retries: 9, backOffMs: 1, breakAfter: 1)
    #expect(
      strict.failed(Self.failure(), task: "a", runs: 1)
        == .breakCircuit("a worker failed: the command exited with 1 without a result (`no`)"))
    var never = WorkLedger(retries: 0, backOffMs: 1, breakAfter: 0)
    for task in 0..<50 { #expect(never.failed(Self.failure(), task: "t\(task)", runs: 1) == .giveUp) }
  }

  @Test("failures in words")
  func words() {
    let found = [
      WorkFailure(ending: .signal(9)), WorkFailure(ending: .timeout(120_000), lastLine: "thinking"),
      WorkFailure(ending: .timeout(1500)), WorkFailure(ending: .notStarted("no `x`"), lastLine: "no `x`"),
      WorkFailure(ending: .exit(0), refusal: "`/status`: wrong"),
    ].map(\.text)
    #expect(
      found == [
        "was ended by SIGKILL without a result",
        "was ended after 2 min without a result (`thinking`)",
        "was ended after 1.5 s without a result", "could not be run: no `x`",
        "exited with 0 and left a result that is not taken: `/status`: wrong",
      ])
  }
}
