// A fan-out whose results are too long a text to be held: given to the session in parts, and worth nothing if what is
// stored turns out, somewhere behind the first part, not to be what was committed.

import GRDB
import Glibc
import QueueRunner
import Testing

@testable import Runtime

/// Schedules one fan-out, and writes down what it is given.
private final class ListeningSession: WorkflowSession {
  struct Heard { var parts: [String] = []; var whole: String?; var isClosed = false }

  private let heard: Guarded<Heard>
  private var turns: [Turn]

  init(_ scheduled: ScheduledOperation, _ heard: Guarded<Heard>) {
    self.heard = heard
    turns = [Turn(scheduled: [scheduled], state: .suspended)]
  }

  func start(_ start: SessionStart) throws {}
  func deliver(part: String) throws { heard.withLock { $0.parts.append(part) } }
  func deliver(_ delivery: SessionDelivery) throws {
    guard case .resolved(let text) = delivery.outcome else { return }
    heard.withLock { $0.whole = $0.parts.joined() + text }
    turns.append(Turn(state: .completed("1")))
  }
  func receive(wakeups: [Int32]) throws -> Turn? { turns.removeFirst() }
  func close() { heard.withLock { $0.isClosed = true } }
}

@Suite("a delivery in parts", .timeLimit(.minutes(15)))
struct LongDeliveryTests {
  private static let count = 40
  private static let summary = String(repeating: "é\"", count: 8000)

  private static let fanout: ScheduledOperation = {
    let tasks = (0..<count).map { number -> JSONValue in
      ["id": .string("t\(number)"), "mode": "read-only", "prompt": "do"]
    }
    let args: JSONValue = ["id": "f", "phase": "one", "tasks": .array(tasks)]
    return ScheduledOperation(kind: .fanout, id: "f", argsText: args.canonicalText)
  }()

  /// A run whose fan-out has been answered and is still to be delivered.
  private func answered(
    _ fixture: DriverFixture, _ heard: Guarded<ListeningSession.Heard>
  ) throws -> (Run, DriverEnvironment) {
    let run = try fixture.create()
    let environment = DriverEnvironment(
      makeSession: { _, _ in ListeningSession(Self.fanout, heard) }, interrupts: [], cores: 1)
    #expect(try run.drive(environment).status == .needsDispatch)
    for lease in try run.queue.lease(limit: 100, files: false, workspace: { nil }) {
      let result: JSONValue = [
        "status": "completed", "summary": .string(Self.summary + lease.childKey), "data": [:], "claims": [],
        "artifacts": [], "diff": nil, "usage": [:], "error": nil,
      ]
      _ = try run.queue.complete(
        childKey: lease.childKey, token: lease.token, result: result.canonicalBytes)
    }
    return (run, environment)
  }

  @Test("the parts and the rest are one JSON array, in task order; no part is long")
  func parts() throws {
    let heard = Guarded(ListeningSession.Heard())
    let fixture = try DriverFixture()
    let (run, environment) = try answered(fixture, heard)
    heard.withLock { $0 = .init() }
    #expect(try run.drive(environment).status == .completed)
    let (parts, whole) = heard.withLock { ($0.parts, $0.whole) }
    #expect(parts.count >= 3 && parts.allSatisfy { $0.utf8.count < 1 << 19 }, "\(parts.map(\.utf8.count))")
    let value = try JSONValue(parsing: try #require(whole))
    let summaries = value.array?.compactMap { $0["summary"]?.string }
    #expect(summaries == (0..<Self.count).map { "\(Self.summary)fanout:f#t\($0)" })
    #expect(whole == value.canonicalText)
  }

  @Test("a result that is lost behind the first part ends the drive, and the session with it")
  func lost() throws {
    let heard = Guarded(ListeningSession.Heard())
    let fixture = try DriverFixture()
    let (run, environment) = try answered(fixture, heard)
    let last = try run.database.read {
      try TaskStore.find($0, generation: 1, childKey: "fanout:f#t\(Self.count - 1)")
    }
    try run.database.transition {
      _ = try $0.change("UPDATE tasks SET delivered_hash = 'other' WHERE id = ?", [last?.id])
    }
    heard.withLock { $0 = .init() }
    let error = #expect(throws: FlowdexError.self) { try run.drive(environment) }
    #expect(error?.code == "result-lost", "\(String(describing: error))")
    let (parts, whole, isClosed) = heard.withLock { ($0.parts.count, $0.whole, $0.isClosed) }
    #expect(parts > 0 && whole == nil && isClosed)
  }
}
