import Glibc
import QueueRunner
import Testing

@testable import flowdex

/// Ids that are given in part, leases that are given time, runs that are removed, and why a run stands still.
@Suite("by part of its id", .timeLimit(.minutes(15)))
struct RunIdTests {
  private func project(_ ids: [String]) async throws -> Scratch {
    let scratch = try Scratch()
    try scratch.workflow(
      "ctx.report((await ctx.agent({ id: 'a', phase: 'one', mode: 'read-only', prompt: 'x' })).status);")
    for id in ids {
      let run = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", id], in: scratch.path)
      #expect(run.status == 0, "\(run)")
    }
    return scratch
  }

  @Test("a beginning that is unique, the exact id before it, `latest`; else the candidates are named")
  func prefixes() async throws {
    let scratch = try await project(["alpha-2", "alpha", "beta"])
    for (given, expected) in [("b", "beta"), ("alpha-", "alpha-2"), ("alpha", "alpha"), ("latest", "beta")] {
      let status = try await Cli.run(["status", given, "--json"], in: scratch.path)
      #expect(try status.json()["runId"] == .string(expected), "\(given): \(status)")
      let paused = try await Cli.run(["pause", given], in: scratch.path)
      #expect(paused.stdout == "\(expected)\tpaused\n", "\(paused)")
      #expect(try await Cli.run(["resume", given], in: scratch.path).json()["runId"] == .string(expected))
    }
    let vague = try await Cli.run(["stop", "al"], in: scratch.path)
    #expect(vague.status == 1 && vague.stdout.isEmpty)
    #expect(
      vague.stderr
        == "flowdex: `al` begins the ids of 2 runs: `alpha-2`, `alpha` (type more of the one that you mean)\n"
    )
    let near = try await Cli.run(["stop", "bate"], in: scratch.path)
    #expect(near.stderr == "flowdex: there is no run `bate` (did you mean `beta`?)\n", "\(near)")
    let goesOn = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "latest"], in: scratch.path)
    #expect(goesOn.status == 0 && goesOn.stderr.contains("run `beta` is there: continuing it"), "\(goesOn)")
  }

  @Test("`latest` where there is no run")
  func none() async throws {
    let scratch = try await project([])
    let output = try await Cli.run(["status", "latest"], in: scratch.path)
    #expect(output.status == 1 && output.stderr.contains("there is no run yet"), "\(output)")
  }

  @Test("`latest` is the latest or an error where there are few descriptors, never an older run or none")
  func fewDescriptors() async throws {
    let scratch = try await project(["alpha", "beta"])
    var isFound = false
    for limit in 5...16 {
      let output = try await FaultTests.shell(
        "ulimit -n \(limit); exec \"$F\" status latest --json", in: scratch.path)
      isFound = output.status == 0
      if isFound {
        #expect(try output.json()["runId"] == "beta", "ulimit -n \(limit): \(output)")
      } else if output.stderr.hasPrefix("flowdex: ") {
        #expect(output.stderr.contains("too many open files"), "ulimit -n \(limit): \(output)")
      }  // With still fewer, the loader finds no libraries and flowdex does not begin.
    }
    #expect(isFound)
  }

  @Test("leases that last as long as asked, at hand-out and by renewal")
  func leases() async throws {
    let scratch = try await project(["r1"])
    let next = try await Cli.run(["next", "r1", "--json", "--lease-minutes", "90"], in: scratch.path)
    let lease = try #require(try next.json().array?.first)
    func left() async throws -> Int {
      let status = try await Cli.run(["status", "r1", "--json", "--compact"], in: scratch.path)
      return try status.json()["tasks"]?.array?.first?["leaseLeftMs"]?.int ?? 0
    }
    let minute = 60_000
    #expect(try await (85 * minute...90 * minute).contains(left()))
    let renew = ["renew", "r1", "agent:a", "--lease-token", lease["leaseToken"]?.string ?? ""]
    #expect(try await Cli.run(renew + ["--lease-minutes", "200"], in: scratch.path).status == 0)
    #expect(try await (195 * minute...200 * minute).contains(left()))
    #expect(try await Cli.run(renew, in: scratch.path).status == 0)
    #expect(try await (195 * minute...200 * minute).contains(left()), "it lasts as long as before")
    for wrong in ["0", "-1", "nan", "1e9"] {
      let output = try await Cli.run(renew + ["--lease-minutes=\(wrong)"], in: scratch.path)
      #expect(output.status == 64 && output.stderr.contains("`--lease-minutes`"), "\(output)")
    }
    #expect(try await Cli.run(renew + ["--lease-minutes", "0.001"], in: scratch.path).status == 0)
    var late = try await left()
    while late > 0 { late = try await left() }
    let why = try await Cli.run(["explain", "r1", "--json"], in: scratch.path).json()
    #expect(why["why"] == "1 worker is late, and nobody has looked since", "\(why)")
    #expect(why["held"]?.array?.first?["late"] == true)
  }

  @Test("rm takes away what has ended, and nothing else")
  func remove() async throws {
    let scratch = try await project(["ended", "live", "other"])
    for id in ["ended", "other"] { _ = try await Cli.run(["stop", id], in: scratch.path) }
    let mixed = try await Cli.run(["rm", "ended", "live"], in: scratch.path)
    #expect(
      mixed.status == 1 && mixed.stderr.contains("run `live` is needs-dispatch, and may go on"), "\(mixed)")
    #expect(scratch.exists(".flowdex/runs/ended"), "none is removed where one is refused")
    let dry = try await Cli.run(["rm", "ended", "ended", "--dry-run", "--json"], in: scratch.path)
    #expect(try dry.json()["removed"]?.array?.count == 1, "\(dry)")
    #expect(try (dry.json()["freedBytes"]?.int ?? 0) > 10_000 && scratch.exists(".flowdex/runs/ended"))
    try scratch.file(".flowdex/runs/.removed-old/x/y", "left by a killed removal")
    let removed = try await Cli.run(["rm", "en"], in: scratch.path)
    #expect(removed.status == 0 && removed.stdout.hasPrefix("ended\tstopped\t"), "\(removed)")
    #expect(removed.stderr.contains("KiB of 1 run\n"), "\(removed)")
    #expect(!scratch.exists(".flowdex/runs/ended") && !scratch.exists(".flowdex/runs/.removed-ended"))
    #expect(!scratch.exists(".flowdex/runs/.removed-old"))
    let young = try await Cli.run(["rm", "--older-than", "1d"], in: scratch.path)
    #expect(young.status == 0 && young.stdout.isEmpty && scratch.exists(".flowdex/runs/other"), "\(young)")
    let old = try await Cli.run(["rm", "--older-than", "0m"], in: scratch.path)
    #expect(old.status == 0 && old.stdout.hasPrefix("other\t"), "\(old)")
    let list = try await Cli.run(["list"], in: scratch.path)
    #expect(list.stdout.split(separator: "\n").map { $0.prefix(4) } == ["live"], "\(list)")
    for (arguments, word) in [
      (["rm"], "expected either"), (["rm", "live", "--older-than", "1d"], "expected either"),
      (["rm", "--older-than", "soon"], "`soon` is invalid"), (["rm", "--older-than=-1d"], "is invalid"),
    ] {
      let output = try await Cli.run(arguments, in: scratch.path)
      #expect(output.status == 64 && output.stderr.contains(word), "\(arguments): \(output)")
    }
  }

  @Test("a run whose state cannot be read goes only by name and --broken")
  func broken() async throws {
    let scratch = try await project(["r1"])
    for left in ["-wal", "-shm"] { try FileSystem.remove("\(scratch.layout.run("r1").database)\(left)") }
    try scratch.file(".flowdex/runs/r1/state.sqlite", "no database")
    let refused = try await Cli.run(["rm", "r1"], in: scratch.path)
    #expect(refused.status == 1 && refused.stderr.contains("flowdex rm --broken r1"), "\(refused)")
    #expect(try await Cli.run(["rm", "--older-than", "0m"], in: scratch.path).stdout.isEmpty)
    let removed = try await Cli.run(["rm", "--broken", "r1"], in: scratch.path)
    #expect(removed.status == 0 && !scratch.exists(".flowdex/runs/r1"), "\(removed)")
  }

  @Test("a run that only the machine cannot read is not broken, and stays")
  func healthyIsNotBroken() async throws {
    let scratch = try await project(["r1"])
    for limit in 5...20 {
      let output = try await FaultTests.shell(
        "ulimit -n \(limit); exec \"$F\" rm --broken r1", in: scratch.path)
      #expect(output.status != 0 && output.stdout.isEmpty, "ulimit -n \(limit): \(output)")
      #expect(scratch.exists(".flowdex/runs/r1"), "ulimit -n \(limit): \(output)")
    }
    #expect(try await Cli.run(["status", "r1"], in: scratch.path).status == 0)
  }

  @Test("restart-agent --dry-run says what a restart then does, and changes nothing")
  func dryRun() async throws {
    let scratch = try Scratch()
    try scratch.workflow(
      """
      const one = await ctx.agent({ id: "a", phase: "one", mode: "read-only", prompt: "x" });
      const two = await ctx.agent({ id: "b", phase: "one", mode: "read-only", prompt: "y" });
      const c = await ctx.hostCommand({ id: "c", phase: "two", commandId: "true" });
      ctx.report([one.status, two.status, c.status]);
      """)
    chmod(
      try scratch.file("worker", "#!/bin/sh\necho '\(Envelope.json().compactText)' >\"$FLOWDEX_RESULT\"\n"),
      0o755)
    _ = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    let work = try await Cli.run(["work", "r1", "--", "./worker"], in: scratch.path)
    #expect(work.status == 0 && work.stdout.hasSuffix("r1\tcompleted\n"), "\(work)")
    let before = try await Cli.run(["inspect", "r1", "--all"], in: scratch.path)
    let dry = try await Cli.run(["restart-agent", "r1", "agent:b", "--dry-run"], in: scratch.path)
    #expect(
      try dry.json() == [
        "runId": "r1", "dryRun": true, "invalidated": ["agent:b", "hostCommand:c"], "replayed": ["agent:a"],
        "kept": [],
      ], "\(dry)")
    let first = try await Cli.run(["restart-agent", "r1", "agent:a", "--dry-run"], in: scratch.path)
    #expect(try first.json()["kept"] == ["agent:b"] && first.json()["replayed"] == [], "\(first)")
    #expect(try await Cli.run(["inspect", "r1", "--all"], in: scratch.path).stdout == before.stdout)
    let real = try await Cli.run(["restart-agent", "r1", "agent:b"], in: scratch.path)
    #expect(try real.json()["invalidated"] == dry.json()["invalidated"], "\(real)")
    let text = try await Cli.run(["explain", "r1"], in: scratch.path)
    #expect(text.stdout.contains("why\t1 task is to be handed out, and nobody takes them\n"), "\(text)")
    #expect(text.stdout.contains("next\tflowdex work r1 -- COMMAND\n"), "\(text)")
  }

  @Test("tables and times as a terminal shows them")
  func words() {
    let rows = [["a", "bb", "last"], ["longer", "b\tb", "x"]]
    #expect(Table.lines(rows, width: 80) == ["a       bb   last", "longer  b b  x"])
    #expect(Table.lines(rows, width: 10) == ["a       b…", "longer  b…"])
    let ago: [Int64] = [
      0, 4999, 5000, 119_000, 120_000, 7_199_000, 7_200_000, 172_799_000, 172_800_000, 9_999_999_999,
    ]
    #expect(
      ago.map { TimeWords.ago(ms: $0) } == [
        "just now", "just now", "5 s ago", "119 s ago", "2 min ago", "119 min ago", "2 h ago", "47 h ago",
        "2 days ago", "115 days ago",
      ])
    #expect(TimeWords.left(ms: 1_800_000) == "30 min left" && TimeWords.left(ms: -61_000) == "61 s late")
    let sizes: [Int64] = [0, 1023, 1024, 1536, 200 << 20, 3 << 40]
    #expect(
      sizes.map(Remove.size) == [
        "0 bytes", "1023 bytes", "1.0 KiB", "1.5 KiB", "200 MiB", "3.0 TiB",
      ])
    for ms: Int64 in [0, 1_790_000_000_123, -1, 951_782_400_000, 4_102_444_799_999] {
      #expect(Timestamp.ms(Timestamp.text(ms)) == ms)
    }
    #expect(Timestamp.ms("2026-02-30T00:00:00.000Z") == nil && Timestamp.ms("yesterday") == nil)
  }
}
