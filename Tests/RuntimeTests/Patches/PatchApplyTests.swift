import Glibc
import QueueRunner
import Testing

@testable import Runtime

@Suite("integrate: patches that apply")
struct PatchApplyTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let before: [String: String]
    let patch: String
    let after: [String: String]
    /// What git would say of it too, unless flowdex takes what git does not.
    var isAlsoGits = true
    var testDescription: String { name }
  }

  static let lines = (1...20).map { "line \($0)\n" }.joined()

  static let cases: [Case] = [
    Case(
      name: "a changed line", before: ["src/a": "one\ntwo\n"],
      patch: "diff --git a/src/a b/src/a\n--- a/src/a\n+++ b/src/a\n@@ -1,2 +1,2 @@\n one\n-two\n+TWO\n",
      after: ["src/a": "one\nTWO\n"]),
    Case(
      name: "a plain diff with times", before: ["src/a": "one\n"],
      patch: "--- a/src/a\t2026-01-01 00:00:00.0 +0000\n+++ b/src/a\t2026-01-02 00:00:00.0 +0000\n"
        + "@@ -1 +1 @@\n-one\n+two\n", after: ["src/a": "two\n"]),
    Case(
      name: "diff -N creates with the epoch", before: [:],
      patch: "--- a/src/n\t1970-01-01 00:00:00.000000000 +0000\n+++ b/src/n\t2026-01-02 00:00:00.0 +0000\n"
        + "@@ -0,0 +1 @@\n+new\n", after: ["src/n": "new\n"]),
    Case(
      name: "a plain diff creates", before: [:], patch: "--- a/src/n\n+++ b/src/n\n@@ -0,0 +1 @@\n+new\n",
      after: ["src/n": "new\n"]),
    Case(
      name: "from and to /dev/null", before: ["src/old": "x\n"],
      patch:
        "--- /dev/null\n+++ b/src/d/n\n@@ -0,0 +1 @@\n+new\n--- a/src/old\n+++ /dev/null\n@@ -1 +0,0 @@\n"
        + "-x\n",
      after: ["src/d/n": "new\n"]),
    Case(
      name: "a mail with signature", before: ["src/a": "one\n"],
      patch:
        "From abc Mon Sep 17 00:00:00 2001\nSubject: [PATCH] x\n\n---\n src/a | 2 +-\n 1 file changed\n\n"
        + "diff --git a/src/a b/src/a\nindex 5626abf..f719efd 100644\n--- a/src/a\n+++ b/src/a\n"
        + "@@ -1 +1 @@ func x\n-one\n+two\n-- \n2.39.5\n\n", after: ["src/a": "two\n"]),
    Case(
      name: "no line feed at the ends", before: ["src/a": "one"],
      patch: "--- a/src/a\n+++ b/src/a\n@@ -1 +1 @@\n-one\n\\ No newline at end of file\n+two\n"
        + "\\ No newline at end of file\n", after: ["src/a": "two"]),
    Case(
      name: "a line feed at the end is given", before: ["src/a": "one"],
      patch: "--- a/src/a\n+++ b/src/a\n@@ -1 +1 @@\n-one\n\\ No newline at end of file\n+one\n",
      after: ["src/a": "one\n"]),
    Case(
      name: "context without a line feed", before: ["src/a": "one\ntwo"],
      patch: "--- a/src/a\n+++ b/src/a\n@@ -1,2 +1,2 @@\n-one\n+ONE\n two\n\\ No newline at end of file\n",
      after: ["src/a": "ONE\ntwo"]),
    Case(
      name: "carriage returns are content", before: ["src/a": "one\r\ntwo\r\n"],
      patch: "--- a/src/a\n+++ b/src/a\n@@ -1,2 +1,2 @@\n one\r\n-two\r\n+TWO\n",
      after: ["src/a": "one\r\nTWO\n"]),
    Case(
      name: "an empty line as context", before: ["src/a": "one\n\nthree\n"],
      patch: "--- a/src/a\n+++ b/src/a\n@@ -1,3 +1,3 @@\n-one\n+ONE\n\n three\n",
      after: ["src/a": "ONE\n\nthree\n"]),
    Case(
      name: "a displaced hunk", before: ["src/a": "zero\n" + lines],
      patch: "--- a/src/a\n+++ b/src/a\n@@ -9,3 +9,3 @@\n line 9\n-line 10\n+TEN\n line 11\n",
      after: ["src/a": "zero\n" + lines.replacing("line 10\n", with: "TEN\n")]),
    Case(
      name: "two hunks", before: ["src/a": lines],
      patch:
        "--- a/src/a\n+++ b/src/a\n@@ -1,2 +1,3 @@\n+zero\n line 1\n line 2\n@@ -19,2 +20,2 @@\n line 19\n"
        + "-line 20\n+end\n", after: ["src/a": "zero\n" + lines.replacing("line 20\n", with: "end\n")]),
    Case(
      name: "an empty file is created, one is deleted", before: ["src/gone": ""],
      patch: "diff --git a/src/gone b/src/gone\ndeleted file mode 100644\nindex e69de29..0000000\n"
        + "diff --git a/src/new b/src/new\nnew file mode 100644\nindex 0000000..e69de29\n",
      after: ["src/new": ""]),
    Case(
      name: "rename with changes", before: ["src/a": "one\ntwo\n"],
      patch: "diff --git a/src/a b/src/d/b\nsimilarity index 50%\nrename from src/a\nrename to src/d/b\n"
        + "--- a/src/a\n+++ b/src/d/b\n@@ -1,2 +1,2 @@\n one\n-two\n+TWO\n", after: ["src/d/b": "one\nTWO\n"]),
    Case(
      name: "copy", before: ["src/a": "one\n"],
      patch: "diff --git a/src/a b/src/b\nsimilarity index 100%\ncopy from src/a\ncopy to src/b\n",
      after: ["src/a": "one\n", "src/b": "one\n"]),
    Case(
      name: "files change places", before: ["src/a": "A\n", "src/b": "B\n"],
      patch: "diff --git a/src/a b/src/b\nrename from src/a\nrename to src/b\n"
        + "diff --git a/src/b b/src/a\nrename from src/b\nrename to src/a\n",
      after: ["src/a": "B\n", "src/b": "A\n"]),
    Case(
      name: "quoted names", before: ["src/\"q\"": "one\n"],
      patch:
        "diff --git \"a/src/\\\"q\\\"\" \"b/src/\\\"q\\\"\"\n--- \"a/src/\\\"q\\\"\"\n+++ "
        + "\"b/src/\\\"q\\\"\"\n"
        + "@@ -1 +1 @@\n-one\n+two\n", after: ["src/\"q\"": "two\n"]),
    Case(
      name: "a name in octal", before: ["src/é": "one\n"],
      patch: "diff --git \"a/src/\\303\\251\" \"b/src/\\303\\251\"\n--- \"a/src/\\303\\251\"\n"
        + "+++ \"b/src/\\303\\251\"\n@@ -1 +1 @@\n-one\n+two\n", after: ["src/é": "two\n"]),
    Case(
      name: "a name with spaces", before: ["src/a b/c b": "one\n"],
      patch: "diff --git a/src/a b/c b b/src/a b/c b\n--- a/src/a b/c b\t\n+++ b/src/a b/c b\t\n"
        + "@@ -1 +1 @@\n-one\n+two\n", after: ["src/a b/c b": "two\n"]),
    Case(
      name: "a file becomes a folder", before: ["src/a": "one\n"],
      patch:
        "diff --git a/src/a b/src/a\ndeleted file mode 100644\n--- a/src/a\n+++ /dev/null\n@@ -1 +0,0 @@\n"
        + "-one\ndiff --git a/src/a/b b/src/a/b\nnew file mode 100644\n--- /dev/null\n+++ b/src/a/b\n"
        + "@@ -0,0 +1 @@\n+in\n", after: ["src/a/b": "in\n"]),
    Case(
      name: "a folder becomes a file", before: ["src/a/b": "in\n", "src/a/c/d": "in\n"],
      patch:
        "diff --git a/src/a b/src/a\nnew file mode 100644\n--- /dev/null\n+++ b/src/a\n@@ -0,0 +1 @@\n+one\n"
        + "diff --git a/src/a/b b/src/a/b\ndeleted file mode 100644\n--- a/src/a/b\n+++ /dev/null\n"
        + "@@ -1 +0,0 @@\n-in\ndiff --git a/src/a/c/d b/src/a/c/d\ndeleted file mode 100644\n--- "
        + "a/src/a/c/d\n"
        + "+++ /dev/null\n@@ -1 +0,0 @@\n-in\n", after: ["src/a": "one\n"]),
    Case(
      name: "prefixes of diff.mnemonicPrefix", before: ["src/a": "one\n"],
      patch: "diff --git i/src/a w/src/a\n--- i/src/a\n+++ w/src/a\n@@ -1 +1 @@\n-one\n+two\n",
      after: ["src/a": "two\n"]),
    Case(
      name: "a line that looks like a header", before: ["src/a": "-- x\none\n"],
      patch: "--- a/src/a\n+++ b/src/a\n@@ -1,2 +1,2 @@\n--- x\n+++ y\n one\n",
      after: ["src/a": "++ y\none\n"]),
    Case(
      name: "new without `new file mode`", before: [:],
      patch: "diff --git a/src/n b/src/n\n--- /dev/null\n+++ b/src/n\n@@ -0,0 +1 @@\n+new\n",
      after: ["src/n": "new\n"], isAlsoGits: false),
    Case(
      name: "prose around it", before: ["src/a": "one\n"],
      patch: "Here is the patch:\n\n--- a/src/a\n+++ b/src/a\n@@ -1 +1 @@\n-one\n+two\n\nThat is all.\n",
      after: ["src/a": "two\n"]),
  ]

  @Test("a patch applies, as git applies it", arguments: cases)
  func applies(_ test: Case) throws {
    let fixture = try PatchFixture(test.before)
    let outcome = try fixture.integration().run([test.patch])
    let changed = Set(test.before.keys).union(test.after.keys).filter { test.before[$0] != test.after[$0] }
    let paths = changed.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    #expect(outcome == .completed(applied: 1, paths: paths))
    let expected = test.after.mapValues { TestFile($0) }
    #expect(try PatchFixture.files(fixture.project) == expected)
    #expect(try FileSystem.names(in: fixture.operation).sorted() == ["journal.json", "outcome.json"])
    guard test.isAlsoGits, TestGit.isThere else { return }
    let second = try PatchFixture(test.before)
    let git = try TestGit.apply(test.patch, in: second.project)
    #expect(git.status == 0, "git: \(git.text)")
    #expect(try PatchFixture.files(second.project) == expected)
  }

  @Test("patches apply in order, each to what the one before it left")
  func inOrder() throws {
    let fixture = try PatchFixture(["src/a": Self.lines])
    func patch(_ at: Int, _ old: String, _ new: String) -> String {
      "--- a/src/a\n+++ b/src/a\n@@ -\(at),3 +\(at),3 @@\n line \(at)\n-\(old)\n+\(new)\n line \(at + 2)\n"
    }
    let patches = [patch(3, "line 4", "FOUR"), patch(3, "FOUR", "4"), patch(10, "line 11", "ELEVEN")]
    #expect(try fixture.integration().run(patches) == .completed(applied: 3, paths: ["src/a"]))
    let expected = Self.lines.replacing("line 4\n", with: "4\n").replacing("line 11\n", with: "ELEVEN\n")
    #expect(try fixture.text("src/a") == expected)
  }

  @Test("if a later patch does not fit, nothing of the earlier ones is there")
  func allOrNothing() throws {
    let fixture = try PatchFixture(["src/a": "one\n"])
    let good = "--- a/src/a\n+++ b/src/a\n@@ -1 +1 @@\n-one\n+two\n"
    guard case .failed(let error) = try fixture.integration().run([good, good]) else {
      Issue.record("expected a failure")
      return
    }
    #expect(error.hasPrefix("patch 2 of 2: `src/a`: the hunk of line 3 does not fit"))
    #expect(try fixture.text("src/a") == "one\n")
  }

  @Test("patches that undo each other change nothing")
  func nothingLeft() throws {
    let fixture = try PatchFixture(["src/a": "one\n"])
    let there = "--- a/src/a\n+++ b/src/a\n@@ -1 +1 @@\n-one\n+two\n"
    let back = "--- a/src/a\n+++ b/src/a\n@@ -1 +1 @@\n-two\n+one\n"
    #expect(try fixture.integration().run([there, back]) == .completed(applied: 2, paths: []))
    #expect(try fixture.integration().run([]) == .completed(applied: 2, paths: []), "the outcome stays")
  }

  @Test("modes: what a patch does not speak of is kept")
  func modes() throws {
    let fixture = try PatchFixture()
    try fixture.write("src/private", "one\n", mode: 0o600)
    try fixture.write("src/tool", "one\n", mode: 0o640)
    try fixture.write("src/plain", "one\n", mode: 0o775)
    let change = "--- a/src/private\n+++ b/src/private\n@@ -1 +1 @@\n-one\n+two\n"
    let on = "diff --git a/src/tool b/src/tool\nold mode 100644\nnew mode 100755\n"
    let off = "diff --git a/src/plain b/src/plain\nold mode 100755\nnew mode 100644\n"
    let new =
      "diff --git a/src/n b/src/n\nnew file mode 100755\n--- /dev/null\n+++ b/src/n\n@@ -0,0 +1 @@\n+x\n"
    let outcome = try fixture.integration().run([change, on, off, new])
    #expect(outcome == .completed(applied: 4, paths: ["src/n", "src/plain", "src/private", "src/tool"]))
    let modes = try ["src/private", "src/tool", "src/plain", "src/n"].map {
      try FileSystem.entry("\(fixture.project)/\($0)")?.mode
    }
    #expect(modes == [0o600, 0o750, 0o664, 0o755])
  }

  @Test("folders that a deletion empties go, others stay")
  func prunes() throws {
    let fixture = try PatchFixture(["src/a/b/x": "x\n", "src/a/keep": "k\n", "src/c/d/y": "y\n"])
    let patch = ["src/a/b/x", "src/c/d/y"].map {
      "--- a/\($0)\n+++ /dev/null\n@@ -1 +0,0 @@\n-\($0.suffix(1))\n"
    }.joined()
    #expect(
      try fixture.integration().run([patch]) == .completed(applied: 1, paths: ["src/a/b/x", "src/c/d/y"]))
    #expect(try PatchFixture.everything(fixture.project).keys.sorted() == ["src/", "src/a/", "src/a/keep"])
  }

  @Test("inside a repository its attributes and configuration have no say")
  func insideARepository() throws {
    guard TestGit.isThere else { return }
    let fixture = try PatchFixture(["src/a": "one\n", ".gitattributes": "* text eol=crlf filter=bad\n"])
    #expect(try TestGit.run(in: fixture.project, ["init", "-q"]).status == 0)
    let outcome = try fixture.integration().run(["--- a/src/a\n+++ b/src/a\n@@ -1 +1 @@\n-one\n+two\n"])
    #expect(outcome == .completed(applied: 1, paths: ["src/a"]))
    #expect(try fixture.text("src/a") == "two\n")
  }

  @Test("what the callback is given")
  func value() {
    let completed = PatchOutcome.completed(applied: 2, paths: ["a", "b"])
    #expect(
      IntegrationValue.of(completed).canonicalText == #"{"applied":2,"paths":["a","b"],"status":"completed"}"#
    )
    #expect(IntegrationValue.of(.failed("no")).canonicalText == #"{"error":"no","status":"failed"}"#)
    for outcome in [completed, .failed("no")] {
      #expect(IntegrationValue.read(IntegrationValue.of(outcome)) == outcome)
    }
    #expect(IntegrationValue.read(["status": "completed"]) == nil)
  }
}
