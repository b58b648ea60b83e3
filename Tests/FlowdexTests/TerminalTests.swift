import QueueRunner
import Testing

/// What a person at a terminal sees; `script` of util-linux is the terminal.
@Suite("a terminal", .timeLimit(.minutes(15)))
struct TerminalTests {
  /// What was shown, standard error included, and the exit status.
  private func type(_ keys: String, _ command: String, in folder: String) async throws -> Cli.Output {
    try await FaultTests.shell(
      "printf '\(keys)' | script -qefc 'stty cols 60 rows 20; \(command)' /dev/null", in: folder)
  }

  @Test("run shows what it would run and asks; only a yes runs it", arguments: ["y", "yes", "Y"])
  func yes(answer: String) async throws {
    let scratch = try Scratch()
    try scratch.workflow("ctx.report('ran');")
    let output = try await type("\(answer)\\n", "$F run workflow.ts --run-id r1", in: scratch.path)
    #expect(output.status == 0, "\(output)")
    #expect(
      output.stdout.contains("flowdex.workflow.ts.v1") && output.stdout.contains("Run it? [y/N]"), "\(output)"
    )
    #expect(output.stdout.contains("\"report\": \"ran\""), "\(output)")
  }

  @Test("anything else does not", arguments: ["n", "", "nyes", "\\004"])
  func no(answer: String) async throws {
    let scratch = try Scratch()
    try scratch.workflow("ctx.report('ran');")
    let output = try await type("\(answer)\\n", "$F run workflow.ts --run-id r1", in: scratch.path)
    #expect(output.status == 3, "\(output)")
    #expect(output.stdout.contains("flowdex: the workflow was not approved"), "\(output)")
    #expect(!scratch.exists(".flowdex/runs/r1"))
  }

  /// A watch from the first task to the end, with a worker beside it.
  private func watched(_ variables: String) async throws -> Cli.Output {
    let scratch = try Scratch()
    try scratch.workflow(
      """
      const all = await ctx.fanout({ id: "f", phase: "one", tasks: Array.from({ length: 30 }, (_, i) =>
        ({ id: "t" + i, mode: "read-only", prompt: "x" })) });
      ctx.report(all.length);
      """)
    _ = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    let worker = try TestWorker(scratch.layout.run("r1")) { task in
      let name = task["taskId"]?.string ?? ""
      return Envelope.json(
        summary: "\(name) \u{1B}[31m\u{1B}]0;title\u{7} \u{9B}2J \(String(repeating: "w", count: 99))"
      )
      .canonicalBytes
    }
    defer { worker.stop() }
    return try await type("", "\(variables) $F watch r1 --dispatch", in: scratch.path)
  }

  @Test("watch draws frames that fit, and nothing that a worker wrote moves the cursor")
  func frames() async throws {
    let output = try await watched("env -u NO_COLOR TERM=xterm")
    #expect(output.status == 0, "\(output)")
    let text = output.stdout
    #expect(text.contains("\u{1B}[K") && text.contains("30/30"), "\(output)")
    #expect(text.contains("r1\tcompleted") || text.contains("r1  completed"), "\(output)")
    let plain = text.replacing(/\u{1B}\[(\d+A|K|J|\d*m|\?2026[hl])/, with: "")
    #expect(!plain.unicodeScalars.contains { $0 == "\u{1B}" || $0 == "\u{7}" || $0 == "\u{9B}" }, "\(output)")
    let long = plain.split(whereSeparator: \.isNewline).filter { $0.count > 60 }
    #expect(long.isEmpty, "\(long)")
  }

  @Test("asked to be plain, it prints lines", arguments: ["NO_COLOR=1", "TERM=dumb"])
  func plain(variables: String) async throws {
    let output = try await watched(variables)
    #expect(output.status == 0, "\(output)")
    #expect(!output.stdout.contains("\u{1B}"), "\(output)")
    let done = output.stdout.split(whereSeparator: \.isNewline).filter {
      $0.contains("\tcompleted\tfanout:f#t")
    }
    #expect(done.count == 30, "\(output)")
  }
}
