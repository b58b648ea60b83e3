import Glibc
import QueueRunner
import Testing

@testable import Runtime

@Suite("evidence")
struct EvidenceTests {
  static let out = Digest.sha256Hex("out")
  static let err = Digest.sha256Hex("err")
  static let diff = Digest.sha256Hex("diff")
  static let schema: JSONValue = ["type": "object"]
  static let schemaDigest = Digest.sha256Hex(#"{"type":"object"}"#)
  static let diffText = "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-x\n+y\n"

  static let facts = StubFacts(
    runs: [
      CommandRunFact(argv: ["make", "test"], exitCode: 0, stdoutArtifactId: out, stderrArtifactId: err),
      CommandRunFact(argv: ["make", "lint"], exitCode: 2, stdoutArtifactId: out, stderrArtifactId: err),
      CommandRunFact(argv: ["kill me"], exitCode: nil, stdoutArtifactId: "k", stderrArtifactId: "k"),
    ],
    artifacts: [diff: Array(diffText.utf8)],
    diffs: [diff, "lost"],
    validations: ["r1": [SchemaValidationFact(schemaDigest: schemaDigest, isValid: true)]],
    results: ["fanout:f#a": "r1", "fanout:g#a": "r2", "agent:solo": "r3", "agent:b": "r4"])

  static func command(_ artifact: String, _ argv: [String], _ exit: Int, _ type: String = "command")
    -> JSONValue
  {
    [
      "type": .string(type), "artifactId": .string(artifact), "command": .array(argv.map(JSONValue.string)),
      "exitCode": JSONValue(exit),
    ]
  }

  static func check(_ json: JSONValue, _ facts: StubFacts = facts) throws -> EvidenceOutcome {
    try EvidenceVerifier(facts).check(Evidence(json, path: "/evidence/0"))
  }

  static let hunkHash = "adcd4d20cd69088fedd021f33d8163a324be3e845c9414bb6288ee557b5b61d0"

  static let table: [(JSONValue, Bool, String)] = [
    (command(out, ["make", "test"], 0), true, "ran `make test`"),
    (command(err, ["make", "test"], 0), true, "stderr"),
    (command(out, ["make", "lint"], 2), true, "exited with 2"),
    (command(out, ["make", "test"], 1), false, "exited with 0, not with 1"),
    (command(out, ["make"], 0), false, "not of `make`"),
    (command(out, ["make test"], 0), false, "\"make test\""),
    (command("x", ["make", "test"], 0), false, "no host command"),
    (command("k", ["kill me"], 0), false, "did not exit by itself"),
    (command(out, ["make", "test"], 0, "test"), true, "ran `make test`"),
    (command(out, ["make", "test"], 0, "test").setting("passed", 3), true, "the worker's words"),
    (command(out, ["make", "test"], 3, "test").setting("failed", 0), false, "not with 3"),
    (
      ["type": "diffHunk", "artifactId": .string(diff), "file": "f", "hunkHash": .string(hunkHash)], true,
      "hunk 1 of 1"
    ),
    (
      ["kind": "diffHunk", "artifactId": .string(diff), "file": "f", "hunkHash": .string(hunkHash)], true,
      "hunk 1 of 1"
    ),
    (
      ["type": "diffHunk", "artifactId": .string(diff), "file": "g", "hunkHash": .string(hunkHash)], false,
      "no hunk for `g`"
    ),
    (
      ["type": "diffHunk", "artifactId": .string(diff), "file": "f", "hunkHash": .string(out)], false,
      "none of the diff's 1"
    ),
    (
      ["type": "diffHunk", "artifactId": .string(out), "file": "f", "hunkHash": .string(hunkHash)], false,
      "no diff of this run"
    ),
    (
      ["type": "diffHunk", "artifactId": "lost", "file": "f", "hunkHash": .string(hunkHash)], false, "is gone"
    ),
    (
      ["type": "schemaValidation", "schema": schema, "artifactId": "r1", "status": "valid"], true,
      "itself: valid"
    ),
    (
      ["type": "schemaValidation", "schema": .string(schemaDigest), "artifactId": "r1", "status": "passed"],
      true, "valid"
    ),
    (
      ["type": "schemaValidation", "schema": schema, "artifactId": "r1", "status": "invalid"], false,
      "satisfies"
    ),
    (
      ["type": "schemaValidation", "schema": true, "artifactId": "r1", "status": "valid"], false,
      "not validated"
    ),
    (
      ["type": "schemaValidation", "schema": schema, "artifactId": "r2", "status": "valid"], false,
      "ran no schema"
    ),
    (["type": "agentResult", "childKey": "fanout:f#a", "artifactId": "r1"], true, "what the agent said"),
    (["type": "agentResult", "childKey": "fanout:f#a", "artifactId": "r2"], false, "is `r1`, not `r2`"),
    (["type": "agentResult", "childKey": "agent:x", "artifactId": "r1"], false, "no stored result"),
    (["type": "agentResult", "taskId": "solo", "artifactId": "r3"], true, "`agent:solo`"),
    (["type": "agentResult", "taskId": "a", "artifactId": "r1"], false, "2 tasks have the id `a`"),
    (["type": "agentResult", "taskId": "z", "artifactId": "r1"], false, "no task of this run"),
    (
      ["type": "agentResult", "taskId": "a", "childKey": "fanout:g#a", "artifactId": "r2"], true, "fanout:g#a"
    ),
    (
      ["type": "agentResult", "taskId": "b", "childKey": "fanout:g#a", "artifactId": "r2"], false,
      "not a task with the id"
    ),
  ]

  @Test("each kind passes for what is so, and says why not for what is not", arguments: table)
  func kinds(json: JSONValue, isPassed: Bool, word: String) throws {
    let outcome = try Self.check(json)
    #expect(outcome.isPassed == isPassed, "\(outcome.text)")
    #expect(outcome.text.contains(word), "\(outcome.text)")
  }

  @Test("no text of a worker reaches a message unescaped")
  func escapes() throws {
    let outcome = try Self.check(Self.command("a\u{1B}[2J\u{202E}`b\n", ["x"], 0))
    #expect(outcome.text.contains("`a\\u{1b}[2J\\u{202e}\\u{60}b\\u{a}`"), "\(outcome.text)")
    let long = try Self.check(Self.command(String(repeating: "x", count: 5000), ["x"], 0))
    #expect(long.text.utf8.count < 400)
  }

  @Test("facts that cannot be read are an error, not a verdict")
  func unreadable() {
    var facts = Self.facts
    facts.isUnreadable = true
    #expect(throws: StubFacts.Unreadable.self) { try Self.check(Self.command("x", ["x"], 0), facts) }
  }

  @Test(
    "the standing of a claim",
    arguments: [
      ([], Standing.unverified), ([0], .verified), ([1], .attested), ([1, 1], .attested),
      ([0, 1], .verified),
      ([0, 2], .unverified), ([1, 2], .unverified), ([2], .unverified),
    ])
  func standing(pieces: [Int], expected: Standing) throws {
    let all: [JSONValue] = [
      Self.command(Self.out, ["make", "test"], 0),
      ["type": "agentResult", "childKey": "agent:solo", "artifactId": "r3"],
      Self.command(Self.out, ["make", "test"], 9),
    ]
    let claim = try Claim(.claim(pieces.map { all[$0] }))
    #expect(try EvidenceVerifier(Self.facts).verify(claim).standing == expected)
  }
}

@Suite("lines of a snapshot as evidence")
struct FileRangeTests {
  /// What the documentation shows:
  ///
  ///     printf 'alpha\nbeta\ngamma\n' > greek.txt
  ///     sed -n '2,3p' greek.txt | sha256sum
  static let example = "aa5989aacb57830a365b63654addd2b3e7427ce3e8869f52e261ac98cc318734"
  /// The same without the last line feed: `printf 'beta\ngamma' | sha256sum`.
  static let open = "5b65a8162f2d2f6962a81f9e798cb1ec0d6d4744755e51b96551389a02aa0bcf"

