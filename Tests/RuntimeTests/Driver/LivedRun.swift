import GRDB
import Glibc
import Testing

@testable import QueueRunner
@testable import Runtime

/// A run of a random workflow that was lived through in this process: each drive in a session of its own that replays
/// what was, and workers who answer in any order.
enum LivedRun {
  /// Lives through the seed's workflow to its end, then gives the run away; its folder goes with the body.
  static func with<Value: Sendable>(_ seed: UInt64, _ body: @escaping @Sendable (Run) throws -> Value) throws
    -> Value
  {
    let deno = try TestDeno.path.get()
    return try PermanentThread.run {
      try TestDeno.withFolder { folder in try body(live(seed, folder, deno)) }
    }
  }

  private static func live(_ seed: UInt64, _ folder: String, _ deno: String) throws -> Run {
    let project = try Project.findOrCreate(from: folder)
    try FileSystem.makeDirectories("\(folder)/src")
    let bytes = Array(RandomWorkflow.source(seed).utf8)
    let run = try project.create(
      Project.NewRun(
        document: WorkflowDocument.read(text: bytes, file: "w.ts"), source: bytes, input: Array("{}".utf8),
        id: "r"))
    let environment = DriverEnvironment(
      makeSession: { manifest, folder in
        try DenoSession(configuration: .init(deno: deno, limits: manifest.limits, workingFolder: folder))
      }, interrupts: [], cores: 2)
    var random = SeededGenerator(seed ^ 0xDE7E)
    var held: [IssuedLease] = []
    while true {
      let result = try run.drive(environment)
      guard result.status == .needsDispatch || result.status == .running else { return run }
      held += try run.queue.lease(limit: 100, files: false) { nil }
      held.shuffle(using: &random)
      // At least one, or nothing would ever move; the rest wait for a later process.
      let count = min(held.count, Int.random(in: 1...3, using: &random))
      for lease in held.prefix(count) { try answer(run, lease, &random) }
      held.removeFirst(count)
    }
  }

  private static func answer(_ run: Run, _ lease: IssuedLease, _ random: inout SeededGenerator) throws {
    let result = envelope(isFailed: random.below(5) == 0, n: random.below(10))
    _ = try run.queue.complete(childKey: lease.childKey, token: lease.token, result: result)
  }

  static func envelope(isFailed: Bool, n: Int) -> [UInt8] {
    let envelope: JSONValue = [
      "status": isFailed ? "failed" : "completed", "summary": "s", "data": ["n": JSONValue(n)], "claims": [],
      "artifacts": [], "diff": nil, "usage": [:], "error": nil,
    ]
    return envelope.canonicalBytes
  }
}

/// Histories that were falsified: the comparison must see each.
@Suite("a history that is not what was lived", .serialized, .timeLimit(.minutes(15)))
struct FalseHistoryTests {
  @Test("is seen: a delivery changed, left out, or before its time")
  func seen() throws {
    // The first seed whose report shows enough.
    for seed: UInt64 in 1...40 {
      let unseen = try LivedRun.with(seed) { run -> [String]? in
        let keys = try Replayed(run).history
        let agents = keys.indices.filter { keys[$0].hasPrefix("agent:") }.map { $0 + 1 }
        guard try run.record().status == .completed, agents.count >= 4 else { return nil }
        return Replayed.differences(run) + (try Self.falsify(run, agents))
      }
      if let unseen {
        #expect(unseen == [])
        return
      }
    }
    Issue.record("no seed has such a history")
  }

  /// What is not seen.
  private static func falsify(_ run: Run, _ agents: [Int]) throws -> [String] {
    var unseen: [String] = []
    let replayed = try Replayed(run)
    let delivered = replayed.delivered
    for n in agents.prefix(3) {
      let key = replayed.history[n - 1]
      unseen += try Self.unseenIn(run, "another result of \(key)") { try forge($0, key) }
      unseen += try Self.unseenIn(run, "\(key) damaged") { tx in
        try tx.db.execute(
          sql: """
            UPDATE artifacts SET bytes = CAST(replace(CAST(bytes AS TEXT), '"n":', '"m":') AS BLOB)
            WHERE digest = (SELECT result FROM tasks WHERE group_key = ?)
            """, arguments: [key])
      }
    }
    for n in [1, delivered / 2, delivered] {
      unseen += try Self.unseenIn(run, "without delivery \(n)") {
        try $0.db.execute(sql: "DELETE FROM history WHERE n = \(n)")
      }
    }
    for n in [1, delivered / 2, delivered - 1] {
      unseen += try Self.unseenIn(run, "delivery \(n) after the next") { tx in
        for (from, to) in [(n, 100_000), (n + 1, n), (100_000, n + 1)] {
          try tx.db.execute(sql: "UPDATE history SET n = \(to) WHERE n = \(from)")
        }
      }
    }
    return unseen
  }

  /// Falsifies a copy of the run: empty where its replay differs, as it should.
  private static func unseenIn(
    _ run: Run, _ what: String, _ change: (Transaction) throws -> Void
  ) throws -> [String] {
    try TestDeno.withFolder { folder in
      let place = ProjectLayout(projectRoot: folder).run("r")
      for made in [place.root, place.ready, place.claimed, place.dispatches] {
        try FileSystem.makeDirectories(made)
      }
      for (from, to) in [
        (run.layout.database, place.database), (run.layout.databaseLog, place.databaseLog),
        (run.layout.workflow, place.workflow), (run.layout.input, place.input),
      ] where FileSystem.exists(from) { try FileSystem.write(try FileSystem.read(from), to: to) }
      let copy = try Project(layout: ProjectLayout(projectRoot: folder)).open("r")
      try copy.database.transition(change)
      return Replayed.differences(copy).isEmpty ? [what] : []
    }
  }

  /// Puts another result in the place of an agent's, with every hash right: only what the callback makes of it differs.
  private static func forge(_ tx: Transaction, _ key: String) throws {
    var task: TaskRecord?
    try TaskStore.each(tx.db, generation: 1, groupKey: key) { task = $0 }
    let found = try #require(task)
    let layout = RunLayout(root: "/nonexistent", runId: "r")
    let bytes = LivedRun.envelope(isFailed: false, n: 77)
    let digest = try ArtifactStore.put(tx, bytes, layout: layout, announce: false)
    guard case .valid(let result) = AdapterResult.judge(bytes) else {
      throw FlowdexError.bug("test", "no result")
    }
    let text = DeliveredResult(
      result: result, childKey: found.childKey, attempt: found.attempt, resultArtifactId: digest, diff: nil,
      schemaArtifactId: nil
    ).text
    try tx.db.execute(
      sql: "UPDATE tasks SET result = ?, delivered_hash = ? WHERE group_key = ?",
      arguments: [digest, Digest.sha256Hex(text), key])
    try tx.db.execute(
      sql: "UPDATE history SET result_hash = ? WHERE key = ?", arguments: [Digest.sha256Hex(text), key])
  }
}
