import Glibc
import QueueRunner
import Testing

@testable import Runtime

@Suite("what a snapshot leaves out")
struct SnapshotWalkTests {
  static let everywhere = [
    ".git/config", ".flowdex/workflows/w.ts", "node_modules/x/i.js", ".build/o", "target/o", ".tools/t",
    "p/node_modules/y.js", "p/target", "src/a",
  ]

  @Test(
    "pruned folders, unless a glob spells their name",
    arguments: [
      (["**"], ["p/target", "src/a"]), (["*/**"], ["p/target", "src/a"]),
      (["node_modules/**"], ["node_modules/x/i.js"]),
      (["**/node_modules/**"], ["node_modules/x/i.js", "p/node_modules/y.js"]),
      (["p/**"], ["p/target"]), (["p/node_modules/**", "src/a"], ["p/node_modules/y.js", "src/a"]),
      ([".git/config"], [".git/config"]), ([".git/**"], [".git/config"]), ([".gi[t]/**"], []),
      ([".flowdex/**"], [".flowdex/workflows/w.ts"]), (["{.build,target}/**"], [".build/o", "target/o"]),
      ([".tools/t"], [".tools/t"]),
    ])
  func pruned(globs: [String], expected: [String]) throws {
    let tree = try ProjectTree(Dictionary(uniqueKeysWithValues: Self.everywhere.map { ($0, "x") }))
    let info = try tree.build(globs)
    #expect(try ProjectTree.files(below: info.path) == expected)
  }

  @Test("no glob makes a snapshot hold the snapshots before it")
  func ownFolders() throws {
    let tree = try ProjectTree(["a": "1"])
    _ = try tree.build()
    let info = try tree.build([".flowdex/**", ".flowdex/runs/r/snapshots/**", "a"])
    #expect(try ProjectTree.files(below: info.path) == ["a"])
  }

