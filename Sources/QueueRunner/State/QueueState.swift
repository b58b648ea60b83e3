/// Whether a queue hands out work. Taking results goes on in every state but `closed`.
public enum QueueState: String, Sendable, CaseIterable {
  case open, paused, stopped, closed

  /// The state after an event, or nil where the machine has no such edge.
  public func next(_ event: QueueEvent) -> QueueState? {
    switch (self, event) {
    case (.open, .pause): .paused
    case (.open, .stop), (.paused, .stop): .stopped
    case (.paused, .open), (.stopped, .open), (.closed, .open): .open
    case (.open, .close), (.paused, .close), (.stopped, .close): .closed
    case (.open, _), (.paused, _), (.stopped, _), (.closed, _): nil
    }
  }
}

/// What can happen to a queue.
public enum QueueEvent: String, Sendable, CaseIterable {
  case open, pause, stop, close

  /// The states that have this edge.
  public var sources: [QueueState] { QueueState.allCases.filter { $0.next(self) != nil } }
}
