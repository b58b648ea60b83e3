import Glibc
import QueueRunner
import Subprocess
import SystemPackage
import Testing

@Suite("limits", .timeLimit(.minutes(15)))
struct LimitTests {
  @Test(
    "a callback that passes a limit fails the run: the limit, its value, and how to raise it",
    arguments: [
      ("tickCpuMs", 300, 60_000, "for (;;) {}"),
      ("memoryMiB", 24, 2048, "const a: unknown[] = []; for (;;) a.push([a.length]);"),
      ("memoryMiB", 25, 2048, "const a: unknown[] = []; for (;;) a.push(new Uint8Array(1 << 22).fill(1));"),
      ("outputBytes", 100_000, 1 << 30, "ctx.log('x'.repeat(200000));"),
      (
        "operations", 3, 1_000_000,
        "await Promise.all([1, 2, 3, 4].map((n) => "
          + "ctx.hostCommand({ id: 'c' + n, phase: 'one', commandId: 'true' })));"
      ),
    ])
  func limits(name: String, value: Int, most: Int, body: String) async throws {
    let scratch = try Scratch()
    try scratch.workflow(body, manifest: "limits: { \(name): \(value) },")
    let output = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    #expect(output.status == 1)
    #expect(try output.json()["status"] == "failed")
    let error = output.stderr
    #expect(error.contains("the callback passed `limits.\(name)` (\(value)): "), "\(error)")
    #expect(error.contains("; raise `limits.\(name)` in the manifest (at most \(most))"), "\(error)")
    let status = try await Cli.run(["status", "r1", "--json"], in: scratch.path).json()
    #expect(status["run"]?["status"] == "failed")
  }

  @Test("a Deno that dies is no failure of the run: exit 1, and the run stays as it was")
  func deaths() async throws {
    let scratch = try Scratch()
    try scratch.workflow("ctx.report(1);")
    let broken = try await Cli.run(
      ["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path,
      environment: ["FLOWDEX_DENO": "/bin/false"])
    #expect(broken.status == 1 && broken.stdout.isEmpty, "\(broken)")
    #expect(broken.stderr.contains("`/bin/false` does not run workflows"), "\(broken)")
    let whole = try await Cli.run(["continue", "r1"], in: scratch.path)
    #expect(try whole.json()["status"] == "completed", "\(whole)")
  }

  @Test("a script that starts Deno is named as what it is")
  func script() async throws {
    let scratch = try Scratch()
    try scratch.workflow("ctx.report(1);")
    let script = try scratch.file("deno.sh", "#!/bin/sh\nexec deno \"$@\"\n")
    #expect(chmod(script, 0o755) == 0)
    let output = try await Cli.run(
      ["run", "workflow.ts", "--yes"], in: scratch.path, environment: ["FLOWDEX_DENO": script])
    #expect(output.status == 1 && output.stderr.contains("perhaps a script"), "\(output)")
  }

  @Test(
    "an ordinary user's sessions are contained and run",
    .enabled(if: geteuid() == 0 && access("/usr/bin/setpriv", X_OK) == 0, "needs root, to become another"))
  func ordinaryUser() async throws {
    let scratch = try Scratch()
    try scratch.workflow("ctx.report(ctx.input);")
    for path in [scratch.path, "\(scratch.path)/.flowdex", "\(scratch.path)/.flowdex/runs"] {
      #expect(chown(path, 65534, 65534) == 0)
    }
    let user = ["--reuid", "65534", "--regid", "65534", "--clear-groups"]
    let command = [Cli.binary, "run", "workflow.ts", "--yes", "--input", "{\"a\":1}"]
    let result = try await Subprocess.run(
      .path("/usr/bin/setpriv"), arguments: Arguments(user + command),
      environment: .inherit.updating(["FLOWDEX_DENO": Cli.deno]), workingDirectory: FilePath(scratch.path),
      output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
    let said = "\(result.standardOutput)\(result.standardError)"
    #expect(result.terminationStatus == .exited(0), "\(said)")
    #expect(said.contains("\"completed\""), "\(said)")
  }
}
