import Glibc
import QueueRunner
import Testing

/// Host commands through the whole program; RuntimeTests has the details of each promise.
@Suite("host commands of a run", .timeLimit(.minutes(15)))
struct HostCommandTests {
  private static func source(_ commands: String, inherit: String = "") -> String {
    """
    import { workflow } from "@flowdex/runtime";
    export default workflow({
      name: "commands", maxAgents: 1, maxConcurrency: 1,
      permissions: { read: ["src/**"], write: [], hostCommands: [\(commands)], env: { inherit: [\(inherit)] } },
      phases: [{ id: "one" }],
    }, async (ctx) => {
      const found = {};
      for (const id of ctx.input.run) {
        const out = await ctx.hostCommand({ id, phase: "one", commandId: id });
        found[id] = { status: out.status, ...out.data };
      }
      ctx.report(found);
    });
    """
  }

  private static func executions(_ scratch: Scratch, _ key: String) async throws -> [JSONValue] {
    let inspected = try await Cli.run(["inspect", "r1"], in: scratch.path).json()
    let operation = inspected["run"]?["operations"]?.array?.first { $0["opKey"] == .string(key) }
    let recorded = try #require(operation)["executions"]
    let event = inspected["events"]?.array?.first {
      $0["type"] == "operation.completed" && $0["payload"]?["opKey"] == .string(key)
    }
    #expect(try #require(event)["payload"]?["executions"] == recorded)
    return recorded?.array ?? []
  }

  @Test("no shell, nothing inherited but what is named, and a flood that is cut holds nobody up")
  func promises() async throws {
    let scratch = try Scratch()
    try scratch.file(
      "w.ts",
      Self.source(
        """
        { id: "words", argv: ["printf", "%s|", "$HOME", "`id`", "a;b", "*", "$(id)"] },
        { id: "env", argv: ["env"] }, { id: "fds", argv: ["ls", "/proc/self/fd"] },
        { id: "flood", argv: ["sh", "-c", "yes | head -c 30000000; echo end >&2"], maxOutputBytes: 1000 },
        """, inherit: "\"FLOWDEX_GIVEN\", \"FLOWDEX_ABSENT\""))
    let input = #"{"run": ["words", "env", "fds", "flood", "unlisted"]}"#
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    let output = try await Cli.run(
      ["run", "w.ts", "--yes", "--run-id", "r1", "--input", input], in: scratch.path,
      environment: ["FLOWDEX_GIVEN": "yes", "FLOWDEX_HIDDEN": "no"])
    let report = try #require(try output.json()["report"], "\(output)")
    func expect(_ id: String, _ stream: String, _ text: String) {
      #expect(report[id]?[stream] == .string(Digest.sha256Hex(text)), "\(id): \(report)")
    }
    expect("words", "stdoutArtifactId", "$HOME|`id`|a;b|*|$(id)|")
    // env(1) prints in the order of its environment, which is sorted.
    expect("env", "stdoutArtifactId", "FLOWDEX_GIVEN=yes\nPATH=\(path)\n")
    // 3 is the folder that ls itself reads.
    expect("fds", "stdoutArtifactId", "0\n1\n2\n3\n")
    expect("flood", "stdoutArtifactId", String(repeating: "y\n", count: 500))
    expect("flood", "stderrArtifactId", "end\n")
    #expect(report["flood"]?["status"] == "completed" && report["flood"]?["stdoutTruncated"] == true)
    #expect(report["unlisted"]?["status"] == "needs-approval")
    #expect(try await Self.executions(scratch, "hostCommand:unlisted") == [])
  }

