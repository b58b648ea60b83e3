import QueueRunner
import Testing

@testable import Runtime

private typealias Texts = WorkflowTexts

@Suite("documents and previews")
struct PreviewTests {
  @Test("the manifest's text is canonical, as written and without defaults")
  func hashes() throws {
    let document = try Texts.read(Texts.whole())
    let text =
      #"{"maxAgents":1,"maxConcurrency":1,"name":"n","permissions":{"read":["a/**"],"write":[]},"phases":[{"id":"p"}]}"#
    #expect(document.manifestText == text)
    #expect(document.manifestHash == Digest.sha256Hex(text))
    #expect(document.sourceHash == Digest.sha256Hex(Texts.whole()))
    #expect(
      document.approvalHash
        == Digest.sha256Hex(#"{"manifest":"\#(document.manifestHash)","source":"\#(document.sourceHash)"}"#))
  }

  @Test("layout changes the source's hash and not the manifest's")
  func spelling() throws {
    let one = try Texts.read(Texts.whole())
    let other = try Texts.read(
      Texts.whole(
        """
        { phases: [{ 'id': `p` }] as const, /* c */ "maxAgents": 0x1, permissions: { write: [], read: ['a/\\x2a*',], },
          n\\u0061me: ("n"), maxConcurrency: 1e0 satisfies number, }
        """))
    #expect(one.manifestHash == other.manifestHash && one.manifest == other.manifest)
    #expect(one.sourceHash != other.sourceHash && one.approvalHash != other.approvalHash)
  }

  private static let full = Texts.whole(
    """
    { name: "audit", maxAgents: 4, maxConcurrency: 2, defaultAdapter: "codex", adapters: { codex: { type: "t", model: "m" } },
      permissions: { read: ["src/**", "t s/**"], write: ["out/**"],
        hostCommands: [{ id: "unit", argv: ["make", "a \\"b\\" \\u202e"], timeoutMs: 60000 }],
        network: "web", env: { inherit: ["HOME"] } },
      phases: [{ id: "review", maxAgents: 4 }, { id: "fix" }] }
    """)

  @Test("all fields of the contract")
  func json() throws {
    let document = try Texts.read(Self.full)
    let json = Preview(document).json
    #expect(
      json.object?.keys == [
        "name", "format", "file", "sourceHash", "manifestHash", "approvalHash", "warnings", "limits",
        "adapter",
        "adapters", "network",
        "read", "write", "hostCommands", "env", "phases", "manifest",
      ])
    #expect(
      json["format"] == "flowdex.workflow.ts.v1" && json["file"] == "w.ts" && json["adapter"] == "codex")
    #expect(json["approvalHash"] == .string(document.approvalHash))
    #expect(
      json["limits"] == [
        "maxAgents": 4, "maxConcurrency": 2, "tickCpuMs": 10_000, "memoryMiB": 256, "outputBytes": 67_108_864,
        "operations": 100_000,
      ])
    #expect(
      json["hostCommands"] == [
        [
          "id": "unit", "argv": ["make", "a \"b\" \u{202E}"], "cwd": "project", "timeoutMs": 60_000,
          "maxOutputBytes": 5_242_880, "idempotent": false,
        ]
      ])
    #expect(
      json["env"] == ["inherit": ["HOME"]]
        && json["phases"] == [["id": "review", "maxAgents": 4], ["id": "fix"]])
    #expect(json["manifest"]?.canonicalText == document.manifestText)
    #expect(try Preview(Texts.read(Texts.whole())).json["adapter"] == .null)
  }

  @Test("the text a person decides by")
  func text() throws {
    let document = try Texts.read(Self.full)
    let text = Preview(document).text
    let head = """
      workflow  audit
      file      w.ts
      approval  sha256 \(document.approvalHash)

      host commands
        unit  ["make", "a \\"b\\" \\u202e"]
              in project, at most 60000 ms, 5242880 bytes of output, never run again after a crash

      files
        read   src/**
               t s/**
        write  out/**

      workers and environment
        agents       at most 4, 2 at a time
        network      web: workers are told that they may use it
        environment  PATH, HOME
        adapter      codex
        codex        type t, model m

      phases
        review  at most 4 agents
        fix

      limits and hashes
        session   tickCpuMs 10000, memoryMiB 256, outputBytes 67108864, operations 100000
        format    flowdex.workflow.ts.v1
        source    sha256 \(document.sourceHash)
        manifest  sha256 \(document.manifestHash)

      manifest
        {
          "name": "audit",

      """
    #expect(text.hasPrefix(head), "\(text)")
    #expect(text.hasSuffix("\n  }"))
    let least = Preview(try Texts.read(Texts.whole())).text
    #expect(least.contains("host commands\n  none\n") && least.contains("write  nothing\n"))
    #expect(least.contains("adapter      any\n"))
  }

  @Test("what was found here stands beside what the manifest says, in text and in JSON")
  func facts() throws {
    var facts = PreviewFacts()
    facts.programs["unit"] = ProgramFile(path: "/bin/make", sha256: "ab")
    facts.read = [.init(glob: "src/**", files: 12), .init(glob: "t s/**", files: 1)]
    facts.snapshotFiles = 13
    facts.write = [.init(glob: "out/**", files: 0)]
    facts.secretsLeftOut = ["src/.env"]
    facts.unsetVariables = ["HOME"]
    let preview = Preview(try Texts.read(Self.full), facts: facts)
    for line in [
      "        /bin/make sha256 ab\n", "  read      src/**  (12 files now)\n",
      "            t s/**  (1 file now)\n", "  write     out/**  (0 files now)\n",
      "  left out  src/.env, by the name a secret\n", "environment  PATH, HOME (not set)\n",
    ] {
      #expect(preview.text.contains(line), "\(line) in \(preview.text)")
    }
    let json = preview.json
    #expect(
      json["hostCommands"]?.array?.first?["program"] == ["path": "/bin/make", "sha256": "ab"])
    #expect(
      json["files"] == [
        "read": [["glob": "src/**", "files": 12], ["glob": "t s/**", "files": 1]], "snapshotFiles": 13,
        "write": [["glob": "out/**", "files": 0]], "isWhole": true, "secretsLeftOut": ["src/.env"],
        "secretsNamed": [],
      ])
    #expect(json["environment"] == [["name": "HOME", "isSet": false]])
    #expect(json.object?.keys.last == "manifest")
    facts.programs = [:]
    let lost = Preview(try Texts.read(Self.full), facts: facts)
    #expect(lost.text.contains("not found along PATH") && lost.warnings.map(\.code) == ["no-program"])
    #expect(lost.json["hostCommands"]?.array?.first?["program"] == .null)
  }

  @Test(
    "a usual manifest's permissions and warnings fit a screen of 40 lines, and write globs are red on a terminal"
  )
  func screen() throws {
    let preview = Preview(try Texts.read(Self.full), facts: PreviewFacts())
    let before = try #require(preview.text.components(before: "\nmanifest\n"))
    #expect(before.split(separator: "\n", omittingEmptySubsequences: false).count <= 40, "\(before)")
    let coloured = preview.text(isColoured: true)
    #expect(coloured.contains("write  \u{1B}[31mout/**\u{1B}[0m"))
    #expect(!coloured.contains("\u{1B}[31msrc/**"))
    let plain = coloured.replacing("\u{1B}[31m", with: "").replacing("\u{1B}[33m", with: "").replacing(
      "\u{1B}[0m", with: "")
    #expect(plain == preview.text)
  }

  @Test(
    "nothing in a name can hide",
    arguments: [
      "a\u{1B}[2Kb", "a\nb", "a\rb", "a\u{202E}b", "a\u{2066}b", "a\u{200B}b", "a\u{FEFF}b", "a\u{AD}b",
      "a\u{7F}b",
      "a\u{9B}b", "a\u{2028}b", "a\u{E0041}b", "a\u{3164}b", "a\u{2800}b", "a\u{A0}b", "a\u{301}\u{301}b",
      "a\u{0}b",
    ])
  func hidden(name: String) throws {
    let quoted = JSONValue.string(name).compactText
    let document = try Texts.read(
      Texts.whole(
        """
        { name: \(quoted), maxAgents: 1, maxConcurrency: 1, defaultAdapter: \(quoted), adapters: { \(quoted): { type: \(quoted) } },
          permissions: { read: ["a"], write: [], hostCommands: [{ id: "x", argv: ["y", \(quoted.replacing("\\u0000", with: "z"))] }] },
          phases: [{ id: "p" }] }
        """))
    let text = Preview(document).text
    for scalar in text.unicodeScalars where scalar != "\n" {
      #expect(VisibleText.isVisible(scalar), "\(scalar.value)")
    }
    // No line of its own, and the escape tells which character it was.
    #expect(text.split(separator: "\n").count { $0.hasPrefix("workflow ") } == 1)
    #expect(text.contains("workflow  \(VisibleText.quoted(name))\n"))
    // The manifest shown is JSON that reads back as the manifest.
    let shown = try #require(text.split(separator: "\nmanifest\n").last)
    #expect(try JSONValue(parsing: String(shown)) == document.writtenManifest)
  }

  @Test(
    "quoting leaves no two names alike",
    arguments: ["a", "a b", "日本", "a,b", "\"a\"", "\\u202e", " a", "", "a\\", "é"])
  func quoting(name: String) throws {
    let shown = VisibleText.name(name)
    let back = shown.hasPrefix("\"") ? try JSONValue(parsing: shown).string : shown
    #expect(back == name)
  }
}

extension String {
  /// What stands before the first occurrence of a text.
  fileprivate func components(before text: String) -> String? {
    firstRange(of: text).map { String(self[..<$0.lowerBound]) }
  }
}