  static func range(_ path: String, _ start: Int, _ end: Int, _ hash: String) -> JSONValue {
    [
      "type": "fileRange", "path": .string(path), "startLine": JSONValue(start), "endLine": JSONValue(end),
      "contentHash": .string(hash),
    ]
  }

  static let files = [
    "greek.txt": "alpha\nbeta\ngamma\n", "open.txt": "alpha\nbeta\ngamma", "empty": "", "lf": "\n",
    "crlf.txt": "a\r\nb\r\n", "cr": "a\rb\n", "dir/ü.txt": "x\n",
  ]

  static let table: [(JSONValue, Bool, String)] = [
    (range("greek.txt", 2, 3, example), true, "lines 2 to 3"),
    (range("open.txt", 2, 3, open), true, "lines 2 to 3"),
    (range("open.txt", 2, 3, example), false, "hash to `\(open)`"),
    (range("greek.txt", 1, 1, Digest.sha256Hex("alpha\n")), true, "lines 1 to 1"),
    (range("greek.txt", 3, 3, Digest.sha256Hex("gamma\n")), true, "lines 3 to 3"),
    (range("greek.txt", 1, 3, Digest.sha256Hex("alpha\nbeta\ngamma\n")), true, "greek.txt"),
    (range("greek.txt", 1, 4, example), false, "has 3 lines, and 1 to 4"),
    (range("greek.txt", 4, 4, Digest.sha256Hex("")), false, "has 3 lines"),
    (range("greek.txt", 3, 2, example), false, "comes after"),
    (range("greek.txt", 1, 2, example), false, "not to `\(example)`"),
    (range("greek.txt", 1, 9_007_199_254_740_992, example), false, "has 3 lines"),
    (range("empty", 1, 1, Digest.sha256Hex("")), false, "has 0 lines"),
    (range("lf", 1, 1, Digest.sha256Hex("\n")), true, "lf"),
    (range("lf", 2, 2, Digest.sha256Hex("")), false, "has 1 lines"),
    (range("crlf.txt", 2, 2, Digest.sha256Hex("b\r\n")), true, "crlf"),
    (range("crlf.txt", 2, 2, Digest.sha256Hex("b\n")), false, "hash to"),
    (range("cr", 1, 1, Digest.sha256Hex("a\rb\n")), true, "cr"),
    (range("dir/ü.txt", 1, 1, Digest.sha256Hex("x\n")), true, "ü.txt"),
    (range("./greek.txt", 2, 3, example), false, "no snapshot of this run holds"),
    (range("dir/../greek.txt", 2, 3, example), false, "no snapshot of this run holds"),
    (range("../../../../../greek.txt", 2, 3, example), false, "no snapshot of this run holds"),
    (range("none", 1, 1, example), false, "no snapshot of this run holds `none`"),
  ]

