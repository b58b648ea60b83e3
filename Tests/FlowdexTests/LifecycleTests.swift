import Glibc
import QueueRunner
import Testing

@Suite("pause, stop, resume, restart", .timeLimit(.minutes(15)))
struct LifecycleTests {
  /// Two tasks, a host command after them, and a log line.
  static let body = """
    const found = await ctx.fanout({ id: "f", phase: "one", tasks: ["a", "b"].map((id) =>
      ({ id, mode: "read-only", prompt: "do " + id })) });
    ctx.log("found " + found.map((r) => r.data.n).join());
    const checks = await ctx.hostCommand({ id: "check", phase: "two", commandId: "echo" });
    const last = await ctx.agent({ id: "last", phase: "two", mode: "read-only", prompt: "sum " +
      found.map((r) => r.data.n).join() });
    ctx.report({ found: found.map((r) => r.data.n), last: last.data.n, check: checks.status });
    """

  /// Leases what there is and answers each with a number.
  static func answer(_ scratch: Scratch, _ number: Int, run: String = "r1") async throws -> [String] {
    let leases = try await Cli.run(["next", run, "--json"], in: scratch.path).json().array ?? []
    for lease in leases {
      let done = try await Cli.run(
        [
          "complete-agent", run, lease["childKey"]?.string ?? "", "--lease-token",
          lease["leaseToken"]?.string ?? "",
          "--result", Envelope.json(data: ["n": JSONValue(number)], usage: ["tokens": 10]).compactText,
        ],
        in: scratch.path)
      #expect(done.status == 0, "\(done)")
    }
    return leases.compactMap { $0["childKey"]?.string }
  }

  static func finished(_ scratch: Scratch) async throws {
    try scratch.workflow(body)
    _ = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    #expect(try await answer(scratch, 1) == ["fanout:f#a", "fanout:f#b"])
    _ = try await Cli.run(["continue", "r1"], in: scratch.path)
    #expect(try await answer(scratch, 2) == ["agent:last"])
    let end = try await Cli.run(["continue", "r1"], in: scratch.path)
    #expect(try end.json()["report"] == ["found": [1, 1], "last": 2, "check": "completed"], "\(end)")
  }

  @Test("pause hands out nothing and drives nothing, but takes results; continue leaves it; resume goes on")
  func pause() async throws {
    let scratch = try Scratch()
    try scratch.workflow(Self.body)
    _ = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    let leases = try await Cli.run(["next", "r1", "--json", "--files"], in: scratch.path).json().array ?? []
    let paused = try await Cli.run(["pause", "r1", "--json"], in: scratch.path)
    #expect(try paused.json() == ["runId": "r1", "status": "paused"], "\(paused)")
    let next = try await Cli.run(["next", "r1", "--json"], in: scratch.path)
    #expect(try next.status == 0 && next.json() == [] && next.stderr.contains("paused"), "\(next)")
    for lease in leases {
      try FileSystem.write(
        Envelope.json(data: ["n": 7]).canonicalBytes, to: try #require(lease["resultPath"]?.string))
    }
    let taken = try await Cli.run(["collect-results", "r1", "--continue", "--json"], in: scratch.path)
    #expect(
      try taken.json()["results"]?.array?.allSatisfy { $0["status"] == "collected" } == true, "\(taken)")
    #expect(try taken.json()["continued"]?["status"] == "paused")
    #expect(try await Cli.run(["continue", "r1"], in: scratch.path).json()["status"] == "paused")
    #expect(try await Cli.run(["pause", "r1"], in: scratch.path).status == 1)
    let resumed = try await Cli.run(["resume", "r1"], in: scratch.path)
    #expect(try resumed.json()["status"] == "needs-dispatch", "\(resumed)")
    #expect(try await Self.answer(scratch, 3) == ["agent:last"])
    #expect(try await Cli.run(["continue", "r1"], in: scratch.path).json()["report"]?["found"] == [7, 7])
  }

  @Test("stop withdraws the leases; resume hands the tasks out again")
  func stop() async throws {
    let scratch = try Scratch()
    try scratch.workflow(Self.body)
    _ = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    let leases = try await Cli.run(["next", "r1", "--json", "--files"], in: scratch.path).json().array ?? []
    try FileSystem.write(
      Envelope.json(data: ["n": 7]).canonicalBytes, to: try #require(leases[0]["resultPath"]?.string))
    #expect(try await Cli.run(["stop", "r1", "--json"], in: scratch.path).json()["status"] == "stopped")
    let status = try await Cli.run(["status", "r1", "--json"], in: scratch.path).json()
    #expect(status["tasks"]?.array?.map { $0["status"] ?? nil } == ["completed", "dispatchable"])
    let late = try await Cli.run(
      [
        "complete-agent", "r1", "fanout:f#b", "--lease-token", leases[1]["leaseToken"]?.string ?? "",
        "--result",
        Envelope.json().compactText,
      ], in: scratch.path)
    #expect(late.status == 1 && late.stderr.contains("withdrawn"), "\(late)")
    #expect(try await Cli.run(["resume", "r1"], in: scratch.path).json()["status"] == "needs-dispatch")
    #expect(try await Self.answer(scratch, 1) == ["fanout:f#b"])
  }

  @Test("a restarted task runs anew; equal tasks keep their results; what follows runs again")
  func restartTask() async throws {
    let scratch = try Scratch()
    try await Self.finished(scratch)
    let restarted = try await Cli.run(["restart-agent", "r1", "fanout:f#a"], in: scratch.path)
    #expect(restarted.status == 0, "\(restarted)")
    let json = try restarted.json()
    #expect(json["status"] == "needs-dispatch")
    #expect(json["invalidated"] == ["fanout:f#a", "hostCommand:check"])
    #expect(try await Self.answer(scratch, 5) == ["fanout:f#a"], "the other is kept")
    let went = try await Cli.run(["continue", "r1"], in: scratch.path)
    #expect(try went.json()["status"] == "needs-dispatch", "another prompt is another task: \(went)")
    #expect(try await Self.answer(scratch, 6) == ["agent:last"])
    let end = try await Cli.run(["continue", "r1"], in: scratch.path)
    #expect(try end.json()["report"] == ["found": [5, 1], "last": 6, "check": "completed"], "\(end)")
    let all = try await Cli.run(["inspect", "r1", "--all"], in: scratch.path).json()
    let generations = all["run"]?["generations"]?.array ?? []
    #expect(generations.count == 2)
    #expect(
      generations[0]["tasks"]?.array?.map { $0["status"] ?? nil } == ["completed", "completed", "completed"])
    #expect(generations[1]["tasks"]?.array?[1]["keptFrom"] == "generation 1")
    #expect(all["events"]?.array?.contains { $0["type"] == "task.invalidated" } == true)
  }

