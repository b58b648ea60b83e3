import Glibc
import QueueRunner
import Testing

/// `flowdex work`: any command as a worker.
@Suite("work", .timeLimit(.minutes(15)))
struct WorkTests {
  /// Answers with what it was told; as people write them.
  static let script = """
    #!/bin/sh
    set -e
    test "$(cat src/a.txt)" = alpha
    printf '{"status":"completed","summary":"%s, try %s","data":{"task":"%s"},"claims":[],"artifacts":[],
      "diff":null,"usage":{},"error":null}' "$1" "$FLOWDEX_TRY" "$FLOWDEX_CHILD_KEY" >"$TMPDIR/result"
    mv "$TMPDIR/result" "$FLOWDEX_RESULT"
    """

  private func project(
    n: Int, body: String = WorkerLoopTests.fanout, script: String = script, manifest: String = ""
  ) async throws -> Scratch {
    let scratch = try Scratch()
    try scratch.file("src/a.txt", "alpha")
    try scratch.workflow(body, manifest: manifest)
    chmod(try scratch.file("worker", script), 0o755)
    let run = try await Cli.run(
      ["run", "workflow.ts", "--yes", "--run-id", "r1", "--input", "{\"n\":\(n)}"], in: scratch.path)
    #expect(run.status == 0, "\(run)")
    return scratch
  }

  private func events(_ output: Cli.Output) throws -> [JSONValue] {
    try output.stdout.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
  }

  private func tasks(_ scratch: Scratch) async throws -> [JSONValue] {
    try await Cli.run(["status", "r1", "--json"], in: scratch.path).json()["tasks"]?.array ?? []
  }

  @Test("a script in place of workers brings the run home, with nobody else about")
  func home() async throws {
    let scratch = try await project(n: 9)
    let work = try await Cli.run(
      ["work", "r1", "--json", "--", "./worker", "read {instructions}"], in: scratch.path)
    #expect(work.status == 0, "\(work)")
    let events = try events(work)
    #expect(events.filter { $0["event"] == "taken" && $0["taskStatus"] == "completed" }.count == 9)
    #expect(events.last == ["event": "end", "runId": "r1", "status": "completed", "tasks": 9], "\(work)")
    let summary = try await tasks(scratch).first?["summary"]?.string ?? ""
    #expect(summary.hasPrefix("read /") && summary.hasSuffix("instructions.md, try 1"), "\(summary)")
    let report = try await Cli.run(["report", "r1", "--path", "ids.8", "--raw"], in: scratch.path)
    #expect(report.stdout == "fanout:f#t8\n", "\(report)")
    let again = try await Cli.run(["work", "r1", "--", "./worker"], in: scratch.path)
    #expect(again.status == 0 && again.stdout == "r1\tcompleted\n", "\(again)")
  }

  @Test("packages in queue/ready are taken as well, beside a watch that fills it")
  func besideWatch() async throws {
    let scratch = try await project(n: 30)
    let watch = try await Cli.start(["watch", "r1", "--dispatch"], in: scratch.path)
    while try FileSystem.names(in: scratch.layout.run("r1").ready).count < 30, kill(watch.pid, 0) == 0 {
      await Task.yield()
    }
    let work = try await Cli.run(["work", "r1", "--jobs", "3", "--", "./worker", "x"], in: scratch.path)
    let watched = try await watch.output()
    #expect(work.status == 0 && watched.status == 0, "\(work)\n\(watched)")
    #expect(work.stdout.contains("\ttaken\t") && work.stdout.hasSuffix("r1\tcompleted\n"), "\(work)")
    #expect(work.stderr.contains("drives this run"), "\(work)")
  }

  @Test("an envelope on standard output is taken with --result-from stdout, and only then")
  func stdout() async throws {
    let scratch = try await project(
      n: 2, script: "#!/bin/sh\necho thinking; echo '```json'; cat envelope; echo '```'\n")
    let script =
      "#!/bin/sh\necho thinking\necho '```json'\necho '\(Envelope.json(data: ["task": "said"]).compactText)'\necho '```'\n"
    chmod(try scratch.file("worker", script), 0o755)
    let options = ["--once", "--retries", "0", "--break-after", "0"]
    let work = try await Cli.run(
      ["work", "r1"] + options + ["--result-from", "stdout", "--", "./worker"], in: scratch.path)
    #expect(work.status == 0 && work.stdout.hasSuffix("r1\tcompleted\n"), "\(work)")
    let report = try await Cli.run(["report", "r1", "--path", "ids"], in: scratch.path)
    #expect(try report.json() == ["said", "said"], "\(report)")
    let other = try await project(n: 1, script: script)
    let silent = try await Cli.run(["work", "r1"] + options + ["--", "./worker"], in: other.path)
    #expect(silent.status == 0 && silent.stdout.contains("exited with 0 without a result"), "\(silent)")
    let task = try #require(try await tasks(other).first)
    let package = FileSystem.split(task["resultPath"]?.string ?? "").parent
    let said = try String(
      decoding: FileSystem.read(PackageLayout(root: package).log(1, "stdout")), as: UTF8.self)
    #expect(said.hasPrefix("thinking\n"))
  }

