// What is said to a session and what comes back, in types.

import QueueRunner

/// What a session begins with.
public struct SessionStart: Sendable {
  /// The workflow's TypeScript, as approved.
  public let source: String
  /// The run's input as JSON text.
  public let inputText: String
  /// The logical time before any delivery, in milliseconds since 1970: when the run was created.
  public let nowMs: Int64
  /// SHA-256 of the canonical text of the manifest that was read from the source.
  public let manifestHash: String

  /// What to evaluate, and with what.
  public init(source: String, inputText: String, nowMs: Int64, manifestHash: String) {
    self.source = source
    self.inputText = inputText
    self.nowMs = nowMs
    self.manifestHash = manifestHash
  }
}

/// One committed result on its way to the callback.
public struct SessionDelivery: Sendable {
  /// How the operation ended.
  public enum Outcome: Sendable, Equatable {
    /// The JSON text that the promise resolves to.
    case resolved(valueText: String)
    /// The message of the error that the promise is rejected with.
    case rejected(message: String)
  }

  /// The operation's key, `kind:id`.
  public let key: String
  /// What the promise is settled with.
  public let outcome: Outcome
  /// When it was committed, in milliseconds since 1970: what `ctx.now()` says from here on.
  public let nowMs: Int64

  /// A delivery to the operation of that key.
  public init(key: String, outcome: Outcome, nowMs: Int64) {
    self.key = key
    self.outcome = outcome
    self.nowMs = nowMs
  }

  /// How long its text is, without what was sent ahead of it.
  var sizeBytes: Int {
    switch outcome {
    case .resolved(let text), .rejected(let text): text.utf8.count
    }
  }
}

/// An operation that the callback asked for. It comes from workflow code: nothing in it has been checked.
public struct ScheduledOperation: Sendable, Equatable {
  /// `kind:id`.
  public let key: String
  /// Which of the calls of `ctx` it was.
  public let kind: OperationKind
  /// As the callback worded it: any text that is not empty.
  public let id: String
  /// The canonical JSON text (RFC 8785) of its arguments.
  public let argsText: String

  /// The key follows from kind and id.
  public init(kind: OperationKind, id: String, argsText: String) {
    key = "\(kind.rawValue):\(id)"
    self.kind = kind
    self.id = id
    self.argsText = argsText
  }
}

/// What one delivery (or the start) brought about.
public struct Turn: Sendable, Equatable {
  /// Where the callback stands at the end of a turn.
  public enum State: Sendable, Equatable {
    /// It waits; only a delivery can move it.
    case suspended
    /// The report as JSON text: what `ctx.report` was last given, else what the callback returned.
    case completed(String)
    /// What was thrown, with the lines of `workflow.ts` that it came by.
    case failed(String)
  }

  /// In the order of the calls.
  public var scheduled: [ScheduledOperation]
  /// What `ctx.log` was given.
  public var logs: [String]
  /// What `ctx.claim` was given, unchecked.
  public var claims: [JSONValue]
  /// Where the callback stands.
  public var state: State

  /// A turn, of nothing but its state if no more is said.
  public init(
    scheduled: [ScheduledOperation] = [], logs: [String] = [], claims: [JSONValue] = [], state: State
  ) {
    self.scheduled = scheduled
    self.logs = logs
    self.claims = claims
    self.state = state
  }
}

/// Why a session is no more.
public enum SessionFailure: Error, Sendable, Equatable {
  /// The callback passed a limit of the manifest: `value` is the limit's, the message says by what. Fails the
  /// run.
  case limit(name: String, value: Int, message: String)
  /// Anything else: killed, broken, silent. What is committed is not lost, and a new session replays it.
  case died(String)

  /// Why a run fails that passed a limit, and what to do about it.
  static func text(limit name: String, value: Int, message: String) -> String {
    let most = Manifest.Limits.most[name] ?? value
    let advice =
      value < most
      ? "raise `limits.\(name)` in the manifest (at most \(most))"
      : "it is the most that a manifest may grant, so the callback has to do with less"
    return "the callback passed `limits.\(name)` (\(value)): \(message); \(advice)"
  }
}
