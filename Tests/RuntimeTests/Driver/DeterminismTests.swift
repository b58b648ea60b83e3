import Glibc
import QueueRunner
import Testing

@testable import Runtime

/// A run and its replay cannot differ. `FLOWDEX_REPLAYS` and `FLOWDEX_WORKFLOWS` say how many are looked at, and
/// `FLOWDEX_SEED` where they begin; `make torture` asks for a thousand of each.
@Suite("determinism", .serialized, .timeLimit(.minutes(120)))
struct DeterminismTests {
  private static func setting(_ name: String, _ usual: Int) -> Int {
    getenv(name).flatMap { Int(String(cString: $0)) } ?? usual
  }

  @Test("saved histories, replayed again and again in fresh sessions, come to the same")
  func replays() throws {
    let count = Self.setting("FLOWDEX_REPLAYS", 20)
    let names = HistoryFixtureTests.names
    for (number, name) in names.enumerated() {
      let times = count / names.count + (number < count % names.count ? 1 : 0)
      try HistoryFixtureTests.with(name) { run, expected in
        for _ in 0..<times {
          let replayed = try Replayed(run)
          #expect(replayed.differences == [], "\(name)")
          #expect(
            JSONValue.array(replayed.operations.map(JSONValue.string)) == expected["operations"], "\(name)")
          guard case .completed(let value)? = replayed.ending else { continue }
          #expect(try Self.report(run, value, replayed.claims) == run.reportText(), "\(name)")
        }
      }
    }
  }

  @Test("random workflows, with workers in any order and a new process at any point, replay to the same")
  func random() throws {
    let deno = try TestDeno.path.get()
    let first = Self.setting("FLOWDEX_SEED", 1)
    for seed in first..<(first + Self.setting("FLOWDEX_WORKFLOWS", 8)) {
      let source = RandomWorkflow.source(UInt64(seed))
      try PermanentThread.run {
        try TestDeno.withFolder { folder in
          do {
            try Self.live(source, UInt64(seed), folder, deno)
          } catch {
            Issue.record("seed \(seed): \(error)\n\(source)")
          }
        }
      }
    }
  }

  private static func report(_ run: Run, _ value: String, _ claims: [JSONValue]) throws -> String? {
    let generation = try run.record().generation
    let outcome = try run.database.read { db in
      try ReportBuilder.build(
        valueText: value, staged: claims, facts: RunFacts(db: db, layout: run.layout, generation: generation))
    }
    guard case .verified(let text, _) = outcome else { return nil }
    return text
  }

  /// Lives through the workflow, each drive in a session of its own that replays what was, then replays the whole.
  private static func live(_ source: String, _ seed: UInt64, _ folder: String, _ deno: String) throws {
    let project = try Project.findOrCreate(from: folder)
    try FileSystem.makeDirectories("\(folder)/src")
    let bytes = Array(source.utf8)
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
      guard result.status == .needsDispatch || result.status == .running else {
        let error = try run.record().error ?? ""
        #expect(result.status == .completed, "seed \(seed): \(error)\n\(source)")
        break
      }
      held += try run.queue.lease(limit: 100, files: false) { nil }
      held.shuffle(using: &random)
      // At least one, or nothing would ever move; the rest wait for a later process.
      let count = min(held.count, Int.random(in: 1...3, using: &random))
      for lease in held.prefix(count) { try answer(run, lease, &random) }
      held.removeFirst(count)
    }
    let replayed = try Replayed(run)
    #expect(replayed.differences == [], "seed \(seed)\n\(source)")
    let recorded = try run.database.read { try OperationStore.all($0, generation: 1).map(\.key) }
    #expect(Set(replayed.operations) == Set(recorded), "seed \(seed)\n\(source)")
    guard case .completed(let value)? = replayed.ending else {
      Issue.record("seed \(seed): the replay did not come to an end\n\(source)")
      return
    }
    #expect(try report(run, value, replayed.claims) == run.reportText(), "seed \(seed)\n\(source)")
  }

  private static func answer(_ run: Run, _ lease: IssuedLease, _ random: inout SeededGenerator) throws {
    let envelope: JSONValue = [
      "status": .string(Int.random(in: 0..<5, using: &random) == 0 ? "failed" : "completed"), "summary": "s",
      "data": ["n": JSONValue(Int.random(in: 0..<10, using: &random))], "claims": [], "artifacts": [],
      "diff": nil, "usage": [:], "error": nil,
    ]
    _ = try run.queue.complete(
      childKey: lease.childKey, token: lease.token, result: envelope.canonicalBytes)
  }
}
