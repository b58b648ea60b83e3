import QueueRunner
import Testing

/// Promise 6 of docs/reliability.md where commands follow one another under one supervisor: SIGKILL at whatever moment,
/// and what is not `idempotent` has run once, or nobody knows how it ended.
@Suite("flowdex killed between commands that share a supervisor", .timeLimit(.minutes(15)))
struct CommandKillTests {
  private static let count = 16

  private static var workflow: String {
    let commands = (0..<count).map { n in
      // Some leave a process behind that has hidden.
      let script = "echo \(n) >> log; \(n % 5 == 3 ? "setsid sleep 600 & " : "")exit \(n % 3)"
      return "{ id: \"c\(n)\", argv: [\"sh\", \"-c\", \"\(script)\"] },"
    }
    return """
      import { workflow } from "@flowdex/runtime";
      export default workflow({
        name: "killed", maxAgents: 1, maxConcurrency: 1,
        permissions: { read: ["src/**"], write: [], hostCommands: [
          \(commands.joined(separator: "\n    "))
        ] },
        phases: [{ id: "one" }],
      }, async (ctx) => {
        const all: any[] = [];
        for (let n = 0; n < \(count); n++) {
          const one = await ctx.hostCommand({ id: "n" + n, phase: "one", commandId: "c" + n });
          all.push(one.data.indeterminate ? "unknown" : one.data.exitCode);
        }
        return all;
      });
      """
  }

  @Test("each has run once, or at most once where its end is unknown", arguments: 1...6)
  func killed(round: Int) async throws {
    let scratch = try Scratch()
    try scratch.file("w.ts", Self.workflow)
    let id = "r\(round)"
    // Later at each try, so that it comes to its end on a slow machine, too.
    var afterMs = 120 + 7 * round
    var end = try await FaultTests.shell("true", in: scratch.path)
    repeat {
      // In the foreground `timeout` waits for the process that it has killed, so the run is free afterwards.
      let limit = "timeout --foreground -s KILL \(Double(afterMs) / 1000)"
      end = try await FaultTests.shell("\(limit) $F run w.ts --yes --run-id \(id)", in: scratch.path)
      afterMs += 40
    } while end.status == 137
    let report = try #require(try end.json()["report"]?.array, "\(end)")
    let log = try scratch.text("log").split(separator: "\n").map(String.init)
    #expect(report.count == Self.count)
    for (n, ending) in report.enumerated() {
      let times = log.count { $0 == "\(n)" }
      if ending == "unknown" {
        #expect(times <= 1, "\(n): \(report) \(log)")
      } else {
        #expect(times == 1 && ending == JSONValue(n % 3), "\(n): \(report) \(log)")
      }
    }
  }
}
