import QueueRunner
import Testing

/// What `cut` is used on: one row a thing, a tab between cells, nothing where there is nothing.
@Suite("text outputs", .timeLimit(.minutes(15)))
struct TextOutputTests {
  private func rows(_ arguments: [String], _ scratch: Scratch) async throws -> [[String]] {
    let output = try await Cli.run(arguments, in: scratch.path)
    #expect(output.status == 0, "\(output)")
    return Golden.mask(output.stdout, scratch).split(separator: "\n").map {
      $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    }
  }

  @Test("nothing to show prints nothing on stdout")
  func empty() async throws {
    let scratch = try Scratch()
    for arguments in [["list"], ["workflow", "list"], ["watch"], ["watch", "--once"]] {
      let output = try await Cli.run(arguments, in: scratch.path)
      #expect(output.status == 0 && output.stdout.isEmpty, "\(arguments): \(output)")
    }
  }

  @Test("each command's rows")
  func rows() async throws {
    let scratch = try await MisuseTests.project()
    #expect(try await rows(["list"], scratch) == [["r1", "needs-dispatch", "<time>", "dispatchable=1"]])
    let saved = "<project>/.flowdex/workflows/nightly.ts"
    #expect(try await rows(["workflow", "list"], scratch) == [["nightly", saved]])
    #expect(try await rows(["save", "r1", "nightly"], scratch) == [["nightly", saved]])
    #expect(try await rows(["init", "code-audit", "a.ts"], scratch) == [["code-audit", "a.ts"]])
    #expect(try await rows(["repair-events", "r1"], scratch).first?.prefix(1) == ["r1"])
    #expect(try await rows(["pause", "r1"], scratch) == [["r1", "paused"]])
    #expect(try await rows(["next", "r1"], scratch).isEmpty)
    #expect(try await Cli.run(["resume", "r1"], in: scratch.path).status == 0)
    let lease = try await rows(["next", "r1", "--files"], scratch)
    #expect(lease.map { Array($0.prefix(3)) } == [["agent:a", "<token>", "<time>"]])
    let drop = try #require(
      try await Cli.run(["status", "r1", "--json"], in: scratch.path).json()["tasks"]?.array?.first?[
        "resultPath"]?
        .string)
    #expect(try await rows(["collect-results", "r1"], scratch) == [["agent:a", "missing", "leased", ""]])
    // What a worker writes must not make a second row, nor another cell.
    let result = Envelope.json(summary: "one\ttwo\nthree \u{1B}[31mred")
    try FileSystem.write(result.canonicalBytes, to: drop)
    #expect(
      try await rows(["collect-results", "r1"], scratch) == [["agent:a", "collected", "completed", ""]])
    #expect(
      try await rows(["status", "r1"], scratch) == [
        ["r1", "needs-dispatch", "test", ""],
        ["agent:a", "one", "completed", "1", "-", "-", "one two three  [31mred", "-"],
      ])
    #expect(try await rows(["stop", "r1"], scratch) == [["r1", "stopped"]])
  }

  @Test("the reason of a failure is one line, whatever the callback throws")
  func failure() async throws {
    let scratch = try Scratch()
    try scratch.workflow("throw new Error('one\\ntwo\\u001b[2J');")
    let output = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    let lines = output.stderr.split(separator: "\n")
    #expect(output.status == 1 && lines.count == 2, "\(output)")
    #expect(lines.last?.hasPrefix("flowdex: run `r1` failed: ") == true, "\(output)")
    #expect(!output.stderr.contains("\u{1B}"), "\(output)")
  }

  @Test("usage is added up for tasks, phases and the run, also within objects")
  func usage() async throws {
    let scratch = try Scratch()
    try scratch.workflow(
      """
      const use = (id, phase) => ctx.agent({ id, phase, mode: "read-only", prompt: "x" });
      await Promise.all([use("a", "one"), use("b", "one"), use("c", "two"), use("d", "two")]);
      """)
    _ = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    let leases = try await Cli.run(["next", "r1", "--json"], in: scratch.path).json().array ?? []
    let usages: [JSONValue] = [
      ["tokens": 1, "model": "m", "in": ["cached": 2]], ["tokens": 10, "in": ["cached": 3, "new": 4]],
      ["tokens": 1e308], ["note": "none"],
    ]
    for (lease, usage) in zip(leases, usages) {
      let done = try await Cli.run(
        [
          "complete-agent", "r1", lease["childKey"]?.string ?? "", "--lease-token",
          lease["leaseToken"]?.string ?? "", "--result", Envelope.json(usage: usage).compactText,
        ], in: scratch.path)
      #expect(done.status == 0, "\(done)")
    }
    let found = try await Cli.run(["report", "r1", "--usage"], in: scratch.path).json()
    #expect(
      found["phases"] == ["one": ["in": ["cached": 5, "new": 4], "tokens": 11], "two": ["tokens": 1e308]])
    #expect(
      found["tasks"] == [
        "agent:a": ["in": ["cached": 2], "tokens": 1],
        "agent:b": ["in": ["cached": 3, "new": 4], "tokens": 10],
        "agent:c": ["tokens": 1e308],
      ])
    #expect(found["run"] == ["in": ["cached": 5, "new": 4], "tokens": 1e308])
    let one = try await Cli.run(
      ["report", "r1", "--usage", "--path", "phases.one.tokens"], in: scratch.path)
    #expect(one.stdout == "11\n", "\(one)")
    let status = try await Cli.run(["status", "r1", "--json"], in: scratch.path).json()
    #expect(status["usage"] == found["run"] && status["usageByPhase"] == found["phases"])
  }
}
