import Glibc
import QueueRunner
import Testing

/// What a callback finds and is given, through the whole program (contract §3, §4).
@Suite("callback", .timeLimit(.minutes(15)))
struct CallbackTests {
  static func report(
    _ scratch: Scratch, _ body: String, manifest: String = ""
  ) async throws -> JSONValue {
    try scratch.workflow(body, manifest: manifest)
    let run = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    return try #require(try run.json()["report"], "\(run)")
  }

  @Test("what differs between runs is not there, and touching it names the durable way")
  func banned() async throws {
    let ways = [
      "Date.now()": "ctx.now()", "new Date()": "ctx.now()", "performance.now()": "ctx.now()",
      "Temporal.Now": "ctx.now()", "Math.random()": "ctx.input", "crypto.randomUUID()": "ctx.input",
      "setTimeout(() => {}, 1)": "await an operation", "fetch('x')": "ctx.hostCommand",
      "Deno.cwd()": "ctx.hostCommand", "process.env": "ctx.hostCommand", "console.log(1)": "ctx.log(text)",
      "eval('1')": "code is never made from text", "new WebAssembly.Memory({})": "code is never made",
    ]
    let tries = ways.keys.sorted().map { "[\"\($0)\", () => \($0)]" }.joined(separator: ",\n")
    let report = try await Self.report(
      try Scratch(),
      """
      const said = {};
      for (const [name, touch] of [\(tries)]) {
        try { touch(); said[name] = "it is there"; } catch (error) { said[name] = error.message; }
      }
      ctx.report(said);
      """)
    for (way, hint) in ways {
      #expect(report[way]?.string?.contains(hint) == true, "\(way): \(report[way]?.string ?? "")")
    }
  }