  @Test("the bytes from the first of the first line through the line feed of the last", arguments: table)
  func ranges(json: JSONValue, isPassed: Bool, word: String) throws {
    let tree = try ProjectTree(Self.files)
    let info = try tree.build()
    let facts = StubFacts(given: [SnapshotFact(digest: info.digest, path: info.path)])
    let outcome = try EvidenceTests.check(json, facts)
    #expect(outcome.isPassed == isPassed, "\(outcome.text)")
    #expect(outcome.text.contains(word), "\(outcome.text)")
  }

  @Test("without a snapshot nothing is proved")
  func none() throws {
    let outcome = try EvidenceTests.check(Self.range("a", 1, 1, Self.example), StubFacts())
    #expect(outcome == .failed(reason: "no task of this run was given a snapshot"))
  }

  @Test("any snapshot of the run will do, also an older one")
  func older() throws {
    let tree = try ProjectTree(["greek.txt": "alpha\nbeta\ngamma\n"])
    let first = try tree.build()
    try tree.write("greek.txt", "changed\n")
    let second = try tree.build()
    let given = [second, first].map { SnapshotFact(digest: $0.digest, path: $0.path) }
    let evidence = Self.range("greek.txt", 2, 3, Self.example)
    #expect(try EvidenceTests.check(evidence, StubFacts(given: given)).isPassed)
    #expect(try !EvidenceTests.check(evidence, StubFacts(given: [given[0]])).isPassed)
  }

  @Test("a file that was changed in the snapshot proves nothing, even where the hash would fit")
  func tampered() throws {
    let tree = try ProjectTree(["greek.txt": "other\n", "b": "b\n"])
    let info = try tree.build()
    chmod("\(info.path)/greek.txt", 0o644)
    try FileSystem.write(Array("alpha\nbeta\ngamma\n".utf8), to: "\(info.path)/greek.txt")
    let facts = StubFacts(given: [SnapshotFact(digest: info.digest, path: info.path)])
    let outcome = try EvidenceTests.check(Self.range("greek.txt", 2, 3, Self.example), facts)
    #expect(!outcome.isPassed && outcome.text.contains("manifest says"), "\(outcome.text)")
    #expect(try EvidenceTests.check(Self.range("b", 1, 1, Digest.sha256Hex("b\n")), facts).isPassed)
    try FileSystem.remove(Snapshot.manifestPath(of: info.path))
    #expect(try !EvidenceTests.check(Self.range("b", 1, 1, Digest.sha256Hex("b\n")), facts).isPassed)
  }
}

@Suite("hunks of a diff")
struct DiffHunkTests {
  static func hash(_ text: String) -> String { Digest.sha256Hex(text) }

