import QueueRunner
import Testing

/// The JSON of every command, as files. One run is taken through its life, and each command is looked at on the
/// way, at a moment where its output has something to show.
@Suite("golden outputs", .timeLimit(.minutes(15)))
struct GoldenTests {
  static let workflow = """
    const found = await ctx.fanout({ id: "f", phase: "one", tasks: [
      { id: "a", mode: "read-only", prompt: "look", role: "reviewer", nickname: "ann", model: "m1",
        reasoningEffort: "high", schema: { type: "object", required: ["n"] }, data: { shard: 1 } },
      { id: "b", mode: "write", prompt: "mend" },
    ] });
    ctx.log("found " + found.map((r) => r.data.n).join());
    const check = await ctx.hostCommand({ id: "check", phase: "two", commandId: "echo" });
    const last = await ctx.agent({ id: "last", phase: "two", mode: "read-only", prompt: "sum" });
    ctx.report({ found: found.map((r) => r.data.n), last: last.data.n, check: check.status });
    """
  static let manifest = """
    defaultAdapter: "codex-native",
    adapters: { "codex-native": { type: "codex-native", model: "m0" } },
    """

  private func json(_ arguments: [String], _ scratch: Scratch, status: Int32 = 0) async throws -> JSONValue {
    let output = try await Cli.run(arguments, in: scratch.path)
    #expect(output.status == status, "\(arguments): \(output)")
    return try output.json()
  }

  private func golden(
    _ name: String, _ arguments: [String], _ scratch: Scratch, status: Int32 = 0
  ) async throws {
    try Golden.check(name, try await json(arguments, scratch, status: status), scratch)
  }

  private func project() throws -> Scratch {
    let scratch = try Scratch()
    try scratch.file("src/a.txt", "hello\n")
    try scratch.file(
      "workflow.ts",
      Scratch.source(Self.workflow, manifest: Self.manifest)
        .replacing("write: []", with: "write: [\"src/**\"]"))
    return scratch
  }

  private func answer(
    _ lease: JSONValue, _ number: Int, _ scratch: Scratch
  ) async throws -> JSONValue {
    let result = Envelope.json(
      data: ["n": JSONValue(number)], usage: ["tokens": JSONValue(10 * number), "cost": ["usd": 0.5]])
    return try await json(
      [
        "complete-agent", "r1", lease["childKey"]?.string ?? "", "--json", "--lease-token",
        lease["leaseToken"]?.string ?? "", "--result", result.compactText,
      ], scratch)
  }

  @Test("before a run: preview, init, skill install, and the empty lists")
  func before() async throws {
    let scratch = try project()
    try await golden("preview", ["preview", "workflow.ts", "--json"], scratch)
    try await golden("init", ["init", "code-audit", "new/audit.ts", "--json"], scratch)
    let target = "\(scratch.path)/skills/flowdex"
    try await golden("skill-install", ["skill", "install", "--target", target, "--json"], scratch)
    try await golden("list-empty", ["list", "--json"], scratch)
    try await golden("workflow-list-empty", ["workflow", "list", "--json"], scratch)
  }

  @Test("check-result of a right and of a wrong envelope")
  func checkResult() async throws {
    let scratch = try Scratch()
    try scratch.file("right.json", Envelope.json().compactText)
    try scratch.file("wrong.json", "{\"status\":\"done\"}")
    try await golden("check-result", ["check-result", "right.json", "--json"], scratch)
    try await golden("check-result-wrong", ["check-result", "wrong.json", "--json"], scratch, status: 1)
  }

