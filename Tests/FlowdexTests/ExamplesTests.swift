import Glibc
import QueueRunner
import Subprocess
import SystemPackage
import Testing

/// Every file in examples/ and every template, executed.
@Suite("examples")
struct ExamplesTests {
  static let examples = "\(Cli.packageRoot)/examples"
  static let source = """
    // TODO: say what this is for
    struct Box {
      let value = try! load()
      let wide = "\(String(repeating: "x", count: 120))"
    }

    """

  @Test("hello.ts runs to its end without a worker, and its claim is verified")
  func hello() async throws {
    let scratch = try Scratch()
    let output = try await Cli.run(
      ["run", "\(Self.examples)/hello.ts", "--yes", "--input", "{\"name\":\"Ada\"}"], in: scratch.path)
    #expect(output.status == 0, "\(output)")
    let report = try output.json()["report"]
    #expect(report?["greeting"] == "hello, Ada")
    #expect(report?["claims"]?.array?.map { $0["standing"] ?? nil } == ["verified"])
  }

  @Test(
    "code-audit.ts is worked off by either worker, and each finding is verified",
    arguments: ["audit.sh", "audit.py"])
  func codeAudit(worker: String) async throws {
    let scratch = try Scratch()
    try scratch.file("Sources/Box.swift", Self.source)
    try scratch.file("Sources/More/Odd \"name\".swift", Self.source)
    try scratch.file("Tests/BoxTests.swift", "func testBox() { _ = Box() }\n")
    let run = try await Cli.run(
      ["run", "\(Self.examples)/code-audit.ts", "--yes", "--run-id", "audit", "--input", "{\"shards\":3}"],
      in: scratch.path)
    #expect(run.status == 0, "\(run)")
    #expect(try run.json()["status"] == "needs-dispatch", "\(run)")
    let watch = try await Cli.start(["watch", "audit", "--dispatch"], in: scratch.path)
    let worked = try await execute("\(Self.examples)/workers/\(worker)", [scratch.layout.run("audit").root])
    let watched = try await watch.output()
    #expect(worked.status == 0 && watched.status == 0, "\(worked)\n\(watched)")
    let report = try await Cli.run(["report", "audit"], in: scratch.path).json()
    #expect(report["files"] == 3)
    #expect(report["failed"] == [])
    #expect(
      report["byRule"] == ["forced-try": 2, "long-line": 2, "marker": 2, "no-test": 1],
      "\(report["byRule"] ?? nil)")
    let claims = report["claims"]?.array ?? []
    #expect(claims.count == 7 && claims.allSatisfy { $0["standing"] == "verified" }, "\(claims)")
  }

  @Test("demo.sh audits both projects and prints their reports")
  func demo() async throws {
    let scratch = try Scratch()
    let dependency = try scratch.file("dependency/Sources/Box.swift", Self.source)
    let folder = FileSystem.split(FileSystem.split(dependency).parent).parent
    let demo = try await execute("\(Self.examples)/demo.sh", [Cli.binary, folder, "\(scratch.path)/demo"])
    #expect(demo.status == 0, "\(demo)")
    #expect(
      demo.stdout.contains("== audit-flowdex: ") && demo.stdout.contains("== audit-dependency: "), "\(demo)")
    #expect(
      demo.stdout.contains("verified: forced-try at Sources/Box.swift:3: let value = try! load()"), "\(demo)")
  }

  @Test(
    "templates are written once, and are workflows",
    arguments: ["code-audit", "parallel-review", "implementation-fanout"])
  func templates(name: String) async throws {
    let scratch = try Scratch()
    let written = try await Cli.run(["init", name, "deep/er/w.ts", "--json"], in: scratch.path)
    #expect(written.status == 0, "\(written)")
    #expect(try written.json() == ["template": .string(name), "path": "deep/er/w.ts"])
    let preview = try await Cli.run(["preview", "deep/er/w.ts", "--json"], in: scratch.path)
    #expect(preview.status == 0, "\(preview)")
    #expect(try preview.json()["name"] == .string(name))
    try scratch.file("deep/er/w.ts", "mine")
    let again = try await Cli.run(["init", name, "deep/er/w.ts"], in: scratch.path)
    #expect(again.status == 1 && again.stderr.contains("never overwrites"), "\(again)")
    #expect(try scratch.text("deep/er/w.ts") == "mine")
  }

  @Test("an unknown template is refused with the nearest name")
  func unknownTemplate() async throws {
    let scratch = try Scratch()
    let output = try await Cli.run(["init", "code-audti", "w.ts"], in: scratch.path)
    #expect(output.status == 64 && output.stderr.contains("did you mean `code-audit`?"), "\(output)")
    #expect(!scratch.exists("w.ts"))
  }

  private func execute(_ program: String, _ arguments: [String]) async throws -> Cli.Output {
    var environment: [Environment.Key: String?] = [:]
    if let deno = Cli.deno { environment["FLOWDEX_DENO"] = deno }
    let result = try await Subprocess.run(
      Configuration(
        executable: .path(FilePath(program)), arguments: Arguments(arguments),
        environment: .inherit.updating(environment)),
      input: .none, output: .string(limit: 64 << 20), error: .string(limit: 64 << 20))
    let status: Int32 =
      switch result.terminationStatus {
      case .exited(let code): Int32(code)
      case .signaled(let number): 128 + Int32(number)
      }
    return Cli.Output(
      status: status, stdout: result.standardOutput, stderr: result.standardError)
  }
}
