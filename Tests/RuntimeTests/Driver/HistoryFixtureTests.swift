import GRDB
import Glibc
import QueueRunner
import Testing

@testable import Runtime

/// Runs that a released flowdex has left, opened and replayed by this one. `Fixtures/make.py` made them; what was
/// released once must open for ever.
@Suite("histories of finished runs", .serialized, .timeLimit(.minutes(15)))
struct HistoryFixtureTests {
  static let folder = FileSystem.split(FileSystem.split(#filePath).parent).parent + "/Fixtures"
  static let names = ((try? FileSystem.names(in: folder)) ?? []).filter { $0.hasPrefix("v") }.sorted()

  /// Opens a copy of a fixture on a thread of its own.
  static func with<Value: Sendable>(
    _ name: String, _ body: @escaping @Sendable (Run, JSONValue) throws -> Value
  ) throws -> Value {
    try PermanentThread.run {
      try TestDeno.withFolder { scratch in
        let layout = ProjectLayout(projectRoot: scratch)
        let place = layout.run("run")
        for folder in [place.root, place.ready, place.claimed, place.dispatches] {
          try FileSystem.makeDirectories(folder)
        }
        for (file, path) in [
          ("state.sqlite", place.database), ("workflow.ts", place.workflow), ("input.json", place.input),
        ] { try FileSystem.write(try FileSystem.read("\(folder)/\(name)/\(file)"), to: path) }
        let expected = try JSONValue(parsing: try FileSystem.read("\(folder)/\(name)/expected.json"))
        return try body(try Project(layout: layout).open("run"), expected)
      }
    }
  }

  @Test("the first version is frozen, in every state that a run can be left in")
  func frozen() {
    #expect(
      Self.names == ["v1-failed", "v1-finished", "v1-paused", "v1-restarted", "v1-waiting"]
        || Self.names.count > 5)
    for name in ["v1-failed", "v1-finished", "v1-paused", "v1-restarted", "v1-waiting"] {
      #expect(Self.names.contains(name))
    }
  }

  @Test("a frozen state opens and says what it said", arguments: names)
  func opens(name: String) throws {
    try Self.with(name) { run, expected in
      let record = try run.record()
      #expect(record.status.rawValue == expected["status"]?.string)
      #expect(JSONValue(record.generation) == expected["generation"])
      #expect(JSONValue(record.error) == expected["error"])
      let report = try run.reportText().map { try JSONValue(parsing: $0) } ?? .null
      #expect(report == expected["report"])
      let tasks = try run.database.read { try TaskStore.all($0, generation: record.generation) }
      let stood = tasks.map { JSONValue.array([.string($0.childKey), .string($0.state.rawValue)]) }
      #expect(JSONValue.array(stood) == expected["tasks"])
      #expect(JSONValue(try run.database.rebuildEvents()) == expected["events"])
      #expect(try RunViews.inspect(run, all: true)["events"]?.array?.count == expected["events"]?.int)
    }
  }

  @Test("its tables, brought up to date, are those of a new run", arguments: names)
  func migrated(name: String) throws {
    let source = "import { workflow } from \"@flowdex/runtime\";\n"
    let manifest = """
      export default workflow({ name: "n", maxAgents: 1, maxConcurrency: 1,
        permissions: { read: ["**"], write: [] }, phases: [{ id: "p" }] }, async () => {});
      """
    try Self.with(name) { run, _ in
      let bytes = Array((source + manifest).utf8)
      let fresh = try Project(layout: run.project).create(
        Project.NewRun(
          document: try WorkflowDocument.read(text: bytes, file: "w.ts"), source: bytes,
          input: Array("{}".utf8), id: "new"))
      func tables(_ run: Run) throws -> [String] {
        try run.database.read {
          try String.fetchAll(
            $0, sql: "SELECT name || ': ' || coalesce(sql, '') FROM sqlite_master ORDER BY name")
        }
      }
      #expect(try tables(run) == tables(fresh))
    }
  }

  @Test("a fresh session that follows the history schedules the same and comes to the same", arguments: names)
  func replays(name: String) throws {
    try Self.with(name) { run, expected in
      let replayed = try Replayed(run)
      #expect(try replayed.differences(from: run) == [])
      #expect(JSONValue.array(replayed.operations.map(JSONValue.string)) == expected["operations"])
      #expect(JSONValue.array(replayed.history.map(JSONValue.string)) == expected["history"])
      if case .failed(let reason)? = replayed.ending {
        #expect(JSONValue.string(reason) == expected["error"])
      }
    }
  }

  @Test("what was left half done goes on to its report", arguments: names)
  func goesOn(name: String) throws {
    let deno = try TestDeno.path.get()
    let report = try Self.with(name) { run, _ -> JSONValue? in
      let environment = DriverEnvironment(
        makeSession: { manifest, folder in
          try DenoSession(configuration: .init(deno: deno, limits: manifest.limits, workingFolder: folder))
        }, interrupts: [], cores: 2)
      switch try run.record().status {
      case .completed: return try run.reportText().map { try JSONValue(parsing: $0) }
      case .failed: _ = try run.restart("agent:a")
      case .running, .needsDispatch: _ = try run.stop()
      case .paused, .stopped: break
      }
      try run.resume()
      while try run.drive(environment).status == .needsDispatch {
        for lease in try run.queue.lease(limit: 10, files: false, workspace: { nil }) {
          let envelope: JSONValue = [
            "status": "completed", "summary": "counted", "data": ["n": 9], "claims": [], "artifacts": [],
            "diff": nil, "usage": [:], "error": nil,
          ]
          _ = try run.queue.complete(
            childKey: lease.childKey, token: lease.token, result: envelope.canonicalBytes)
        }
      }
      return try run.reportText().map { try JSONValue(parsing: $0) }
    }
    #expect(report?["numbers"]?.array?.count == 2)
    #expect(report?["claims"]?.array?.first?["standing"] == "verified")
  }

  @Test("a state that a newer flowdex has written is refused by name")
  func newer() throws {
    try Self.with("v1-finished") { run, _ in
      try run.database.transition { tx in
        try tx.db.execute(sql: "INSERT INTO grdb_migrations VALUES ('runtime-9999')")
      }
      let error = #expect(throws: FlowdexError.self) { try Project(layout: run.project).open("run") }
      #expect(error?.code == "newer-state")
    }
  }
}
