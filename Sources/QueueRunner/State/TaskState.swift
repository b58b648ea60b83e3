// Every edge a task can take (contract §7). Pure: the stores derive their guards from it, so the machine in
// the code and the machine in SQL cannot differ.

/// Where a task stands.
public enum TaskState: String, Sendable, CaseIterable {
  case pending, dispatchable, leased, dispatched, completed, failed, blocked, cancelled

  /// Final: nothing but a restart moves the task on.
  public var isFinal: Bool {
    switch self {
    case .pending, .dispatchable, .leased, .dispatched: false
    case .completed, .failed, .blocked, .cancelled: true
    }
  }

  /// A worker holds a lease of it.
  public var isHeld: Bool {
    switch self {
    case .leased, .dispatched: true
    case .pending, .dispatchable, .completed, .failed, .blocked, .cancelled: false
    }
  }

  /// The state after an event, or nil where the machine has no such edge.
  public func next(_ event: TaskEvent) -> TaskState? {
    switch (self, event) {
    case (.pending, .ready): .dispatchable
    case (.pending, .block): .blocked
    case (.dispatchable, .lease): .leased
    case (.leased, .attach): .dispatched
    case (.dispatched, .detach): .leased
    case (.leased, .complete), (.dispatched, .complete): .completed
    case (.leased, .fail), (.dispatched, .fail): .failed
    case (.leased, .block), (.dispatched, .block): .blocked
    case (.leased, .release), (.dispatched, .release): .dispatchable
    case (.pending, .cancel), (.dispatchable, .cancel), (.leased, .cancel), (.dispatched, .cancel): .cancelled
    case (.completed, .restart), (.failed, .restart), (.blocked, .restart), (.cancelled, .restart): .pending
    case (.pending, _), (.dispatchable, _), (.leased, _), (.dispatched, _), (.completed, _), (.failed, _),
      (.blocked, _), (.cancelled, _):
      nil
    }
  }

  /// As `next`, with the named error for a move that is not an edge.
  public func applying(_ event: TaskEvent, to task: String) throws -> TaskState {
    if let state = next(event) { return state }
    throw FlowdexError.failed(
      "no-such-move", "task `\(task)` is `\(rawValue)`, and `\(event.rawValue)` does not lead on from there")
  }
}

/// What can happen to a task.
public enum TaskEvent: String, Sendable, CaseIterable {
  case ready, lease, attach, detach, complete, fail, block, release, cancel, restart

  /// The states that the event leads on from: the guard of its UPDATE.
  public var sources: [TaskState] { TaskState.allCases.filter { $0.next(self) != nil } }
}
