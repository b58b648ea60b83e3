import CSpawn
import Glibc
import QueueRunner
import Testing

@testable import Runtime

@Suite("A host command that cannot start")
struct StartFailureTests {
  private let fixture: HostCommandFixture

  init() throws { fixture = try HostCommandFixture() }

  private func expect(
    _ spec: HostCommandSpec, code: Int, says words: String, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let outcome = try await fixture.run(spec)
    #expect(outcome.exitCode == code, sourceLocation: sourceLocation)
    #expect(outcome.signal == nil, sourceLocation: sourceLocation)
    #expect(!outcome.timedOut, sourceLocation: sourceLocation)
    let message = try #require(outcome.startError, sourceLocation: sourceLocation)
    #expect(message.contains(words), sourceLocation: sourceLocation)
    #expect(try outcome.stderr.text == "flowdex: \(message)\n", sourceLocation: sourceLocation)
    #expect(outcome.stdout.sizeBytes == 0, sourceLocation: sourceLocation)
  }

  @Test("for want of a program", arguments: ["no-such-program", "./no-such-program", "/no/such/program", ""])
  func missing(program: String) async throws {
    try await expect(fixture.spec([program]), code: 127, says: "there is no program `\(program)`")
  }

  @Test("for want of the right to run it, or of a format that can run")
  func unrunnable() async throws {
    let plain = try fixture.file("plain", "#!/bin/sh\n", mode: 0o644)
    try await expect(fixture.spec([plain]), code: 126, says: "permission denied")
    try await expect(fixture.spec([fixture.root]), code: 126, says: "permission denied")
    let noShebang = try fixture.file("no-shebang", "echo never\n", mode: 0o755)
    try await expect(
      fixture.spec([noShebang]), code: 126, says: "neither a program of this machine nor a script")
    let lost = try fixture.file("lost", "#!/no/such/interpreter\n", mode: 0o755)
    try await expect(fixture.spec([lost]), code: 126, says: "interpreter")
    let endless = try fixture.file("endless", "x")
    try await expect(fixture.spec(["\(endless)/program"]), code: 127, says: "there is no program")
  }

  @Test("for want of its folder", arguments: ["/no/such/folder", "/etc/passwd"])
  func folder(path: String) async throws {
    var spec = fixture.spec(["true"])
    spec.cwd = path
    try await expect(spec, code: 126, says: "cannot enter the command's folder `\(path)`")
  }

  @Test("for too long an argument")
  func tooLong() async throws {
    let spec = fixture.spec(["true", String(repeating: "x", count: 1 << 20)])
    try await expect(spec, code: 126, says: "argument list too long")
  }

  @Test(
    "says nothing about the command where the machine has no more of what a start takes",
    arguments: [
      (FLOWDEX_COMMAND_FORK, EAGAIN, true), (FLOWDEX_COMMAND_FORK, EMFILE, true),
      (FLOWDEX_COMMAND_EXEC, EAGAIN, true), (FLOWDEX_COMMAND_EXEC, ENOMEM, true),
      (FLOWDEX_COMMAND_EXEC, ENFILE, true), (FLOWDEX_COMMAND_EXEC, EIO, true),
      (FLOWDEX_COMMAND_FOLDER, ENOMEM, true), (FLOWDEX_COMMAND_FOLDER, ENOENT, false),
      (FLOWDEX_COMMAND_EXEC, ENOENT, false), (FLOWDEX_COMMAND_EXEC, EACCES, false),
      (FLOWDEX_COMMAND_EXEC, E2BIG, false), (FLOWDEX_COMMAND_EXEC, ETXTBSY, false),
      (FLOWDEX_COMMAND_INTERPRETER, ENOENT, false),
    ] as [(flowdex_command_step, Int32, Bool)])
  func machine(step: flowdex_command_step, error: Int32, lacks: Bool) throws {
    var report = flowdex_command_report()
    report.step = Int32(step.rawValue)
    report.error = error
    #expect(try #require(StartFailure(report, fixture.spec(["true"]))).lacksMachine == lacks)
  }

  @Test("is refused if its texts could not be passed on")
  func texts() throws {
    let bad: [HostCommandSpec] = [
      fixture.spec([]), fixture.spec(["a\0b"]), fixture.spec(["a", "\0"]),
      fixture.spec(["a"], environment: ["A": "\0"]), fixture.spec(["a"], environment: ["A=B": ""]),
      fixture.spec(["a"], environment: ["": "x"]),
    ]
    for spec in bad {
      let error = #expect(throws: FlowdexError.self) { try fixture.prepare(spec) }
      #expect(error?.code == "host-command-text")
      #expect(error?.message.contains("\0") == false)
    }
  }

  @Test("is looked for along PATH, past what cannot run")
  func path() async throws {
    for folder in ["one", "two"] { try FileSystem.makeDirectories("\(fixture.root)/\(folder)") }
    _ = try fixture.file("one/tool", "#!/bin/sh\necho one\n", mode: 0o644)
    _ = try fixture.file("two/tool", "#!/bin/sh\necho two\n", mode: 0o755)
    let path = "/no/such:\(fixture.root)/one:\(fixture.root)/two"
    let outcome = try await fixture.run(fixture.spec(["tool"], environment: ["PATH": path]))
    #expect(try outcome.stdout.text == "two\n")
    try await expect(
      fixture.spec(["tool"], environment: ["PATH": "\(fixture.root)/one"]), code: 126,
      says: "permission denied")
  }

  @Test(
    "is tried at these paths",
    arguments: [
      ("ls", "/a:/b", ["/a/ls", "/b/ls"]), ("ls", ":/b:", ["./ls", "/b/ls", "./ls"]), ("ls", "", ["./ls"]),
      ("./ls", "/a", ["./ls"]), ("/x/ls", "/a", ["/x/ls"]), ("bin/ls", "/a", ["bin/ls"]), ("", "/a", [""]),
      ("ls", nil, ["/usr/local/bin/ls", "/usr/bin/ls", "/bin/ls"]),
    ] as [(String, String?, [String])])
  func candidates(program: String, path: String?, expected: [String]) {
    let spec = fixture.spec([program], environment: path.map { ["PATH": $0] } ?? [:])
    #expect(HostCommandRunner.candidates(spec) == expected)
  }
}