  @Test("links, special files and names that are no text are listed, not followed")
  func special() throws {
    let tree = try ProjectTree(["d/real": "1", "a\nb": "2"])
    tree.link("link", to: "/etc/passwd")
    tree.link("folder", to: "/etc")
    tree.link("dangling", to: "nowhere")
    tree.link("d/up", to: "..")
    mkfifo("\(tree.root)/fifo", 0o644)
    let raw = open("\(tree.root)/x", O_CREAT | O_WRONLY, 0o644)
    close(raw)
    let bad: [CChar] = Array("\(tree.root)/".utf8CString.dropLast()) + [CChar(bitPattern: 0xFF), 65, 0]
    #expect(rename("\(tree.root)/x", bad) == 0)
    defer { unlink(bad) }
    let info = try tree.build()
    #expect(try ProjectTree.files(below: info.path) == ["d/real"])
    let reasons = info.skipped.map { "\($0.path): \($0.reason)" }.sorted()
    #expect(
      reasons == [
        "\\xffA: the name is not UTF-8", "a\\x0ab: the name holds a control character",
        "d/up: symbolic link", "dangling: symbolic link", "fifo: not a regular file",
        "folder: symbolic link", "link: symbolic link",
      ])
    let manifest = try JSONValue(parsing: FileSystem.read("\(info.path).manifest.json"))
    #expect(manifest["skipped"]?.array?.count == 7)
    #expect(try tree.build(["d/real"]).skipped == [], "what no glob reaches is not mentioned")
  }

  @Test("what may not be read is listed", .enabled(if: geteuid() != 0, "root may read everything"))
  func unreadable() throws {
    let tree = try ProjectTree(["a": "1", "d/b": "2", "e": "3"])
    chmod("\(tree.root)/a", 0)
    chmod("\(tree.root)/d", 0)
    let info = try tree.build()
    #expect(try ProjectTree.files(below: info.path) == ["e"])
    #expect(
      Set(info.skipped.map { "\($0.path): \($0.reason)" }) == [
        "a: permission denied", "d: permission denied",
      ])
  }

  /// `.gitignore` files of a project, a path, and whether git would leave it out.
  static let ignores: [([String: String], String, Bool)] = [
    ([".gitignore": "*.log"], "a.log", true), ([".gitignore": "*.log"], "d/a.log", true),
    ([".gitignore": "*.log"], "a.logs", false), ([".gitignore": "/a"], "a", true),
    ([".gitignore": "/a"], "d/a", false), ([".gitignore": "a/b"], "a/b", true),
    ([".gitignore": "a/b"], "x/a/b", false), ([".gitignore": "out/"], "out/x", true),
    ([".gitignore": "out/"], "d/out/x", true), ([".gitignore": "out/"], "out", false),
    ([".gitignore": "out"], "out", true), ([".gitignore": "out/*\n!out/keep"], "out/keep", false),
    ([".gitignore": "out/*\n!out/keep"], "out/x", true),
    ([".gitignore": "out/\n!out/keep"], "out/keep", true),
    ([".gitignore": "*.log\n!a.log"], "a.log", false), ([".gitignore": "!a.log\n*.log"], "a.log", true),
    ([".gitignore": "**/x"], "a/b/x", true), ([".gitignore": "**/x"], "x", true),
    ([".gitignore": "a/**"], "a/b/c", true), ([".gitignore": "a/**/z"], "a/z", true),
    ([".gitignore": "a/**/z"], "a/b/c/z", true), ([".gitignore": "a/**/z"], "b/a/z", false),
    ([".gitignore": "***/b"], "x/a/b", true), ([".gitignore": "a**b"], "axxb", true),
    ([".gitignore": "a**b"], "a/b", false),
    ([".gitignore": "# c\n\n  \nx"], "x", true), ([".gitignore": "# c"], "# c", false),
    ([".gitignore": "\\#x"], "#x", true), ([".gitignore": "\\!x"], "!x", true),
    ([".gitignore": "x  "], "x", true), ([".gitignore": "x\\ "], "x ", true),
    ([".gitignore": "x\r\ny\r\n"], "x", true), ([".gitignore": "\u{FEFF}x"], "x", true),
    ([".gitignore": "[ab].c"], "a.c", true), ([".gitignore": "[!ab].c"], "c.c", true),
    ([".gitignore": "[!ab].c"], "a.c", false), ([".gitignore": "a?c"], "abc", true),
    ([".gitignore": "{a,b}"], "a", false), ([".gitignore": "{a,b}"], "{a,b}", true),
    ([".gitignore": "[a"], "a", false), ([".gitignore": "*"], "a/b", true),
    ([".gitignore": "/*\n!/src"], "src/a", false), ([".gitignore": "/*\n!/src"], "b", true),
    (["d/.gitignore": "x"], "d/x", true), (["d/.gitignore": "x"], "x", false),
    (["d/.gitignore": "/x"], "d/x", true), (["d/.gitignore": "/x"], "d/e/x", false),
    (["d/.gitignore": "e/x"], "d/e/x", true), ([".gitignore": "x", "d/.gitignore": "!x"], "d/x", false),
    ([".gitignore": "!x", "d/.gitignore": "x"], "d/x", true),
    ([".gitignore": "d/", "d/.gitignore": "!x"], "d/x", true), ([".gitignore": "*.[oa]\n!*.a"], "l.a", false),
  ]

  @Test("`.gitignore` is read as git reads it", arguments: ignores)
  func gitIgnore(files: [String: String], path: String, isIgnored: Bool) throws {
    let tree = try ProjectTree(files)
    try tree.write(path, "x")
    let info = try tree.build()
    #expect(try ProjectTree.files(below: info.path).contains(path) != isIgnored)
  }

  @Test(
    "a glob that spells an ignored name lets it in",
    arguments: [
      ("out/**", ["out/a", "out/node_modules/b"]), ("**", []), ("*/a", []), ("*/*", []),
      ("**/out/a", ["out/a"]),
      ("d/secret.env", ["d/secret.env"]), ("**/secret.env", ["d/secret.env"]), ("**/*.env", []), ("d/*", []),
    ])
  func ignoredButNamed(glob: String, expected: [String]) throws {
    let tree = try ProjectTree([
      ".gitignore": "out/\n*.env\n.gitignore", "out/a": "1", "out/node_modules/b": "2", "d/secret.env": "3",
    ])
    #expect(try ProjectTree.files(below: tree.build([glob]).path) == expected)
  }

  @Test("a `.gitignore` that is a link is not followed")
  func linkedIgnore() throws {
    let tree = try ProjectTree(["a": "1", "rules": "a"])
    tree.link(".gitignore", to: "rules")
    #expect(try ProjectTree.files(below: tree.build().path) == ["a", "rules"])
  }
}