  @Test("what ran is recorded: the path that was found, and the file's hash, as the preview shows them")
  func recorded() async throws {
    let scratch = try Scratch()
    try scratch.file("tools/own", "#!/bin/sh\necho own\n")
    chmod("\(scratch.path)/tools/own", 0o755)
    try scratch.file(
      "w.ts",
      Self.source(
        #"""
        { id: "own", argv: ["./own"], cwd: "tools" }, { id: "env", argv: ["env"] },
        { id: "none", argv: ["flowdex-no-such-program"] }
        """#))
    let output = try await Cli.run(
      ["run", "w.ts", "--yes", "--run-id", "r1", "--input", #"{"run": ["own", "env", "none"]}"#],
      in: scratch.path)
    #expect(output.status == 0, "\(output)")
    let preview = try await Cli.run(["preview", "w.ts", "--json"], in: scratch.path).json()
    for (at, id) in ["own", "env"].enumerated() {
      let execution = try #require(try await Self.executions(scratch, "hostCommand:\(id)").first)
      let shown = preview["hostCommands"]?.array?[at]["program"]
      #expect(execution["program"] == shown?["path"] && execution["sha256"] == shown?["sha256"])
      let path = try #require(execution["program"]?.string)
      #expect(execution["sha256"] == .string(Digest.sha256Hex(try FileSystem.read(path))))
    }
    let none = try #require(try await Self.executions(scratch, "hostCommand:none").first)
    #expect(none["program"] == .null && none["sha256"] == .null)
    #expect(try output.json()["report"]?["none"]?["exitCode"] == 127)
  }

  /// Starts a process that has left its session, and says so; holds `alive` open for as long as it lives.
  private static let escaping = """
    if [ -e escaped ]; then exit 0; fi
    setsid sh -c 'exec 9>alive; echo $$ >escaped; echo >started; exec sleep 1000' & wait
    """

  private static func fifo(_ scratch: Scratch, _ name: String, _ flags: Int32) throws -> Int32 {
    let path = "\(scratch.path)/\(name)"
    guard mkfifo(path, 0o600) == 0 else { throw FileSystem.failure("make", path) }
    return try FileSystem.open(path, flags | O_NONBLOCK)
  }

  @Test("a timeout ends what has left the command's session too")
  func timeout() async throws {
    let scratch = try Scratch()
    let started = try Self.fifo(scratch, "started", O_RDWR)
    let alive = try Self.fifo(scratch, "alive", O_RDONLY)
    defer { for descriptor in [started, alive] { close(descriptor) } }
    let argv = JSONValue.array(["sh", "-c", .string(Self.escaping)]).compactText
    try scratch.file("w.ts", Self.source("{ id: \"x\", argv: \(argv), timeoutMs: 3000 }"))
    let output = try await Cli.run(
      ["run", "w.ts", "--yes", "--run-id", "r1", "--input", #"{"run": ["x"]}"#], in: scratch.path)
    let result = try #require(try output.json()["report"]?["x"], "\(output)")
    #expect(result["status"] == "failed" && result["timedOut"] == true)
    let pid = try #require(Int32(try scratch.text("escaped").dropLast()))
    #expect(kill(pid, 0) == -1 && errno == ESRCH)
  }

  @Test(
    "when flowdex is killed, everything that its command started ends, and each start stays on record",
    arguments: [false, true])
  func killed(isIdempotent: Bool) async throws {
    let scratch = try Scratch()
    let started = try Self.fifo(scratch, "started", O_RDWR)
    let alive = try Self.fifo(scratch, "alive", O_RDONLY)
    defer { for descriptor in [started, alive] { close(descriptor) } }
    let argv = JSONValue.array(["sh", "-c", .string(Self.escaping)]).compactText
    try scratch.file("w.ts", Self.source("{ id: \"x\", argv: \(argv), idempotent: \(isIdempotent) }"))
    let running = try await Cli.start(
      ["run", "w.ts", "--yes", "--run-id", "r1", "--input", #"{"run": ["x"]}"#], in: scratch.path)
    try #require(!Poller.wait([started], timeoutMs: 60_000).isEmpty, "the command did not start")
    running.signal(SIGKILL)
    _ = try? await running.output()
    try #require(!Poller.wait([alive], timeoutMs: 60_000).isEmpty, "a process outlived flowdex")
    let doctor = try await Cli.run(["doctor"], in: scratch.path)
    #expect(doctor.status == 0 && doctor.stdout.contains("flowdex continue r1"), "\(doctor)")
    let output = try await Cli.run(["continue", "r1"], in: scratch.path)
    let result = try #require(try output.json()["report"]?["x"], "\(output)")
    #expect(result["status"] == (isIdempotent ? "completed" : "failed"))
    #expect(result["indeterminate"] == (isIdempotent ? nil : true))
    let executions = try await Self.executions(scratch, "hostCommand:x")
    #expect(executions.count == (isIdempotent ? 2 : 1))
    #expect(executions.allSatisfy { $0["program"]?.string?.hasSuffix("/sh") == true })
  }

  @Test(
    "output that cannot be kept is the machine's fault: the command runs again, or has ended as it has ended",
    arguments: [true, false])
  func outputWithoutRoom(isIdempotent: Bool) async throws {
    let scratch = try Scratch()
    // Once, a file stands where the output of commands is gathered.
    let gathered = ".flowdex/runs/r1/artifacts/.incoming"
    let script = """
      [ -e once ] || { rmdir \(gathered); echo >\(gathered); }; echo >>once; yes | head -c 200000
      """
    try scratch.file(
      "w.ts",
      Self.source(
        "{ id: \"full\", argv: [\"sh\", \"-c\", \"\(script)\"], idempotent: \(isIdempotent) }"))
    let first = try await Cli.run(
      ["run", "w.ts", "--yes", "--run-id", "r1", "--input", #"{"run": ["full"]}"#], in: scratch.path)
    if isIdempotent {
      FaultTests.check(first, ["output of `hostCommand:full` could not be kept", "flowdex continue r1"])
      try FileSystem.remove("\(scratch.path)/\(gathered)")
    }
    let last = isIdempotent ? try await Cli.run(["continue", "r1"], in: scratch.path) : first
    let full = try last.json()["report"]?["full"]
    #expect(full?["status"] == "completed" && full?["exitCode"] == 0, "\(last)")
    #expect(full?["stdoutTruncated"] == .bool(!isIdempotent), "\(last)")
    #expect(try scratch.text("once").count == (isIdempotent ? 2 : 1))
  }
}
