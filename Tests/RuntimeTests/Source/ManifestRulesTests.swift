import QueueRunner
import Testing

@testable import Runtime

private typealias Texts = WorkflowTexts

@Suite("the rules of a manifest")
struct ManifestRulesTests {
  @Test("what is left out gets its default")
  func defaults() throws {
    let manifest = try Texts.read(Texts.whole()).manifest
    #expect(
      manifest
        == Manifest(
          name: "n", maxAgents: 1, maxConcurrency: 1, defaultAdapter: nil, adapters: [:],
          permissions: .init(
            read: ["a/**"], write: [], hostCommands: [], network: .none, inheritedEnvironment: []),
          limits: .init(), phases: [.init(id: "p", maxAgents: nil)]))
    let limits = try Texts.read(Texts.with("limits: {}")).manifest.limits
    #expect(limits.tickCpuMs == 10_000 && limits.memoryMiB == 256)
    #expect(limits.outputBytes == 67_108_864 && limits.operations == 100_000)
    let command = try Texts.read(
      Texts.replacing(
        "permissions", #"{ read: [], write: ["b"], hostCommands: [{ id: "x", argv: ["a", ""] }] }"#))
    #expect(
      command.manifest.permissions.hostCommands == [
        .init(
          id: "x", argv: ["a", ""], cwd: "project", timeoutMs: 600_000, maxOutputBytes: 5_242_880,
          idempotent: false)
      ])
  }

