import QueueRunner
import Testing

/// Wrong use of every command: the exit status, one line on stderr, nothing on stdout.
@Suite("misuse", .timeLimit(.minutes(15)))
struct MisuseTests {
  struct Case {
    let arguments: [String]
    let status: Int32
    let word: String
    init(_ status: Int32, _ arguments: [String], _ word: String) {
      self.arguments = arguments
      self.status = status
      self.word = word
    }
  }

  static let commands: [[String]] = [
    ["preview"], ["run"], ["init"], ["list"], ["next"], ["attach-agent"], ["complete-agent"],
    ["check-result"],
    ["collect-results"], ["watch"], ["status"], ["inspect"], ["report"], ["continue"], ["pause"], ["stop"],
    ["resume"], ["restart-agent"], ["repair-events"], ["save"], ["workflow", "list"], ["skill", "install"],
    ["doctor"], ["renew"], ["work"], ["rm"], ["explain"], ["types"], ["check"],
  ]

  /// What each command needs besides a run's id, to be asked about a run.
  static let ofRuns: [[String]] = [
    ["next"], ["collect-results"], ["watch"], ["status"], ["inspect"], ["report"], ["continue"], ["pause"],
    ["stop"], ["resume"], ["repair-events"], ["explain"], ["rm"],
  ]

  static func about(_ id: String) -> [[String]] {
    ofRuns.map { $0 + [id] } + [
      ["renew", id, "agent:a", "--lease-token", "t"], ["save", id, "name"], ["restart-agent", id, "agent:a"],
      ["attach-agent", id, "agent:a", "--lease-token", "t", "--agent-ref", "w"],
      ["complete-agent", id, "agent:a", "--lease-token", "t", "--result", "{}"],
    ]
  }

  static let usage: [Case] = [
    Case(64, ["--bogus"], "unknown option `--bogus`"),
    Case(64, ["statsu", "r1"], "`flowdex` has no command `statsu` (did you mean `status`?)"),
    Case(64, ["frobnicate"], "run `flowdex --help`"),
    Case(64, ["workflow", "lst"], "`flowdex workflow` has no command `lst` (did you mean `list`?)"),
    Case(64, ["skill", "instal"], "did you mean `install`?"),
    Case(64, ["-C"], "`-C` needs the folder"),
    Case(1, ["-C", "/nowhere", "list"], "cannot go into `/nowhere`: no such file"),
    Case(64, ["list", "it's"], "unexpected argument `it's`"),
    Case(64, ["run", "workflow.ts", "--input"], "missing value for `--input <input>`"),
    Case(64, ["run", "workflow.ts", "--yes", "--input", "{"], "the input is not JSON: byte 1"),
    Case(64, ["run", "workflow.ts", "--yes", "--input", "{\"a\":1,\"a\":2}"], "the input is not JSON"),
    Case(1, ["run", "workflow.ts", "--yes", "--input", "@missing"], "cannot read `missing`"),
    Case(1, ["run", "workflow.ts", "--yes", "--reuse", "r2"], "no run `r2` (did you mean `r1`?)"),
    Case(3, ["run", "workflow.ts"], "run it with --yes"),
    Case(1, ["run", "nightyl", "--yes"], "workflow `nightyl` (did you mean `nightly`?)"),
    Case(1, ["preview", "nowhere.ts"], "no workflow file or saved workflow `nowhere.ts`"),
    Case(1, ["preview", "bad.ts"], "bad.ts:1:1"),
    Case(64, ["init", "code-audti", "x.ts"], "did you mean `code-audit`?"),
    Case(1, ["init", "code-audit", "workflow.ts"], "never overwrites"),
    Case(64, ["skill", "install", "--target", ""], "`--target` is empty"),
    Case(64, ["skill", "install", "--target", "x", "--claude"], "exclude each other"),
    Case(64, ["next", "r1", "--limit", "0"], "`--limit` is 0: expected 1 or more"),
    Case(64, ["next", "r1", "--limit", "many"], "the value `many` is invalid for `--limit <limit>`"),
    Case(64, ["next", "r1", "--limit", "99999999999999999999"], "is invalid for `--limit <limit>`"),
    Case(64, ["watch", "r1", "--limit", "3"], "`--limit` goes with `--dispatch`"),
    Case(64, ["watch", "r1", "--dispatch", "--limit", "0"], "`--limit` is 0"),
    Case(64, ["work", "r1"], "there is no command: expected one after `--`"),
    Case(64, ["work", "r1", "--jobs", "0", "--", "true"], "`--jobs` is 0"),
    Case(64, ["work", "r1", "--retries=-1", "--", "true"], "`--retries` is -1"),
    Case(64, ["work", "r1", "--timeout-minutes=-1", "--", "true"], "`--timeout-minutes` is -1.0"),
    Case(1, ["work", "r1", "--", "no-such-program"], "there is no program `no-such-program` along PATH"),
    Case(1, ["check-result", "missing.json"], "no file `missing.json`"),
    Case(1, ["report", "r1"], "has no report (run `flowdex explain r1`"),
    Case(64, ["report", "r1", "--path", "a..b"], "path `a..b`"),
    Case(64, ["save", "r1", "../x"], "`../x` is not a workflow's name"),
    Case(64, ["save", "r1", ""], "is not a workflow's name"),
    Case(1, ["restart-agent", "r1", "agent:b"], "did you mean `agent:a`?"),
    Case(1, ["attach-agent", "r1", "agent:b", "--lease-token", "t", "--agent-ref", "w"], "mean `agent:a`?"),
    Case(
      1, ["attach-agent", "r1", "agent:a", "--lease-token", "t", "--agent-ref", "w"], "lease `t` is not one"),
    Case(1, ["renew", "r1", "agent:a", "--lease-token", "t"], "lease `t` is not one"),
    Case(
      1, ["complete-agent", "r1", "agent:a", "--lease-token", "t", "--result", "{}"], "lease `t` is not one"),
    Case(
      1, ["complete-agent", "r1", "agent:a", "--lease-token", "t", "--result", "@no"], "cannot read `no`"),
  ]

