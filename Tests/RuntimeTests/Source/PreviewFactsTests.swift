import Glibc
import QueueRunner
import Testing

@testable import Runtime

@Suite("what a preview finds in a project")
struct PreviewFactsTests {
  private static func manifest(_ permissions: String) throws -> Manifest {
    try WorkflowTexts.read(
      WorkflowTexts.whole(
        """
        { name: "n", maxAgents: 1, maxConcurrency: 1, permissions: { \(permissions) }, phases: [{ id: "p" }] }
        """)
    ).manifest
  }

  @Test("globs are counted as a snapshot and as a patch would meet them")
  func counts() throws {
    let tree = try ProjectTree([
      "src/a": "1", "src/b": "2", "src/.env": "3", "node_modules/x": "4", "out/c": "5", ".gitignore": "out/",
      ".git/config": "6",
    ])
    let manifest = try Self.manifest(#"read: ["src/**", "**", "none/**"], write: ["**", "out/*"]"#)
    let facts = try PreviewFacts.look(at: manifest, projectRoot: tree.root)
    let info = try tree.build(manifest.permissions.read)
    #expect(facts.read.map(\.files) == [2, 3, 0])
    #expect(facts.snapshotFiles == info.fileCount && info.fileCount == 3)
    // A patch may change what no snapshot holds, but nothing under `.git` and `.flowdex`.
    #expect(facts.write.map(\.files) == [6, 1])
    #expect(facts.secretsLeftOut == ["src/.env"] && facts.secretsNamed == [] && facts.isWhole)
  }

  @Test("programs are found as a run finds them, and hashed")
  func programs() throws {
    let tree = try ProjectTree(["tools/plain": "no"])
    try tree.write("tools/own", "#!/bin/sh\n", mode: 0o755)
    let manifest = try Self.manifest(
      """
      read: [], write: ["x"], env: { inherit: ["FLOWDEX_SURELY_UNSET"] }, hostCommands: [
        { id: "sh", argv: ["sh"] }, { id: "own", argv: ["./own"], cwd: "tools" },
        { id: "plain", argv: ["tools/plain"] }, { id: "none", argv: ["flowdex-no-such-program"] }]
      """)
    let facts = try PreviewFacts.look(at: manifest, projectRoot: tree.root)
    #expect(facts.programs.keys.sorted() == ["own", "sh"])
    #expect(
      facts.programs["own"]
        == ProgramFile(path: "\(tree.root)/tools/own", sha256: Digest.sha256Hex("#!/bin/sh\n")))
    let shell = try #require(facts.programs["sh"])
    #expect(shell.path.hasPrefix("/") && shell.path.hasSuffix("/sh"))
    #expect(shell.sha256 == Digest.sha256Hex(try FileSystem.read(shell.path)))
    #expect(facts.unsetVariables == ["FLOWDEX_SURELY_UNSET"])
  }

  @Test("PATH is walked in order, past what cannot be run; a changed file is hashed again")
  func path() throws {
    let tree = try ProjectTree(["one/tool": "not executable"])
    try FileSystem.makeDirectories("\(tree.root)/zero/tool")
    try tree.write("two/tool", "first", mode: 0o755)
    try tree.write("three/tool", "later", mode: 0o755)
    var finder = ProgramFinder()
    let path = ["zero", "one", "missing", "two", "three"].map { "\(tree.root)/\($0)" }.joined(separator: ":")
    let found = try finder.find("tool", cwd: "/", path: path)
    #expect(found == ProgramFile(path: "\(tree.root)/two/tool", sha256: Digest.sha256Hex("first")))
    try tree.write("two/tool", "second, and longer", mode: 0o755)
    #expect(
      try finder.find("tool", cwd: "/", path: path)?.sha256 == Digest.sha256Hex("second, and longer"))
    #expect(try finder.find("tool", cwd: "\(tree.root)/three", path: "")?.path == "\(tree.root)/three/tool")
    #expect(try finder.find("absent", cwd: "/", path: path) == nil)
  }

  @Test("a disk that cannot tell what is here does not say that nothing is")
  func notHere() {
    // The last three as execvp(3) has it.
    for code in [ENOENT, ENOTDIR, EACCES, EPERM, ELOOP, ENAMETOOLONG, ESTALE, ENODEV, ETIMEDOUT] {
      #expect(ProgramFinder.isNotHere(code))
    }
    for code in [EIO, ENOMEM, ENOTCONN, EINTR] { #expect(!ProgramFinder.isNotHere(code)) }
  }
}
