import QueueRunner
import Testing

@testable import Runtime

@Suite("the line of time")
struct TimelineTests {
  private func track(_ events: [(EventType, JSONValue)]) throws -> Timeline.Track? {
    let records = events.enumerated().map { at, event in
      EventRecord(
        seq: Int64(at + 1), runId: "r", type: event.0.rawValue, payloadText: event.1.canonicalText,
        createdAtMs: Int64(at) * 10, line: "")
    }
    return try Timeline(records).tracks.first
  }

  private func spans(_ track: Timeline.Track?) -> [String] {
    track?.spans.map { "\($0.kind.rawValue) \($0.startMs)-\($0.endMs.map { "\($0)" } ?? "")" } ?? []
  }

  private let task: JSONValue = ["childKey": "agent:a", "phase": "one"]

  @Test("waiting, working, set back, working again, done")
  func retried() throws {
    let found = try track([
      (.taskCreated, task), (.leased, task), (.resultError, ["childKey": "agent:a", "error": "no `data`"]),
      (.reclaimed, task), (.leased, task), (.released, ["childKey": "agent:a", "reason": "gave up"]),
      (.leased, task), (.agentCompleted, task),
    ])
    #expect(
      spans(found) == [
        "waiting 0-10", "working 10-30", "waiting 30-40", "working 40-50", "waiting 50-60", "working 60-70",
      ])
    #expect(found?.marks.map(\.kind) == [.refused, .expired, .released])
    #expect(found?.marks.map(\.text) == ["no `data`", "the lease ran out", "gave up"])
    #expect(found?.end == .completed)
  }

  @Test("a restart makes it anew, a resume lets it go on, a kept result is there at once")
  func again() throws {
    let anew: JSONValue = ["childKey": "agent:a", "generation": 1, "reason": "restarted"]
    let restarted = try track([
      (.taskCreated, task), (.leased, task), (.agentFailed, task), (.taskInvalidated, anew),
      (.taskCreated, task),
    ])
    #expect(spans(restarted) == ["waiting 0-10", "working 10-20", "waiting 40-"])
    #expect(restarted?.end == nil)
    let resumed = try track([
      (.taskCreated, task), (.agentCancelled, task),
      (.taskInvalidated, ["childKey": "agent:a", "reason": "resumed"]),
    ])
    #expect(spans(resumed) == ["waiting 0-10", "waiting 20-"])
    let kept = try track([
      (.taskCreated, ["childKey": "agent:a", "phase": "one", "keptFrom": "run r0", "status": "blocked"])
    ])
    #expect(spans(kept).isEmpty && kept?.end == .blocked && kept?.marks.first?.text == "kept from run r0")
  }

  @Test("a host command waits, starts as often as it was started, and ends")
  func command() throws {
    let started = Timestamp.text(5)
    let found = try track([
      (.operationScheduled, ["opKey": "hostCommand:h", "phase": "one"]),
      (
        .operationCompleted,
        ["opKey": "hostCommand:h", "executions": [["startedAt": .string(started)]], "rejection": nil]
      ),
    ])
    #expect(spans(found) == ["waiting 0-5", "working 5-10"] && found?.end == .completed)
    let rejected = try track([
      (.operationCompleted, ["opKey": "agent:b", "rejection": "too many agents"])
    ])
    #expect(rejected?.marks.map(\.text) == ["too many agents"] && rejected?.end == .failed)
  }

  @Test("events of types that are not known, and of tasks that are not there, change nothing")
  func unknown() throws {
    #expect(try track([(.leased, task), (.agentCompleted, task)]) == nil)
    #expect(try Timeline([]).tracks.isEmpty)
  }
}
