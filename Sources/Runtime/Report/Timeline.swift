// What happened to each task and command, as a line of time. Made of the run's events alone, which are never
// changed: so a restart or a resume adds to a line and takes nothing from it.

import QueueRunner

/// The lines of a run, in the order in which they began.
struct Timeline: Sendable, Equatable {
  /// One task, host command or integration.
  struct Track: Sendable, Equatable {
    let key: String
    let kind: OperationKind
    let phase: String
    var spans: [Span] = []
    var marks: [Mark] = []
    /// How its last piece ended; nil while it is under way.
    var end: End?
  }

  /// A stretch of waiting for somebody, or of being worked on. `endMs` is nil while it lasts.
  struct Span: Sendable, Equatable {
    enum Kind: String, Sendable { case waiting, working }
    let kind: Kind
    let startMs: Int64
    var endMs: Int64?
  }

  /// A moment worth a mark.
  struct Mark: Sendable, Equatable {
    enum Kind: String, Sendable { case refused, expired, released, stale, kept, anew, rejected }
    let kind: Kind
    let atMs: Int64
    let text: String
  }

  enum End: String, Sendable { case completed, failed, blocked, cancelled }

  private(set) var tracks: [Track] = []
  /// Milliseconds since 1970: the first and the last event.
  private(set) var startMs: Int64 = 0
  private(set) var endMs: Int64 = 0
  private var index: [String: Int] = [:]

  init(_ events: [EventRecord]) throws {
    startMs = events.first?.createdAtMs ?? 0
    endMs = events.last?.createdAtMs ?? 0
    for event in events { try take(event) }
  }

  private mutating func take(_ event: EventRecord) throws {
    guard let type = EventType(rawValue: event.type) else { return }
    let at = event.createdAtMs
    switch type {
    case .operationScheduled, .operationCompleted: try take(operation: event, type)
    case .taskCreated: try created(try event.payload(), at)
    case .leased: try change(event) { $0.begin(.working, at) }
    case .reclaimed:
      try change(event) { $0.setBack(.expired, at, "the lease ran out") }
    case .released:
      let why = try event.payload()["reason"]?.string ?? ""
      try change(event) { $0.setBack(.released, at, why) }
    case .agentCompleted: try change(event) { $0.finish(.completed, at) }
    case .agentFailed: try change(event) { $0.finish(.failed, at) }
    case .agentBlocked: try change(event) { $0.finish(.blocked, at) }
    case .agentCancelled: try change(event) { $0.finish(.cancelled, at) }
    case .resultError, .resultStale:
      let text = try event.payload()["error"]?.string ?? ""
      try change(event) { $0.mark(type == .resultError ? .refused : .stale, at, text) }
    case .taskInvalidated: try invalidated(event)
    case .runCreated, .runStatus, .attached, .snapshot, .artifactWritten, .workflowLog, .workflowCompleted,
      .workflowFailed, .workflowSuspended:
      break
    }
  }

  /// Host commands and integrations have lines of their own; tasks have theirs by child key.
  private mutating func take(operation event: EventRecord, _ type: EventType) throws {
    let payload = try event.payload()
    let key = payload["opKey"]?.string ?? ""
    guard let kind = OperationKind.allCases.first(where: { key.hasPrefix("\($0.rawValue):") }) else { return }
    let rejection = payload["rejection"]?.string
    guard kind == .hostCommand || kind == .integrate || rejection != nil else { return }
    let at = event.createdAtMs
    let track = self.track(key, kind, payload["phase"]?.string ?? "")
    if type == .operationScheduled { return tracks[track].begin(.waiting, at) }
    for execution in payload["executions"]?.array ?? [] {
      if let started = execution["startedAt"]?.string.flatMap(Timestamp.ms) {
        tracks[track].begin(.working, started)
      }
    }
    if let rejection { tracks[track].mark(.rejected, at, rejection) }
    tracks[track].finish(rejection == nil ? .completed : .failed, at)
  }

  private mutating func created(_ payload: JSONValue, _ at: Int64) throws {
    let key = payload["childKey"]?.string ?? ""
    let kind: OperationKind = key.hasPrefix("\(OperationKind.fanout.rawValue):") ? .fanout : .agent
    let track = track(key, kind, payload["phase"]?.string ?? "")
    guard let kept = payload["keptFrom"]?.string else { return tracks[track].begin(.waiting, at) }
    tracks[track].mark(.kept, at, "kept from \(kept)")
    tracks[track].finish(payload["status"]?.string.flatMap(End.init(rawValue:)) ?? .completed, at)
  }

  /// A restart makes the task again, which is an event of its own; a resume only lets it go on.
  private mutating func invalidated(_ event: EventRecord) throws {
    let payload = try event.payload()
    let at = event.createdAtMs
    try change(event) {
      $0.mark(.anew, at, payload["reason"]?.string ?? "")
      if payload["generation"] == nil { $0.begin(.waiting, at) }
    }
  }

  private mutating func change(_ event: EventRecord, _ change: (inout Track) -> Void) throws {
    guard let key = try event.payload()["childKey"]?.string, let at = index[key] else { return }
    change(&tracks[at])
  }

  private mutating func track(_ key: String, _ kind: OperationKind, _ phase: String) -> Int {
    if let known = index[key] { return known }
    index[key] = tracks.count
    tracks.append(Track(key: key, kind: kind, phase: phase))
    return tracks.count - 1
  }
}

extension Timeline.Track {
  fileprivate mutating func begin(_ kind: Timeline.Span.Kind, _ at: Int64) {
    close(at)
    end = nil
    spans.append(Timeline.Span(kind: kind, startMs: at))
  }

  fileprivate mutating func setBack(_ kind: Timeline.Mark.Kind, _ at: Int64, _ text: String) {
    mark(kind, at, text)
    begin(.waiting, at)
  }

  fileprivate mutating func mark(_ kind: Timeline.Mark.Kind, _ at: Int64, _ text: String) {
    marks.append(Timeline.Mark(kind: kind, atMs: at, text: text))
  }

  fileprivate mutating func finish(_ end: Timeline.End, _ at: Int64) {
    close(at)
    self.end = end
  }

  private mutating func close(_ at: Int64) {
    guard let last = spans.indices.last, spans[last].endMs == nil else { return }
    spans[last].endMs = at
  }
}