  /// A project with the run `r1`, which waits for the task `agent:a`.
  static func project() async throws -> Scratch {
    let scratch = try Scratch()
    try scratch.workflow(
      "ctx.report((await ctx.agent({ id: 'a', phase: 'one', mode: 'read-only', prompt: 'x' })).data);")
    try scratch.file("bad.ts", "console.log(1);\n")
    let run = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    #expect(try run.json()["status"] == "needs-dispatch", "\(run)")
    _ = try await Cli.run(["save", "r1", "nightly"], in: scratch.path)
    return scratch
  }

  static func check(_ output: Cli.Output, _ wrong: Case, isPreviewed: Bool = false) {
    #expect(output.status == wrong.status, "\(wrong.arguments): \(output)")
    #expect(output.stdout.isEmpty, "\(wrong.arguments): \(output)")
    #expect(output.stderr.contains(wrong.word), "\(wrong.arguments): \(output)")
    let line = output.stderr.split(separator: "\n", omittingEmptySubsequences: false).dropLast().last ?? ""
    #expect(line.hasPrefix("flowdex: "), "\(wrong.arguments): \(output)")
    #expect(line.dropFirst(9).first?.isUppercase != true, "\(wrong.arguments): \(output)")
    if !isPreviewed {
      #expect(output.stderr == line + "\n", "one line: \(wrong.arguments): \(output)")
    }
  }

  @Test("each wrong use of a command")
  func wrongUse() async throws {
    let scratch = try await Self.project()
    for wrong in Self.usage {
      let output = try await Cli.run(wrong.arguments, in: scratch.path)
      // What is asked to be approved is shown above the error.
      Self.check(output, wrong, isPreviewed: wrong.status == 3)
    }
  }

