import QueueRunner
import Testing

@testable import Runtime

/// One replay of a run's current generation in a fresh session.
struct Replayed {
  /// Kind, id and arguments of what was scheduled, in the order of the calls.
  var scheduled: [ScheduledOperation] = []
  var operations: [String] { scheduled.map(\.key) }
  /// Where a turn scheduled something else than is recorded of it.
  var differences: [String] = []
  let history: [String]
  /// How many of them the callback was given before it ended.
  let delivered: Int
  let claims: [JSONValue]
  let ending: Turn.State?

  init(_ run: Run) throws {
    let record = try run.record()
    let manifest = try run.approvedDocument().manifest
    try FileSystem.makeDirectories(run.layout.sessionFolder)
    let session = try DenoSession(
      configuration: .init(
        deno: try TestDeno.path.get(), limits: manifest.limits, workingFolder: run.layout.sessionFolder))
    defer { session.close() }
    var replay = try run.database.read { try ReplayState.load($0) }
    let deliveries = try run.database.read {
      try HistoryStore.after($0, generation: record.generation, n: 0, limit: 10_000)
    }
    try session.start(
      SessionStart(
        source: String(decoding: try FileSystem.read(run.layout.workflow), as: UTF8.self),
        inputText: String(decoding: try FileSystem.read(run.layout.input), as: UTF8.self),
        nowMs: record.createdAtMs, manifestHash: record.manifestHash))
    try replay.add(try #require(try session.receive(wakeups: [])), after: nil)
    for delivery in deliveries where replay.ending == nil {
      try session.deliver(
        try run.database.read { db in
          try DeliveryValue.make(
            db, delivery, run.layout, record.generation, part: session.deliver(part:))
        })
      try replay.add(try #require(try session.receive(wakeups: [])), after: delivery.key)
    }
    for (index, turn) in replay.takeFresh() {
      scheduled += turn.scheduled
      if let difference = try replay.difference(index, turn.scheduled, path: { _, _ in "/" }) {
        differences.append(difference)
      }
    }
    history = deliveries.map(\.key)
    delivered = replay.delivered
    claims = replay.claims
    ending = replay.ending
  }

  /// Replays the run, and says how that differs from what is recorded: in its operations, one after another, in its report
  /// or in the reason for which it failed. A replay that breaks off differs, too.
  static func differences(_ run: Run) -> [String] {
    do {
      return try Replayed(run).differences(from: run)
    } catch {
      return ["the replay broke off: \(error)"]
    }
  }

  /// As `differences(_:)`, of this replay.
  func differences(from run: Run) throws -> [String] {
    let record = try run.record()
    let recorded = try Outcome.operations(of: run)
    let again = scheduled.map { Outcome.line($0.key, $0.kind, Digest.sha256Hex($0.argsText)) }
    var found = differences
    if again != recorded { found.append("it scheduled \(again), recorded are \(recorded)") }
    switch ending {
    case .completed(let value)?:
      if record.status != .completed { found.append("it came to an end, the run is \(record.status)") }
      let (ours, theirs) = (try report(run, value), try run.reportText())
      if ours != theirs { found.append("its report is \(ours ?? "refused"), stored is \(theirs ?? "none")") }
    case .failed(let reason)?:
      if record.status != .failed { found.append("it failed, the run is \(record.status)") }
      if record.error != reason {
        found.append("it failed: \(reason); the run: \(record.error ?? "did not")")
      }
    case .suspended?, nil:
      if record.status.hasEnded { found.append("it came to no end, the run is \(record.status)") }
    }
    return found
  }

  private func report(_ run: Run, _ value: String) throws -> String? {
    let generation = try run.record().generation
    let outcome = try run.database.read { db in
      try ReportBuilder.build(
        valueText: value, staged: claims, facts: RunFacts(db: db, layout: run.layout, generation: generation))
    }
    guard case .verified(let text, _) = outcome else { return nil }
    return text
  }
}

/// What a run has come to: what two runs of one workflow are compared by where nothing depends on who answers first.
struct Outcome: Equatable, Sendable {
  /// In the order in which they were scheduled.
  let operations: [String]
  let status: RunStatus
  let report: String?
  let error: String?

  static func line(_ key: String, _ kind: OperationKind, _ args: String) -> String {
    "\(kind.rawValue) \(key) \(args)"
  }

  static func operations(of run: Run) throws -> [String] {
    let generation = try run.record().generation
    return try run.database.read { try OperationStore.all($0, generation: generation) }.map {
      line($0.key, $0.kind, $0.argsDigest)
    }
  }
}

extension Outcome {
  init(_ run: Run) throws {
    let record = try run.record()
    self.init(
      operations: try Self.operations(of: run), status: record.status, report: try run.reportText(),
      error: record.error)
  }
}
