import Glibc
import QueueRunner
import Subprocess
import SystemPackage
import Testing

/// What a person looks at before a run, or when something seems wrong.
@Suite("preview and doctor", .timeLimit(.minutes(15)))
struct LookBeforeTests {
  private static let source = """
    import { workflow } from "@flowdex/runtime";
    export default workflow({
      name: "look", maxAgents: 2, maxConcurrency: 1,
      permissions: { read: ["**"], write: ["docs/**"], network: "web", env: { inherit: ["NPM_TOKEN"] },
        hostCommands: [{ id: "unit", argv: ["env", "true"] }] },
      phases: [{ id: "one" }],
    }, async (ctx) => { ctx.report(1); });
    """

  private static func project() throws -> Scratch {
    let scratch = try Scratch()
    try scratch.file("w.ts", source)
    try scratch.file("docs/a.md", "a")
    try scratch.file(".env", "SECRET=1")
    return scratch
  }

  @Test("a preview says what is here, and runs and writes nothing")
  func preview() async throws {
    let scratch = try Self.project()
    let before = try FileSystem.names(in: scratch.path).sorted()
    let output = try await Cli.run(["preview", "w.ts"], in: scratch.path)
    for line in [
      "write     docs/**  (1 file now)", "left out  .env, by the name a secret",
      "agents       at most 2, 1 at a time", "/env sha256 ",
      "warning   `read` has \"**\" where there are secrets",
      "host commands inherit `NPM_TOKEN`", "may use the network",
    ] {
      #expect(output.stdout.contains(line), "\(line) in \(output)")
    }
    #expect(!output.stdout.contains("\u{1B}"), "no colour in a pipe")
    let json = try await Cli.run(["preview", "w.ts", "--json"], in: scratch.path).json()
    #expect(
      json["warnings"]?.array?.map { $0["code"]?.string ?? "" } == [
        "secrets-in-reach", "read-everything-web", "secret-environment",
      ])
    #expect(json["files"]?["secretsLeftOut"] == [".env"] && json["files"]?["snapshotFiles"] == 2)
    #expect(try FileSystem.names(in: scratch.path).sorted() == before)
    #expect(try FileSystem.names(in: scratch.layout.runs) == [])
  }

  @Test("on a terminal write globs are red, unless NO_COLOR asks for none", arguments: [false, true])
  func colour(isPlain: Bool) async throws {
    let scratch = try Self.project()
    var environment: [Environment.Key: String?] = ["TERM": "xterm", "NO_COLOR": nil]
    if isPlain { environment["NO_COLOR"] = "1" }
    // script(1) gives it a terminal.
    let result = try await Subprocess.run(
      .name("script"), arguments: ["-qec", "'\(Cli.binary)' preview w.ts", "/dev/null"],
      environment: .inherit.updating(environment), workingDirectory: FilePath(scratch.path), input: .none,
      output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
    let red = "\u{1B}[31mdocs/**\u{1B}[0m"
    #expect(result.standardOutput.contains("docs/**"), "\(result)")
    #expect(result.standardOutput.contains(red) == !isPlain, "\(result)")
  }

  @Test("secrets are kept from workers, and the snapshot's event says so")
  func secrets() async throws {
    let scratch = try Scratch()
    try scratch.workflow(
      "ctx.report(await ctx.agent({ id: \"a\", phase: \"one\", mode: \"read-only\", prompt: \"p\" }));")
    try scratch.file("src/a", "a")
    try scratch.file("src/.env", "SECRET=1")
    try scratch.file("src/deploy/id_rsa", "key")
    _ = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    let leases = try await Cli.run(["next", "r1", "--json", "--files"], in: scratch.path).json()
    let folder = try #require(leases.array?.first?["cwd"]?.string)
    #expect(FileSystem.exists("\(folder)/src/a"))
    #expect(!FileSystem.exists("\(folder)/src/.env") && !FileSystem.exists("\(folder)/src/deploy/id_rsa"))
    let events = try await Cli.run(["inspect", "r1"], in: scratch.path).json()["events"]?.array ?? []
    let snapshot = try #require(events.first { $0["type"] == "native.dispatch.snapshot" })
    #expect(
      snapshot["payload"]?["skipped"]?.array?.map { $0["path"]?.string ?? "" } == [
        "src/.env", "src/deploy/id_rsa",
      ])
  }

  @Test("doctor exits with 1 when something must be done, says what, and is content afterwards")
  func doctor() async throws {
    let scratch = try Scratch()
    try scratch.workflow("ctx.report(1);")
    _ = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    let well = try await Cli.run(["doctor", "--json"], in: scratch.path)
    #expect(try well.status == 0 && well.json()["ok"] == true, "\(well)")
    let events = scratch.layout.run("r1").events
    let whole = try FileSystem.read(events)
    try FileSystem.write(Array(whole.dropLast(5)), to: events)
    let torn = try await Cli.run(["doctor"], in: scratch.path)
    #expect(torn.status == 1 && torn.stdout.contains("`flowdex repair-events r1`"), "\(torn)")
    _ = try await Cli.run(["repair-events", "r1"], in: scratch.path)
    #expect(try await Cli.run(["doctor"], in: scratch.path).status == 0)
    let noDeno = try await Cli.run(
      ["doctor", "--json"], in: scratch.path, environment: ["FLOWDEX_DENO": "/nonexistent/deno"])
    let finding = try noDeno.json()["findings"]?.array?.first { $0["id"] == "deno" }
    #expect(noDeno.status == 1 && finding?["standing"] == "problem", "\(noDeno)")
    let notDeno = try await Cli.run(
      ["doctor"], in: scratch.path, environment: ["FLOWDEX_DENO": "/bin/echo"])
    #expect(notDeno.status == 1 && notDeno.stdout.contains("does not say that it is deno"), "\(notDeno)")
  }
}