  @Test(
    "the input is frozen, time is the run's own, and a log line is recorded once, however often it is replayed"
  )
  func context() async throws {
    let scratch = try Scratch()
    try scratch.workflow(
      """
      let frozen = false;
      try { ctx.input.a.b = 2; } catch { frozen = true; }
      const begun = ctx.now();
      ctx.log("once");
      await ctx.agent({ id: "a", phase: "one", mode: "read-only", prompt: "x" });
      ctx.report({ frozen, begun, input: ctx.input, went: ctx.now() > begun });
      """)
    _ = try await Cli.run(
      ["run", "workflow.ts", "--yes", "--run-id", "r1", "--input", #"{"a":{"b":1}}"#], in: scratch.path)
    for _ in 0..<2 { _ = try await Cli.run(["continue", "r1"], in: scratch.path) }
    _ = try await LifecycleTests.answer(scratch, 1)
    let report = try await Cli.run(["continue", "r1"], in: scratch.path).json()["report"]
    #expect(report?["frozen"] == true && report?["input"] == ["a": ["b": 1]] && report?["went"] == true)
    let inspect = try await Cli.run(["inspect", "r1"], in: scratch.path).json()
    let begun = try #require(report?["begun"]?.int)
    #expect(inspect["run"]?["createdAt"] == .string(Timestamp.text(Int64(begun))))
    #expect(inspect["events"]?.array?.filter { $0["type"] == "workflow.log" }.count == 1)
  }

  @Test("a host command resolves completed, failed or needs-approval, with the members of the contract")
  func hostCommand() async throws {
    let report = try await Self.report(
      try Scratch(),
      """
      const run = (id) => ctx.hostCommand({ id, phase: "one", commandId: id });
      ctx.report(await Promise.all(["echo", "fail", "rm"].map(run)));
      """)
    let all = report.array ?? []
    #expect(all.map { $0["status"] ?? nil } == ["completed", "failed", "needs-approval"])
    let members = [
      "command", "durationMs", "exitCode", "maxOutputBytes", "stderrArtifactId", "stderrTruncated",
      "stdoutArtifactId", "stdoutTruncated", "timedOut",
    ]
    for one in all.prefix(2) { #expect(one["data"]?.object?.keys.sorted() == members) }
    #expect(all[0]["data"]?["exitCode"] == 0 && all[1]["data"]?["exitCode"] == 1)
    #expect(all[0]["data"]?["maxOutputBytes"] == 5_242_880)
    #expect(all[2]["data"]?["commandId"] == "rm" && all[2]["data"]?["exitCode"]?.isNull == true)
  }

  @Test("maxAgents counts distinct tasks: neither another attempt nor a restart is one more")
  func maxAgents() async throws {
    let scratch = try Scratch()
    let source = Scratch.source(
      """
      const one = (id) => ctx.agent({ id, phase: "one", mode: "read-only", prompt: "x" });
      const both = await Promise.all([one("a"), one("b")]);
      let refused = "";
      try { await one("c"); } catch (error) { refused = error.message; }
      ctx.report({ sum: both[0].data.n + both[1].data.n, refused });
      """
    ).replacing("maxAgents: 10000", with: "maxAgents: 2")
    try scratch.file("workflow.ts", source)
    _ = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    _ = try await Cli.run(["next", "r1", "--json"], in: scratch.path)
    _ = try await Cli.run(["stop", "r1"], in: scratch.path)
    _ = try await Cli.run(["resume", "r1"], in: scratch.path)
    #expect(
      try await LifecycleTests.answer(scratch, 1) == ["agent:a", "agent:b"], "the second attempt of each")
    let first = try await Cli.run(["continue", "r1"], in: scratch.path).json()["report"]
    #expect(first?["sum"] == 2)
    #expect(first?["refused"] == "`agent:c`: the run would have 3 tasks, and `maxAgents` is 2")
    _ = try await Cli.run(["restart-agent", "r1", "agent:a"], in: scratch.path)
    #expect(try await LifecycleTests.answer(scratch, 5) == ["agent:a"])
    #expect(try await Cli.run(["continue", "r1"], in: scratch.path).json()["report"]?["sum"] == 6)
  }

  @Test(
    "a Deno that ends at once, or that is a script, ends the drive with 1, and the run can be gone on with")
  func deadSession() async throws {
    let scratch = try Scratch()
    try scratch.workflow("ctx.report(7);")
    let script = try scratch.file("deno", "#!/bin/sh\nexit 9\n")
    chmod(script, 0o755)
    for fake in ["/bin/false", script] {
      let dead = try await Cli.run(
        ["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path,
        environment: ["FLOWDEX_DENO": fake]
      )
      #expect(dead.status == 1 && dead.stderr.contains("`\(fake)` does not run workflows"), "\(dead)")
    }
    let status = try await Cli.run(["status", "r1", "--json"], in: scratch.path).json()
    #expect(status["run"]?["status"] == "running")
    #expect(try await Cli.run(["continue", "r1"], in: scratch.path).json()["report"] == 7)
  }

  @Test("a host command that a crash cut off is killed and, if it may not run twice, is indeterminate")
  func crashed() async throws {
    let scratch = try Scratch()
    let (run, pid) = try await BesideDriverTests.start(scratch)
    run.signal(SIGKILL)
    #expect(try await run.output().status == 137)
    while kill(pid, 0) == 0 { await Task.yield() }
    try scratch.file("go", "")
    let end = try await Cli.run(["continue", "r1"], in: scratch.path)
    #expect(try end.json()["report"] == ["status": "failed"], "\(end)")
    let inspect = try await Cli.run(["inspect", "r1"], in: scratch.path).json()
    #expect(inspect["run"]?["operations"]?.array?.first?["final"] == true)
  }

  @Test("delivered is the envelope with claims and artifacts emptied, and what flowdex knows beside it")
  func delivered() async throws {
    let scratch = try Scratch()
    try scratch.workflow(
      "ctx.report(await ctx.agent({ id: 'a', phase: 'one', mode: 'read-only', prompt: 'x' }));")
    _ = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    let lease = try #require(
      try await Cli.run(["next", "r1", "--json"], in: scratch.path).json().array?.first)
    var envelope = Envelope.json(data: ["n": 1], usage: ["tokens": 3]).object ?? JSONObject()
    let claim: JSONValue = [
      "id": "c", "text": "t", "kind": "finding", "confidence": "low", "evidence": [],
    ]
    let artifact: JSONValue = [
      "id": "x", "sha256": .string(String(repeating: "0", count: 64)), "mediaType": "text/plain", "size": 1,
      "path": "scratch/x", "redactionStatus": "none",
    ]
    envelope["claims"] = [claim]
    envelope["artifacts"] = [artifact]
    let bytes = JSONValue.object(envelope).compactText
    let done = try await Cli.run(
      [
        "complete-agent", "r1", "agent:a", "--lease-token", lease["leaseToken"]?.string ?? "", "--result",
        bytes,
      ], in: scratch.path)
    #expect(done.status == 0, "\(done)")
    let report = try #require(try await Cli.run(["continue", "r1"], in: scratch.path).json()["report"])
    #expect(
      report["flowdex"] == [
        "childKey": "agent:a", "attempt": 1, "resultArtifactId": .string(Digest.sha256Hex(bytes)),
        "untrustedClaims": [claim], "untrustedArtifacts": [artifact],
      ], "\(report.prettyText)")
    #expect(report["claims"] == [] && report["artifacts"] == [] && report["data"] == ["n": 1])
    #expect(report.object?.keys.count == 9)
  }
}