  @Test("restarting the same answers keeps what follows from them")
  func restartEqual() async throws {
    let scratch = try Scratch()
    try await Self.finished(scratch)
    _ = try await Cli.run(["restart-agent", "r1", "fanout:f"], in: scratch.path)
    #expect(try await Self.answer(scratch, 1) == ["fanout:f#a", "fanout:f#b"])
    let end = try await Cli.run(["continue", "r1"], in: scratch.path)
    #expect(try end.json()["report"]?["last"] == 2, "the last task is equal and keeps its result: \(end)")
  }

  @Test("a restart of a host command keeps every agent's result; unknown keys are errors")
  func restartCommand() async throws {
    let scratch = try Scratch()
    try await Self.finished(scratch)
    let restarted = try await Cli.run(["restart-agent", "r1", "hostCommand:check"], in: scratch.path)
    #expect(try restarted.json()["status"] == "completed", "\(restarted)")
    #expect(try restarted.json()["invalidated"] == ["hostCommand:check"])
    let unknown = try await Cli.run(["restart-agent", "r1", "hostCommand:chekc"], in: scratch.path)
    #expect(unknown.status == 1 && unknown.stderr.contains("did you mean `hostCommand:check`"), "\(unknown)")
  }

  @Test("a failed run goes on by resume, and by restart-agent")
  func failed() async throws {
    let scratch = try Scratch()
    try scratch.workflow(
      """
      const r = await ctx.agent({ id: "a", phase: "one", mode: "read-only", prompt: "x" });
      if (r.data.n < 5) throw new Error("too small: " + r.data.n);
      ctx.report(r.data.n);
      """)
    _ = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    _ = try await Self.answer(scratch, 1)
    let failed = try await Cli.run(["continue", "r1"], in: scratch.path)
    #expect(failed.status == 1 && failed.stderr.contains("too small: 1"), "\(failed)")
    let resumed = try await Cli.run(["resume", "r1"], in: scratch.path)
    #expect(
      resumed.status == 1 && resumed.stderr.contains("too small: 1"), "it replays to the same end: \(resumed)"
    )
    let restarted = try await Cli.run(["restart-agent", "r1", "agent:a"], in: scratch.path)
    #expect(try restarted.json()["status"] == "needs-dispatch", "\(restarted)")
    _ = try await Self.answer(scratch, 9)
    #expect(try await Cli.run(["continue", "r1"], in: scratch.path).json()["report"] == 9)
  }

  @Test("--reuse keeps another run's results where the task is the same")
  func reuse() async throws {
    let scratch = try Scratch()
    try await Self.finished(scratch)
    try scratch.workflow(Self.body, manifest: "limits: { tickCpuMs: 9000 },")
    let run = try await Cli.run(
      ["run", "workflow.ts", "--yes", "--run-id", "r2", "--reuse", "r1"], in: scratch.path)
    #expect(try run.json()["report"] == ["found": [1, 1], "last": 2, "check": "completed"], "\(run)")
    let status = try await Cli.run(["status", "r2", "--json"], in: scratch.path).json()
    #expect(status["tasks"]?.array?.allSatisfy { $0["keptFrom"] == "run r1" } == true)
    #expect(status["usage"] == ["tokens": 30])
    #expect(status["usageByPhase"] == ["one": ["tokens": 20], "two": ["tokens": 10]])
  }

  @Test("save, workflow list, and a run by name")
  func saved() async throws {
    let scratch = try Scratch()
    try await Self.finished(scratch)
    let saved = try await Cli.run(["save", "r1", "nightly", "--json"], in: scratch.path)
    let path = "\(scratch.path)/.flowdex/workflows/nightly.ts"
    #expect(try saved.json() == ["name": "nightly", "path": .string(path)], "\(saved)")
    #expect(try await Cli.run(["save", "r1", "nightly"], in: scratch.path).status == 0)
    let list = try await Cli.run(["workflow", "list", "--json"], in: scratch.path)
    #expect(try list.json() == [["name": "nightly", "path": .string(path)]])
    let run = try await Cli.run(["run", "nightly", "--yes", "--run-id", "r2"], in: scratch.path)
    #expect(try run.json()["status"] == "needs-dispatch", "\(run)")
    try scratch.file(".flowdex/workflows/other.ts", "something else")
    let taken = try await Cli.run(["save", "r1", "other"], in: scratch.path)
    #expect(taken.status == 1 && taken.stderr.contains("another workflow"), "\(taken)")
  }
}
