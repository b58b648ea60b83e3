import GRDB

/// One event of a run, as `events.jsonl` shows it.
public struct EventRecord: Sendable {
  /// Counts the run's events from 1, without gaps.
  public let seq: Int64
  /// The same for every event of a run; not stored in its row.
  public let runId: String
  /// Such as `agent.completed`; a reader must expect types that it does not know.
  public let type: String
  /// A JSON object.
  public let payloadText: String
  /// Milliseconds since 1970: the time of the commit that says it.
  public let createdAtMs: Int64
  /// The line of `events.jsonl`, without its line feed.
  public let line: String

  /// An event as it is stored, with its line.
  public init(
    seq: Int64, runId: String, type: String, payloadText: String, createdAtMs: Int64, line: String
  ) {
    self.seq = seq
    self.runId = runId
    self.type = type
    self.payloadText = payloadText
    self.createdAtMs = createdAtMs
    self.line = line
  }

  /// What the event tells. Parsed anew at each call.
  public func payload() throws -> JSONValue { try JSONValue(stored: payloadText) }
}

/// Reads the events table.
public enum EventStore {
  /// The events after a sequence number, oldest first.
  public static func after(_ db: Database, runId: String, seq: Int64, limit: Int) throws -> [EventRecord] {
    var events: [EventRecord] = []
    let run = JSONValue.string(runId).canonicalText
    try EventLog.each(db, after: seq, limit: limit) { event in
      events.append(
        EventRecord(
          seq: event.seq, runId: runId, type: event.type, payloadText: event.payload,
          createdAtMs: event.atMs, line: EventLog.text(event, run)))
    }
    return events
  }

  /// The newest sequence number; 0 before any event.
  public static func lastSeq(_ db: Database) throws -> Int64 {
    try StateStatement.first(db, "SELECT max(seq) FROM events") { $0.int64(0) } ?? 0
  }
}