  @Test("without a result it is run again, then failed in its place with status and words")
  func failed() async throws {
    let scratch = try await project(
      n: 1,
      script: "#!/bin/sh\necho \"try $FLOWDEX_TRY\" >>\"$FLOWDEX_PROJECT/log\"\necho 'no luck' >&2\nexit 3\n")
    let work = try await Cli.run(
      ["work", "r1", "--json", "--back-off-seconds", "0.01", "--", "./worker"], in: scratch.path)
    #expect(work.status == 0, "\(work)")
    #expect(try scratch.text("log") == "try 1\ntry 2\ntry 3\n")
    #expect(
      try events(work).map { $0["event"] ?? nil }.dropLast() == [
        "started", "again", "started", "again", "started", "failed",
      ])
    let task = try #require(try await tasks(scratch).first)
    #expect(task["status"] == "failed")
    #expect(
      task["error"] == "the command exited with 3 without a result (`no luck`), after 3 runs", "\(task)")
    let result = try JSONValue(parsing: FileSystem.read(task["resultPath"]?.string ?? ""))
    #expect(
      result["data"]?["exitCode"] == 3 && result["data"]?["stderr"] == "no luck\n"
        && result["data"]?["runs"] == 3,
      "\(result)")
    #expect(
      FileSystem.exists(
        FileSystem.split(task["resultPath"]?.string ?? "").parent + "/adapter-result.accepted"))
    let report = try await Cli.run(["report", "r1", "--path", "statuses"], in: scratch.path)
    #expect(try report.json() == ["failed"])
  }

  @Test("a refused result is told to the next run, which mends it")
  func refused() async throws {
    let scratch = try await project(
      n: 1,
      script: """
        #!/bin/sh
        if [ -e "$FLOWDEX_REJECTED" ]; then
          grep -q /status "$FLOWDEX_REJECTED" && echo '\(Envelope.json(data: ["task": "mended"]).compactText)' >"$FLOWDEX_RESULT"
        else
          echo '{"status":"done"}' >"$FLOWDEX_RESULT"
        fi
        """)
    let work = try await Cli.run(
      ["work", "r1", "--back-off-seconds", "0.01", "--", "./worker"], in: scratch.path)
    #expect(work.status == 0 && work.stdout.contains("left a result that is not taken"), "\(work)")
    let report = try await Cli.run(["report", "r1", "--path", "ids"], in: scratch.path)
    #expect(try report.json() == ["mended"], "\(report)")
  }

  @Test("workers that fail alike pause the run, and nothing is burnt; resumed, it goes on")
  func circuit() async throws {
    let scratch = try await project(
      n: 20, script: "#!/bin/sh\necho \"limit reached at $$\" >&2\nexit 1\n")
    let work = try await Cli.run(["work", "r1", "--jobs", "2", "--", "./worker"], in: scratch.path)
    #expect(
      work.status == 1 && work.stderr.contains("run `r1` is paused: 3 workers in a row failed alike"),
      "\(work)")
    let status = try await Cli.run(["status", "r1", "--json"], in: scratch.path).json()
    #expect(status["run"]?["status"] == "paused")
    #expect(status["run"]?["error"]?.string?.contains("limit reached") == true)
    #expect(status["counts"]?["dispatchable"] == 20, "\(status["counts"] ?? nil)")
    try scratch.file("worker", Self.script)
    #expect(try await Cli.run(["resume", "r1"], in: scratch.path).json()["status"] == "needs-dispatch")
    let again = try await Cli.run(["work", "r1", "--", "./worker", "x"], in: scratch.path)
    #expect(again.status == 0 && again.stdout.hasSuffix("r1\tcompleted\n"), "\(again)")
  }

  @Test(
    "results that break the schema alike end their tasks as the contract says, and then the circuit breaks")
  func schema() async throws {
    let scratch = try await project(
      n: 6,
      body: """
        const tasks = Array.from({ length: ctx.input.n }, (_, i) => ({ id: "t" + i, mode: "read-only", prompt: "x",
          schema: { type: "object", required: ["answer"] }, schemaAttempts: 1 }));
        ctx.report((await ctx.fanout({ id: "f", phase: "one", tasks })).map((r) => r.status));
        """, script: "#!/bin/sh\necho '\(Envelope.json().compactText)' >\"$FLOWDEX_RESULT\"\n")
    let work = try await Cli.run(["work", "r1", "--jobs", "1", "--", "./worker"], in: scratch.path)
    #expect(work.status == 1 && work.stderr.contains("3 workers in a row failed alike"), "\(work)")
    let status = try await Cli.run(["status", "r1", "--json"], in: scratch.path).json()
    #expect(status["counts"]?["failed"] == 3 && status["counts"]?["dispatchable"] == 3, "\(work)")
  }
}
