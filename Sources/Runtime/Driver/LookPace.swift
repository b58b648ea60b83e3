// How often a watcher looks at everything although nothing was hinted. A look at ten thousand leases takes a tenth of
// a second, so one that finds everything as it was lets the next one wait: an idle watch then costs next to nothing.

/// Milliseconds between full looks.
enum LookPace {
  /// While something happens.
  static let busyMs: Int64 = 3000
  /// At the most, however long a look takes.
  static let idleMs: Int64 = 30_000
  /// Where the file system does not tell.
  static let pollMs: Int64 = 250
  /// Of an idle watcher's time, looks take at most a four-hundredth.
  static let share: Int64 = 400

  /// From the end of a look to the next.
  ///
  /// - Parameters:
  ///   - isIdle: whether nobody has committed anything since the look before.
  ///   - tookMs: how long this look took.
  ///   - expiryInMs: when the first lease runs out; the look that ends it must not be late.
  static func next(isPolling: Bool, isIdle: Bool, tookMs: Int64, expiryInMs: Int64?) -> Int64 {
    if isPolling { return pollMs }
    let pace = isIdle ? min(max(busyMs, tookMs * share), idleMs) : busyMs
    return max(min(pace, expiryInMs ?? pace), 0)
  }
}
