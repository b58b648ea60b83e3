import Glibc
import QueueRunner
import Testing

@testable import Runtime

/// A run and its replay cannot differ. `FLOWDEX_REPLAYS` and `FLOWDEX_WORKFLOWS` say how many are looked at, and
/// `FLOWDEX_SEED` where they begin; `make replay` asks for a thousand of each.
@Suite("determinism", .serialized, .timeLimit(.minutes(120)), .tellsOfReplays)
struct DeterminismTests {
  static func setting(_ name: String, _ usual: Int) -> Int {
    getenv(name).flatMap { Int(String(cString: $0)) } ?? usual
  }

  private static let first = setting("FLOWDEX_SEED", 1)

  @Test("many histories, replayed again and again in fresh sessions, come to the same")
  func replays() throws {
    let count = Self.setting("FLOWDEX_REPLAYS", 20)
    let names = HistoryFixtureTests.names
    // Made here and now, besides those that are kept: of other workflows than `random` lives through.
    let made = min(50, max(5, count / 20))
    let all = names.count + made
    for number in 0..<all {
      let times = count / all + (number < count % all ? 1 : 0)
      if number < names.count {
        let (differing, stored, expected) = try HistoryFixtureTests.with(names[number]) { run, expected in
          (Self.replay(run, times), try Outcome.operations(of: run), expected["operations"]?.array)
        }
        #expect(differing == [], "\(names[number])")
        let keys = stored.compactMap { $0.split(separator: " ").dropFirst().first }
        #expect(keys.map { .string(String($0)) } == expected, "\(names[number])")
      } else {
        let seed = UInt64(Self.first + 500_000 + number)
        #expect(try LivedRun.with(seed) { Self.replay($0, times) } == [], "seed \(seed)")
      }
    }
  }

  /// How the replays differ, those that do.
  private static func replay(_ run: Run, _ times: Int) -> [[String]] {
    let differing = (0..<times).map { _ in Replayed.differences(run) }.filter { !$0.isEmpty }
    ReplayTally.add { tally in
      tally.replays += times
      tally.histories += times > 0 ? 1 : 0
      tally.differ += differing.count
    }
    return differing
  }

  @Test("random workflows, with workers in any order and a new process at any point, replay to the same")
  func random() throws {
    for seed in Self.first..<(Self.first + Self.setting("FLOWDEX_WORKFLOWS", 8)) {
      let found: [String]
      do {
        found = try LivedRun.with(UInt64(seed)) { Replayed.differences($0) }
      } catch {
        found = ["it could not be lived through: \(error)"]
      }
      ReplayTally.add { tally in
        tally.workflows += 1
        tally.differ += found.isEmpty ? 0 : 1
      }
      #expect(found == [], "seed \(seed)\n\(RandomWorkflow.source(UInt64(seed)))")
    }
  }

  @Test("among random workflows are all that there is to use")
  func variety() {
    let bodies = (1...200).map { RandomWorkflow.body(UInt64($0)) }
    let settled = (1...200).map { RandomWorkflow.body(UInt64($0), isSettled: true) }
    for word in ["Promise.all", "throw", "fan(", "patch(", "host(", "later.push", "try {", "break;"] {
      #expect(bodies.count { $0.contains(word) } > 10, "\(word)")
      #expect(settled.count { $0.contains(word) } > 10, "\(word)")
    }
    for word in ["Promise.race", "async (n)"] {
      #expect(bodies.count { $0.contains(word) } > 10 && !settled.contains { $0.contains(word) }, "\(word)")
    }
  }
}

/// How much was replayed, told when the suite has ended: the figures that are reported.
struct ReplayTally: SuiteTrait, TestScoping {
  struct Counts: Sendable {
    var replays = 0
    var histories = 0
    var workflows = 0
    var differ = 0
  }

  private static let counts = Guarded(Counts())
  static func add(_ body: (inout Counts) -> Void) { counts.withLock { body(&$0) } }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    try await function()
    let made = Self.counts.withLock { $0 }
    print(
      "determinism: \(made.replays) replays of \(made.histories) histories, \(made.workflows) workflows, "
        + "\(made.differ) differ")
  }
}

extension Trait where Self == ReplayTally {
  static var tellsOfReplays: Self { ReplayTally() }
}
