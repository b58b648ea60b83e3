import QueueRunner
import Testing

/// No limit of ticks, and nothing that grows with the square: what these take is for the benchmarks to say.
@Suite("large runs", .serialized, .timeLimit(.minutes(30)))
struct LargeRunTests {
  @Test("two thousand host commands, one after the other")
  func sequence() async throws {
    let scratch = try Scratch()
    try scratch.workflow(
      """
      let failed = 0;
      for (let i = 0; i < 2000; i++) {
        const out = await ctx.hostCommand({ id: "n" + i, phase: "one", commandId: "true" });
        if (out.status !== "completed") failed++;
      }
      ctx.report({ failed });
      """)
    let run = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    #expect(try run.json()["report"] == ["failed": 0], "\(run)")
    let inspect = try await Cli.run(["inspect", "r1"], in: scratch.path).json()
    #expect(inspect["run"]?["operations"]?.array?.count == 2000)
  }

  @Test("a fan-out of five thousand tasks, claimed by three workers")
  func fanout() async throws {
    let scratch = try Scratch()
    _ = try await WorkerLoopTests.start(scratch, n: 5000)
    let workers = try (0..<3).map { _ in try TestWorker(scratch.layout.run("r1")) }
    let watch = try await Cli.run(["watch", "r1", "--dispatch"], in: scratch.path)
    for worker in workers { worker.stop() }
    #expect(watch.status == 0, "\(watch.stderr)")
    #expect(workers.map(\.answered).reduce(0, +) == 5000)
    let report = try await Cli.run(["report", "r1", "--path", "ids"], in: scratch.path).json()
    #expect(report.array == (0..<5000).map { .string("t\($0)") })
  }
}
