import QueueRunner
import Subprocess
import SystemPackage
import Testing

/// A short slice of `make swarm`: many processes at one run, judged by what they acknowledged and by what is on disk.
@Suite("the swarm", .serialized, .timeLimit(.minutes(6)))
struct SwarmTests {
  @Test(
    "workers, watches and commands at once, stopped, killed and ten days off: one report, every result once",
    .enabled(if: Installed.has("python3"), "python3 is needed: `make setup` installs it"))
  func slice() async throws {
    var environment: [Environment.Key: String?] = [:]
    if let deno = Cli.deno { environment["FLOWDEX_DENO"] = deno }
    let result = try await Subprocess.run(
      .name("python3"),
      arguments: [
        "-B", "\(Cli.packageRoot)/Tests/Torture/swarm.py", Cli.binary, "--seeds", "20", "--seconds", "0.6",
      ],
      environment: .inherit.updating(environment), output: .string(limit: 1 << 20),
      error: .string(limit: 1 << 20))
    #expect(result.terminationStatus.isSuccess, "\(result.standardOutput)\n\(result.standardError)")
  }
}
