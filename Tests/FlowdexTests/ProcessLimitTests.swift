import Glibc
import QueueRunner
import Testing

/// Promise 8 of docs/reliability.md for host commands: where the machine has no process to give, nothing of it becomes
/// an answer to the workflow, and what is not `idempotent` still runs once.
@Suite("too few processes", .timeLimit(.minutes(15)))
struct ProcessLimitTests {
  private static let workflow = """
    import { workflow } from "@flowdex/runtime";
    export default workflow({
      name: "few", maxAgents: 1, maxConcurrency: 1,
      permissions: { read: ["src/**"], write: [], hostCommands: [
        { id: "a", argv: ["sh", "-c", "echo a >> log; exec sleep 0.2"] },
        { id: "b", argv: ["sh", "-c", "echo b >> log"] },
      ] },
      phases: [{ id: "one" }],
    }, async (ctx) => {
      const all = await Promise.all(["a", "b"].map((id) =>
        ctx.hostCommand({ id, phase: "one", commandId: id })));
      ctx.report(all.map((one) => [one.status, one.data.indeterminate ?? false, one.data.exitCode]));
    });
    """

  /// A user of its own has no other processes than those that count. flowdex is stopped by the limit at its own
  /// threads, at Deno's, at the supervisor, at its thread, or at the command itself, as the number grows.
  @Test(
    "end a drive in one line, and each command runs once when there are more",
    .enabled(if: FaultTests.isRoot, "needs another user to become"))
  func sweep() async throws {
    let scratch = try Scratch()
    try scratch.file("w.ts", Self.workflow)
    let id = 60_000 + Int(getpid()) % 4000
    let owned = try await FaultTests.shell("chown -R \(id):\(id) .", in: scratch.path)
    try #require(owned.status == 0, "\(owned)")
    let user = "setpriv --reuid \(id) --regid \(id) --clear-groups $F"
    var metStart = 0
    for limit in 2...40 {
      let run = "r\(limit)"
      try FileSystem.write([], to: "\(scratch.path)/log")
      chmod("\(scratch.path)/log", 0o666)
      let few = try await FaultTests.shell(
        "export SWIFT_BACKTRACE=enable=no; prlimit --nproc=\(limit) \(user) run w.ts --yes --run-id \(run)",
        in: scratch.path)
      if few.status != 0 { FaultTests.check(few, []) }
      if few.stderr.contains("could not be started") { metStart += 1 }
      let again = try await FaultTests.shell("\(user) run w.ts --yes --run-id \(run)", in: scratch.path)
      let expected: JSONValue = [["completed", false, 0], ["completed", false, 0]]
      #expect(try again.json()["report"] == expected, "\(limit): \(few) then \(again)")
      let log = try scratch.text("log")
      #expect(log.count == 4 && Set(log) == Set("a\nb\n"), "\(limit): \(log)")
      if few.status == 0 { break }
    }
    #expect(metStart > 0, "no limit was met where a command starts")
  }
}
