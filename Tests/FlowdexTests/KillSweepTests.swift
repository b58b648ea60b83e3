import QueueRunner
import Subprocess
import SystemPackage
import Testing

/// A short slice of `make torture`: flowdex killed, or failed by the kernel, at system calls of a seeded choice, and
/// judged by an oracle that knows nothing of flowdex's code.
@Suite("the kill sweep", .serialized, .timeLimit(.minutes(4)))
struct KillSweepTests {
  static let canRun = ["strace", "python3"].allSatisfy { name in
    ["/usr/local/bin", "/usr/bin", "/bin"].contains { FileSystem.exists("\($0)/\(name)") }
  }

  @Test(
    "killed at any call, a run goes on to the same report, every result once",
    .enabled(if: canRun, "strace and python3 are needed: `make setup` installs them"),
    arguments: ["next", "collect", "integrate", "restart"])
  func slice(_ scenario: String) async throws {
    var environment: [Environment.Key: String?] = [:]
    if let deno = Cli.deno { environment["FLOWDEX_DENO"] = deno }
    let result = try await Subprocess.run(
      .name("python3"),
      arguments: [
        "-B", "\(Cli.packageRoot)/Tests/Torture/torture.py", Cli.binary, "--scenario", scenario, "--points",
        "2",
        "--seed", "11",
      ],
      environment: .inherit.updating(environment), output: .string(limit: 1 << 20),
      error: .string(limit: 1 << 20))
    #expect(
      result.terminationStatus.isSuccess, "\(result.standardOutput)\n\(result.standardError)")
  }
}