  static let git = """
    diff --git a/src/a.c b/src/a.c
    index 1..2 100644
    --- a/src/a.c
    +++ b/src/a.c
    @@ -1,3 +1,3 @@ int main
     one
    -two
    +2
     three
    @@ -9 +9,2 @@
    -nine
    +nine
    +ten
    \\ No newline at end of file
    diff --git a/old.txt b/new.txt
    similarity index 90%
    rename from old.txt
    rename to new.txt
    --- a/old.txt
    +++ b/new.txt
    @@ -1,2 +1,1 @@
    --- a/trap
     keep
    diff --git "a/caf\\303\\251" "b/caf\\303\\251"
    --- /dev/null
    +++ "b/caf\\303\\251"
    @@ -0,0 +1 @@
    +x

    """

  static let table: [(String, [String])] = [
    (
      "src/a.c",
      [
        "@@ -1,3 +1,3 @@ int main\n one\n-two\n+2\n three\n",
        "@@ -9 +9,2 @@\n-nine\n+nine\n+ten\n\\ No newline at end of file\n",
      ]
    ),
    ("old.txt", ["@@ -1,2 +1,1 @@\n--- a/trap\n keep\n"]),
    ("new.txt", ["@@ -1,2 +1,1 @@\n--- a/trap\n keep\n"]),
    ("café", ["@@ -0,0 +1 @@\n+x\n"]), ("trap", []), ("a/src/a.c", []), ("/dev/null", []), ("", []),
  ]

  @Test("of git", arguments: table)
  func hunks(file: String, expected: [String]) {
    #expect(DiffHunks.hashes(in: Array(Self.git.utf8), of: file) == expected.map(Self.hash))
  }

  @Test(
    "of other shapes",
    arguments: [
      ("--- f\t2026-01-01\n+++ f\t2026-01-02\n@@ -1 +1 @@\n-a\n+b\n", "f", ["@@ -1 +1 @@\n-a\n+b\n"]),
      ("--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b", "f", ["@@ -1 +1 @@\n-a\n+b"]),
      ("--- a/f\r\n+++ b/f\r\n@@ -1 +1 @@\r\n-a\r\n+b\r\n", "f", ["@@ -1 +1 @@\r\n-a\r\n+b\r\n"]),
      ("--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n\n-a\n+b\nrest\n", "f", ["@@ -1,2 +1,2 @@\n\n-a\n+b\n"]),
      ("--- a/f\n+++ b/f\n@@ -1,9 +1,9 @@\n a\ndiff --git a/g b/g\n", "f", ["@@ -1,9 +1,9 @@\n a\n"]),
      ("--- a/f\n+++ b/f\n@@ -1,x +1 @@\n-a\n", "f", []), ("@@ -1 +1 @@\n-a\n+b\n", "f", []),
      ("--- a/f\n+++ b/f\n@@ -1,99999999999999999999 +1 @@\n-a\n", "f", []), ("", "f", []),
      ("--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n", "f", ["@@ -1 +0,0 @@\n-a\n"]),
      (
        "--- a/f\n+++ b/f\n@@ -1,0 +2 @@\n+b\n@@ -5 +7 @@\n-q\n+r\n", "f",
        ["@@ -1,0 +2 @@\n+b\n", "@@ -5 +7 @@\n-q\n+r\n"]
      ),
      (
        "--- \"a/q\\\"\\\\t\\t\"\n+++ \"b/q\\\"\\\\t\\t\"\n@@ -1 +1 @@\n-a\n+b\n", "q\"\\t\t",
        ["@@ -1 +1 @@\n-a\n+b\n"]
      ),
      ("--- a/f\n+++ b/f\n@@ -1 +1 @@ @@ x\n-a\n+b\n", "f", ["@@ -1 +1 @@ @@ x\n-a\n+b\n"]),
    ])
  func shapes(text: String, file: String, expected: [String]) {
    #expect(DiffHunks.hashes(in: Array(text.utf8), of: file) == expected.map(Self.hash))
  }
}
