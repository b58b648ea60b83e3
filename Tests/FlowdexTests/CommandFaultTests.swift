import Glibc
import QueueRunner
import Testing

/// Promises 6 and 8 of docs/reliability.md while a host command runs: it is neither begun beside itself nor ended for what
/// the machine does to others, and how it ended is kept.
@Suite("faults while a host command runs", .timeLimit(.minutes(15)))
struct CommandFaultTests {
  private static func workflow(_ script: String, isIdempotent: Bool = false, body: String? = nil) -> String {
    let plain = "ctx.report(await run());"
    return """
      import { workflow } from "@flowdex/runtime";
      export default workflow({
        name: "faults", maxAgents: 2, maxConcurrency: 1,
        permissions: { read: ["src/**"], write: [], hostCommands: [
          { id: "c", argv: ["sh", "-c", \(JSONValue.string(script).canonicalText)], idempotent: \(isIdempotent) },
        ] },
        phases: [{ id: "one" }],
      }, async (ctx) => {
        const run = async () => {
          const one = await ctx.hostCommand({ id: "c", phase: "one", commandId: "c" });
          return [one.status, one.data.indeterminate ?? false, one.data.exitCode];
        };
        \(body ?? plain)
      });
      """
  }

  /// Says when it begins, under whom, and when it ends, which is once it may: how fast the machine is decides nothing.
  private static let slow =
    "echo begin $PPID >> log; while [ ! -e ./go ]; do sleep 0.05; done; echo end $PPID >> log"
  private static let once: JSONValue = ["completed", false, 0]

  /// Shell: waits for a line of the log.
  private static let waits = """
    has() { for i in $(seq 12000); do grep -q "$1" $2 2>/dev/null && return; sleep 0.05; done; exit 98; }
    """

  @Test(
    "a restart ends the command that runs before it begins anew, although its supervisor is stopped",
    arguments: [false, true])
  func restart(isAfterCrash: Bool) async throws {
    let scratch = try Scratch()
    try scratch.file("w.ts", Self.workflow(Self.slow))
    let crash = isAfterCrash ? "kill -KILL $P; wait $P" : "true"
    let output = try await FaultTests.shell(
      """
      \(Self.waits)
      "$F" run w.ts --yes --run-id r1 >first 2>first.said & P=$!
      has begin log; S=$(sed -n 's/begin //p' log)
      kill -STOP $S; \(crash)
      (while [ "$(grep -c begin log)" != 2 ]; do sleep 0.05; done; sleep 1; touch go) & G=$!
      "$F" restart-agent r1 hostCommand:c >second 2>second.said; echo "exit $?"
      wait $P; kill $G 2>/dev/null
      # Dead, but perhaps not yet reaped by whoever inherited it.
      [ ! -e /proc/$S/stat ] || grep -q ') Z ' /proc/$S/stat || echo "the old supervisor lives"
      "$F" report r1
      cat second.said >&2
      """, in: scratch.path)
    let log = try scratch.text("log").split(separator: "\n").map { $0.split(separator: " ") }
    #expect(log.map { $0[0] } == ["begin", "begin", "end"], "\(log) \(output)")
    #expect(log.count == 3 && log[1][1] == log[2][1] && log[0][1] != log[1][1], "\(log)")
    let lines = output.stdout.split(separator: "\n", maxSplits: 1).map(String.init)
    try #require(lines.count == 2 && lines[0] == "exit 0", "\(output)")
    #expect(try JSONValue(parsing: Array(lines[1].utf8)) == Self.once, "\(output)")
  }

  /// In a mount name space of its own, in a small file system; `fill` leaves nothing of it free.
  private static func onSmallDisk(_ scratch: Scratch, _ line: String) async throws -> Cli.Output {
    try scratch.file(
      "faults.sh",
      """
      \(waits)
      mkdir m o; mount -t tmpfs -o size=4m none m || exit 97; cp -r .flowdex w.ts m; cd m
      fill() { head -c 8m /dev/zero >fill 2>/dev/null; }
      \(line)
      """)
    return try await FaultTests.shell("unshare --mount sh faults.sh", in: scratch.path)
  }

  /// A run whose command begins once one answer has been taken, and goes on while another is to come; `o.json` is one that
  /// takes room.
  private static func besideTask() throws -> Scratch {
    let scratch = try Scratch()
    let body = """
      const task = (id) => ctx.agent({ id, phase: 'one', mode: 'read-only', prompt: 'x' });
      await task('a');
      const [c] = await Promise.all([run(), task('b')]);
      ctx.report(c);
      """
    let script = Self.slow.replacing(">> log", with: ">> ../o/log").replacing("./go", with: "../o/go")
    try scratch.file("w.ts", Self.workflow(script, body: body))
    let envelope = Envelope.json(data: ["long": .string(String(repeating: "x", count: 40_000))])
    try scratch.file("o.json", envelope.canonicalText)
    return scratch
  }