  @Test("everything written out")
  func complete() throws {
    let text = """
      { name: "example", maxAgents: 100000, maxConcurrency: 4, defaultAdapter: "codex-native",
        adapters: { "codex-native": { type: "codex-native", model: "m", reasoningEffort: "high" }, b: { type: "t" } },
        permissions: { read: ["src/**", "tests/**"], write: ["{a,b}/*.[ch]"],
          hostCommands: [{ id: "unit", argv: ["make", "test"], cwd: "sub/dir", timeoutMs: 60000, maxOutputBytes: 1048576,
            idempotent: true }], network: "web", env: { inherit: ["HOME", "_a1"] } },
        limits: { tickCpuMs: 60000, memoryMiB: 2048, outputBytes: 1073741824, operations: 1000000 },
        phases: [{ id: "review", maxAgents: 4 }, { id: "fix" }] }
      """
    let document = try Texts.read(Texts.whole(text))
    #expect(
      document.manifest
        == Manifest(
          name: "example", maxAgents: 100_000, maxConcurrency: 4, defaultAdapter: "codex-native",
          adapters: [
            "codex-native": .init(type: "codex-native", model: "m", reasoningEffort: "high"),
            "b": .init(type: "t"),
          ],
          permissions: .init(
            read: ["src/**", "tests/**"], write: ["{a,b}/*.[ch]"],
            hostCommands: [
              .init(
                id: "unit", argv: ["make", "test"], cwd: "sub/dir", timeoutMs: 60_000,
                maxOutputBytes: 1_048_576,
                idempotent: true)
            ], network: .web, inheritedEnvironment: ["HOME", "_a1"]), limits: document.manifest.limits,
          phases: [.init(id: "review", maxAgents: 4), .init(id: "fix", maxAgents: nil)]))
    // What is stored reads back as what was checked.
    #expect(try Manifest(reading: JSONValue(parsing: document.manifestText)) == document.manifest)
  }

  /// A member of `replacing`'s lines: name 3, maxAgents 4, maxConcurrency 5, permissions 6, phases 7; an empty text leaves it out.
  private static let broken = [
    ("name", "", "2:25", "`name` is missing"), ("name", "1", "3:7", "not a string"),
    ("name", "''", "3:7", "blank"),
    ("name", "' \\n'", "3:7", "blank"), ("maxAgents", "", "2:25", "`maxAgents` is missing"),
    ("maxAgents", "0", "4:12", "out of range"), ("maxAgents", "100001", "4:12", "1 to 100000"),
    ("maxAgents", "1.5", "4:12", "whole"), ("maxAgents", "'1'", "4:12", "not a number"),
    ("maxAgents", "-1", "4:12", "out of range"),
    ("maxAgents", "1e300", "4:12", "whole"), ("maxAgents", "null", "4:12", "found null"),
    ("maxConcurrency", "", "2:25", "`maxConcurrency` is missing"),
    ("maxConcurrency", "0", "5:17", "out of range"),
    ("maxConcurrency", "true", "5:17", "found true"), ("permissions", "", "2:25", "`permissions` is missing"),
    ("permissions", "[]", "6:14", "not an object"),
    ("permissions", "{}", "6:14", "`permissions.read` is missing"),
    ("permissions", "{ read: ['a'] }", "6:14", "`permissions.write` is missing"),
    ("permissions", "{ read: [], write: [] }", "6:33", "both empty"),
    ("permissions", "{ read: 'a', write: [] }", "6:22", "not an array"),
    ("permissions", "{ read: [1], write: [] }", "6:23", "`permissions.read[0]`"),
    ("permissions", "{ read: ['a', ''], write: [] }", "6:28", "legal glob"),
    ("permissions", "{ read: ['/a'], write: [] }", "6:23", "legal glob"),
    ("permissions", "{ read: [], write: ['../a'] }", "6:34", "legal glob"),
    ("permissions", "{ read: ['a'], write: [], netwrk: 'web' }", "6:40", "`network`"),
    ("permissions", "{ read: ['a'], write: [], network: 'all' }", "6:49", "`none` or `web`"),
    ("permissions", "{ read: ['a'], write: [], network: 1 }", "6:49", "`none` or `web`"),
    ("permissions", "{ read: ['a'], write: [], env: ['A'] }", "6:45", "not an object"),
    ("permissions", "{ read: ['a'], write: [], env: { inherit: 'A' } }", "6:56", "not an array"),
    ("permissions", "{ read: ['a'], write: [], env: { inherits: [] } }", "6:47", "`inherit`"),
    ("permissions", "{ read: ['a'], write: [], env: { inherit: ['1A'] } }", "6:57", "name of a variable"),
    ("permissions", "{ read: ['a'], write: [], env: { inherit: ['A=B'] } }", "6:57", "name of a variable"),
    ("permissions", "{ read: ['a'], write: [], env: { inherit: [''] } }", "6:57", "name of a variable"),
    ("phases", "", "2:25", "`phases` is missing"), ("phases", "[]", "7:9", "at least one"),
    ("phases", "{}", "7:9", "not an array"),
    ("phases", "['p']", "7:10", "`phases[0]`"), ("phases", "[{}]", "7:10", "`phases[0].id` is missing"),
    ("phases", "[{ id: 'a b' }]", "7:16", "not an id"), ("phases", "[{ id: '' }]", "7:16", "not an id"),
    ("phases", "[{ id: 'p' }, { id: 'p' }]", "7:29", "twice"),
    ("phases", "[{ id: 'p', max: 1 }]", "7:21", "one of `id`"),
    ("phases", "[{ id: 'p', maxAgent: 1 }]", "7:21", "`maxAgents`"),
    ("phases", "[{ id: 'p', maxAgents: 0 }]", "7:32", "out of range"),
  ]

  @Test("a broken rule points at its value", arguments: broken)
  func rules(member: String, value: String, place: String, word: String) {
    BadWorkflow(Texts.replacing(member, value), place, word).check()
  }

  /// Members beside the required ones; each begins in column 1 of line 3.
  private static let optionalMembers = [
    ("maxAgnets: 1", "3:1", "`maxAgents`"), ("limit: {}", "3:1", "`limits`"),
    ("whatever: 1", "3:1", "one of `name`"),
    ("defaultAdapter: ''", "3:17", "blank"), ("defaultAdapter: null", "3:17", "not a string"),
    ("adapters: []", "3:11", "not an object"),
    ("adapters: { a: {} }", "3:16", "`adapters[a].type` is missing"),
    ("adapters: { a: { type: 1 } }", "3:24", "not a string"),
    ("adapters: { a: { type: 't', modle: 'm' } }", "3:29", "`model`"),
    ("adapters: { ' ': { type: 't' } }", "3:18", "blank name"),
    ("limits: { tickCpuMs: 60001 }", "3:22", "1 to 60000"),
    ("limits: { tickCpuMs: 0 }", "3:22", "out of range"),
    ("limits: { memoryMiB: 2049 }", "3:22", "2048"),
    ("limits: { outputBytes: 1073741825 }", "3:24", "1073741824"),
    ("limits: { operations: 1000001 }", "3:23", "1000000"),
    ("limits: { tickCPUMs: 1 }", "3:11", "`tickCpuMs`"),
    ("limits: 1", "3:9", "not an object"), ("limits: null", "3:9", "found null"),
  ]

  @Test("optional members", arguments: optionalMembers)
  func optional(member: String, place: String, word: String) {
    BadWorkflow(Texts.with(member), place, word).check()
  }

  /// A command's members; the command's brace is in column 55 of line 6, its first member in column 57.
  private static let commandMembers = [
    ("argv: ['a']", "6:55", "id` is missing"), ("id: 'x'", "6:55", "argv` is missing"),
    ("id: 'x', argv: []", "6:72", "is empty"),
    ("id: 'x', argv: 'make'", "6:72", "not an array"), ("id: 'x', argv: ['']", "6:73", "a program"),
    ("id: 'x', argv: [1]", "6:73", "not a string"), ("id: 'x', argv: ['a\\0']", "6:73", "NUL"),
    ("id: 'x/y', argv: ['a']", "6:61", "not an id"),
    ("id: 'x', argv: ['a'], cwd: '/'", "6:84", "no folder"),
    ("id: 'x', argv: ['a'], cwd: '..'", "6:84", "no folder"),
    ("id: 'x', argv: ['a'], cwd: 'a/../../b'", "6:84", "no folder"),
    ("id: 'x', argv: ['a'], cwd: ''", "6:84", "no folder"),
    ("id: 'x', argv: ['a'], timeoutMs: 0", "6:90", "out of range"),
    ("id: 'x', argv: ['a'], timeout: 1", "6:79", "`timeoutMs`"),
    ("id: 'x', argv: ['a'], maxOutputBytes: 0.5", "6:95", "whole"),
    ("id: 'x', argv: ['a'], idempotent: 1", "6:91", "boolean"),
    ("id: 'x', argv: ['a'] }, { id: 'x', argv: ['a']", "6:87", "twice"),
    ("id: 'x', arvg: ['a']", "6:66", "`argv`"),
  ]

  @Test("host commands", arguments: commandMembers)
  func commands(members: String, place: String, word: String) {
    let text = "{ read: ['a'], write: [], hostCommands: [{ \(members) }] }"
    BadWorkflow(Texts.replacing("permissions", text), place, word).check()
  }

  @Test("a stored manifest that breaks a rule is named without a place")
  func stored() {
    let value: JSONValue = ["name": "n", "maxAgents": 0]
    do {
      _ = try Manifest(reading: value)
      Issue.record("taken")
    } catch let error as FlowdexError {
      #expect(
        error.message
          == "manifest: `maxAgents` is out of range, expected a whole number from 1 to 100000, found `0`")
    } catch {
      Issue.record("not a FlowdexError: \(error)")
    }
    #expect(throws: FlowdexError.self) { try Manifest(reading: []) }
    #expect(throws: FlowdexError.self) { try Manifest(reading: .null) }
  }

  @Test("lists are capped")
  func caps() {
    let phases = (0...ManifestEntry.maxEntries).map { "{ id: 'p\($0)' }" }.joined(separator: ", ")
    BadWorkflow(Texts.replacing("phases", "[\(phases)]"), "7:9", "too many entries").check()
  }

  @Test(
    "ids",
    arguments: [
      ("a", true), ("A-z_0.9", true), (String(repeating: "a", count: 120), true),
      (String(repeating: "a", count: 121), false), ("", false), ("a b", false), ("a/b", false), ("é", false),
      ("a\n", false), ("..", true), ("a\u{301}", false),
    ])
  func ids(text: String, isId: Bool) { #expect(OperationNames.isId(text) == isId) }

  @Test(
    "the nearest word",
    arguments: [
      ("maxAgent", "maxAgents"), ("maxagents", "maxAgents"), ("mxaAgents", "maxAgents"), ("nmae", "name"),
      ("nam", "name"),
      ("limit", "limits"), ("hostcommand", "hostCommands"), ("xyz", nil), ("", nil), ("na", "name"),
      ("n", nil),
      ("maxConc", nil), ("maxConcurency", "maxConcurrency"), (String(repeating: "n", count: 100_000), nil),
    ] as [(String, String?)])
  func nearest(word: String, known: String?) {
    #expect(Nearest.of(word, in: ["name", "maxAgents", "maxConcurrency", "limits", "hostCommands"]) == known)
  }
}
