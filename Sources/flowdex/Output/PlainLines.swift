// What `watch` prints where nobody watches: one line an event, in words or as JSON.

import QueueRunner
import Runtime

/// Each event as the line of `events.jsonl`.
struct JSONLines: WatchObserver {
  func observe(_ run: Run, events: [EventRecord]) { for event in events { Console.out(event.line) } }
  func note(_ runId: String, _ text: String) { Console.note("\(runId): \(text)") }
}

/// Tab-separated: time, run, what, which, more.
struct PlainLines: WatchObserver {
  func observe(_ run: Run, events: [EventRecord]) throws {
    for event in events {
      guard let line = try EventWords.line(event) else { continue }
      Console.out("\(Timestamp.text(event.createdAtMs))\t\(event.runId)\t\(line)")
    }
  }

  func note(_ runId: String, _ text: String) { Console.note("\(runId): \(text)") }
}

/// Events in words; nil for those that say nothing to somebody who watches.
enum EventWords {
  static func line(_ event: EventRecord) throws -> String? {
    let payload = try event.payload()
    func text(_ key: String) -> String { Console.oneLine(payload[key]?.string ?? "") }
    switch EventType(rawValue: event.type) {
    case .operationScheduled: return "scheduled\t\(text("opKey"))\t\(text("phase"))"
    case .operationCompleted:
      let why = text("rejection")
      return why.isEmpty ? "finished\t\(text("opKey"))" : "rejected\t\(text("opKey"))\t\(why)"
    case .leased: return "leased\t\(text("childKey"))\tuntil \(text("leaseExpiresAt"))"
    case .reclaimed: return "expired\t\(text("childKey"))"
    case .released: return "released\t\(text("childKey"))\t\(text("reason"))"
    case .attached: return "attached\t\(text("childKey"))\t\(text("agentRef"))"
    case .agentCompleted: return "completed\t\(text("childKey"))\t\(text("summary"))"
    case .agentFailed: return "failed\t\(text("childKey"))\t\(text("error"))"
    case .agentBlocked: return "blocked\t\(text("childKey"))\t\(text("summary"))"
    case .agentCancelled: return "cancelled\t\(text("childKey"))\t\(text("reason"))"
    case .resultError: return "refused\t\(text("childKey"))\t\(text("error"))"
    case .resultStale: return "stale\t\(text("childKey"))\t\(text("error"))"
    case .workflowLog: return "log\t\(text("text"))"
    case .runStatus: return "run\t\(text("status"))\t\(text("error"))"
    case .runCreated, .taskCreated, .artifactWritten, .snapshot, .taskInvalidated, .workflowCompleted,
      .workflowFailed, .workflowSuspended, nil:
      return nil
    }
  }
}
