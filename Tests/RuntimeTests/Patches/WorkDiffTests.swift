import Glibc
import QueueRunner
import Testing

@testable import Runtime

@Suite("work copies: the diff")
struct WorkDiffTests {
  typealias Tree = [String: TestFile]

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let before: [String: String]
    let after: [String: String]
    let text: String
    var testDescription: String { name }
  }

  static let one = "5626abf0f72e58d7a153368ba57db4c673c0e171"
  static let two = "f719efd430d52bcfc8566a43b2eb655688d38871"
  static let empty = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"

  static let cases: [Case] = [
    Case(
      name: "changed", before: ["src/a": "one\n"], after: ["src/a": "two\n"],
      text: "diff --git a/src/a b/src/a\nindex \(one)..\(two) 100644\n--- a/src/a\n+++ b/src/a\n"
        + "@@ -1 +1 @@\n-one\n+two\n"),
    Case(
      name: "created", before: [:], after: ["src/a": "one\n"],
      text: "diff --git a/src/a b/src/a\nnew file mode 100644\nindex \(BlobId.none)..\(one)\n--- /dev/null\n"
        + "+++ b/src/a\n@@ -0,0 +1 @@\n+one\n"),
    Case(
      name: "deleted", before: ["src/a": "one\n"], after: [:],
      text:
        "diff --git a/src/a b/src/a\ndeleted file mode 100644\nindex \(one)..\(BlobId.none)\n--- a/src/a\n"
        + "+++ /dev/null\n@@ -1 +0,0 @@\n-one\n"),
    Case(
      name: "created empty", before: [:], after: ["src/a": ""],
      text: "diff --git a/src/a b/src/a\nnew file mode 100644\nindex \(BlobId.none)..\(empty)\n"),
    Case(
      name: "deleted empty", before: ["src/a": ""], after: [:],
      text: "diff --git a/src/a b/src/a\ndeleted file mode 100644\nindex \(empty)..\(BlobId.none)\n"),
    Case(
      name: "no line feed at the end", before: ["src/a": "one\n"], after: ["src/a": "one"],
      text: "diff --git a/src/a b/src/a\nindex \(one)..\(BlobId.of(Array("one".utf8))) 100644\n--- a/src/a\n"
        + "+++ b/src/a\n@@ -1 +1 @@\n-one\n+one\n\\ No newline at end of file\n"),
    Case(
      name: "binary", before: [:], after: ["src/a": "\0"],
      text: "diff --git a/src/a b/src/a\nnew file mode 100644\n"
        + "index \(BlobId.none)..f76dd238ade08917e6712764a16a22005a50573d\nGIT binary patch\nliteral 1\n"
        + "MbpKF0|0|BS0V4nb02c)S\n\n"),
    Case(
      name: "a name with a space and a quote", before: [:], after: ["src/a b": "one\n", "src/\"": "one\n"],
      text: "diff --git \"a/src/\\\"\" \"b/src/\\\"\"\nnew file mode 100644\nindex \(BlobId.none)..\(one)\n"
        + "--- /dev/null\n+++ \"b/src/\\\"\"\n@@ -0,0 +1 @@\n+one\n"
        + "diff --git a/src/a b b/src/a b\nnew file mode 100644\nindex \(BlobId.none)..\(one)\n--- "
        + "/dev/null\n"
        + "+++ b/src/a b\t\n@@ -0,0 +1 @@\n+one\n"),
  ]

  private static func diff(_ before: Tree, _ after: Tree, globs: [String] = ["src/**"]) throws -> WorkDiff {
    let fixture = try PatchFixture()
    try PatchFixture.write(before, to: "\(fixture.root)/snapshot")
    try PatchFixture.write(after, to: "\(fixture.root)/work")
    return try WorkCopy.diff(
      snapshot: "\(fixture.root)/snapshot", work: "\(fixture.root)/work", writeGlobs: GlobSet(globs))
  }

  @Test("the text of a change", arguments: cases)
  func text(_ test: Case) throws {
    let diff = try Self.diff(test.before.mapValues { TestFile($0) }, test.after.mapValues { TestFile($0) })
    guard case .diff(let text, let paths) = diff else {
      Issue.record("\(diff)")
      return
    }
    if test.name != "binary" { #expect(text == test.text) }
    #expect(
      paths
        == Set(test.before.keys).union(test.after.keys).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    try Self.check(test.before.mapValues { TestFile($0) }, test.after.mapValues { TestFile($0) }, text, "")
  }

  @Test("mode changes, alone and with content")
  func modes() throws {
    let before: Tree = ["src/a": TestFile("one\n"), "src/b": TestFile("one\n", isExecutable: true)]
    let after: Tree = ["src/a": TestFile("one\n", isExecutable: true), "src/b": TestFile("two\n")]
    let expected =
      "diff --git a/src/a b/src/a\nold mode 100644\nnew mode 100755\n"
      + "diff --git a/src/b b/src/b\nold mode 100755\nnew mode 100644\nindex \(Self.one)..\(Self.two)\n"
      + "--- a/src/b\n+++ b/src/b\n@@ -1 +1 @@\n-one\n+two\n"
    #expect(try Self.diff(before, after) == .diff(text: expected, paths: ["src/a", "src/b"]))
  }

  @Test("a file that becomes a folder, and back")
  func turns() throws {
    let file: Tree = ["src/a": TestFile("one\n")]
    let folder: Tree = ["src/a/b": TestFile("one\n"), "src/a/c/d": TestFile("two\n")]
    for (before, after) in [(file, folder), (folder, file)] {
      guard case .diff(let text, _) = try Self.diff(before, after) else {
        Issue.record("no diff")
        continue
      }
      try Self.check(before, after, text, "")
    }
  }

  /// Applies a diff with `integrate` and with git, and compares byte for byte.
  private static func check(_ before: Tree, _ after: Tree, _ text: String, _ note: String) throws {
    let fixture = try PatchFixture()
    try PatchFixture.write(before, to: fixture.project)
    let outcome = try fixture.integration(["**"]).run([text])
    #expect(outcome.error == nil, "\(note)")
    #expect(try PatchFixture.files(fixture.project) == after, "\(note)")
    guard TestGit.isThere else { return }
    try PatchFixture.write(before, to: "\(fixture.root)/git")
    let git = try TestGit.apply(text, in: "\(fixture.root)/git")
    #expect(git.status == 0, "\(note), git: \(git.text)")
    #expect(try PatchFixture.files("\(fixture.root)/git") == after, "\(note)")
  }

  @Test("random edits come back byte for byte, through `integrate` and through git", arguments: 0..<16)
  func random(_ seed: UInt64) throws {
    var random = SeededGenerator(seed)
    for round in 0..<20 {
      let before = RandomTree.make(&random)
      let after = RandomTree.edit(before, &random)
      let note = "seed \(seed), round \(round)"
      switch try Self.diff(before, after, globs: ["**"]) {
      case .unchanged: #expect(before == after, "\(note)")
      case .refused(let problems): Issue.record("\(note): \(problems)")
      case .diff(let text, let paths):
        #expect(paths.count == Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }.count)
        #expect(try Self.diff(before, after, globs: ["**"]) == .diff(text: text, paths: paths), "\(note)")
        try Self.check(before, after, text, note)
      }
    }
  }

  @Test("where git and `integrate` both take a damaged patch, they make the same of it")
  func damaged() throws {
    guard TestGit.isThere else { return }
    var random = SeededGenerator(200)
    var both = 0
    for round in 0..<120 {
      let before = RandomTree.make(&random)
      guard case .diff(let text, _) = try Self.diff(before, RandomTree.edit(before, &random), globs: ["**"])
      else {
        continue
      }
      var lines = text.utf8.split(separator: 10, omittingEmptySubsequences: false).map { Array($0) }
      for _ in 0...random.below(2) {
        let at = random.below(lines.count)
        switch random.below(4) {
        case 0: lines.remove(at: at)
        case 1: lines.insert(lines[at], at: at)
        case 2: lines.swapAt(at, random.below(lines.count))
        default:
          if let last = lines[at].indices.last {
            lines[at][random.below(last + 1)] = 48 + UInt8(random.below(10))
          }
        }
        if lines.isEmpty { lines = [[]] }
      }
      let patch = String(decoding: Array(lines.joined(separator: [10])), as: UTF8.self)
      let fixture = try PatchFixture()
      try PatchFixture.write(before, to: fixture.project)
      try PatchFixture.write(before, to: "\(fixture.root)/git")
      let ours = try fixture.integration(["**"]).run([patch])
      guard ours.error == nil, try TestGit.apply(patch, in: "\(fixture.root)/git").status == 0 else {
        if ours.error != nil { #expect(try PatchFixture.files(fixture.project) == before) }
        continue
      }
      both += 1
      #expect(
        try PatchFixture.files(fixture.project) == PatchFixture.files("\(fixture.root)/git"),
        "round \(round):\n\(patch)")
    }
    #expect(both > 5)
  }

  @Test("what git writes, `integrate` takes: renames, copies, compressed data, deltas", arguments: 100..<112)
  func gitsOwn(_ seed: UInt64) throws {
    guard TestGit.isThere else { return }
    var random = SeededGenerator(seed)
    let fixture = try PatchFixture()
    var before = RandomTree.make(&random)
    // Large enough for a delta to pay.
    before["large"] = TestFile(bytes: (0..<4000).map { _ in UInt8(random.below(256)) })
    var after = RandomTree.edit(before, &random)
    after["large"] = before["large"]
    after["large"]?.bytes.insert(contentsOf: [1, 2, 3], at: random.below(4000))
    if let moved = before.keys.sorted().first { after["renamed/\(seed)"] = before[moved] }
    let repository = "\(fixture.root)/repository"
    try FileSystem.makeDirectories(repository)
    func tree(_ files: Tree) throws -> String {
      for name in try FileSystem.names(in: repository) where name != ".git" {
        try FileSystem.removeTree("\(repository)/\(name)")
      }
      try PatchFixture.write(files, to: repository)
      #expect(try TestGit.run(in: repository, ["add", "-A", "-f"]).status == 0)
      return String(try TestGit.run(in: repository, ["write-tree"]).text.prefix(40))
    }
    #expect(try TestGit.run(in: repository, ["init", "-q"]).status == 0)
    let (left, right) = (try tree(before), try tree(after))
    let diff = try TestGit.run(
      in: repository, ["diff-tree", "-p", "--binary", "-M", "--find-copies-harder", left, right])
    #expect(diff.text.contains("\ndelta "))
    // A patch is text: one with bytes that are not UTF-8 cannot come in at all.
    guard String(validating: diff.output, as: UTF8.self) != nil else { return }
    try PatchFixture.write(before, to: fixture.project)
    #expect(try fixture.integration(["**"]).run([diff.text]).error == nil, "seed \(seed): \(diff.text)")
    #expect(try PatchFixture.files(fixture.project) == after, "seed \(seed)")
  }
}

