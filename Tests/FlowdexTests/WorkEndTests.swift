import Glibc
import QueueRunner
import Testing

/// `flowdex work` that is interrupted, killed, paused, or given a command that does not end.
@Suite("work that does not go its way", .timeLimit(.minutes(15)))
struct WorkEndTests {
  /// Says that it is there, and which process it is, then never ends.
  static let endless = "#!/bin/sh\nsleep 600 &\necho $! >\"$FLOWDEX_PROJECT/pid.$FLOWDEX_TRY\"\nwait\n"

  private func project(n: Int, script: String = endless, leaseMinutes: Double = 30) async throws -> Scratch {
    let scratch = try Scratch()
    try scratch.workflow(
      """
      const tasks = Array.from({ length: ctx.input.n }, (_, i) =>
        ({ id: "t" + i, mode: "read-only", prompt: "x", leaseMinutes: \(leaseMinutes) }));
      ctx.report((await ctx.fanout({ id: "f", phase: "one", tasks })).map((r) => r.status));
      """)
    chmod(try scratch.file("worker", script), 0o755)
    let run = try await Cli.run(
      ["run", "workflow.ts", "--yes", "--run-id", "r1", "--input", "{\"n\":\(n)}"], in: scratch.path)
    #expect(run.status == 0, "\(run)")
    return scratch
  }

  private func begun(_ scratch: Scratch, _ work: Running, _ run: Int = 1) async throws -> Int32 {
    while true {
      if let text = try? scratch.text("pid.\(run)"), text.hasSuffix("\n") {
        return Int32(text.dropLast()) ?? 0
      }
      try #require(kill(work.pid, 0) == 0)
      await Task.yield()
    }
  }

  private func isGone(_ pid: Int32) -> Bool {
    guard let text = try? FileSystem.read("/proc/\(pid)/stat") else { return true }
    return String(decoding: text, as: UTF8.self).contains(") Z ")
  }

  private func tasks(_ scratch: Scratch) async throws -> [JSONValue] {
    try await Cli.run(["status", "r1", "--json"], in: scratch.path).json()["tasks"]?.array ?? []
  }

  @Test(
    "Ctrl-C and SIGTERM end the commands and what they started, and give the leases back",
    arguments: [SIGINT, SIGTERM])
  func interrupted(number: Int32) async throws {
    let scratch = try await project(n: 2)
    let work = try await Cli.start(["work", "r1", "--", "./worker"], in: scratch.path)
    let child = try await begun(scratch, work)
    work.signal(number)
    let output = try await work.output()
    #expect(output.status == 130 && output.stderr.contains("can be handed out again"), "\(output)")
    #expect(output.stdout.contains("\treturned\t"), "\(output)")
    #expect(isGone(child))
    for task in try await tasks(scratch) {
      #expect(task["status"] == "dispatchable" && task["expiries"] == 0, "\(task)")
    }
  }

  @Test("killed, it takes its commands with it; the leases run out, and another finishes the run")
  func killed() async throws {
    let scratch = try await project(n: 1, leaseMinutes: 0.01)
    let work = try await Cli.start(["work", "r1", "--", "./worker"], in: scratch.path)
    let child = try await begun(scratch, work)
    work.signal(SIGKILL)
    _ = try await work.output()
    while !isGone(child) { await Task.yield() }
    chmod(try scratch.file("worker", WorkTests.script.replacing("test ", with: "true ")), 0o755)
    let again = try await Cli.run(["work", "r1", "--", "./worker", "x"], in: scratch.path)
    #expect(again.status == 0 && again.stdout.hasSuffix("r1\tcompleted\n"), "\(again)")
    // Its lease ran out once, and no less; a machine that has no time for the second may let it run out again.
    let expiries = try #require(try await tasks(scratch).first?["expiries"]?.int)
    #expect(expiries >= 1)
  }

  @Test("the lease is kept alive while the command runs, and a command over its time is ended")
  func timeout() async throws {
    // A lease of 3 s, a command of 6 s: only renewals can keep it.
    let scratch = try await project(n: 1, leaseMinutes: 0.05)
    let work = try await Cli.run(
      ["work", "r1", "--timeout-minutes", "0.1", "--retries", "0", "--json", "--", "./worker"],
      in: scratch.path)
    #expect(work.status == 0, "\(work)")
    let task = try #require(try await tasks(scratch).first)
    #expect(task["attempt"] == 1 && task["expiries"] == 0 && task["status"] == "failed", "\(task)")
    #expect(task["error"] == "the command was ended after 6.0 s without a result", "\(task)")
    #expect(isGone(try #require(Int32(try scratch.text("pid.1").dropLast()))))
  }

  @Test("a stop from elsewhere ends the commands; a pause lets them end and waits")
  func fromElsewhere() async throws {
    let scratch = try await project(n: 1)
    let work = try await Cli.start(["work", "r1", "--", "./worker"], in: scratch.path)
    let child = try await begun(scratch, work)
    #expect(try await Cli.run(["pause", "r1"], in: scratch.path).status == 0)
    #expect(!isGone(child))
    #expect(try await Cli.run(["stop", "r1"], in: scratch.path).status == 0)
    let output = try await work.output()
    #expect(output.status == 0 && output.stdout.hasSuffix("r1\tstopped\n"), "\(output)")
    #expect(output.stdout.contains("\tlost\t") && isGone(child), "\(output)")
  }

  @Test("a command that goes on after its result is taken is ended")
  func afterwards() async throws {
    let script = """
      #!/bin/sh
      echo $$ >"$FLOWDEX_PROJECT/pid.1"
      echo '\(Envelope.json().compactText)' >"$FLOWDEX_RESULT"
      exec sleep 600
      """
    let scratch = try await project(n: 1, script: script)
    let output = try await Cli.run(["work", "r1", "--", "./worker"], in: scratch.path)
    #expect(
      output.status == 0 && output.stdout.contains("\ttaken\tfanout:f#t0\tcompleted\tdone\n"), "\(output)")
    #expect(isGone(try #require(Int32(try scratch.text("pid.1").dropLast()))))
  }
}
