import Glibc
import QueueRunner
import Testing

@testable import Runtime

@Suite("A host command's life")
struct LifecycleTests {
  private let fixture: HostCommandFixture

  init() throws { fixture = try HostCommandFixture() }

  @Test("does not begin before the gate is opened")
  func gate() async throws {
    let prepared = try fixture.prepare(fixture.spec(["touch", "begun"]))
    #expect(try ProcessRecord(pid: prepared.identity.pid)?.startTicks == prepared.identity.startTicks)
    #expect(!FileSystem.exists("\(fixture.root)/begun"))
    #expect(try await prepared.outcome().exitCode == 0)
    #expect(FileSystem.exists("\(fixture.root)/begun"))
    #expect(prepared.isCollected)
  }

  @Test("ends without a trace if it is dropped before it began", arguments: [0, 1, 2])
  func dropped(way: Int) throws {
    var prepared: PreparedCommand? = try fixture.prepare(fixture.spec(["touch", "begun"]))
    let pid = try #require(prepared?.identity.pid)
    switch way {
    case 0: prepared?.abandon()
    case 1: prepared?.cancel()
    default: prepared = nil
    }
    #expect(try ProcessRecord(pid: pid) == nil)
    #expect(waitpid(pid, nil, WNOHANG) == -1 && errno == ECHILD)
    #expect(!FileSystem.exists("\(fixture.root)/begun"))
    if let prepared { #expect(throws: FlowdexError.self) { try prepared.go { _ in } } }
  }

  @Test("begins once")
  func once() async throws {
    let prepared = try fixture.prepare(fixture.spec(["true"]))
    #expect(try await prepared.outcome().exitCode == 0)
    #expect(throws: FlowdexError.self) { try prepared.go { _ in } }
    prepared.cancel()
    prepared.abandon()
    #expect(prepared.isCollected)
  }

  @Test("is not changed by a cancel that comes at any moment of it", arguments: 0..<30)
  func cancelRaces(round: Int) async throws {
    // On a busy machine the cancel can take minutes to come; neither the command nor its own limit ends it before.
    let script = round % 2 == 0 ? "exit 5" : "sleep 100000"
    let prepared = try fixture.prepare(fixture.spec(["sh", "-c", script], timeoutMs: 86_400_000))
    let pending = try prepared.begin()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<3 {
        group.addTask {
          for _ in 0..<(round * 40) { await Task.yield() }
          prepared.cancel()
        }
      }
    }
    let outcome = try await pending.only()
    // Cancelled or not, it ended in one of the two ways there are.
    #expect(outcome.exitCode == 5 || outcome.signal == Int(SIGKILL))
    if !outcome.cancelled { #expect(outcome.exitCode == 5) }
    #expect(prepared.isCollected)
  }

  @Test("mixes with no other's: fifty at once")
  func concurrent() async throws {
    let fixture = fixture
    try await withThrowingTaskGroup(of: (Int, HostCommandOutcome).self) { group in
      for number in 0..<50 {
        group.addTask {
          let script = "echo out $1; echo err $1 >&2; exit $1"
          return (number, try await fixture.run(["sh", "-c", script, "sh", "\(number)"]))
        }
      }
      for try await (number, outcome) in group {
        #expect(outcome.exitCode == number)
        #expect(try outcome.stdout.text == "out \(number)\n")
        #expect(try outcome.stderr.text == "err \(number)\n")
      }
    }
  }
}