/// Small trees of awkward files.
enum RandomTree {
  static let names = [
    "a", "b.txt", "src/a", "src/d/e", "src/d/é", "with space", "src/\"q\"", "b\\s", "a b/c", "日本", "x/y/z",
    "-dash", "src/e\u{301}",
  ]

  static func make(_ random: inout SeededGenerator) -> [String: TestFile] {
    var tree: [String: TestFile] = [:]
    for name in names where random.below(3) > 0 { tree[name] = file(&random) }
    return tree
  }

  private static func file(_ random: inout SeededGenerator) -> TestFile {
    var file: TestFile
    switch random.below(10) {
    case 0: file = TestFile("")
    case 1: file = TestFile(bytes: (0..<random.below(300)).map { _ in UInt8(random.below(256)) })
    case 2: file = TestFile("no line feed")
    default: file = TestFile((0..<random.below(60)).map { _ in line(&random) }.joined())
    }
    if random.below(8) == 0, file.bytes.last == 10 { file.bytes.removeLast() }
    file.isExecutable = random.below(6) == 0
    return file
  }

  /// Few different lines, so that many are equal.
  private static func line(_ random: inout SeededGenerator) -> String {
    let words = [
      "{", "}", "", "one", "two", "-", "--- a/x", "+++ b/x", "@@ -1 +1 @@", "\\ x", "é\r", "\t", "diff --git",
    ]
    return words[random.below(words.count)] + (random.below(3) == 0 ? " \(random.below(5))\n" : "\n")
  }

  static func edit(_ before: [String: TestFile], _ random: inout SeededGenerator) -> [String: TestFile] {
    var after = before
    for name in names where random.below(2) == 0 {
      switch random.below(6) {
      case 0: after[name] = nil
      case 1: after[name] = file(&random)
      case 2: after[name]?.isExecutable.toggle()
      default:
        guard var bytes = after[name]?.bytes else { continue }
        for _ in 0...random.below(5) {
          var lines = PatchLines.split(bytes).map { Array($0) }
          let at = lines.isEmpty ? 0 : random.below(lines.count)
          switch random.below(3) {
          case 0: lines.insert(Array(line(&random).utf8), at: at)
          case 1 where !lines.isEmpty: lines.remove(at: at)
          default: if !lines.isEmpty { lines[at] = Array(line(&random).utf8) }
          }
          bytes = lines.flatMap { $0 }
        }
        after[name]?.bytes = bytes
      }
    }
    return after
  }
}
