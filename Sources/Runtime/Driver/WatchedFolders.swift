// Which folders a watcher watches, and what the hints from them mean: the folder of every unsettled lease,
// `queue/ready`, `queue/claimed`, and the `wake` file that every process rewrites after a commit.

import QueueRunner

/// Turns file-system hints into what a collector should look at.
struct WatchedFolders {
  /// Why everything is looked at on a timer instead, if it is.
  private(set) var pollReason: String?
  private let run: Run
  private let subscription: DropWatcher.Subscription?
  private var tokens: [String: String] = [:]
  private var pending: Set<String> = []
  private var isEverythingDue = true
  private var isStale = true
  /// Somebody replaced `wake` or a queue folder: it is to be watched again.
  private var isCommonLost = false

  init(_ run: Run, poll: Bool) throws {
    self.run = run
    pollReason = poll ? "looking every 0.25 s, as asked" : Self.pollReason(run.layout.root)
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

  var isPolling: Bool { pollReason != nil }
  var descriptors: [Int32] { subscription.map { [$0.descriptor] } ?? [] }
  /// Something is to be looked at now, without waiting.
  var hasHints: Bool { isEverythingDue || !pending.isEmpty }

  /// What the hints since the last call say to look at.
  mutating func scope(isFullLookDue: Bool) throws -> Collector.Scope {
    takeHints()
    if isStale { try refresh() }
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
    for path in settled { tokens[path] = nil }
    let new = live.filter { tokens[$0.key] == nil }
    if new.isEmpty { return }
    tokens.merge(new) { _, token in token }
    pending.formUnion(new.values)
    for outcome in subscription.watch(Array(new.keys), kind: .folder) { note(outcome) }
  }

  private mutating func watchCommon(_ subscription: DropWatcher.Subscription) {
    isCommonLost = false
    note(subscription.watch(run.layout.wake, kind: .file))
    note(subscription.watch(run.layout.ready, kind: .folder))
    note(subscription.watch(run.layout.claimed, kind: .folder))
  }

  private mutating func note(_ outcome: DropWatcher.WatchOutcome) {
    switch outcome {
    case .watching, .gone: break
    case .polled(let reason):
      if pollReason == nil { pollReason = "\(reason): looking every 0.25 s at what could not be watched" }
    }
  }
}
