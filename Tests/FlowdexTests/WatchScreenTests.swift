import QueueRunner
import Testing

private let hasTmux = FileSystem.exists("/usr/bin/tmux")

/// `watch` on a real terminal: tmux holds it, and its screen is read back.
@Suite(
  "watch on a terminal", .timeLimit(.minutes(15)), .enabled(if: hasTmux, "there is no tmux"))
struct WatchScreenTests {
  /// One terminal with one command in it, on a tmux server of its own.
  private struct Terminal {
    let scratch: Scratch

    func tmux(_ arguments: String) async throws -> Cli.Output {
      try await FaultTests.shell(
        "TMUX= tmux -S '\(scratch.path)/tmux' -f /dev/null \(arguments)", in: scratch.path)
    }

    func start(_ command: String, _ columns: Int, _ rows: Int) async throws {
      let begun = try await tmux(
        "new-session -d -x \(columns) -y \(rows) 'env -u NO_COLOR TERM=screen \(command); cat'")
      #expect(begun.status == 0, "\(begun)")
    }

    /// Reads the screen until it says all of the words; the suite's time limit ends a wait for nothing.
    ///
    /// - Parameter isJoined: whether lines that the terminal has wrapped count as one.
    func screen(_ words: String..., isJoined: Bool = false) async throws -> [String] {
      while true {
        let shown = try await tmux("capture-pane -p\(isJoined ? " -J" : "")").stdout
        if words.allSatisfy({ shown.contains($0) }) { return shown.split(separator: "\n").map(String.init) }
        try Task.checkCancellation()
      }
    }

    func end() async throws { _ = try await tmux("kill-server") }
  }

  /// Forty tasks, of which thirty are answered, one is refused, and nine are left alone.
  private func project() async throws -> (Scratch, TestWorker) {
    let scratch = try Scratch()
    try scratch.workflow(
      """
      const all = await ctx.fanout({ id: "f", phase: "one", tasks: Array.from({ length: 40 }, (_, i) =>
        ({ id: "t" + i, mode: "read-only", prompt: "x" })) });
      ctx.report(all.length);
      """)
    _ = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    let worker = try TestWorker(scratch.layout.run("r1")) { task in
      let number = Int(task["taskId"]?.string?.dropFirst() ?? "") ?? 0
      if number == 30 { return Array("{\"status\": 1}".utf8) }
      return number < 30
        ? Envelope.json(summary: "did \(number)", usage: ["tokens": 100]).canonicalBytes : nil
    }
    return (scratch, worker)
  }

  @Test(
    "bars, workers, refusals, usage and estimate, at three sizes; Ctrl-C says how to go on",
    arguments: [(60, 16), (80, 24), (140, 45)])
  func sizes(columns: Int, rows: Int) async throws {
    let (scratch, worker) = try await project()
    defer { worker.stop() }
    let terminal = Terminal(scratch: scratch)
    try await terminal.start("\(Cli.binary) watch r1 --dispatch", columns, rows)
    let lines = try await terminal.screen("30/40", "9 running", "1 refused", "tokens 3,000", "left")
    #expect(lines.count <= rows && lines.allSatisfy { TextColumns.of($0) <= columns }, "\(lines)")
    #expect(lines.first?.hasPrefix("test  needs-dispatch") == true, "\(lines)")
    #expect(lines.contains { $0.contains("fanout:f#t30") && $0.contains("m") }, "\(lines)")
    _ = try await terminal.tmux("send-keys C-c")
    _ = try await terminal.screen("run `flowdex watch r1 --dispatch` to go on", isJoined: true)
    let status = try await Cli.run(["status", "r1", "--json"], in: scratch.path).json()
    #expect(
      status["run"]?["status"] == "needs-dispatch" && status["counts"]?["leased"] == 10,
      "\(status["counts"] ?? nil)")
    try await terminal.end()
  }

  @Test("a terminal that changes its size is drawn anew")
  func resized() async throws {
    let (scratch, worker) = try await project()
    defer { worker.stop() }
    let terminal = Terminal(scratch: scratch)
    try await terminal.start("\(Cli.binary) watch r1 --dispatch", 120, 30)
    _ = try await terminal.screen("30/40", "1 refused")
    _ = try await terminal.tmux("resize-window -x 60 -y 20")
    // Every three seconds there is a frame, whatever happens.
    while true {
      let lines = try await terminal.screen("30/40")
      let heads = lines.filter { $0.hasPrefix("test  needs-dispatch") }
      if heads.count == 1, lines.first == heads.first, lines.count <= 20 { break }
      try Task.checkCancellation()
    }
    try await terminal.end()
  }
}

/// Columns of what tmux gives back, in which nothing is wide here.
private enum TextColumns {
  static func of(_ text: String) -> Int { text.count }
}
