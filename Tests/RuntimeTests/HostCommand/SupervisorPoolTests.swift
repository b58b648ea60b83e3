import Glibc
import QueueRunner
import Testing

@testable import Runtime

@Suite("Supervisors that serve several commands", .timeLimit(.minutes(15)))
struct SupervisorPoolTests {
  private let fixture: HostCommandFixture
  private let pool = SupervisorPool()

  init() throws { fixture = try HostCommandFixture() }

  private func prepare(_ spec: HostCommandSpec) throws -> PreparedCommand {
    try HostCommandRunner.prepare(spec, spillFolder: fixture.spill, pool: pool)
  }

  private func run(_ argv: [String]) async throws -> (ProcessIdentity, HostCommandOutcome) {
    let prepared = try prepare(fixture.spec(argv))
    return (prepared.identity, try await prepared.outcome())
  }

  @Test("one after the other, each with its own words, folder, environment and output")
  func serves() async throws {
    var identities: [ProcessIdentity] = []
    try FileSystem.makeDirectories("\(fixture.root)/inner")
    for (number, folder) in [fixture.root, "\(fixture.root)/inner", fixture.root].enumerated() {
      var spec = fixture.spec(
        ["sh", "-c", "pwd; echo \"$NAME\" $1; echo err $1 >&2; exit $1", "sh", "\(number)"],
        environment: number == 1
          ? ["PATH": "/usr/bin:/bin"] : ["PATH": "/usr/bin:/bin", "NAME": "n\(number)"])
      spec.cwd = folder
      let prepared = try prepare(spec)
      identities.append(prepared.identity)
      let outcome = try await prepared.outcome()
      #expect(outcome.exitCode == number)
      #expect(try outcome.stdout.text == "\(folder)\n\(number == 1 ? "" : "n\(number)") \(number)\n")
      #expect(try outcome.stderr.text == "err \(number)\n")
    }
    #expect(Set(identities.map(\.text)).count == 1)
    #expect(pool.count == 1)
    pool.dismiss()
    #expect(try ProcessRecord(pid: identities[0].pid) == nil)
  }

  @Test("a command finds no descriptor and no process of the one before")
  func clean() async throws {
    let look = ["sh", "-c", "ls /proc/self/fd | sort -n | tr '\\n' ' '; cat /proc/$PPID/task/$PPID/children"]
    let (first, before) = try await run(look)
    let (_, _) = try await run(["sh", "-c", "setsid sleep 1000 & exec 9</dev/null; sleep 1000 & exit 3"])
    let (last, after) = try await run(look)
    #expect(first == last)
    let said = try [before.stdout.text, after.stdout.text].map { $0.split(separator: " ").count }
    #expect(said[0] == said[1])
    #expect(try before.stdout.text.hasPrefix("0 1 2 3 ") && after.stdout.text.hasPrefix("0 1 2 3 "))
  }

  /// What can happen to a command, or to a supervisor, after which it is not given another.
  enum Spoilt: CaseIterable {
    case cancelled, abandoned, toldToEnd, killed, killedWhileIdle, toldToEndWhileIdle, stoppedWhileIdle

    var isWhileIdle: Bool {
      switch self {
      case .killedWhileIdle, .toldToEndWhileIdle, .stoppedWhileIdle: true
      case .cancelled, .abandoned, .toldToEnd, .killed: false
      }
    }
  }

  @Test("not after an end that came from outside", arguments: Spoilt.allCases)
  func spoilt(how: Spoilt) async throws {
    let ready = try fixture.signal("ready")
    let prepared = try prepare(fixture.spec(["sh", "-c", "echo >ready; [ -e short ] || sleep 1000"]))
    let identity = prepared.identity
    if how.isWhileIdle { try fixture.file("short", []) }
    if how == .abandoned {
      prepared.abandon()
    } else {
      let pending = try prepared.begin()
      try ready.await()
      switch how {
      case .cancelled: prepared.cancel()
      case .toldToEnd: kill(identity.pid, SIGTERM)
      case .killed: kill(identity.pid, SIGKILL)
      case .abandoned, .killedWhileIdle, .toldToEndWhileIdle, .stoppedWhileIdle: break
      }
      _ = try await pending.only()
      if how == .killedWhileIdle { try Self.end(identity.pid, SIGKILL) }
      if how == .toldToEndWhileIdle { try Self.end(identity.pid, SIGTERM) }
      if how == .stoppedWhileIdle { try Self.end(identity.pid, SIGSTOP, as: WSTOPPED) }
    }
    let (next, outcome) = try await run(["echo", "next"])
    #expect(next != identity)
    #expect(try outcome.stdout.text == "next\n")
    #expect(outcome.exitCode == 0)
  }

  /// Signals a child of ours and waits until it has ended, or is stopped, without collecting it.
  private static func end(_ pid: Int32, _ number: Int32, as state: Int32 = WEXITED) throws {
    kill(pid, number)
    var ended = siginfo_t()
    #expect(FileSystem.retrying { Int(waitid(P_PID, id_t(pid), &ended, state | WNOWAIT)) } == 0)
  }

  @Test("a command that ends its own supervisor spoils no other: the next one runs under a new one")
  func patricide() async throws {
    for number in 0..<20 {
      let prepared = try prepare(fixture.spec(["sh", "-c", "kill -TERM $PPID"]))
      try await letCommandsPass(prepared.identity.pid)
      let killer = try await prepared.outcome()
      #expect(killer.exitCode == 0 || killer.signal == 9)
      let (next, outcome) = try await run(["echo", "next"])
      #expect(next != prepared.identity, "\(number)")
      #expect(outcome.exitCode == 0, "\(number)")
      #expect(try outcome.stdout.text == "next\n", "\(number)")
      pool.dismiss()
    }
  }

  /// Makes a supervisor wait for the processor as long as its command runs, so that it sees the command's end and what
  /// came before it at once: it shares one with the command, and runs only where nobody else wants to (sched(7)).
  private func letCommandsPass(_ pid: Int32) async throws {
    let script = """
      first=$(taskset -pc \(pid) | sed 's/.*: //; s/[,-].*//')
      taskset -pc "$first" \(pid) && chrt --idle --reset-on-fork -p 0 \(pid)
      """
    let outcome = try await fixture.run(["sh", "-c", script])
    #expect(outcome.exitCode == 0, "\(outcome)")
  }

  @Test("a command that may not be opened twice is not: the gate is each command's own")
  func gates() async throws {
    let (_, _) = try await run(["true"])
    let prepared = try prepare(fixture.spec(["sh", "-c", "echo begun >>begun"]))
    #expect(!FileSystem.exists("\(fixture.root)/begun"))
    #expect(try await prepared.outcome().exitCode == 0)
    #expect(throws: FlowdexError.self) { try prepared.go { _ in } }
    let (_, _) = try await run(["true"])
    #expect(try FileSystem.read("\(fixture.root)/begun") == Array("begun\n".utf8))
  }

  @Test("with words as long as a program may be given")
  func long() async throws {
    let long = String(repeating: "x", count: 100_000)
    for count in [0, 1, 10] {
      let (_, outcome) = try await run(["sh", "-c", "echo $#", "sh"] + Array(repeating: long, count: count))
      #expect(try outcome.stdout.text == "\(count)\n")
    }
    #expect(pool.count == 1)
  }
}
