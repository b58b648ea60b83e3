import QueueRunner
import Testing

@testable import Runtime

@Suite("secrets stay out of snapshots")
struct SecretTests {
  @Test(
    "names of files",
    arguments: [
      (".env", true), (".env.local", true), (".ENV", true), ("prod.env", true), ("server.pem", true),
      ("tls.KEY", true), ("id_rsa", true), ("id_rsa.bak", true), ("id_ed25519", true), (".netrc", true),
      (".npmrc", true), (".pypirc", true), ("store.p12", true), ("vault.kdbx", true),
      ("credentials.json", true), ("credentials-prod.json", true), ("service-account.json", true),
      (".git-credentials", true), ("secrets.yml", true),
      ("environment.ts", false), ("env", false), ("key", false), ("keys.swift", false), ("pem.c", false),
      ("credentials.swift", false), ("id.swift", false), ("README.md", false), ("package.json", false),
      ("secrets.swift", false), (".envelope", true),
    ])
  func files(name: String, isSecret: Bool) {
    #expect((SecretNames.reason(file: name) != nil) == isSecret)
  }

  @Test(
    "left out and listed, unless a glob spells the name",
    arguments: [
      (["**"], ["a", "d/b"], [".env", ".ssh", "d/k.pem"]),
      (["*"], ["a"], [".env"]), (["d/**"], ["d/b"], ["d/k.pem"]), (["a"], ["a"], []),
      ([".env", "a"], [".env", "a"], []), (["**/.env"], [".env"], [".ssh"]),
      (["{.env,a}"], [".env", "a"], []),
      ([".e*"], [], [".env"]), (["d/*.pem"], [], ["d/k.pem"]), (["d/k.pem"], ["d/k.pem"], []),
      ([".ssh/**"], [".ssh/config", ".ssh/id_rsa"], []), ([".ssh/id_rsa"], [".ssh/id_rsa"], []),
      ([".s[s]h/id_rsa"], [], [".ssh"]), (["**/id_rsa"], [], [".ssh"]),
    ])
  func snapshots(globs: [String], held: [String], listed: [String]) throws {
    let tree = try ProjectTree([
      "a": "1", ".env": "2", "d/b": "3", "d/k.pem": "4", ".ssh/id_rsa": "5", ".ssh/config": "6",
    ])
    let info = try tree.build(globs)
    #expect(try ProjectTree.files(below: info.path) == held)
    #expect(info.skipped.map(\.path).sorted() == listed)
    #expect(info.skipped.allSatisfy { $0.reason.contains("secret") })
    let manifest = try JSONValue(parsing: FileSystem.read(Snapshot.manifestPath(of: info.path)))
    #expect(manifest["skipped"]?.array?.count == listed.count)
  }

  @Test("a folder that is let in by its name lets no secret in with it")
  func within() throws {
    let tree = try ProjectTree([
      "node_modules/a": "1", "node_modules/.npmrc": "2", ".gitignore": ".env", ".env": "3",
    ])
    #expect(try ProjectTree.files(below: tree.build(["node_modules/**"]).path) == ["node_modules/a"])
    let info = try tree.build(["**"])
    #expect(info.skipped.map(\.path) == [".env"], "also what git ignores is named, for it is within reach")
    #expect(try ProjectTree.files(below: tree.build([".env"]).path) == [".env"])
  }
}
