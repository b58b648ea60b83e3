import Testing

/// Each rule, given what it must complain about and what it must let pass.
@Suite struct RuleSelfTests {
  static func file(_ text: String, _ path: String = "Sources/QueueRunner/X.swift") -> SwiftFile {
    SwiftFile(path: path, text: text)
  }

  // MARK: taking a file apart

  @Test func literalsAndCommentsAreNotCode() {
    let file = Self.file(
      #"""
      let a = "func x() {" // func y() {
      /* outer /* inner */ { */ let b = #"a "quoted" \(b) { "#
      let c = "x\(call("inner }") { $0 }) tail"
      """#)
    #expect(file.code.joined(separator: "\n").contains { "{".contains($0) })
    #expect(SwiftFile.words(file.code[0]) == ["let", "a"])
    #expect(SwiftFile.words(file.code[1]) == ["let", "b"])
    #expect(SwiftFile.words(file.code[2]) == ["let", "c", "call", "0"])
    #expect(
      file.literals.map(\.text) == [
        "func x() {", #"a "quoted" \(b) { "#, "inner }", #"x\() tail"#,
      ])
    #expect(file.comments.map(\.text) == ["// func y() {", "/* outer /* inner */ { */"])
  }

  @Test func multilineLiteralsKeepTheirLines() {
    let quotes = "\"\"\""
    let file = Self.file("let a = \(quotes)\n  func f() {\n  \(quotes)\nlet b = 1\n")
    #expect(file.literals.map(\.line) == [1])
    #expect(SwiftFile.words(file.code[3]) == ["let", "b", "1"])
    #expect(file.lineCount == 4)
  }

  // MARK: budgets

  @Test func functionsAreMeasured() {
    let body = String(repeating: "    let x = \"{\"\n", count: 68)
    let file = Self.file(
      """
      protocol P {
        func requirement(_ a: () -> Void)
        init?(text: String) throws
        var size: Int { get }
      }
      struct S {
        init(a: Int = [1].map { $0 }[0]) {
      \(body)  }
        func short() -> Int { 1 }
        func long<T>(
          _ t: T
        ) where T: P {
      \(body)  }
      }
      """)
    #expect(
      Budgets.functions(in: file) == [
        Budgets.Function(name: "init", line: 7, lines: 70),
        Budgets.Function(name: "short", line: 77, lines: 1),
        Budgets.Function(name: "long", line: 78, lines: 72),
      ])
    #expect(Budgets.problems(in: file).count == 1)
  }

  @Test func longFilesAreFound() {
    #expect(Budgets.problems(in: Self.file(String(repeating: "\n", count: 350))) == [])
    #expect(Budgets.problems(in: Self.file(String(repeating: "\n", count: 351))).count == 1)
  }

  // MARK: tests

  @Test func shortTimeLimitsAreFound() {
    let limits = [1, 14, 15, 240].map { "@Test(.timeLimit(.minutes(\($0)))) func f() {}" }
    let found = TestRules.timeLimits(Self.file(limits.joined(separator: "\n"), "Tests/A/B.swift"))
    #expect(
      found
        == [1, 14].enumerated().map {
          "Tests/A/B.swift:\($0 + 1): a limit of \($1) min; at least 15"
        })
  }

  // MARK: modules

  @Test(arguments: [
    ("struct A: ParsableCommand {\n  static let c = CommandConfiguration(\n    commandName: \"a\",", true),
    ("struct A: ParsableCommand {\n  static let c = CommandConfiguration(commandName: \"a\")", true),
    ("struct A: ParsableCommand {\n  static let c = CommandConfiguration(\n    abstract: \"b\",", false),
    ("struct A: ParsableCommand {}", false),
  ])
  func commandNames(_ text: String, _ isFine: Bool) {
    #expect(ModuleRules.commandNames(Self.file(text)).isEmpty == isFine)
  }

  @Test(arguments: [
    ("import Runtime", "Sources/QueueRunner/X.swift", false),
    ("import Runtime", "Sources/flowdex/X.swift", true),
    ("@testable import flowdex", "Sources/Runtime/X.swift", false),
    ("public import ArgumentParser", "Sources/Runtime/X.swift", false),
    ("import GRDB", "Sources/flowdex/X.swift", false), ("import GRDB", "Sources/Runtime/X.swift", true),
    ("import CSpawn", "Sources/QueueRunner/X.swift", false),
    ("import CInotifyTools", "Sources/QueueRunner/Queue/X.swift", false),
    ("import CInotifyTools", "Sources/QueueRunner/Watching/X.swift", true),
    ("// import Runtime", "Sources/QueueRunner/X.swift", true),
    ("import Glibc", "Sources/QueueRunner/X.swift", true),
  ])
  func arrows(_ text: String, _ path: String, _ isFine: Bool) {
    #expect(ModuleRules.arrows(Self.file(text, path)).isEmpty == isFine)
  }

  @Test(arguments: [
    ("inotifytools_next_events(0, 1)", "Watching/InotifyLibrary.swift", true),
    ("inotifytools_next_events(0, 1)", "Watching/WatchThread.swift", false),
    ("inotifytools_watch_recursively(a, b)", "Watching/InotifyLibrary.swift", false),
    ("inotifytools_ignore_events_by_regex(a, b)", "Watching/InotifyLibrary.swift", false),
    ("// inotifytools_error says why", "Watching/WatchThread.swift", true),
  ])
  func watching(_ text: String, _ path: String, _ isFine: Bool) {
    let file = Self.file(text, "Sources/QueueRunner/\(path)")
    #expect(ModuleRules.watching(path: file.path, code: file.code).isEmpty == isFine)
  }

  @Test(arguments: [
    ("// as Deno does", false), ("let x = \"TypeScript\"", false), ("let workflowId = 1", false),
    ("// the workflow's words", true), ("let denominator = 2", true),
  ])
  func foreignWords(_ text: String, _ isFine: Bool) {
    #expect(ModuleRules.foreignWords(Self.file(text)).isEmpty == isFine)
    #expect(ModuleRules.foreignWords(Self.file(text, "Sources/Runtime/X.swift")).isEmpty)
  }

  @Test(arguments: [
    ("let q = \"SELECT * FROM t\"", false), ("let q = \"UPDATE t SET a = \\(b)\"", false),
    ("let q = \"PRAGMA synchronous\"", false), ("let q = \"SELECT\"", true), ("// SELECT * FROM t", true),
    ("let q = \"select a file\"", true),
  ])
  func sql(_ text: String, _ isFine: Bool) {
    #expect(ModuleRules.sql(Self.file(text)).isEmpty == isFine)
    #expect(ModuleRules.sql(Self.file(text, "Sources/QueueRunner/State/X.swift")).isEmpty)
  }

  @Test(arguments: [
    ("let p = \"\\(root)/state.sqlite\"", false), ("let p = \"adapter-result.json\"", false),
    ("let p = \"queue/ready\"", false), ("let p = \"\\(a)/.flowdex/runs\"", false),
    ("let p = \".flowdex\"", false),
    ("let p = \"no `.flowdex` here\"", true), ("let p = \"snapshots\"", true), ("// queue/ready", true),
    ("let p = \"queue-not-open\"", true), ("let p = \"native.dispatch.snapshot\"", true),
  ])
  func paths(_ text: String, _ isFine: Bool) {
    #expect(ModuleRules.paths(Self.file(text)).isEmpty == isFine)
    #expect(ModuleRules.paths(Self.file(text, "Sources/QueueRunner/QueueLayout.swift")).isEmpty)
  }

  @Test(arguments: [
    ("let now = Date()", false), ("clock_gettime(CLOCK_REALTIME, &t)", false),
    ("let c = ContinuousClock.now", false),
    ("// Date()", true), ("clock.nowMs()", true),
  ])
  func clocks(_ text: String, _ isFine: Bool) {
    #expect(ModuleRules.clocks(Self.file(text)).isEmpty == isFine)
    #expect(ModuleRules.clocks(Self.file(text, "Sources/QueueRunner/Support/Clock.swift")).isEmpty)
  }

  // MARK: text

  @Test func linksAreFollowed() {
    let text =
      "[a](a.md) [b](../b.md#part) [c](#here) [d](https://example.com) `[e](e.md)`\n```\n[f](f.md)\n```\n"
    #expect(TextRules.localLinks(text) == ["a.md", "../b.md"])
    let known: Set<String> = ["docs/a.md"]
    #expect(
      TextRules.deadLinks(path: "docs/x.md", text: text, exists: known.contains) == [
        "docs/x.md: there is no `../b.md`"
      ])
  }

  @Test func unnamedExamplesAreFound() {
    #expect(TextRules.unnamed(["examples/a.ts", "examples/b/c.sh"], in: ["run a.ts"]) == ["examples/b/c.sh"])
  }

  @Test(arguments: ["work", "root"])
  func machinePathsAreFound(_ name: String) {
    let path = "/\(name)/"
    #expect(TextRules.machinePaths(path: "x", text: "fine\nsee \(path)main\n").count == 1)
    #expect(TextRules.machinePaths(path: "x", text: "\(path)main").count == 1)
    #expect(TextRules.machinePaths(path: "x", text: "\"\(path)main\"").count == 1)
    #expect(
      TextRules.machinePaths(path: "x", text: "dispatches/<child>\(path)a.txt and package\(path)b").isEmpty)
  }
}
