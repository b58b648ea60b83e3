import QueueRunner
import Testing

@Suite("run", .timeLimit(.minutes(15)))
struct RunTests {
  @Test("a host command runs, its output is an artifact, and the claim about it is verified")
  func hello() async throws {
    let scratch = try Scratch()
    try scratch.workflow(
      """
      const out = await ctx.hostCommand({ id: "say", phase: "one", commandId: "echo" });
      ctx.claim({ id: "said", text: "it said hello", kind: "verification", confidence: "high", evidence: [
        { type: "command", artifactId: out.data.stdoutArtifactId, command: ["echo", "hello"], exitCode: 0 }] });
      ctx.report({ status: out.status, exitCode: out.data.exitCode, claimIds: ["said"] });
      """)
    let output = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    #expect(output.status == 0, "\(output)")
    let json = try output.json()
    #expect(json["runId"] == "r1")
    #expect(json["status"] == "completed")
    #expect(json["report"]?["status"] == "completed")
    #expect(json["report"]?["exitCode"] == 0)
    let claim = try #require(json["report"]?["claims"]?.array?.first)
    #expect(claim["standing"] == "verified")
    let digest = Digest.sha256Hex("hello\n")
    #expect(claim["evidence"]?.array?.first?["artifactId"] == .string(digest))
    let again = try await Cli.run(["continue", "r1"], in: scratch.path)
    #expect(try again.json() == json)
  }

  @Test("without --yes and without a terminal it asks for nothing and runs nothing")
  func approval() async throws {
    let scratch = try Scratch()
    try scratch.workflow("ctx.report(1);")
    let output = try await Cli.run(["run", "workflow.ts", "--run-id", "r1"], in: scratch.path)
    #expect(output.status == 3)
    #expect(output.stdout.isEmpty)
    #expect(output.stderr.contains("flowdex.workflow.ts.v1") && output.stderr.contains("--yes"), "\(output)")
    #expect(!scratch.exists(".flowdex/runs/r1"))
  }

  @Test("the same id continues with the same source and input, and is an error with others")
  func sameId() async throws {
    let scratch = try Scratch()
    try scratch.workflow("ctx.report(ctx.input);")
    let first = ["run", "workflow.ts", "--yes", "--run-id", "r1", "--input", "{\"a\":1}"]
    let output = try await Cli.run(first, in: scratch.path)
    #expect(try output.json()["report"] == ["a": 1], "\(output)")
    #expect(try await Cli.run(first, in: scratch.path).json() == output.json())
    let other = try await Cli.run(
      ["run", "workflow.ts", "--yes", "--run-id", "r1", "--input", "{\"a\":2}"], in: scratch.path)
    #expect(other.status == 1 && other.stderr.contains("another input"), "\(other)")
    try scratch.workflow("ctx.report(2);")
    let changed = try await Cli.run(first, in: scratch.path)
    #expect(changed.status == 1 && changed.stderr.contains("another workflow"), "\(changed)")
  }

  @Test(
    "a callback that cannot go on fails the run and says why",
    arguments: [
      ("await new Promise(() => {});", "can never come"),
      ("throw new Error('boom');", "boom"),
      ("await ctx.agent({ id: 'a', phase: 'nowhere', mode: 'read-only', prompt: 'x' });", "nowhere"),
      ("ctx.report({ claimIds: ['none'] });", "none"),
      ("for (;;) {}", "tickCpuMs"),
    ])
  func failures(body: String, word: String) async throws {
    let scratch = try Scratch()
    try scratch.workflow(body, manifest: "limits: { tickCpuMs: 500 },")
    let output = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    #expect(output.status == 1, "\(output)")
    #expect(output.stderr.contains(word), "\(output)")
    #expect(try output.json()["status"] == "failed")
    let report = try await Cli.run(["report", "r1"], in: scratch.path)
    #expect(report.status == 1 && report.stderr.contains("no report"), "\(report)")
  }

  @Test("what was approved and then changed does not go on")
  func tampered() async throws {
    let scratch = try Scratch()
    try scratch.workflow(
      "ctx.report(await ctx.agent({ id: 'a', phase: 'one', mode: 'read-only', prompt: 'x' }));")
    let output = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    #expect(try output.json()["status"] == "needs-dispatch", "\(output)")
    for name in ["workflow.ts", "input.json"] {
      let place = ".flowdex/runs/r1/\(name)"
      let before = try scratch.text(place)
      try FileSystem.remove("\(scratch.path)/\(place)")
      try scratch.file(place, before + " ")
      let next = try await Cli.run(["continue", "r1"], in: scratch.path)
      #expect(next.status == 1 && next.stderr.contains("not what was approved"), "\(next)")
      try scratch.file(place, before)
    }
    let fine = try await Cli.run(["continue", "r1"], in: scratch.path)
    #expect(fine.status == 0, "\(fine)")
  }

  @Test("a hundred sequential operations, a race and an all, are one run without ticks to count")
  func orders() async throws {
    let scratch = try Scratch()
    try scratch.workflow(
      """
      let last = 0;
      for (let i = 0; i < 100; i++) {
        const out = await ctx.hostCommand({ id: "n" + i, phase: "one", commandId: "true" });
        if (ctx.now() <= last) throw new Error("time went back");
        last = ctx.now();
      }
      const two = await Promise.all(["a", "b"].map((id) => ctx.hostCommand({ id, phase: "two", commandId: "echo" })));
      const first = await Promise.race(["c", "d"].map((id) =>
        ctx.hostCommand({ id, phase: "two", commandId: id === "c" ? "echo" : "fail" }).then((r) => id + r.status)));
      ctx.report({ two: two.map((r) => r.status), first });
      """)
    let output = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    #expect(output.status == 0, "\(output)")
    let report = try output.json()["report"]
    #expect(report?["two"] == ["completed", "completed"])
    let first = try #require(report?["first"]?.string)
    #expect(["ccompleted", "dfailed"].contains(first))
  }
}
