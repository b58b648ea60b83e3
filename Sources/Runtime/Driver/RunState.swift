// Every edge a run can take (contract §7). Pure.

import QueueRunner

/// Where a run stands.
public enum RunStatus: String, Sendable, CaseIterable {
  case running
  case needsDispatch = "needs-dispatch"
  case completed, failed, paused, stopped

  /// A driver may advance it.
  public var isLive: Bool {
    switch self {
    case .running, .needsDispatch: true
    case .completed, .failed, .paused, .stopped: false
    }
  }

  /// Nothing but `resume` or `restart-agent` moves it on.
  public var hasEnded: Bool {
    switch self {
    case .completed, .failed: true
    case .running, .needsDispatch, .paused, .stopped: false
    }
  }

  /// It has come to an end or was brought to one: nothing is handed out, taken or driven until somebody lifts it.
  public var isOver: Bool { hasEnded || self == .stopped }

  /// The status after an event, or nil where the machine has no such edge.
  public func next(_ event: RunEvent) -> RunStatus? {
    switch (self, event) {
    case (.running, .suspend): .needsDispatch
    case (.needsDispatch, .advance): .running
    case (.running, .complete), (.needsDispatch, .complete): .completed
    case (.running, .fail), (.needsDispatch, .fail): .failed
    case (.running, .pause), (.needsDispatch, .pause): .paused
    case (.running, .stop), (.needsDispatch, .stop), (.paused, .stop): .stopped
    case (.paused, .resume), (.stopped, .resume), (.failed, .resume): .running
    case (.completed, .restart), (.failed, .restart), (.running, .restart), (.needsDispatch, .restart):
      .running
    case (.running, _), (.needsDispatch, _), (.completed, _), (.failed, _), (.paused, _), (.stopped, _): nil
    }
  }

  /// As `next`, with the named error for a move that is not an edge.
  public func applying(_ event: RunEvent, to run: String) throws -> RunStatus {
    if let status = next(event) { return status }
    throw FlowdexError.failed(
      "no-such-move", "run `\(run)` is \(rawValue): it cannot \(event.rawValue) from there")
  }
}

/// What can happen to a run.
public enum RunEvent: String, Sendable, CaseIterable {
  case suspend, advance, complete, fail, pause, stop, resume, restart
}
