import Glibc
import QueueRunner
import Testing

/// What commands do while another process drives the run (contract §7).
@Suite("beside a live driver", .timeLimit(.minutes(15)))
struct BesideDriverTests {
  /// A command that says its pid and then waits to be killed, or for a file to appear.
  static let waits = """
    permissions: { read: ["src/**"], write: [], hostCommands: [{ id: "wait", argv: ["sh", "-c",
      "echo $$ > pid.part; mv pid.part pid; while ! test -e go; do sleep 0.05; done; echo went"] }] },
    """

  static func source(_ body: String) -> String {
    """
    import { workflow } from "@flowdex/runtime";
    export default workflow({ name: "waits", maxAgents: 10, maxConcurrency: 10, \(waits)
      phases: [{ id: "one" }] }, async (ctx) => {
    \(body)
    });
    """
  }

  static let body = """
    const out = await ctx.hostCommand({ id: "w", phase: "one", commandId: "wait" });
    ctx.report({ status: out.status });
    """

  /// Starts a run whose command waits; the command's pid.
  static func start(_ scratch: Scratch) async throws -> (Running, Int32) {
    try scratch.file("workflow.ts", source(body))
    let run = try await Cli.start(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    while !scratch.exists("pid"), kill(run.pid, 0) == 0 { await Task.yield() }
    let pid = try #require(Int32(try scratch.text("pid").split(separator: "\n").first ?? ""))
    return (run, pid)
  }

  @Test("stop kills the host command of the process that drives, which then ends by itself")
  func stop() async throws {
    let scratch = try Scratch()
    let (run, pid) = try await Self.start(scratch)
    let stopped = try await Cli.run(["stop", "r1", "--json"], in: scratch.path)
    #expect(try stopped.json() == ["runId": "r1", "status": "stopped"], "\(stopped)")
    let output = try await run.output()
    #expect(try output.status == 0 && output.json()["status"] == "stopped", "\(output)")
    #expect(kill(pid, 0) != 0, "the command is gone")
    try scratch.file("go", "")
    let resumed = try await Cli.run(["resume", "r1"], in: scratch.path)
    #expect(resumed.status == 0, "\(resumed)")
    #expect(try resumed.json()["status"] == "completed", "a command that was killed has not run: \(resumed)")
  }

  @Test("a pause lets the host command end and keeps its result")
  func pause() async throws {
    let scratch = try Scratch()
    let (run, _) = try await Self.start(scratch)
    #expect(try await Cli.run(["pause", "r1"], in: scratch.path).status == 0)
    try scratch.file("go", "")
    let output = try await run.output()
    #expect(try output.status == 0 && output.json()["status"] == "paused", "\(output)")
    try FileSystem.remove("\(scratch.path)/pid")
    let resumed = try await Cli.run(["resume", "r1"], in: scratch.path)
    #expect(try resumed.json()["report"] == ["status": "completed"], "\(resumed)")
    #expect(!scratch.exists("pid"), "it is not run twice")
  }

  @Test(
    "continue, resume and collect-results --continue leave the driving to it, say who it is, and exit 0",
    arguments: [["continue", "r1"], ["resume", "r1"], ["collect-results", "r1", "--continue", "--json"]])
  func leavesTheDriving(command: [String]) async throws {
    let scratch = try Scratch()
    let (run, _) = try await Self.start(scratch)
    let beside = try await Cli.run(command, in: scratch.path)
    #expect(beside.status == 0, "\(beside)")
    #expect(beside.stderr.contains("process \(run.pid) drives run `r1`"), "\(beside)")
    let json = try beside.json()
    #expect((json["continued"] ?? json)["status"] == "running", "\(beside)")
    try scratch.file("go", "")
    #expect(try await run.output().json()["report"] == ["status": "completed"])
  }

  @Test("a run that ends takes the results that lie there before it withdraws the leases")
  func endTakesWhatIsThere() async throws {
    let scratch = try Scratch()
    try scratch.workflow(
      """
      const one = (id) => ctx.agent({ id, phase: "one", mode: "read-only", prompt: "x" });
      ctx.report((await Promise.race([one("a"), one("b"), one("c")])).flowdex.childKey);
      """)
    _ = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    let leases = try await Cli.run(["next", "r1", "--json", "--files"], in: scratch.path).json().array ?? []
    try #require(leases.count == 3)
    try FileSystem.write(Envelope.json().canonicalBytes, to: try #require(leases[1]["resultPath"]?.string))
    let done = try await Cli.run(
      [
        "complete-agent", "r1", "agent:a", "--lease-token", leases[0]["leaseToken"]?.string ?? "",
        "--result", Envelope.json().compactText,
      ], in: scratch.path)
    #expect(done.status == 0, "\(done)")
    #expect(try await Cli.run(["continue", "r1"], in: scratch.path).json()["report"] == "agent:a")
    let tasks = try await Cli.run(["status", "r1", "--json"], in: scratch.path).json()["tasks"]?.array ?? []
    #expect(tasks.map { $0["status"] ?? nil } == ["completed", "completed", "cancelled"])
    let folder = FileSystem.split(leases[1]["resultPath"]?.string ?? "").parent
    #expect(FileSystem.exists("\(folder)/adapter-result.accepted"))
  }

  @Test(
    "host commands that are scheduled together run together",
    .enabled(if: sysconf(Int32(_SC_NPROCESSORS_ONLN)) > 1, "skipped: one core runs one command at a time"))
  func together() async throws {
    let scratch = try Scratch()
    let meet = { (mine: String, other: String) in
      #"{ id: "\#(mine)", argv: ["sh", "-c", "touch \#(mine); until test -e \#(other); do sleep 0.02; done"] }"#
    }
    try scratch.file(
      "w.ts",
      Self.source(
        """
        const both = await Promise.all(["a", "b"].map((id) => ctx.hostCommand({ id, phase: "one", commandId: id })));
        ctx.report(both.map((one) => one.status));
        """
      ).replacing(
        Self.waits,
        with: """
          permissions: { read: ["src/**"], write: [], hostCommands: [\(meet("a", "b")), \(meet("b", "a"))] },
          """))
    let run = try await Cli.run(["run", "w.ts", "--yes"], in: scratch.path)
    #expect(try run.json()["report"] == ["completed", "completed"], "\(run)")
  }

  @Test("renew starts a lease anew; one that has ended is refused")
  func renew() async throws {
    let scratch = try Scratch()
    try scratch.workflow(
      "ctx.report((await ctx.agent({ id: 'a', phase: 'one', mode: 'read-only', prompt: 'x' })).status);")
    _ = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    let lease = try #require(
      try await Cli.run(["next", "r1", "--json"], in: scratch.path).json().array?.first)
    let token = try #require(lease["leaseToken"]?.string)
    let command = ["renew", "r1", "agent:a", "--lease-token", token, "--json"]
    let renewed = try await Cli.run(command, in: scratch.path).json()["leaseExpiresAt"]?.string
    #expect(try #require(renewed) > #require(lease["leaseExpiresAt"]?.string))
    let status = try await Cli.run(["status", "r1", "--json"], in: scratch.path).json()
    #expect(status["tasks"]?.array?.first?["leaseExpiresAt"]?.string == renewed)
    #expect(try await Cli.run(["stop", "r1"], in: scratch.path).status == 0)
    let late = try await Cli.run(command, in: scratch.path)
    #expect(late.status == 1 && late.stderr.contains("withdrawn"), "\(late)")
  }
}
