import Glibc
import QueueRunner
import Testing

/// `skill install`, and the skill itself.
@Suite("skill", .timeLimit(.minutes(15)))
struct SkillTests {
  /// The options, the variables, and where the skill must go, below the scratch folder.
  static let places: [([String], [String: String], String)] = [
    (["--target", "deep/er/mine"], [:], "deep/er/mine"),
    ([], ["CODEX_HOME": "codex"], "codex/skills/flowdex"),
    ([], ["CODEX_HOME": "", "HOME": "home"], "home/.codex/skills/flowdex"),
    (["--claude"], ["CODEX_HOME": "codex", "HOME": "home"], "home/.claude/skills/flowdex"),
  ]

  @Test("it goes where the agent looks, says what it changed, and is idempotent", arguments: places)
  func install(options: [String], variables: [String: String], place: String) async throws {
    let scratch = try Scratch()
    let environment = variables.mapValues { $0.isEmpty ? "" : "\(scratch.path)/\($0)" }
    let command = ["skill", "install"] + options
    let first = try await Cli.run(command + ["--json"], in: scratch.path, environment: environment)
    #expect(first.status == 0, "\(first)")
    let destination = try #require(try first.json()["destination"]?.string)
    #expect(destination == place || destination == "\(scratch.path)/\(place)")
    #expect(try first.json()["skill"] == "flowdex" && first.json()["filesCopied"] == 2, "\(first)")
    let bundled = try FileSystem.read("\(Cli.packageRoot)/skills/flowdex/SKILL.md")
    #expect(try FileSystem.read("\(scratch.path)/\(place)/SKILL.md") == bundled)
    let again = try await Cli.run(command, in: scratch.path, environment: environment)
    #expect(again.status == 0 && again.stdout.isEmpty && again.stderr.contains("up to date"), "\(again)")
    try scratch.file("\(place)/SKILL.md", "old")
    try scratch.file("\(place)/notes.md", "mine")
    let mended = try await Cli.run(command, in: scratch.path, environment: environment)
    #expect(mended.stdout == "\(destination)/SKILL.md\n", "only what differed: \(mended)")
    #expect(try FileSystem.read("\(scratch.path)/\(place)/SKILL.md") == bundled)
    #expect(try scratch.text("\(place)/notes.md") == "mine", "what is not ours stays")
  }

  @Test("--claude and --target exclude each other; without a home it says what to do")
  func misuse() async throws {
    let scratch = try Scratch()
    let both = try await Cli.run(["skill", "install", "--claude", "--target", "x"], in: scratch.path)
    #expect(both.status == 64 && both.stderr.contains("exclude each other"), "\(both)")
    let homeless = try await Cli.run(
      ["skill", "install"], in: scratch.path, environment: ["CODEX_HOME": "", "HOME": ""])
    #expect(homeless.status == 64 && homeless.stderr.contains("--target"), "\(homeless)")
  }

  /// What stands in the fences of the language.
  static func fences(_ text: String, _ language: String) -> [String] {
    text.split(separator: "```\(language)\n", omittingEmptySubsequences: false).dropFirst().compactMap {
      $0.split(separator: "```", omittingEmptySubsequences: false).first.map(String.init)
    }
  }

  @Test("the workflow in the skill is one, and its envelope is a result that would be taken")
  func examples() async throws {
    let scratch = try Scratch()
    let skill = String(
      decoding: try FileSystem.read("\(Cli.packageRoot)/skills/flowdex/SKILL.md"), as: UTF8.self)
    try scratch.file("w.ts", try #require(Self.fences(skill, "ts").first))
    let preview = try await Cli.run(["preview", "w.ts", "--json"], in: scratch.path)
    #expect(try preview.status == 0 && preview.json()["name"] == "audit", "\(preview)")
    try scratch.file("Makefile", "test:\n\t@echo fine\n")
    try scratch.file("src/a.txt", "a\n")
    let run = try await Cli.run(["run", "w.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    #expect(try run.json()["status"] == "needs-dispatch", "\(run)")
    let worker = try TestWorker(scratch.layout.run("r1"))
    let watch = try await Cli.run(["watch", "r1", "--dispatch"], in: scratch.path)
    worker.stop()
    let report = try await Cli.run(["report", "r1"], in: scratch.path)
    #expect(try report.json()["claims"]?.array?.first?["standing"] == "verified", "\(watch)\(report)")
    try scratch.file("result.json", try #require(Self.fences(skill, "json").first))
    let check = try await Cli.run(["check-result", "result.json"], in: scratch.path)
    #expect(check.status == 0, "\(check)")
  }

  @Test("every command that the skill names is one")
  func commands() async throws {
    let scratch = try Scratch()
    let skill = String(
      decoding: try FileSystem.read("\(Cli.packageRoot)/skills/flowdex/SKILL.md"), as: UTF8.self)
    let named = skill.split(separator: "`flowdex ").dropFirst().compactMap {
      $0.split(whereSeparator: { " `\n".contains($0) }).first.map(String.init)
    }
    #expect(Set(named).count >= 8)
    for name in Set(named).sorted() {
      let help = try await Cli.run([name, "--help"], in: scratch.path)
      #expect(help.status == 0, "`flowdex \(name)`: \(help)")
    }
  }
}
