// What both forms of the page say in the same words.

import QueueRunner

extension RunPage {
  /// Where the lines of time end: now, while there is something under way.
  var axisEndMs: Int64 {
    let isOpen = timeline.tracks.contains { $0.spans.last.map { $0.endMs == nil } ?? false }
    return max(timeline.endMs, isOpen && !status.hasEnded ? takenAtMs : 0)
  }

  var elapsed: String { Words.duration((status.hasEnded ? updatedAtMs : takenAtMs) - createdAtMs) }

  /// `120 tasks: 118 completed, 2 failed · 12 claims: 11 verified, 1 attested`.
  var tally: String {
    var parts: [String] = []
    if !tasks.isEmpty {
      let counts = Dictionary(grouping: tasks.values, by: \.state).mapValues(\.count)
      let words = TaskState.allCases.compactMap { state in counts[state].map { "\($0) \(state.rawValue)" } }
      parts.append(Words.count(tasks.count, "task") + ": " + words.joined(separator: ", "))
    }
    if !claims.isEmpty {
      let counts = Dictionary(grouping: claims, by: \.standing).mapValues(\.count)
      let words = Standing.allCases.compactMap { standing in
        counts[standing].map { "\($0) \(standing.rawValue)" }
      }
      parts.append(Words.count(claims.count, "claim") + ": " + words.joined(separator: ", "))
    }
    return parts.joined(separator: " · ")
  }

  /// The report without the claims that have a section of their own; nil where that makes no difference.
  var reportWithoutClaims: JSONValue? {
    guard var object = report?.object, object["claimIds"] != nil, object["claims"] != nil else { return nil }
    object["claims"] = nil
    return .object(object)
  }

  func state(of track: Timeline.Track) -> String {
    if let task = tasks[track.key] { return task.state.rawValue }
    return track.end?.rawValue ?? "running"
  }

  func durations(_ track: Timeline.Track) -> String {
    func total(_ kind: Timeline.Span.Kind) -> Int64 {
      track.spans.filter { $0.kind == kind }.reduce(0) { $0 + ($1.endMs ?? axisEndMs) - $1.startMs }
    }
    return "waited \(Words.duration(total(.waiting))), worked \(Words.duration(total(.working)))"
  }

  /// What a line of time is about, in the order in which a reader asks.
  func facts(_ track: Timeline.Track) -> [(String, String)] {
    var facts = [("task", track.key), ("phase", track.phase), ("time", durations(track))]
    guard let task = tasks[track.key] else { return facts }
    if task.attempt > 1 { facts.append(("attempts", "\(task.attempt)")) }
    if let summary = task.summary, !summary.isEmpty { facts.append(("summary", Self.limited(summary, 2000))) }
    if let error = task.error { facts.append(("error", Self.limited(error, 2000))) }
    if let usage = task.usage { facts.append(("usage", Self.limited(usage.compactText, 500))) }
    return facts
  }

  /// The plain numbers of usage: a row for each phase, the sum last.
  var usageRows: (names: [String], rows: [(phase: String, numbers: [String])]) {
    let all =
      (usageByPhase.object?.members ?? []).map { ($0.key, Words.flat($0.value)) }
      + [("all", Words.flat(usage))]
    var names: [String] = []
    for (_, values) in all { for (name, _) in values where !names.contains(name) { names.append(name) } }
    let rows = all.map { phase, values in
      (phase, names.map { name in values.first { $0.0 == name }.map { Words.number($0.1) } ?? "" })
    }
    return (names, rows)
  }

  /// Lines without their line feeds; a last line feed ends a line and begins none.
  static func lines(_ text: String) -> [Substring] {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    if lines.last == "" { lines.removeLast() }
    return lines
  }

  static func limited(_ text: String, _ limit: Int = 256 << 10) -> String {
    guard text.utf8.count > limit else { return text }
    return String(decoding: text.utf8.prefix(limit), as: UTF8.self)
      + "… (\(text.utf8.count - limit) more bytes)"
  }
}

/// Numbers and times in words.
enum Words {
  /// `2 h 05 min`, `3 min 07 s`, `12.3 s`, `45 ms`.
  static func duration(_ ms: Int64) -> String {
    let ms = max(0, ms)
    func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
    if ms >= 3_600_000 { return "\(ms / 3_600_000) h \(two(ms / 60_000 % 60)) min" }
    if ms >= 60_000 { return "\(ms / 60_000) min \(two(ms / 1000 % 60)) s" }
    return ms >= 1000 ? "\(ms / 1000).\(ms / 100 % 10) s" : "\(ms) ms"
  }

  static func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

  /// The numbers in a value, by their path.
  static func flat(_ value: JSONValue, _ path: String = "") -> [(String, Double)] {
    if let number = value.number { return [(path, number)] }
    return (value.object?.members ?? []).flatMap {
      flat($0.value, path.isEmpty ? $0.key : "\(path).\($0.key)")
    }
  }

  static func number(_ number: Double) -> String { JSONValue.number(number).compactText }
}
