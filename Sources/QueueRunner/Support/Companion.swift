/// A thread beside that of its owner, which does what it is handed, one thing after the other. It ends, with what it has
/// been handed done, when nobody holds the object any more.
final class Companion: Sendable {
  private struct State {
    var jobs: [@Sendable () -> Void] = []
    var handed = 0
    var done = 0
    var isOver = false
  }

  private let state: Guarded<State>
  private let work: Wakeup
  private let news: Wakeup

  /// - Throws: trouble of the machine: no thread, no descriptors.
  init() throws {
    let (state, work, news) = (Guarded(State()), try Wakeup(), try Wakeup())
    (self.state, self.work, self.news) = (state, work, news)
    _ = try PermanentThread { Self.run(state, work, news) }
  }

  deinit {
    state.withLock { $0.isOver = true }
    work.signal()
  }

  private static func run(_ state: Guarded<State>, _ work: Wakeup, _ news: Wakeup) {
    while true {
      // Drained first: what is handed after this makes the descriptor readable again.
      work.drain()
      let (jobs, isOver) = state.withLock { state in
        defer { state.jobs = [] }
        return (state.jobs, state.isOver)
      }
      for job in jobs {
        job()
        state.withLock { $0.done += 1 }
        news.signal()
      }
      if !jobs.isEmpty { continue }
      if isOver { return }
      _ = try? Poller.wait([work.descriptor], timeoutMs: nil)
    }
  }

  /// The number under which `wait` waits for it. Only for one thread, as `wait`.
  func hand(_ job: @escaping @Sendable () -> Void) -> Int {
    let number = state.withLock { state in
      state.jobs.append(job)
      state.handed += 1
      return state.handed
    }
    work.signal()
    return number
  }

  /// Returns when that, and all that was handed before it, is done.
  func wait(for number: Int) {
    while true {
      news.drain()
      if state.withLock({ $0.done >= number }) { return }
      _ = try? Poller.wait([news.descriptor], timeoutMs: 1000)
    }
  }

  /// Returns when everything that was handed is done.
  func waitForAll() { wait(for: state.withLock(\.handed)) }
}
