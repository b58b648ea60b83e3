// Which folders a watcher watches, and what the hints from them mean: the folder of every unsettled lease,
// `queue/ready`, `queue/claimed`, and the `wake` file that every process rewrites after a commit.

import QueueRunner

/// Turns file-system hints into what a collector should look at.
struct WatchedFolders {
  /// Why everything is looked at on a timer instead, if it is.
  private var pollReason: String?
  /// What is to be said of watching and has not been said yet.
  private var news: String?
  private let run: Run
  private let subscription: DropWatcher.Subscription?
  private var tokens: [String: String] = [:]
  private var pending: Set<String> = []
  private var isEverythingDue = true
  private var isStale = true
  /// Somebody replaced `wake` or a queue folder: it is to be watched again.
  private var isCommonLost = false
  /// Leases whose folders could not be watched: they alone are looked at on a timer.
  private var unwatched: Set<String> = []
  /// Leases whose folders were not there to be watched.
  private var gone: Set<String> = []
  private var saidLimit = false

  init(_ run: Run, poll: Bool) throws {
    self.run = run
    pollReason = poll ? "looking every 0.25 s, as asked" : Self.pollReason(run.layout.root)
    news = pollReason
    subscription = pollReason == nil ? try DropWatcher.shared().subscribe() : nil
    guard let subscription else { return }
    if !FileSystem.exists(run.layout.wake) { try FileSystem.write([], to: run.layout.wake) }
    for folder in [run.layout.ready, run.layout.claimed] { try FileSystem.makeDirectories(folder) }
    watchCommon(subscription)
    try refresh()
  }

  private static func pollReason(_ path: String) -> String? {
    switch FileSystemKind.of(path) {
    case .watchable: nil
    case .silent(let name): "`\(name)` does not tell of changes: looking every 0.25 s"
    case .partial(let name): "`\(name)` does not tell of every change: looking every 0.25 s"
    case .unknown: "an unknown file system: looking every 0.25 s"
    }
  }

  /// Everything is looked at on a timer.
  var isPolling: Bool { pollReason != nil }
  /// Some leases are looked at on a timer.
  var isPollingSome: Bool { !unwatched.isEmpty }
  var descriptors: [Int32] { subscription.map { [$0.descriptor] } ?? [] }
  /// Something is to be looked at now, without waiting.
  var hasHints: Bool { isEverythingDue || !pending.isEmpty }

  /// A condition of watching worth a line, once.
  mutating func takeNews() -> String? {
    defer { news = nil }
    return news
  }

  /// What the hints since the last call say to look at, and, where it is due, what gives no hints.
  mutating func scope(isFullLookDue: Bool, isPollDue: Bool) throws -> Collector.Scope {
    takeHints()
    if isFullLookDue { tryAgain() }
    if isStale { try refresh() }
    if isPollDue { pending.formUnion(unwatched) }
    defer {
      pending = []
      isEverythingDue = false
    }
    return isEverythingDue || isFullLookDue ? .all : .only(pending)
  }

  /// Looks again at these, when the caller next asks.
  mutating func lookAgain(at tokens: Set<String>) { pending.formUnion(tokens) }

  private mutating func takeHints() {
    guard let hints = subscription?.take() else { return }
    if hints.overflowed { isEverythingDue = true }
    for (path, names) in hints.paths {
      if path == run.layout.wake {
        isStale = true
      } else if path == run.layout.ready || path == run.layout.claimed {
        pending.formUnion(names)
      } else if let token = tokens[path] {
        pending.insert(token)
      }
    }
    for path in hints.lost {
      if tokens.removeValue(forKey: path) == nil { isCommonLost = true }
      isStale = true
      isEverythingDue = true
    }
  }

  /// Watches may have become free, and folders have come back, since they were last asked for.
  private mutating func tryAgain() {
    let asked = unwatched.union(gone)
    if asked.isEmpty { return }
    tokens = tokens.filter { !asked.contains($0.value) }
    unwatched = []
    gone = []
    isStale = true
  }

  /// Watches the folders of new leases, and looks at each once after its watch is in place; forgets those of
  /// leases that are settled.
  mutating func refresh() throws {
    isStale = false
    guard let subscription else { return }
    var live: [String: String] = [:]
    for lease in try run.database.read(LeaseStore.unsettled) where lease.hasPackage {
      live[run.layout.package(lease.childKey, lease.token).root] = lease.token
    }
    if isCommonLost { watchCommon(subscription) }
    let settled = tokens.keys.filter { live[$0] == nil }
    if !settled.isEmpty { subscription.unwatch(settled) }
    for path in settled {
      if let token = tokens.removeValue(forKey: path) {
        unwatched.remove(token)
        gone.remove(token)
      }
    }
    let new = live.filter { tokens[$0.key] == nil }
    if new.isEmpty { return }
    tokens.merge(new) { _, token in token }
    pending.formUnion(new.values)
    let paths = Array(new.keys)
    for (path, outcome) in zip(paths, subscription.watch(paths, kind: .folder)) {
      guard let token = new[path] else { continue }
      switch outcome {
      case .watching: break
      case .gone: gone.insert(token)
      case .polled(let reason):
        unwatched.insert(token)
        // Where everything is looked at, that has been said.
        if saidLimit || isPolling { continue }
        saidLimit = true
        news = "\(reason): looking every 0.25 s at what could not be watched"
      }
    }
  }

  private mutating func watchCommon(_ subscription: DropWatcher.Subscription) {
    isCommonLost = false
    for outcome in [
      subscription.watch([run.layout.wake], kind: .file),
      subscription.watch([run.layout.ready, run.layout.claimed], kind: .folder),
    ].joined() {
      guard case .polled(let reason) = outcome, pollReason == nil else { continue }
      pollReason = "\(reason): looking every 0.25 s at everything"
      news = pollReason
    }
  }
}
