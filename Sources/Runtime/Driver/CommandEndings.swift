// What becomes of host commands that have come to their end. Pure.

import QueueRunner

/// Endings of commands, by what is to be done.
struct CommandEndings {
  /// How they ended is known, and is what the callback is told.
  private(set) var ended: [(key: String, outcome: HostCommandOutcome)] = []
  /// Nobody knows how they ended, and they must not run again.
  private(set) var unknown: [String] = []
  /// Nobody knows how they ended, and they may run again.
  private(set) var again: [String] = []
  /// Nothing of them ran, for want of machine: why.
  private(set) var unbegun: [(key: String, why: String)] = []
  /// Their output could not be kept, and they may run again.
  private(set) var unkept: [(key: String, problem: String)] = []
  /// Why something of one may still run.
  private(set) var survival: FlowdexError?

  init(
    _ held: [(key: String, ending: CommandBoard.Ending)], isIdempotent: (String) throws -> Bool
  ) rethrows {
    for (key, ending) in held {
      switch ending {
      case .unbegun(let error): unbegun.append((key, error.description))
      case .outcome(let outcome) where outcome.lacksMachine: unbegun.append((key, outcome.startError ?? ""))
      // What is left of it is ended by the next driver, which knows it by its intent.
      case .outcome(let outcome) where outcome.survival != nil: survival = outcome.survival
      case .outcome(let outcome) where outcome.isUnknown:
        if try isIdempotent(key) { again.append(key) } else { unknown.append(key) }
      case .outcome(let outcome):
        if let problem = outcome.problem, try isIdempotent(key) {
          unkept.append((key, problem))
        } else {
          ended.append((key, outcome))
        }
      }
    }
  }

  var hasEnded: Bool { !ended.isEmpty || !unknown.isEmpty }
  var isNothingToCommit: Bool { !hasEnded && unbegun.isEmpty }
}