  @Test(
    "a drop that cannot be committed ends a watch after the command that runs, and that has run once",
    .enabled(if: FaultTests.isRoot, "needs to mount a file system"), arguments: [true, false])
  func drop(isFreedWhileItRuns: Bool) async throws {
    let scratch = try Self.besideTask()
    let output = try await Self.onSmallDisk(
      scratch,
      """
      result() { "$F" next r1 --files --json | sed -n 's/.*"resultPath": "\\(.*\\)".*/\\1/p'; }
      "$F" run w.ts --yes --run-id r1 >/dev/null 2>&1; R=$(result); cp ../o.json "$R.part"
      timeout 900 "$F" watch r1 >/dev/null 2>../o/said & P=$!
      mv "$R.part" "$R"; has begin ../o/log
      R=$(result); cp ../o.json "$R.part"; fill; mv "$R.part" "$R"
      has 'waiting for' ../o/said; \(isFreedWhileItRuns ? "rm fill; sleep 1; touch ../o/go" : "touch ../o/go; sleep 2; rm fill")
      wait $P; echo "exit $?"
      timeout 900 "$F" watch r1 >/dev/null 2>&1; "$F" report r1; cat ../o/said >&2
      """)
    let log = try scratch.text("o/log").split(separator: "\n").map { $0.split(separator: " ")[0] }
    #expect(log == ["begin", "end"], "\(log) \(output)")
    let lines = output.stdout.split(separator: "\n", maxSplits: 1).map(String.init)
    try #require(lines.count == 2 && lines[0] == "exit 1", "\(output)")
    #expect(output.stderr.contains("waiting for `hostCommand:c` to end"), "\(output)")
    #expect(try JSONValue(parsing: Array(lines[1].utf8)) == Self.once, "\(output)")
  }

  @Test(
    "how a command ended that has filled the disk is kept until it can be stored",
    .enabled(if: FaultTests.isRoot, "needs to mount a file system"), arguments: [0, 200_000])
  func held(outputBytes: Int) async throws {
    let scratch = try Scratch()
    let script =
      "echo begin >> ../o/log; head -c \(outputBytes) /dev/zero; sleep 1; "
      + "head -c 8m /dev/zero >fill 2>/dev/null; echo end >> ../o/log; exit 0"
    try scratch.file("w.ts", Self.workflow(script))
    let output = try await Self.onSmallDisk(
      scratch,
      """
      "$F" run w.ts --yes --run-id r1 >../o/first 2>../o/said & P=$!
      has end ../o/log; has 'tried again' ../o/said; sleep 2; rm fill
      wait $P; echo "exit $?"; "$F" report r1; cat ../o/said >&2
      """)
    #expect(try scratch.text("o/log") == "begin\nend\n", "\(output)")
    let lines = output.stdout.split(separator: "\n", maxSplits: 1).map(String.init)
    try #require(lines.count == 2 && lines[0] == "exit 0", "\(output)")
    #expect(try JSONValue(parsing: Array(lines[1].utf8)) == Self.once, "\(output)")
    let said = output.stderr.split(separator: "\n")
    #expect(said.count == 2 && said[1].contains("how `hostCommand:c` ended could not be stored"), "\(output)")
  }

  @Test(
    "work that the disk ends waits for the command that runs, and that has run once",
    .enabled(if: FaultTests.isRoot, "needs to mount a file system"))
  func work() async throws {
    let scratch = try Self.besideTask()
    // The second answer comes once the command runs, on a full disk.
    try scratch.file(
      "worker.sh",
      """
      cd "$FLOWDEX_PROJECT"
      cp ../o.json "$FLOWDEX_RESULT.part"
      if mkdir ../o/first 2>/dev/null; then mv "$FLOWDEX_RESULT.part" "$FLOWDEX_RESULT"; exit 0; fi
      for i in $(seq 12000); do grep -q begin ../o/log && break; sleep 0.05; done
      head -c 8m /dev/zero >fill 2>/dev/null
      mv "$FLOWDEX_RESULT.part" "$FLOWDEX_RESULT"
      """)
    let output = try await Self.onSmallDisk(
      scratch,
      """
      "$F" run w.ts --yes --run-id r1 >/dev/null 2>&1
      timeout 900 "$F" work r1 -- sh "\(scratch.path)/worker.sh" >../o/out 2>../o/said & P=$!
      has 'waiting for' ../o/said; sleep 1; rm fill; touch ../o/go
      wait $P; echo "exit $?"
      timeout 900 "$F" watch r1 >/dev/null 2>&1; "$F" report r1; cat ../o/said ../o/out >&2
      """)
    let log = try scratch.text("o/log").split(separator: "\n").map { $0.split(separator: " ")[0] }
    #expect(log == ["begin", "end"], "\(log) \(output)")
    let lines = output.stdout.split(separator: "\n", maxSplits: 1).map(String.init)
    try #require(lines.count == 2 && lines[0] == "exit 1", "\(output)")
    #expect(try JSONValue(parsing: Array(lines[1].utf8)) == Self.once, "\(output)")
  }

  @Test("a command whose supervisor was killed is told as what nobody knows, or runs again")
  func unheard() async throws {
    let scratch = try Scratch()
    // The kernel ends the command with it, as late as it likes.
    let script = "echo begin >> log; [ -e seen ] && exit 0; touch seen; kill -KILL $PPID; sleep 600"
    for (isIdempotent, expected, log) in [
      (false, ["failed", true, nil] as JSONValue, "begin\n"), (true, Self.once, "begin\nbegin\n"),
    ] {
      for name in ["seen", "log"] { try FileSystem.remove("\(scratch.path)/\(name)") }
      try scratch.file("w.ts", Self.workflow(script, isIdempotent: isIdempotent))
      let end = try await Cli.run(["run", "w.ts", "--yes"], in: scratch.path)
      #expect(try end.json()["report"] == expected, "\(end)")
      #expect(try scratch.text("log") == log, "\(end)")
    }
    try scratch.file("w.ts", Self.workflow("echo >> always; kill -KILL $PPID; sleep 600", isIdempotent: true))
    let end = try await Cli.run(["run", "w.ts", "--yes"], in: scratch.path)
    FaultTests.check(end, ["`hostCommand:c` was ended 3 times with the process that watches over it"])
    #expect(try scratch.text("always") == "\n\n\n")
  }
}
