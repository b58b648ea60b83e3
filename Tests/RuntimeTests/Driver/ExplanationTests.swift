import QueueRunner
import Testing

@testable import Runtime

/// Why a run is where it is, from facts alone.
@Suite("explanations") struct ExplanationTests {
  typealias Facts = ExplanationFacts

  static func facts(
    _ status: RunStatus, error: String? = nil, driver: Int32? = nil, waiting: [Facts.Waiting] = [],
    tasks: [Facts.Task] = [], offered: Int = 0, free: Int = 0
  ) -> Facts {
    Facts(
      runId: "r1", name: "test", status: status, error: error, generation: 1, deliveries: 2, driver: driver,
      waiting: waiting, tasks: tasks, offered: offered, counts: [.dispatchable: free])
  }

  static func held(leftMs: Int64) -> Facts.Task {
    Facts.Task(
      childKey: "agent:a", state: .leased, attempt: 1, agentRef: "w", leaseLeftMs: leftMs, error: nil)
  }

  static let command = Facts.Waiting(
    key: "hostCommand:c", kind: .hostCommand, openTasks: 0, tasks: 0, hasBegun: true)
  static let failed = Facts.Task(
    childKey: "agent:b", state: .failed, attempt: 3, agentRef: nil, leaseLeftMs: nil, error: "no luck")
  static let refused = Facts.Task(
    childKey: "agent:c", state: .leased, attempt: 1, agentRef: nil, leaseLeftMs: 5, error: "`/data`: missing")

  struct Row: Sendable {
    let facts: Facts
    let why: String
    let next: [String]
  }

  static let rows: [Row] = [
    Row(facts: facts(.completed), why: "it has completed; its report is there", next: ["flowdex report r1"]),
    Row(
      facts: facts(.failed, error: "boom", tasks: [failed]), why: "it failed: boom",
      next: [
        "flowdex resume r1", "flowdex restart-agent r1 'agent:b' --dry-run", "flowdex inspect r1",
      ]),
    Row(facts: facts(.paused), why: "it was paused by a person or a script", next: ["flowdex resume r1"]),
    Row(
      facts: facts(.paused, error: "3 workers failed"), why: "it was paused: 3 workers failed",
      next: ["flowdex resume r1"]),
    Row(
      facts: facts(.needsDispatch, free: 3), why: "3 tasks are to be handed out, and nobody takes them",
      next: ["flowdex work r1 -- COMMAND", "flowdex watch r1"]),
    Row(
      facts: facts(.needsDispatch, driver: 7, tasks: [held(leftMs: 1000)], free: 3),
      why: "1 worker holds a task", next: []),
    Row(
      facts: facts(.needsDispatch, tasks: [held(leftMs: -1)]),
      why: "1 worker is late, and nobody has looked since",
      next: ["flowdex collect-results r1", "flowdex watch r1"]),
    Row(
      facts: facts(.needsDispatch, driver: 7, offered: 2, free: 2),
      why: "2 packages wait in `queue/ready` for a worker", next: ["flowdex work r1 -- COMMAND"]),
    Row(
      facts: facts(.running, driver: 7, waiting: [command]),
      why: "the host command `hostCommand:c` is running",
      next: []),
    Row(
      facts: facts(.running, waiting: [command]),
      why: "nobody drives it, and the host command `hostCommand:c` is to be run",
      next: ["flowdex continue r1"]),
    Row(facts: facts(.running), why: "nobody drives it on", next: ["flowdex continue r1"]),
    Row(facts: facts(.running, driver: 7), why: "process 7 is driving it on", next: []),
    Row(
      facts: facts(.needsDispatch, driver: 7, tasks: [refused]), why: "1 worker holds a task",
      next: ["flowdex status r1 --json"]),
  ]

  @Test("the reason, and the next step", arguments: rows)
  func table(row: Row) {
    let explanation = Explanation(facts: row.facts)
    #expect(explanation.why == row.why)
    #expect(explanation.next == row.next)
  }

  @Test("rows for people are bounded, and JSON has every kind of task in its place")
  func rendered() {
    let many = (0..<30).map { _ in Self.held(leftMs: 60_000) }
    let all = Explanation(facts: Self.facts(.running, tasks: many + [Self.failed, Self.refused]))
    let rows = all.rows(limit: 5) { "\($0 / 1000) s" }
    #expect(rows.filter { $0[0] == "held" }.count == 6)
    #expect(rows.first { $0[0] == "held" } == ["held", "agent:a", "w, try 1, 60 s"])
    #expect(rows.first { $0[0] == "not completed" } == ["not completed", "agent:b", "failed: no luck"])
    #expect(rows.contains(["refused", "agent:c", "`/data`: missing"]))
    #expect(all.json["held"]?.array?.count == 31)
    #expect(all.json["refused"]?.array?.count == 1)
    #expect(all.json["notCompleted"]?.array?.first?["childKey"] == "agent:b")
    #expect(all.json["held"]?.array?.first?["late"] == false)
  }
}
