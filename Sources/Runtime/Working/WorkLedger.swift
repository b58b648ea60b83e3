// What becomes of a package when the command that worked on it has ended: run again, given up, given back, or no
// further package for anybody, because workers fail alike. Pure: the pool acts, this decides.

import QueueRunner

/// How a run of a worker's command ended without a result that could be taken.
public struct WorkFailure: Sendable, Equatable {
  /// How the process ended.
  public enum Ending: Sendable, Equatable {
    case exit(Int)
    /// The signal's number.
    case signal(Int)
    /// Killed after so many milliseconds.
    case timeout(Int)
    /// It never ran, and why.
    case notStarted(String)
  }

  /// How the process ended.
  public let ending: Ending
  /// What it said last on standard error, in one line; empty where it said nothing.
  public let lastLine: String
  /// Why the result that it left is not taken; nil where it left none.
  public let refusal: String?

  /// Checks nothing.
  public init(ending: Ending, lastLine: String = "", refusal: String? = nil) {
    self.ending = ending
    self.lastLine = lastLine
    self.refusal = refusal
  }

  /// In words, after "the command".
  public var text: String {
    var text =
      switch ending {
      case .exit(let code): "exited with \(code)"
      case .signal(let number): "was ended by \(SignalName.of(number))"
      case .timeout(let ms): "was ended after \(Self.duration(ms))"
      case .notStarted(let why): "could not be run: \(why)"
      }
    if let refusal {
      text += " and left a result that is not taken: \(refusal)"
    } else if !isNotStarted {
      text += " without a result"
    }
    return lastLine.isEmpty || isNotStarted ? text : "\(text) (`\(lastLine)`)"
  }

  private var isNotStarted: Bool { if case .notStarted = ending { true } else { false } }

  /// Two failures are alike if these are equal. Digits count for nothing: times and ids differ each time.
  var likeness: String {
    let words = "\(lastLine)\n\(refusal ?? "")"
    return "\(ending)\n" + String(words.filter { !$0.isNumber })
  }

  private static func duration(_ ms: Int) -> String {
    ms % 60_000 == 0 ? "\(ms / 60_000) min" : "\(Double(ms) / 1000) s"
  }
}

/// Decides after each run, over all the packages of one pool.
public struct WorkLedger: Sendable {
  /// What to do with a package whose run has failed.
  public enum Step: Sendable, Equatable {
    /// Run the command again, so much later.
    case runAgain(afterMs: Int64)
    /// Deliver a `failed` envelope.
    case giveUp
    /// Workers fail alike: pause the run for this reason, and give the package back.
    case breakCircuit(String)
    /// The circuit is broken already: give the package back.
    case giveBack
  }

  /// The longest wait between two runs, milliseconds.
  static let longestBackOffMs: Int64 = 60_000

  /// Failures alike, one after the other.
  private struct Row {
    let likeness: String
    var failures = 0
    var tasks: Set<String> = []
  }

  private let retries: Int
  private let backOffMs: Int64
  private let breakAfter: Int
  private var alike: Row?
  /// Whether the circuit is broken: nothing is to be started any more.
  public private(set) var isBroken = false

  /// - Parameters:
  ///   - retries: how often a command is run again for one package.
  ///   - backOffMs: the wait before the first of those; each further one waits twice as long.
  ///   - breakAfter: after how many failures alike in a row the circuit breaks; 0 for never.
  public init(retries: Int, backOffMs: Int64, breakAfter: Int) {
    self.retries = max(0, retries)
    self.backOffMs = max(0, backOffMs)
    self.breakAfter = max(0, breakAfter)
  }

  /// A result was taken: workers can work.
  public mutating func took() { alike = nil }

  /// A run has failed.
  ///
  /// One task that fails again and again is the task's own trouble, and ends `failed`; the circuit breaks only for
  /// failures of two tasks at least, unless a single failure is already enough.
  ///
  /// - Parameter runs: how often the command has been run for this package, this run included.
  public mutating func failed(_ failure: WorkFailure, task: String, runs: Int) -> Step {
    if isBroken { return .giveBack }
    var row = Row(likeness: failure.likeness)
    if let alike, alike.likeness == row.likeness { row = alike }
    row.failures += 1
    row.tasks.insert(task)
    alike = row
    if breakAfter > 0, row.failures >= breakAfter, row.tasks.count >= min(2, breakAfter) {
      isBroken = true
      let count = row.failures == 1 ? "a worker failed" : "\(row.failures) workers in a row failed alike"
      return .breakCircuit("\(count): the command \(failure.text)")
    }
    if runs > retries { return .giveUp }
    let doublings = min(runs - 1, 20)
    return .runAgain(afterMs: min(backOffMs << Int64(doublings), max(backOffMs, Self.longestBackOffMs)))
  }
}
