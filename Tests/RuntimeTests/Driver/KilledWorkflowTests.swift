import Glibc
import QueueRunner
import Testing

@testable import Runtime

/// Random workflows whose flowdex is killed at random moments while a worker answers when it likes. `FLOWDEX_KILLED` says
/// how many, `FLOWDEX_SEED` where they begin. The seed says what is done, the machine when.
///
/// In every other one nothing depends on who answers first (`RandomWorkflow.source(isSettled:)`): it must come to the same
/// as a run that nobody disturbed. In the rest a `race` may rightly be won by another, so those are compared with what
/// their own history says, replayed in a fresh session; as are the former, too.
@Suite("random workflows, killed while workers answer", .timeLimit(.minutes(240)))
struct KilledWorkflowTests {
  private struct Tally: Sendable {
    var next: Int
    var flowdexKills = 0
    var denoKills = 0
    var replays = 0
    var failed = 0
    var problems: [String] = []
    var differ = 0
  }

  @Test("schedule the same and report the same as if nothing had happened")
  func killed() throws {
    let first = DeterminismTests.setting("FLOWDEX_SEED", 1)
    let count = DeterminismTests.setting("FLOWDEX_KILLED", 20)
    let tally = Guarded(Tally(next: first))
    let players = try (0..<3).map { _ in
      try PermanentThread {
        while true {
          let seed = tally.withLock { tally in
            defer { tally.next += 1 }
            return tally.next
          }
          if seed >= first + count { return }
          Self.play(UInt64(seed), tally)
        }
      }
    }
    for player in players { player.join() }
    let made = tally.withLock { $0 }
    for problem in made.problems { Issue.record(Comment(rawValue: problem)) }
    print(
      "killed: \(count) random workflows, \(made.failed) of which fail, \(made.flowdexKills) kills of flowdex "
        + "and \(made.denoKills) of Deno, \(made.replays) replays, \(made.differ) differ")
    #expect(made.flowdexKills > 0)
  }

  private static func play(_ seed: UInt64, _ tally: Guarded<Tally>) {
    let isSettled = seed % 2 == 1
    let source = RandomWorkflow.source(seed, isSettled: isSettled)
    var found: [String] = []
    do {
      let killed = try live(source, seed, isDisturbed: true)
      found += killed.problems
      if isSettled {
        let calm = try live(source, seed, isDisturbed: false)
        found += calm.problems.map { "undisturbed: \($0)" } + differences(killed.outcome, calm.outcome)
      }
      tally.withLock {
        $0.flowdexKills += killed.flowdexKills
        $0.denoKills += killed.denoKills
        $0.replays += 1
        $0.failed += killed.outcome?.status == .failed ? 1 : 0
      }
    } catch {
      found.append("\(error)")
    }
    let problem = found.isEmpty ? nil : "seed \(seed): \(found.joined(separator: "\n"))\n\(source)"
    tally.withLock {
      $0.differ += problem == nil ? 0 : 1
      if let problem { $0.problems.append(problem) }
    }
  }

  /// Also replays what was lived through in disorder.
  private static func live(_ source: String, _ seed: UInt64, isDisturbed: Bool) throws -> KilledRun.Story {
    try TestDeno.withFolder { folder in
      var killed = try KilledRun(source, seed: seed, in: folder)
      var found: [String] = []
      try killed.live(isDisturbed: isDisturbed) { run in
        if isDisturbed { found += Replayed.differences(run) }
      }
      var story = killed.story
      story.problems += found
      return story
    }
  }

  /// What two runs of one workflow have come to that should be the same.
  static func differences(_ one: Outcome?, _ other: Outcome?) -> [String] {
    guard let one, let other else { return ["one of two runs has come to nothing"] }
    if one == other { return [] }
    return ["disturbed: \(one)", "undisturbed: \(other)"]
  }

  @Test(
    "a difference between two runs is seen: of one operation, of their order, of the report, of the error")
  func seen() {
    let pairs = [
      Outcome(operations: ["a", "b"], status: .completed, report: "1", error: nil),
      Outcome(operations: ["b", "a"], status: .completed, report: "1", error: nil),
      Outcome(operations: ["a"], status: .completed, report: "1", error: nil),
      Outcome(operations: ["a", "b"], status: .completed, report: "2", error: nil),
      Outcome(operations: ["a", "b"], status: .failed, report: nil, error: "why"),
      Outcome(operations: ["a", "b"], status: .failed, report: nil, error: "or why"),
    ]
    for (i, one) in pairs.enumerated() {
      for (j, other) in pairs.enumerated() { #expect(Self.differences(one, other).isEmpty == (i == j)) }
    }
  }
}