  @Test("a run's life: each command on the way")
  func life() async throws {
    let scratch = try project()
    try await golden("run", ["run", "workflow.ts", "--yes", "--run-id", "r1"], scratch)
    try await golden("list", ["list", "--json"], scratch)
    let first = try await json(["next", "r1", "--limit", "1", "--json"], scratch)
    try Golden.check("next", first, scratch)
    let lease = try #require(first.array?.first)
    let attach = [
      "attach-agent", "r1", "fanout:f#a", "--lease-token", lease["leaseToken"]?.string ?? "", "--agent-ref",
      "w1", "--json",
    ]
    try await golden("attach-agent", attach, scratch)
    let second = try await json(["next", "r1", "--files", "--json"], scratch)
    try Golden.check("next-files", second, scratch)
    try await golden("status", ["status", "r1", "--json"], scratch)
    try await golden("status-compact", ["status", "r1", "--compact", "--json"], scratch)
    try await golden("pause", ["pause", "r1", "--json"], scratch)
    try await golden("next-paused", ["next", "r1", "--json"], scratch)
    try await golden("continue-paused", ["continue", "r1"], scratch)
    try await golden("resume", ["resume", "r1"], scratch)
    try Golden.check("complete-agent", try await answer(lease, 1, scratch), scratch)
    let drop = try #require(second.array?.first?["resultPath"]?.string)
    try FileSystem.write(Array("{}".utf8), to: drop)
    try await golden("collect-results-refused", ["collect-results", "r1", "--json"], scratch)
    try FileSystem.write(Envelope.json(data: ["n": 2], usage: ["tokens": 20]).canonicalBytes, to: drop)
    try await golden("collect-results", ["collect-results", "r1", "--continue", "--json"], scratch)
    try await end(scratch)
  }

  private func end(_ scratch: Scratch) async throws {
    let third = try #require(try await json(["next", "r1", "--json"], scratch).array?.first)
    _ = try await answer(third, 3, scratch)
    let watch = try await Cli.run(["watch", "r1", "--json"], in: scratch.path)
    #expect(watch.status == 0, "\(watch)")
    let lines = try watch.stdout.split(separator: "\n").map { try JSONValue(parsing: Array($0.utf8)) }
    try Golden.check("watch", .array(lines), scratch)
    try await golden("continue", ["continue", "r1"], scratch)
    try await golden("report", ["report", "r1"], scratch)
    try await golden("report-path", ["report", "r1", "--path", "found.1"], scratch)
    try await golden("report-usage", ["report", "r1", "--usage"], scratch)
    let paths = try await Cli.run(["report", "r1", "--paths"], in: scratch.path)
    #expect(paths.stdout == "check\nfound\nfound.0\nfound.1\nlast\n", "\(paths)")
    let raw = try await Cli.run(["report", "r1", "--path", "check", "--raw"], in: scratch.path)
    #expect(raw.stdout == "completed\n", "\(raw)")
    try await golden("inspect", ["inspect", "r1"], scratch)
    try await golden("repair-events", ["repair-events", "r1", "--json"], scratch)
    try await golden("save", ["save", "r1", "nightly", "--json"], scratch)
    try await golden("workflow-list", ["workflow", "list", "--json"], scratch)
    try await golden("restart-agent", ["restart-agent", "r1", "fanout:f#b"], scratch)
    try await golden("inspect-all", ["inspect", "r1", "--all"], scratch)
    try await golden("stop", ["stop", "r1", "--json"], scratch)
  }

  @Test("the golden files hold the fields of the commands' table, and no others that are not written down")
  func fields() throws {
    for shape in GoldenShape.all {
      let value = try shape.path.split(separator: "/").reduce(Golden.read(shape.file)) { value, step in
        try #require(Int(step).map { value.array?[$0] } ?? value[String(step)], "\(shape.file)\(shape.path)")
      }
      let keys = Set(try #require(value.object?.keys, "\(shape.file)\(shape.path) is no object"))
      let missing = shape.required.subtracting(keys).sorted()
      let extra = keys.subtracting(shape.required).subtracting(shape.extra).sorted()
      #expect(
        missing.isEmpty && extra.isEmpty, "\(shape.file)\(shape.path): missing \(missing), new \(extra)")
    }
  }

  @Test("a difference is found wherever it is")
  func differences() {
    let a: JSONValue = ["x": [1, ["y": "z"]]]
    #expect(Golden.firstDifference(a, ["x": [1, ["y": "z"]]], "") == nil)
    #expect(Golden.firstDifference(a, ["x": [1, ["y": "w"]]], "")?.hasPrefix("/x/1/y:") == true)
    #expect(Golden.firstDifference(a, ["x": [1]], "")?.hasPrefix("/x: expected 2 items") == true)
    #expect(Golden.firstDifference(a, ["x": [1, [:]]], "") == "/x/1/y is missing")
    #expect(Golden.firstDifference(a, ["x": [1, ["y": "z"]], "n": nil], "") == "/n is new")
  }
}
