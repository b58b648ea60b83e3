import Glibc
import QueueRunner
import Testing

/// A process that is stopped while it holds a lock of a run: who writes waits, and says for whom; who reads does not wait.
@Suite("a stopped holder of a lock", .timeLimit(.minutes(15)))
struct StoppedHolderTests {
  /// Takes the lock as flowdex does (37 is F_OFD_SETLK), says its pid, and stops. No other program takes this kind.
  private static let holder = """
    import fcntl, os, signal, struct, sys
    lock = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o644)
    fcntl.fcntl(lock, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
    print(os.getpid(), flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
    """

  /// A line of shell that runs with the lock held by a process that is stopped, whose pid is in `$H`.
  private static func held(_ lock: String, _ line: String, _ scratch: Scratch) async throws -> Cli.Output {
    try scratch.file("hold.py", holder)
    return try await FaultTests.shell(
      """
      python3 hold.py \(lock) >pid & H=$!
      trap 'kill -KILL $H 2>/dev/null' EXIT
      for i in $(seq 600); do case "$(cat /proc/$H/stat)" in *') T '*) break;; esac; sleep 0.05; done
      [ "$(cat pid)" = $H ] || exit 99
      \(line)
      """, in: scratch.path)
  }

  @Test(
    "a wait goes on, and is told of once, with who holds the lock and what to do",
    arguments: [
      (".flowdex/runs/r1/write.lock", "pause r1", "CONT"),
      (".flowdex/runs/r1/write.lock", "pause r1", "KILL"),
      (".flowdex/runs/r1/dispatch.lock", "next r1", "CONT"),
      (".flowdex/runs/.creation-lock", "run workflow.ts --yes --run-id r2", "KILL"),
    ])
  func told(lock: String, command: String, signal: String) async throws {
    let scratch = try await MisuseTests.project()
    let output = try await Self.held(
      lock,
      """
      "$F" \(command) >out 2>said & P=$!
      for i in $(seq 600); do grep -q waiting said && break; sleep 0.05; done
      kill -0 $P && echo "still there"
      kill -\(signal) $H
      wait $P; echo "exit $?"; echo "holder $H"; cat said
      """, scratch)
    let lines = output.stdout.split(separator: "\n").map(String.init)
    try #require(lines.count >= 3, "\(output)")
    let pid = lines[2].dropFirst("holder ".count)
    #expect(lines[0] == "still there" && lines[1] == "exit 0", "\(output)")
    #expect(
      lines.filter { $0.contains("waiting") } == [
        "flowdex: still waiting for `\(scratch.path)/\(lock)`: process \(pid) (`python3`) holds it, and is "
          + "stopped (`kill -CONT \(pid)` lets it go on, `kill -KILL \(pid)` ends it)"
      ], "\(output)")
  }

  @Test("who only reads does not wait, and doctor names the holder")
  func readers() async throws {
    let scratch = try await MisuseTests.project()
    let locks = ["write.lock", "dispatch.lock"]
    for lock in locks {
      // Time only fails: a command that waits for the lock would wait for ever.
      let output = try await Self.held(
        ".flowdex/runs/r1/\(lock)",
        """
        for command in 'list' 'status r1' 'status r1 --json' 'inspect r1' 'explain r1' 'report r1 --usage' \\
          'report r1 --markdown' 'check-result result.json' 'preview workflow.ts' 'doctor'
        do timeout -s KILL 120 "$F" $command >out 2>err; echo "$? $command"; done
        echo "holder $H"; cat out
        """, scratch)
      let lines = output.stdout.split(separator: "\n").map(String.init)
      let hung = lines.filter { $0.hasPrefix("137 ") || $0.hasPrefix("124 ") }
      #expect(hung.isEmpty && lines.contains("0 status r1") && lines.contains("1 doctor"), "\(output)")
      let pid = lines.first { $0.hasPrefix("holder ") }?.dropFirst("holder ".count) ?? ""
      let finding = lines.first { $0.hasPrefix("problem\tlock\t") } ?? ""
      #expect(
        finding.contains("/\(lock)`: process \(pid) (`python3`) holds it, and is stopped"), "\(output)")
      #expect(finding.contains("kill -CONT \(pid)"), "\(output)")
    }
  }
}
