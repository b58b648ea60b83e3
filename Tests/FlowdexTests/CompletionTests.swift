import Glibc
import QueueRunner
import Testing

/// What shells offer when a person presses the tab key.
@Suite("completions", .timeLimit(.minutes(15)))
struct CompletionTests {
  static func has(_ tool: String) -> Bool {
    ["/usr/bin", "/bin", "/usr/local/bin"].contains { access("\($0)/\(tool)", X_OK) == 0 }
  }

  @Test(
    "zsh and fish read their scripts",
    arguments: [("zsh", "zsh/site-functions/_flowdex"), ("fish", "fish/vendor_completions.d/flowdex.fish")])
  func otherShells(shell: String, script: String) async throws {
    try #require(Self.has(shell), "there is no \(shell): `make setup` installs it")
    let scratch = try Scratch()
    let output = try await FaultTests.shell(
      "$F --generate-completion-script \(shell) >script && \(shell) -n script", in: scratch.path)
    #expect(output.status == 0 && output.stderr.isEmpty, "\(output)")
  }

  /// What bash offers for a line that is typed up to its end.
  private func offered(_ line: String, in folder: String) async throws -> [String] {
    let script = """
      source <($F --generate-completion-script bash)
      PATH=\(FileSystem.split(Cli.binary).parent):$PATH
      COMP_LINE='\(line)'; COMP_POINT=${#COMP_LINE}; COMP_TYPE=9; COMP_KEY=9
      COMP_WORDS=($COMP_LINE); [[ $COMP_LINE == *' ' ]] && COMP_WORDS+=('')
      COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
      name=$(complete -p flowdex | sed 's/.*-F \\([^ ]*\\).*/\\1/')
      "$name" flowdex "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>/dev/null
      printf '%s\\n' "${COMPREPLY[@]}"
      """
    let scratch = try Scratch()
    let path = try scratch.file("complete.bash", script)
    let output = try await FaultTests.shell("bash \(path)", in: folder)
    return output.stdout.split(separator: "\n").map { $0.trimmingPrefix(" ") }.map {
      String($0.reversed().drop { $0 == " " }.reversed())
    }
  }

  @Test("bash completes commands, ids of runs and keys of tasks")
  func bash() async throws {
    let scratch = try Scratch()
    try scratch.workflow(
      """
      await ctx.fanout({ id: "f", phase: "one", tasks: ["x", "y"].map((id) =>
        ({ id, mode: "read-only", prompt: "p" })) });
      """)
    for id in ["alpha", "beta"] {
      _ = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", id], in: scratch.path)
    }
    #expect(try await offered("flowdex sta", in: scratch.path) == ["status"])
    #expect(
      try await offered("flowdex status ", in: scratch.path).filter { !$0.hasPrefix("-") } == [
        "beta", "alpha", "latest",
      ])
    #expect(try await offered("flowdex status al", in: scratch.path) == ["alpha"])
    #expect(
      try await offered("flowdex restart-agent alpha ", in: scratch.path).filter { !$0.hasPrefix("-") } == [
        "fanout:f#x", "fanout:f#y",
      ])
    #expect(try await offered("flowdex init ", in: scratch.path).contains("code-audit"))
  }
}
