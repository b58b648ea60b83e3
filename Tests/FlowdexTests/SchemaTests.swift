import QueueRunner
import Testing

/// Results that a task's schema refuses, through the whole program (contract §6).
@Suite("schemas of tasks", .timeLimit(.minutes(15)))
struct SchemaTests {
  static let body = """
    const r = await ctx.agent({ id: "a", phase: "one", mode: "read-only", prompt: "x", schemaAttempts: 2,
      schema: { type: "object", required: ["n"], properties: { n: { type: "integer" } } } });
    ctx.report({ status: r.status, error: r.error, data: r.data });
    """

  static func lease(_ scratch: Scratch) async throws -> JSONValue {
    try scratch.workflow(body)
    _ = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    let next = try await Cli.run(["next", "r1", "--json", "--files"], in: scratch.path)
    return try #require(try next.json().array?.first, "\(next)")
  }

  static func task(_ scratch: Scratch) async throws -> JSONValue {
    let status = try await Cli.run(["status", "r1", "--json"], in: scratch.path)
    return try #require(try status.json()["tasks"]?.array?.first, "\(status)")
  }

  @Test("equal contents count once, other faults never; at the limit the task ends failed with the errors")
  func byFile() async throws {
    let scratch = try Scratch()
    let path = try #require(try await Self.lease(scratch)["resultPath"]?.string)
    let first = Envelope.json(data: ["n": "one"]).canonicalBytes
    for bytes in [first, Array("{\"status\"".utf8), first, Array("[]".utf8), first] {
      try FileSystem.write(bytes, to: path)
      let bad = try await Cli.run(["collect-results", "r1", "--json"], in: scratch.path)
      let item = try #require(try bad.json()["results"]?.array?.first)
      #expect(item["status"] == "invalid" && item["taskStatus"] == "leased", "\(bad)")
    }
    #expect(try await Self.task(scratch)["schemaRefusals"] == 1)
    try FileSystem.write(Envelope.json(data: ["n": "two"]).canonicalBytes, to: path)
    let last = try await Cli.run(["collect-results", "r1", "--continue", "--json"], in: scratch.path)
    let item = try #require(try last.json()["results"]?.array?.first)
    #expect(item["status"] == "invalid" && item["taskStatus"] == "failed", "\(last)")
    let report = try last.json()["continued"]?["report"]
    #expect(report?["status"] == "failed" && report?["data"]?.isNull == true, "\(last)")
    #expect(report?["error"]?.string?.contains("`/data/n`") == true, "\(last)")
  }

  @Test("a result handed over by complete-agent is refused, recorded and counted in the same way")
  func byHand() async throws {
    let scratch = try Scratch()
    let token = try #require(try await Self.lease(scratch)["leaseToken"]?.string)
    func complete(_ result: String) async throws -> Cli.Output {
      try await Cli.run(
        ["complete-agent", "r1", "agent:a", "--lease-token", token, "--result", result], in: scratch.path)
    }
    for text in [Envelope.json(data: ["n": "one"]).compactText, "{}"] {
      let bad = try await complete(text)
      #expect(bad.status == 1 && bad.stderr.contains("the result is not taken"), "\(bad)")
      let task = try await Self.task(scratch)
      #expect(task["status"] == "leased" && task["schemaRefusals"] == 1, "\(task.prettyText)")
    }
    #expect(try await Self.task(scratch)["error"]?.string?.contains("`/status`") == true)
    let last = try await complete(Envelope.json(data: ["n": "two"]).compactText)
    #expect(last.status == 1 && last.stderr.contains("`/data/n`"), "\(last)")
    #expect(try await Self.task(scratch)["status"] == "failed")
    let end = try await Cli.run(["continue", "r1"], in: scratch.path)
    #expect(try end.json()["report"]?["status"] == "failed", "\(end)")
    let events = try await Cli.run(["inspect", "r1"], in: scratch.path).json()["events"]?.array ?? []
    #expect(events.filter { $0["type"] == "native.result.error" }.count == 3)
  }

  @Test("a schema that is none rejects the operation; a result that did not complete is not held to it")
  func edges() async throws {
    let scratch = try Scratch()
    let path = try #require(try await Self.lease(scratch)["resultPath"]?.string)
    try FileSystem.write(Envelope.json(status: "blocked", error: "no access").canonicalBytes, to: path)
    let taken = try await Cli.run(["collect-results", "r1", "--continue", "--json"], in: scratch.path)
    #expect(try taken.json()["results"]?.array?.first?["taskStatus"] == "blocked", "\(taken)")
    #expect(try taken.json()["continued"]?["report"]?["error"] == "no access", "\(taken)")
    try scratch.workflow(
      """
      try {
        await ctx.agent({ id: "a", phase: "one", mode: "read-only", prompt: "x", schema: { type: "nonsense" } });
      } catch (error) { ctx.report(error.message); }
      """)
    let run = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r2"], in: scratch.path)
    #expect(try run.json()["report"]?.string?.contains("schema") == true, "\(run)")
  }

  @Test("a lease that ran out is told of with the task as it is afterwards")
  func afterwards() async throws {
    let scratch = try Scratch()
    try scratch.workflow(
      """
      ctx.report((await ctx.agent({ id: "a", phase: "one", mode: "read-only", prompt: "x",
        leaseMinutes: 0.001, maxAttempts: 2 })).error);
      """)
    _ = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    for (attempt, end) in [(1, "dispatchable"), (2, "failed")] {
      _ = try await Cli.run(["next", "r1", "--json", "--files"], in: scratch.path)
      var said: JSONValue?
      repeat {
        let collected = try await Cli.run(["collect-results", "r1", "--json"], in: scratch.path)
        said = try #require(try collected.json()["results"]?.array?.first)["taskStatus"]
        let task = try await Self.task(scratch)
        #expect(task["status"] == said && task["attempt"] == JSONValue(attempt), "\(collected)")
      } while said == "leased"
      #expect(said == .string(end))
    }
    let report = try await Cli.run(["continue", "r1"], in: scratch.path)
    #expect(try report.json()["report"] == "no result came in 2 leases of this task", "\(report)")
  }
}
