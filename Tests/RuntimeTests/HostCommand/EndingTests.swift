import Glibc
import QueueRunner
import Testing

@testable import Runtime

@Suite("How a host command ends")
struct EndingTests {
  private let fixture: HostCommandFixture

  init() throws { fixture = try HostCommandFixture() }

  @Test("with the exit code it gives", arguments: [0, 1, 42, 127, 255])
  func exits(code: Int) async throws {
    let outcome = try await fixture.run(["sh", "-c", "exit \(code)"])
    #expect(outcome.exitCode == code)
    #expect(outcome.signal == nil)
    #expect(outcome.startError == nil)
    #expect(outcome.succeeded == (code == 0))
  }

  @Test("with the signal that ended it", arguments: [SIGTERM, SIGKILL, SIGSEGV, SIGPIPE, SIGHUP])
  func signalled(number: Int32) async throws {
    let outcome = try await fixture.run(["sh", "-c", "ulimit -c 0; kill -\(number) $$"])
    #expect(outcome.signal == Int(number))
    #expect(outcome.exitCode == nil)
    #expect(!outcome.succeeded)
  }

  @Test("in time or not, whatever it does with SIGTERM", arguments: [("exit 0", 0), ("exit 9", 9)])
  func handlesTerm(handler: String, code: Int) async throws {
    let outcome = try await fixture.run(
      fixture.spec(["sh", "-c", "trap '\(handler)' TERM; sleep 1000 & wait"], timeoutMs: 1500))
    #expect(outcome.timedOut)
    #expect(outcome.exitCode == code)
    #expect(!outcome.succeeded)
  }

  @Test("by SIGTERM if it does nothing with it")
  func terminated() async throws {
    let outcome = try await fixture.run(fixture.spec(["sleep", "1000"], timeoutMs: 300))
    #expect(outcome.timedOut)
    #expect(outcome.signal == Int(SIGTERM))
  }

  @Test("when it is stopped: SIGTERM is followed by SIGCONT")
  func stopped() async throws {
    let outcome = try await fixture.run(
      fixture.spec(["sh", "-c", "trap 'exit 3' TERM; kill -STOP $$"], timeoutMs: 1500, graceMs: 60_000))
    #expect(outcome.exitCode == 3)
  }

  @Test("after the rest of its group had the grace to tidy up")
  func tidiesUp() async throws {
    let script = "(trap 'echo tidied; exit' TERM; sleep 1000 & wait) & wait"
    let outcome = try await fixture.run(
      fixture.spec(["sh", "-c", script], timeoutMs: 1500, graceMs: 60_000))
    #expect(outcome.signal == Int(SIGTERM))
    #expect(try outcome.stdout.text == "tidied\n")
  }

  @Test("at once, although a background process still holds its output")
  func backgroundDoesNotDelay() async throws {
    let outcome = try await fixture.run(["sh", "-c", "sleep 1000 & echo begun"])
    #expect(outcome.exitCode == 0)
    #expect(try outcome.stdout.text == "begun\n")
  }

  /// The ways in which a tree of processes can come to its end.
  enum Ending: CaseIterable { case exit, timeout, cancel, identity, supervisorKilled }

  @Test("with every descendant, however it hid", arguments: Ending.allCases)
  func everyDescendant(ending: Ending) async throws {
    let ready = try fixture.signal("ready")
    let names = ["plain", "session", "daemon", "grandchild"]
    let stay = ending == .exit ? "exit 7" : "trap '' TERM; exec sleep 1000"
    let prepared = try fixture.prepare(
      fixture.spec(
        ["sh", "-c", Self.hidingTree + stay, "sh", fixture.root],
        timeoutMs: ending == .timeout ? 3000 : 600_000, graceMs: 100))
    let pending = try prepared.begin()
    try ready.await()
    switch ending {
    case .exit, .timeout: break
    case .cancel: prepared.cancel()
    case .identity: try prepared.identity.killIfAlive()
    case .supervisorKilled: kill(prepared.identity.pid, SIGKILL)
    }
    let outcome = try await pending.only()
    for name in names {
      let pid = try #require(Int32(try pid(name)))
      #expect(try ProcessRecord(pid: pid) == nil, "`\(name)` outlived its command")
    }
    #expect(outcome.exitCode == (ending == .exit ? 7 : nil))
    #expect(outcome.signal == (ending == .exit ? nil : Int(SIGKILL)))
    #expect(outcome.timedOut == (ending == .timeout))
    #expect(outcome.cancelled == (ending == .cancel))
    #expect(prepared.isCollected)
  }

  private func pid(_ name: String) throws -> String {
    String(decoding: try FileSystem.read("\(fixture.root)/\(name)").dropLast(), as: UTF8.self)
  }

  /// Starts processes that ignore SIGTERM, lead a session of their own, or were forked twice with no output
  /// kept, and says `ready` when each has written its pid.
  private static let hidingTree = """
    trap '' TERM HUP
    cd "$1"
    sh -c 'echo $$ >plain; exec sleep 1000' &
    setsid sh -c 'echo $$ >session; sh -c "echo \\$\\$ >grandchild; exec sleep 1000"; sleep 1000' &
    (setsid sh -c '(sh -c "echo \\$\\$ >daemon; exec sleep 1000" >/dev/null 2>&1 &)' &)
    for name in plain session daemon grandchild; do
      until [ -s $name ]; do sleep 0.01; done
    done
    echo ready >ready

    """
}
