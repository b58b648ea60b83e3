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
  private var paths: [String: String] = [:]
  /// The newest lease that has been seen.
  private var lastRow: Int64 = 0
  private var pending: Set<String> = []
  /// Entries of `queue/ready` that this process has put there: that they appear is no news.
  private var shown: Set<String> = []
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
    try refreshAll()
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
  ///
  /// - Parameter othersCommitted: whether other processes may have made or ended leases since the last call.
  mutating func scope(
    isFullLookDue: Bool, isPollDue: Bool, othersCommitted: Bool
  ) throws -> Collector.Scope {
    takeHints()
    if isFullLookDue { tryAgain() }
    if isStale || othersCommitted { try refreshAll() }
    if isPollDue { pending.formUnion(unwatched) }
    defer {
      pending = []
      isEverythingDue = false
    }
    return isEverythingDue || isFullLookDue ? .all : .only(pending)
  }

  /// Looks again at these, when the caller next asks.
  mutating func lookAgain(at tokens: Set<String>) { pending.formUnion(tokens) }

  /// Notes packages that this process has just put into `queue/ready`.
  mutating func didShow(_ tokens: some Sequence<String>) {
    if subscription != nil { shown.formUnion(tokens) }
  }

  /// What a worker's package can tell by: whatever else appears in it is ours, or nobody's business.
  private static let telling: Set<String> = [PackageLayout.resultName, PackageLayout.heartbeatName]

  /// A hint of `wake` says nothing by itself: who asks then asks the state.
  private mutating func takeHints() {
    guard let hints = subscription?.take() else { return }
    if hints.overflowed { isEverythingDue = true }
    for (path, names) in hints.paths {
      if path == run.layout.claimed {
        pending.formUnion(names)
        shown.subtract(names)
      } else if path == run.layout.ready {
        // One of ours that was claimed and given back in the meantime is told of in `claimed` as well.
        pending.formUnion(names.subtracting(shown))
        shown.subtract(names)
      } else if let token = tokens[path], names.isEmpty || !names.isDisjoint(with: Self.telling) {
        pending.insert(token)
      }
    }
    for path in hints.lost {
      if let token = tokens.removeValue(forKey: path) { paths[token] = nil } else { isCommonLost = true }
      isStale = true
      isEverythingDue = true
    }
  }

  /// Watches may have become free, and folders have come back, since they were last asked for.
  private mutating func tryAgain() {
    let asked = unwatched.union(gone)
    for token in asked {
      if let path = paths.removeValue(forKey: token) { tokens[path] = nil }
    }
    if asked.isEmpty { return }
    unwatched = []
    gone = []
    isStale = true
  }

  /// Watches the folders of leases that this process has made since the last call, and looks at each once after
  /// its watch is in place.
  mutating func refreshNew() throws {
    if subscription == nil { return }
    let row = lastRow
    watch(try run.database.read { try LeaseStore.places($0, after: row) })
  }

  /// Forgets the folders of leases that have ended.
  mutating func forget(_ ended: some Sequence<String>) {
    guard let subscription else { return }
    let settled = ended.compactMap { token in
      unwatched.remove(token)
      gone.remove(token)
      return paths.removeValue(forKey: token)
    }
    subscription.unwatch(settled)
    for path in settled { tokens[path] = nil }
  }

  /// Brings the watches in step with what the state calls unsettled, whoever has changed it.
  private mutating func refreshAll() throws {
    isStale = false
    guard let subscription else { return }
    if isCommonLost { watchCommon(subscription) }
    let places = try run.database.read { try LeaseStore.places($0) }
    if !paths.isEmpty {
      let unsettled = Set(places.map(\.token))
      forget(paths.keys.filter { !unsettled.contains($0) })
    }
    watch(places)
  }

  private mutating func watch(_ leases: [LeaseStore.Place]) {
    guard let subscription else { return }
    var new: [(token: String, path: String)] = []
    for lease in leases {
      lastRow = max(lastRow, lease.row)
      guard paths[lease.token] == nil else { continue }
      let path = run.layout.package(lease.childKey, lease.token).root
      tokens[path] = lease.token
      paths[lease.token] = path
      pending.insert(lease.token)
      new.append((lease.token, path))
    }
    for (lease, outcome) in zip(new, subscription.watch(new.map(\.path), kind: .folder)) {
      switch outcome {
      case .watching: break
      case .gone: gone.insert(lease.token)
      case .polled(let reason):
        unwatched.insert(lease.token)
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