  @Test("no arguments, and an option that is near to one")
  func arguments() async throws {
    let scratch = try Scratch()
    let bare = [["list"], ["watch"], ["doctor"], ["types"], ["workflow", "list"], ["skill", "install"]]
    let asked = bare + Self.about("r1") + [["preview", "a.ts"], ["run", "a.ts"], ["init", "x", "y"]]
    for command in asked {
      let near = try await Cli.run(command + ["--jsno"], in: scratch.path)
      Self.check(near, Case(64, command, "unknown option `--jsno`"))
    }
    for command in Self.commands where !bare.contains(command) && command != ["rm"] {
      let none = try await Cli.run(command, in: scratch.path)
      Self.check(none, Case(64, command, "missing argument `<"))
    }
  }

  @Test("an unknown run names the nearest, an unsafe id is refused, by every command")
  func runIds() async throws {
    let scratch = try await Self.project()
    for arguments in Self.about("r2") + [["work", "r2", "--", "true"]] {
      let output = try await Cli.run(arguments, in: scratch.path)
      Self.check(output, Case(1, arguments, "there is no run `r2` (did you mean `r1`?)"))
    }
    for arguments in Self.about("../r1") {
      let output = try await Cli.run(arguments, in: scratch.path)
      Self.check(output, Case(64, arguments, "`../r1` is not a run id"))
    }
    for id in ["..", ".", "a/b", "", ".hidden", "r1\n", String(repeating: "a", count: 201)] {
      for arguments in [["status", id], ["run", "workflow.ts", "--yes", "--run-id", id]] {
        let output = try await Cli.run(arguments, in: scratch.path)
        Self.check(output, Case(64, arguments, "is not a run id: expected 1 to 200"))
      }
    }
  }

  @Test("a wrong result is refused with its place, and the lease stays open")
  func wrongResult() async throws {
    let scratch = try await Self.project()
    let lease = try await Cli.run(["next", "r1", "--json"], in: scratch.path).json().array?.first
    let token = try #require(lease?["leaseToken"]?.string)
    func complete(_ result: String) -> [String] {
      ["complete-agent", "r1", "agent:a", "--lease-token", token, "--result", result]
    }
    for (result, word) in [("{", "byte 1"), ("{}", "status"), ("[]", "object"), ("", "byte 0")] {
      let output = try await Cli.run(complete(result), in: scratch.path)
      Self.check(output, Case(1, [result], word))
    }
    let right = try await Cli.run(complete(Envelope.json().compactText), in: scratch.path)
    #expect(right.status == 0 && right.stdout == "r1\tagent:a\tcompleted\n", "\(right)")
    let late = try await Cli.run(complete(Envelope.json(summary: "other").compactText), in: scratch.path)
    Self.check(late, Case(1, ["late"], "nothing was taken"))
  }

  @Test("every command has help with an example, and the version is one line")
  func help() async throws {
    let scratch = try Scratch()
    for command in Self.commands + [[], ["workflow"], ["skill"]] {
      let output = try await Cli.run(command + ["--help"], in: scratch.path)
      #expect(output.status == 0 && output.stderr.isEmpty, "\(command): \(output)")
      #expect(
        output.stdout.contains("Example") && output.stdout.contains("flowdex "), "\(command): \(output)")
    }
    let version = try await Cli.run(["--version"], in: scratch.path)
    #expect(version.status == 0 && version.stdout.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil, "\(version)")
  }

  @Test("outside a project each command says so; those that list find nothing")
  func noProject() async throws {
    let scratch = try Scratch()
    try FileSystem.removeTree("\(scratch.path)/.flowdex")
    for arguments in Self.about("r1") + [["work", "r1", "--", "true"]] {
      let output = try await Cli.run(arguments, in: scratch.path)
      Self.check(output, Case(1, arguments, "there is no `.flowdex` here or in any folder above"))
    }
    #expect(try await Cli.run(["list", "--json"], in: scratch.path).stdout == "[]\n")
    #expect(!scratch.exists(".flowdex"), "looking makes no project")
  }
}
