import Testing

/// The rules of the house, over every file of the project. `RuleSelfTests` shows that each of them can fail.
@Suite struct TidyTests {
  static let sources = ProjectTree.swiftFiles(under: "Sources")
  static let everything = sources + ProjectTree.swiftFiles(under: "Tests")

  @Test func theTreeIsFound() {
    #expect(Self.sources.count > 50)
    #expect(ProjectTree.exists("Package.swift"))
  }

  @Test func swiftFilesAndFunctionsKeepTheirBudgets() {
    #expect(Self.everything.flatMap(Budgets.problems) == [])
  }

  @Test func otherSourcesKeepTheirBudgets() {
    let others = ProjectTree.paths(under: "Sources", endings: [".c", ".h", ".js"])
    #expect(
      others.flatMap { Budgets.problems(path: $0, lineCount: ProjectTree.lineCount(ProjectTree.text($0))) }
        == [])
  }

  @Test func modulesKeepTheirArrows() {
    #expect(Self.sources.flatMap(ModuleRules.arrows) == [])
    #expect(Self.sources.flatMap(ModuleRules.foreignWords) == [])
  }

  @Test func theWatchLibraryStaysBehindItsSeam() {
    #expect(Self.sources.flatMap { ModuleRules.watching(path: $0.path, code: $0.code) } == [])
    let headers = ProjectTree.paths(under: "Sources", endings: [".c", ".h", ".modulemap"])
    #expect(headers.contains("Sources/CInotifyTools/shim.h"))
    #expect(
      headers.flatMap {
        ModuleRules.watching(
          path: $0,
          code: ProjectTree.text($0).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        )
      } == [])
  }

  @Test func sqlStaysInTheStores() { #expect(Self.sources.flatMap(ModuleRules.sql) == []) }

  @Test func pathsAreSpelledInTheLayout() { #expect(Self.sources.flatMap(ModuleRules.paths) == []) }

  @Test func timeLimitsEndHangsAndNothingElse() {
    #expect(Self.everything.flatMap(TestRules.timeLimits) == [])
  }

  @Test func commandsSayTheirNames() { #expect(Self.sources.flatMap(ModuleRules.commandNames) == []) }

  @Test func thereIsOneClock() { #expect(Self.everything.flatMap(ModuleRules.clocks) == []) }

  @Test(arguments: ProjectTree.paths.filter { $0.hasSuffix(".md") })
  func linksLeadSomewhere(_ path: String) {
    #expect(TextRules.deadLinks(path: path, text: ProjectTree.text(path), exists: ProjectTree.exists) == [])
  }

  @Test func everyExampleIsNamedInATest() {
    let tests = ProjectTree.swiftFiles(under: "Tests").flatMap(\.literals).map(\.text)
    let examples = ProjectTree.paths.filter { $0.hasPrefix("examples/") }
    #expect(!examples.isEmpty)
    #expect(TextRules.unnamed(examples, in: tests) == [])
  }

  @Test func nothingNamesSomebodysMachine() {
    #expect(ProjectTree.paths.flatMap { TextRules.machinePaths(path: $0, text: ProjectTree.text($0)) } == [])
  }
}
