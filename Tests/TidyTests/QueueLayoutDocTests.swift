import QueueRunner
import Testing

/// queue-layout.md, the public description of a run's directory, against the code that makes it.
@Suite struct QueueLayoutDocTests {
  static let page = ProjectTree.text("queue-layout.md")
  static let run = RunLayout(root: "RUN", runId: "r")
  static let package = PackageLayout(root: "RUN/dispatches/<child>/<lease>")

  /// Every property of `RunLayout` and `PackageLayout` that is a path, by its name.
  static let properties: [String: String] = [
    "workflow": run.workflow, "input": run.input, "database": run.database, "databaseLog": run.databaseLog,
    "databaseIndex": run.databaseIndex, "writeLock": run.writeLock, "driverLock": run.driverLock,
    "dispatchLock": run.dispatchLock,
    "events": run.events, "wake": run.wake, "artifacts": run.artifacts, "temporary": run.temporary,
    "snapshots": run.snapshots, "queue": run.queue, "ready": run.ready, "claimed": run.claimed,
    "dispatches": run.dispatches, "staging": run.staging, "publishing": run.publishing,
    "sessionFolder": run.sessionFolder, "integrations": run.integrations,
    "task": package.task, "instructions": package.instructions, "schema": package.schema,
    "work": package.work, "scratch": package.scratch, "heartbeat": package.heartbeat,
    "result": package.result, "accepted": package.accepted, "rejected": package.rejected,
  ]

  /// What the functions of the layout make.
  static let made = [
    run.artifact("<digest>"), run.ready("<lease>"), run.claimed("<lease>"), package.root,
    package.log(0, "stdout").replacing("run-0", with: "run-<n>"),
    package.log(0, "stderr").replacing("run-0", with: "run-<n>"),
  ]

  /// A property that is added to the layout has to be added here, and so to the page.
  @Test func everyPathOfTheLayoutIsKnownHere() throws {
    let source = ProjectTree.text("Sources/QueueRunner/QueueLayout.swift")
    let start = try #require(source.firstRange(of: "public struct RunLayout"))
    #expect(Self.pathProperties(source[start.lowerBound...]).sorted() == Self.properties.keys.sorted())
  }

  @Test func thePageListsExactlyThePathsThatThereAre() {
    let real = Set((Self.properties.values + Self.made).map { String($0.dropFirst("RUN/".count)) })
    let listed = Self.firstColumn(Self.page, under: "path")
    #expect(Set(listed).subtracting(real).sorted() == [], "the page lists what is not there")
    #expect(real.subtracting(listed).sorted() == [], "the page leaves out what is there")
    #expect(listed.count == Set(listed).count, "the page lists something twice")
  }

  @Test func thePageListsExactlyTheFieldsOfATask() throws {
    let source = ProjectTree.text("Sources/QueueRunner/Queue/DispatchPackage.swift")
    let start = try #require(source.firstRange(of: "var taskJSON"))
    let rest = source[start.upperBound...]
    let end = try #require(rest.firstRange(of: "]\n"))
    #expect(Self.keys(rest[..<end.lowerBound]) == Self.firstColumn(Self.page, under: "field"))
  }

  @Test func thePageListsTheFieldsOfAResult() throws {
    let example = "{ \"status\": \"completed\", \"summary\":"
    #expect(Self.page.contains(example))
    #expect(
      Self.firstColumn(Self.page, under: "field of the result") == [
        "status", "summary", "data", "claims", "artifacts", "diff", "usage", "error",
      ])
  }

  @Test func theWorkedExamplesAreRight() {
    for bytes in ["second\n", "second\nthird"] {
      #expect(Self.page.contains(Digest.sha256Hex(bytes)), "the hash of \(bytes.debugDescription) is wrong")
    }
    let key = "fanout:shards#shard-1"
    #expect(Self.page.contains("`dispatches/\(RunLayout.folder(of: key))/`"))
  }

  @Test func theReadersCanFail() {
    let page =
      "| path | written by | meaning |\n| --- | --- | --- |\n| `a/b` | x | y |\n\n| field | a |\n|---|---|\n| `c` | d |\n"
    #expect(Self.firstColumn(page, under: "path") == ["a/b"])
    #expect(Self.firstColumn(page, under: "field") == ["c"])
    #expect(Self.firstColumn(page, under: "other") == [])
    #expect(Self.keys("\"a\": 1,\n \"b\": .string(\"c\"),\n") == ["a", "b"])
    #expect(Self.pathProperties("public var a: String { \"\\(root)/a\" }\npublic let b: String\n") == ["a"])
  }

  /// Names of the computed properties that give text.
  private static func pathProperties(_ source: some StringProtocol) -> [String] {
    source.split(separator: "\n").compactMap { line in
      let words = SwiftFile.words(String(line))
      guard words.starts(with: ["public", "var"]), words.count > 3, words[3] == "String", line.contains("{")
      else {
        return nil
      }
      return words[2]
    }
  }

  /// The keys of a dictionary literal that is written one entry a line.
  private static func keys(_ source: some StringProtocol) -> [String] {
    source.split(separator: "\n").compactMap { line in
      let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
      guard parts.count >= 3, parts[0].allSatisfy(\.isWhitespace), parts[2].hasPrefix(":") else { return nil }
      return String(parts[1])
    }
  }

  /// What stands in backticks in the first column of the table whose first heading is `heading`.
  private static func firstColumn(_ page: String, under heading: String) -> [String] {
    var found: [String] = []
    var isIn = false
    for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
      guard line.hasPrefix("|") else {
        isIn = false
        continue
      }
      let cell = line.split(separator: "|").first.map(String.init) ?? ""
      if cell == " \(heading) " { isIn = true }
      let parts = cell.split(separator: "`", omittingEmptySubsequences: false)
      if isIn, parts.count == 3 { found.append(String(parts[1])) }
    }
    return found
  }
}
