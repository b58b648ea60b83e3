// What a driver knows of its session: how far it has been brought, and what it must schedule again on the way.
// Pure, but for the load, which each session begins with.

import GRDB
import QueueRunner

/// A run that cannot go on, and why: the reason that `status` and the report's reader see.
struct RunFailure: Error, Equatable {
  let reason: String
}

/// The driver's side of a session.
struct ReplayState {
  let generation: Int
  /// The last turn whose operations and logs are in the state; earlier ones are compared, not recorded.
  private(set) var recordedTurns: Int
  var counts: AgentCounts
  /// How many operations the generation has.
  private(set) var operations: Int
  /// Deliveries that the session has answered.
  private(set) var delivered = 0
  private(set) var turn = -1
  private(set) var claims: [JSONValue] = []
  private(set) var ending: Turn.State?
  /// Turns that have come back and are not yet recorded or compared.
  private var fresh: [(index: Int, turn: Turn)] = []
  private var scheduled: Set<String> = []
  /// What earlier sessions scheduled, by turn: the arguments' digest of each key.
  private let recorded: [Int: [String: String]]

  static func load(_ db: Database) throws -> ReplayState {
    let record = try RunStore.get(db)
    let known = try OperationStore.scheduled(db, generation: record.generation)
    let byPhase = try TaskStore.phaseCounts(db, generation: record.generation)
    return ReplayState(
      generation: record.generation, recordedTurns: record.turns,
      counts: AgentCounts(total: byPhase.values.reduce(0, +), byPhase: byPhase), operations: known.count,
      recorded: known.digests)
  }

  /// Nothing has been brought to a session yet.
  var isUntouched: Bool { turn < 0 && delivered == 0 }

  init(
    generation: Int, recordedTurns: Int, counts: AgentCounts, operations: Int,
    recorded: [Int: [String: String]]
  ) {
    self.generation = generation
    self.recordedTurns = recordedTurns
    self.counts = counts
    self.operations = operations
    self.recorded = recorded
  }

  /// The turn that a delivery brought about (or, before any, the start). The history follows the callback:
  /// a delivery of something that it has not asked for means that it took another way than before.
  mutating func add(_ new: Turn, after delivery: String?) throws(RunFailure) {
    if let delivery {
      try expect(delivery)
      delivered += 1
    }
    turn += 1
    fresh.append((turn, new))
    for operation in new.scheduled { scheduled.insert(operation.key) }
    claims += new.claims
    if new.state != .suspended { ending = new.state }
  }

  /// Checks that the callback waits for what is delivered next.
  func expect(_ key: String) throws(RunFailure) {
    if scheduled.contains(key) { return }
    throw RunFailure(
      reason:
        "the workflow is not deterministic: the history goes on with `\(key)`, which the callback has not "
        + "scheduled by turn \(turn) of this replay")
  }

  /// The turns since the last call.
  mutating func takeFresh() -> [(index: Int, turn: Turn)] {
    defer { fresh = [] }
    return fresh
  }

  /// Notes that everything through this turn is in the state.
  mutating func didRecord(through turn: Int, operations count: Int) {
    recordedTurns = max(recordedTurns, turn)
    operations += count
  }

  func isRecorded(_ turn: Int) -> Bool { turn <= recordedTurns }

  /// How a replayed turn differs from the recorded one, or nil. `differs` is asked for the first differing
  /// path of one operation's arguments.
  func difference(
    _ turn: Int, _ scheduled: [ScheduledOperation],
    path differs: (ScheduledOperation, String) throws -> String
  ) throws -> String? {
    let before = recorded[turn] ?? [:]
    for operation in scheduled {
      guard let digest = before[operation.key] else {
        return "at turn \(turn) it scheduled `\(operation.key)`, which it did not before"
      }
      if digest != Digest.sha256Hex(operation.argsText) {
        return "`\(operation.key)` has other arguments than before, at `\(try differs(operation, digest))`"
      }
    }
    let now = Set(scheduled.map(\.key))
    if let missing = before.keys.sorted().first(where: { !now.contains($0) }) {
      return "at turn \(turn) it did not schedule `\(missing)`, which it did before"
    }
    return nil
  }
}

/// Where two JSON values first differ.
enum JSONDifference {
  /// The JSON pointer (RFC 6901) of the first difference in member order; nil where they are equal.
  static func firstPath(_ a: JSONValue, _ b: JSONValue, at path: String = "") -> String? {
    switch (a, b) {
    case (.object(let x), .object(let y)):
      for member in x.members {
        let here = path + "/" + JSONPointer.escape(member.key)
        guard let other = y[member.key] else { return here }
        if let found = firstPath(member.value, other, at: here) { return found }
      }
      return y.keys.first { x[$0] == nil }.map { path + "/" + JSONPointer.escape($0) }
    case (.array(let x), .array(let y)):
      for (index, pair) in zip(x, y).enumerated() {
        if let found = firstPath(pair.0, pair.1, at: "\(path)/\(index)") { return found }
      }
      return x.count == y.count ? nil : "\(path)/\(min(x.count, y.count))"
    case (.null, _), (.bool, _), (.number, _), (.string, _), (.array, _), (.object, _):
      return a == b ? nil : (path.isEmpty ? "/" : path)
    }
  }
}
