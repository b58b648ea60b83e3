import Glibc

/// An error that a person reads: worded once, where it arises, and printed once, by the command line.
///
/// `message` is one line, lower case, with names in backticks, and says what was expected and what was found;
/// `next` is the step to take, where there is one.
public struct FlowdexError: Error, Sendable, Equatable {
  /// Who can mend it, and with it the exit status.
  public enum Kind: Sendable, Equatable {
    /// The caller used a command or an argument wrongly (exit 64).
    case usage
    /// Input, state or a worker's doing (exit 1).
    case failed
    /// A person must say yes first (exit 3).
    case needsApproval
    /// The machine: no space, no permission, a missing program (exit 1).
    case machine
    /// A bug of flowdex (exit 1).
    case bug
  }

  /// Chooses the exit status.
  public let kind: Kind
  /// A stable name for programs and tests, such as `run-not-found`.
  public let code: String
  /// One line, lower case, names in backticks.
  public let message: String
  /// The step to take, as one clause.
  public let next: String?
  /// What only a developer can use, such as the words of a library; never printed, kept in a file.
  public let details: String?

  /// See the type for how `message` and `next` are worded.
  public init(_ kind: Kind, _ code: String, _ message: String, next: String? = nil, details: String? = nil) {
    self.kind = kind
    self.code = code
    self.message = message
    self.next = next
    self.details = details
  }

  /// Input, state or a worker's doing (exit 1).
  public static func failed(_ code: String, _ message: String, next: String? = nil) -> FlowdexError {
    FlowdexError(.failed, code, message, next: next)
  }
  /// A command or an argument used wrongly (exit 64).
  public static func usage(_ code: String, _ message: String, next: String? = nil) -> FlowdexError {
    FlowdexError(.usage, code, message, next: next)
  }
  /// The machine is at fault (exit 1).
  public static func machine(_ code: String, _ message: String, next: String? = nil) -> FlowdexError {
    FlowdexError(.machine, code, message, next: next)
  }
  /// What cannot happen has happened (exit 1); asks for a report.
  public static func bug(_ code: String, _ message: String, details: String? = nil) -> FlowdexError {
    FlowdexError(
      .bug, code, message, next: "this is a bug of flowdex: please report it with the run's directory",
      details: details)
  }
}

extension FlowdexError {
  /// Whether a call failed for what lies in its place, which whoever may write there can bring about: another kind of
  /// entry, no rights, a link in a circle, a mount whose program has died. A full or broken disk is none of these.
  var isOfTheEntry: Bool {
    let codes = [
      ENOENT, ENOTDIR, EISDIR, EEXIST, ENOTEMPTY, ELOOP, EACCES, EPERM, EBUSY, EXDEV, ENXIO, ESTALE, ENOTCONN,
    ]
    return codes.contains { code == "errno-\($0)" }
  }

  /// Whether the same call may succeed once the machine is well again: no descriptors or memory, a broken disk, a lock that
  /// was not granted.
  package var isOfTheMachine: Bool {
    ["state-busy", "state-lock", "state-changed"].contains(code)
      || [EMFILE, ENFILE, ENOMEM, EIO, ENOSPC, EDQUOT, ENOLCK].contains { code == "errno-\($0)" }
  }
}

extension FlowdexError: CustomStringConvertible {
  /// The one line that follows `flowdex: ` on stderr.
  public var description: String { next.map { "\(message) (\($0))" } ?? message }
}
