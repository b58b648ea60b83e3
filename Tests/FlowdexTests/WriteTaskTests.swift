import Glibc
import QueueRunner
import Testing

@Suite("write tasks and integrate", .timeLimit(.minutes(15)))
struct WriteTaskTests {
  static let body = """
    const results = await ctx.fanout({ id: "w", phase: "one", tasks: ["a", "b"].map((id) =>
      ({ id, mode: "write", prompt: "change " + id })) });
    const patches = results.filter((r) => r.status === "completed" && r.diff).map((r) => ({ patch: r.diff }));
    const merged = await ctx.integrate({ id: "m", phase: "two", patches });
    ctx.claim({ id: "changed", text: "a.txt was changed", kind: "change", confidence: "high", evidence: [{
      type: "agentResult", childKey: "fanout:w#a", artifactId: results[0].flowdex.resultArtifactId }] });
    ctx.report({ merged, diffs: results.map((r) => r.flowdex.diffArtifactId ?? null), claimIds: ["changed"] });
    """
  static let manifest = """
    permissions: { read: ["src/**"], write: ["src/**"] },
    """

  static func source() -> String {
    """
    import { workflow } from "@flowdex/runtime";
    export default workflow({ name: "w", maxAgents: 10, maxConcurrency: 10, \(manifest)
      phases: [{ id: "one" }, { id: "two" }] }, async (ctx) => {
    \(body)
    });
    """
  }

  static func begin(_ scratch: Scratch) async throws -> [JSONValue] {
    try scratch.file("src/a.txt", "one\ntwo\nthree\n")
    try scratch.file("src/b.txt", "b\n")
    try scratch.file("other.txt", "not yours\n")
    try scratch.file("workflow.ts", source())
    _ = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    return try await Cli.run(["next", "r1", "--json", "--files"], in: scratch.path).json().array ?? []
  }

  @Test("each worker changes its own copy; flowdex computes the diffs and integrates them")
  func changes() async throws {
    let scratch = try Scratch()
    let leases = try await Self.begin(scratch)
    try #require(leases.count == 2)
    for (lease, edit) in zip(leases, [("a.txt", "one\nTWO\nthree\n"), ("b.txt", "b\nc")]) {
      let work = try #require(lease["cwd"]?.string)
      #expect(work.hasSuffix("/work"))
      try FileSystem.write(Array(edit.1.utf8), to: "\(work)/src/\(edit.0)")
      if edit.0 == "b.txt" { try FileSystem.write([0, 1, 2, 255], to: "\(work)/src/new.bin") }
      try FileSystem.write(Envelope.json().canonicalBytes, to: try #require(lease["resultPath"]?.string))
    }
    #expect(try scratch.text("src/a.txt") == "one\ntwo\nthree\n", "the project is untouched so far")
    let end = try await Cli.run(["collect-results", "r1", "--continue", "--json"], in: scratch.path)
    let report = try end.json()["continued"]?["report"]
    #expect(
      report?["merged"] == [
        "status": "completed", "applied": 2, "paths": ["src/a.txt", "src/b.txt", "src/new.bin"],
      ], "\(end)")
    #expect(report?["claims"]?.array?.first?["standing"] == "attested")
    #expect(try scratch.text("src/a.txt") == "one\nTWO\nthree\n")
    #expect(try scratch.text("src/b.txt") == "b\nc")
    #expect(try FileSystem.read("\(scratch.path)/src/new.bin") == [0, 1, 2, 255])
    let restart = try await Cli.run(["restart-agent", "r1", "fanout:w#a"], in: scratch.path)
    #expect(restart.status == 1 && restart.stderr.contains("`integrate:m`"), "\(restart)")
  }

  @Test("a change outside the write globs, or a diff of the worker's own, refuses the result and names it")
  func refused() async throws {
    let scratch = try Scratch()
    let leases = try await Self.begin(scratch)
    let work = try #require(leases[0]["cwd"]?.string)
    try FileSystem.write(Array("x".utf8), to: "\(work)/sneaky.txt")
    let result = try #require(leases[0]["resultPath"]?.string)
    try FileSystem.write(Envelope.json().canonicalBytes, to: result)
    let bad = try await Cli.run(["collect-results", "r1", "--json"], in: scratch.path)
    let item = try #require(try bad.json()["results"]?.array?.first { $0["status"] == "invalid" })
    #expect(item["error"]?.string?.contains("sneaky.txt") == true, "\(bad)")
    unlink("\(work)/sneaky.txt")
    var own = Envelope.json().object ?? JSONObject()
    own["diff"] = "--- a/x\n"
    try FileSystem.write(JSONValue.object(own).canonicalBytes, to: result)
    let again = try await Cli.run(["collect-results", "r1", "--json"], in: scratch.path)
    #expect(again.stdout.contains("/diff"), "\(again)")
    try FileSystem.write(Envelope.json(summary: "mended").canonicalBytes, to: result)
    let good = try await Cli.run(["collect-results", "r1", "--json"], in: scratch.path)
    #expect(try good.json()["results"]?.array?.contains { $0["status"] == "collected" } == true, "\(good)")
  }

  @Test("patches that conflict with the project as it is now fail whole, and say why")
  func conflict() async throws {
    let scratch = try Scratch()
    let leases = try await Self.begin(scratch)
    for (lease, edit) in zip(leases, [("a.txt", "one\nTWO\nthree\n"), ("b.txt", "B\n")]) {
      let work = try #require(lease["cwd"]?.string)
      try FileSystem.write(Array(edit.1.utf8), to: "\(work)/src/\(edit.0)")
      try FileSystem.write(Envelope.json().canonicalBytes, to: try #require(lease["resultPath"]?.string))
    }
    try scratch.file("src/b.txt", "somebody else was here\n")
    let end = try await Cli.run(["collect-results", "r1", "--continue", "--json"], in: scratch.path)
    let merged = try end.json()["continued"]?["report"]?["merged"]
    #expect(
      merged?["status"] == "failed" && merged?["error"]?.string?.contains("src/b.txt") == true, "\(end)")
    #expect(try scratch.text("src/a.txt") == "one\ntwo\nthree\n", "nothing was touched")
    #expect(try scratch.text("src/b.txt") == "somebody else was here\n")
  }
}
