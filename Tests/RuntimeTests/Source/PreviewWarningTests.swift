import QueueRunner
import Testing

@testable import Runtime

@Suite("warnings of a preview")
struct PreviewWarningTests {
  private static func codes(
    _ permissions: String, named: [String] = [], leftOut: [String] = []
  ) throws -> [String] {
    let document = try WorkflowTexts.read(
      WorkflowTexts.whole(
        """
        { name: "n", maxAgents: 1, maxConcurrency: 1, permissions: { \(permissions) }, phases: [{ id: "p" }] }
        """))
    var facts = PreviewFacts()
    for command in document.manifest.permissions.hostCommands where command.argv[0] != "gone" {
      facts.programs[command.id] = ProgramFile(path: "/bin/\(command.id)", sha256: nil)
    }
    facts.secretsNamed = named
    facts.secretsLeftOut = leftOut
    let warnings = Preview(document, facts: facts).warnings
    for warning in warnings {
      #expect(!warning.text.contains("\n") && warning.text.unicodeScalars.allSatisfy(VisibleText.isVisible))
    }
    return warnings.map(\.code)
  }

  @Test(
    "globs",
    arguments: [
      (#"read: ["src/**"], write: ["src/**"]"#, []),
      (#"read: ["**/*.swift"], write: ["**/*.md", "docs/*", "a/**/b"]"#, []),
      (#"read: ["src/**"], write: ["**"]"#, ["write-everything"]),
      (#"read: [], write: ["**/*"]"#, ["write-everything"]),
      (#"read: [], write: ["*/**"]"#, ["write-everything"]),
      (#"read: [], write: ["{docs,**}/*.*"]"#, ["write-everything"]),
      (#"read: [], write: ["[a-z]*/**"]"#, ["write-everything"]),
      (#"read: ["**"], write: []"#, []),
      (#"read: ["**"], write: [], network: "web""#, ["read-everything-web"]),
      (#"read: ["src/**"], write: [], network: "web""#, []),
    ])
  func globs(permissions: String, expected: [String]) throws {
    #expect(try Self.codes(permissions) == expected)
  }

  @Test("secrets in reach")
  func secrets() throws {
    #expect(try Self.codes(#"read: ["**"], write: []"#, leftOut: [".env"]) == ["secrets-in-reach"])
    #expect(try Self.codes(#"read: ["src/**"], write: []"#, leftOut: ["src/.env"]) == [])
    #expect(try Self.codes(#"read: ["src/.env"], write: []"#, named: ["src/.env"]) == ["read-secrets"])
  }

  @Test(
    "environment",
    arguments: [
      ("NPM_TOKEN", true), ("AWS_SECRET_ACCESS_KEY", true), ("GITHUB_TOKEN", true), ("DB_PASSWORD", true),
      ("SSH_AUTH_SOCK", true), ("API_KEY", true), ("apikey", true), ("GH_PAT", true), ("DATABASE_URL", true),
      ("HOME", false), ("PATH", false), ("LANG", false), ("PWD", false), ("KEYBOARD", false),
      ("MONKEY", false), ("TERM", false), ("PATTERN", false),
    ])
  func environment(name: String, isSecret: Bool) throws {
    let permissions = "read: [\"a\"], write: [], env: { inherit: [\"\(name)\"] }"
    #expect(try Self.codes(permissions) == (isSecret ? ["secret-environment"] : []))
  }

  @Test(
    "code in arguments",
    arguments: [
      (["sh", "-c", "id"], "sh"), (["/bin/bash", "-euc", "id"], "bash"), (["bash", "-lc", "id"], "bash"),
      (["python3", "-c", "1"], "python3"), (["python3.11", "-Ic", "1"], "python3.11"),
      (["perl", "-ne", "print"], "perl"), (["ruby", "-rjson", "-e", "1"], "ruby"),
      (["node", "--eval=1"], "node"), (["node", "-p", "1"], "node"), (["deno", "eval", "1"], "deno"),
      (["php", "-r", "1"], "php"), (["env", "A=1", "sh", "-c", "id"], "sh"),
      (["timeout", "5", "bash", "-c", "id"], "bash"), (["/usr/bin/env", "python3", "-c", "1"], "python3"),
      (["bash", "build.sh", "-c"], nil), (["python3", "a.py", "-c"], nil), (["make", "-C", "x"], nil),
      (["grep", "-c", "sh"], nil), (["grep", "sh", "-c", "x"], nil), (["node", "a.js", "-e"], nil),
      (["swift", "build", "-c", "release"], nil), (["git", "-c", "a=b"], nil), (["bash"], nil),
      (["perl", "a.pl"], nil), (["python3", "-m", "pytest"], nil),
    ])
  func code(argv: [String], program: String?) {
    #expect(CodeInArguments.program(argv) == program)
  }

  @Test(
    "commands that run what a patch may change, or that are not there",
    arguments: [
      (#"["./build.sh"]"#, "build.sh", ["writes-what-it-runs"]),
      (#"["bash", "tools/x.sh"]"#, "tools/**", ["writes-what-it-runs"]),
      (#"["bash", "tools/x.sh"]"#, "docs/**", []), (#"["make", "tools"]"#, "tools", []),
      (#"["python3", "/abs/x.py"]"#, "abs/**", []), (#"["gone"]"#, "docs/**", ["no-program"]),
      (#"["sh", "-c", "./a.sh"]"#, "a.sh", ["code-in-arguments", "writes-what-it-runs"]),
    ])
  func commands(argv: String, write: String, expected: [String]) throws {
    let permissions = "read: [], write: [\"\(write)\"], hostCommands: [{ id: \"x\", argv: \(argv) }]"
    #expect(try Self.codes(permissions) == expected)
  }
}
