import QueueRunner

/// How `work` runs a command for the packages of a run.
public struct WorkOptions: Sendable {
  /// How many commands run at a time.
  public var jobs = 4
  /// How long each lease lasts, in milliseconds; nil for what its task says. It is renewed while the command runs.
  public var leaseMs: Int64?
  /// After how many milliseconds a command is ended; nil for never.
  public var timeoutMs: Int?
  /// How often a command that brought no result is run again for the same package.
  public var retries = 2
  /// Milliseconds before the first of those; each further one waits twice as long, to at most a minute.
  public var backOffMs: Int64 = 1000
  /// After how many failures alike in a row the run is paused; 0 for never.
  public var breakAfter = 3
  /// Whether an envelope on standard output is a result.
  public var takesStdout = false
  /// Stop when nothing is left to hand out, instead of waiting for the run to end.
  public var once = false

  /// Four commands at a time, two more tries, a pause after three failures alike.
  public init() {}
}

/// Something that happened to a package.
public struct WorkNews: Sendable, Equatable {
  /// What happened.
  public enum Kind: String, Sendable, CaseIterable {
    /// A command was started.
    case started
    /// A result was taken; `text` is its summary.
    case taken
    /// A run brought no result, and there will be another.
    case again
    /// flowdex has delivered a `failed` result in the command's place.
    case failed
    /// The lease was given back; the task can be handed out again.
    case returned
    /// The lease ended otherwise: nothing of this worker is wanted any more.
    case lost
  }

  /// What happened.
  public let kind: Kind
  /// The task.
  public let childKey: String
  /// The lease.
  public let token: String
  /// Counts the runs of the command for this package, from 1; 0 before any.
  public let run: Int
  /// Milliseconds since 1970.
  public let atMs: Int64
  /// Where the task stands now, where it has ended.
  public let taskState: TaskState?
  /// More about it, in a line.
  public let text: String
}

/// Told of what happens, on the pool's thread.
public protocol WorkObserver: Sendable {
  /// Called after what it tells of is committed.
  func tell(_ news: WorkNews)
  /// A condition worth a line.
  func note(_ text: String)
}

/// How `work` ended.
public struct WorkOutcome: Sendable {
  /// Where the run stands.
  public let result: DriveResult
  /// How many tasks ended by this pool.
  public let ended: Int
  /// Why the run was paused, if workers failed alike.
  public let broken: String?
}
