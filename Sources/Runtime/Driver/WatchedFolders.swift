// Which folders a watcher watches, and what the hints from them mean: the folder of every unsettled lease,
// `queue/ready`, `queue/claimed`, and the `wake` file that every process rewrites after a commit.

import Glibc
import QueueRunner

/// Turns file-system hints into what a collector should look at.
struct WatchedFolders {
  /// Why everything is looked at on a timer instead, if it is.
  private var pollReason: String?
  /// What is to be said of watching and has not been said yet.
  private var news: String?
  private let run: Run
  private let subscription: DropWatcher.Subscription?
  private var watched: Set<WatchedPackage> = []
  /// The newest lease that has been seen.
  private var lastRow: Int64 = 0
  private var pending: Set<String> = []
  /// Entries of `queue/ready` that this process has put there: that they appear is no news.
  private var shown: Set<String> = []
  private var isEverythingDue = true
  private var isStale = true
  /// `wake` and the queue's folders, where they are not watched: they were replaced or moved away.
  private var astray: Set<String>
  private var saidAstray: Set<String> = []
  /// Leases whose folders could not be watched: they alone are looked at on a timer.
  private var unwatched: Set<String> = []
  /// Leases whose folders were not there to be watched.
  private var gone: Set<String> = []
  /// Why some leases could not be watched, once it has been so.
  private var limit: String?
  private let isAsked: Bool

  init(_ run: Run, poll: Bool) throws {
    self.run = run
    isAsked = poll
    pollReason = poll ? "looking every 0.25 s, as asked" : Self.pollReason(run.layout.root)
    news = pollReason
    subscription = pollReason == nil ? try DropWatcher.shared().subscribe() : nil
    astray = subscription == nil ? [] : Self.common(run)
    if subscription == nil { return }
    if !FileSystem.exists(run.layout.wake) { try FileSystem.write([], to: run.layout.wake) }
    for folder in [run.layout.ready, run.layout.claimed] { try FileSystem.makeDirectories(folder) }
    watchCommon(isMaking: false)
    try refreshAll()
  }

  /// What is watched besides packages.
  private static func common(_ run: Run) -> Set<String> {
    [run.layout.wake, run.layout.ready, run.layout.claimed]
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
  /// What is looked at on a timer for want of hints, and why; nil for nothing, and where that was asked for.
  var polling: String? {
    if isAsked { return nil }
    let missing = saidAstray.min().map { "there is no `\($0)`: looking for it every 0.25 s" }
    return pollReason ?? (unwatched.isEmpty ? missing : limit)
  }
  /// Some leases are looked at on a timer, or a folder of the queue is looked for.
  var isPollingSome: Bool { !unwatched.isEmpty || !astray.isEmpty }
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
    if isStale || isPollDue || isFullLookDue { watchCommon(isMaking: isFullLookDue) }
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
      } else if names.isEmpty || !names.isDisjoint(with: Self.telling) {
        let package = WatchedPackage(path)
        if watched.contains(package) { pending.insert(package.token) }
      }
    }
    for path in hints.lost {
      if Self.common(run).contains(path) {
        astray.insert(path)
      } else {
        watched.remove(WatchedPackage(path))
      }
      isStale = true
      isEverythingDue = true
    }
  }

  /// Watches may have become free, and folders have come back, since they were last asked for.
  private mutating func tryAgain() {
    let asked = unwatched.union(gone)
    for token in asked { watched.remove(WatchedPackage(token)) }
    if asked.isEmpty { return }
    unwatched = []
    gone = []
    isStale = true
  }

  /// Watches the folders of leases that this process has made since the last call, and looks at each once after
  /// its watch is in place.
  mutating func refreshNew() throws {
    try watchUnsettled(after: lastRow)
  }

  /// Forgets the folders of leases that have ended.
  mutating func forget(_ ended: some Sequence<String>) {
    guard let subscription else { return }
    let settled = ended.compactMap { token in
      unwatched.remove(token)
      gone.remove(token)
      return watched.remove(WatchedPackage(token))?.path
    }
    subscription.unwatch(settled)
  }

  /// Brings the watches in step with what the state calls unsettled, whoever has changed it.
  private mutating func refreshAll() throws {
    isStale = false
    if subscription == nil { return }
    var ended = watched
    try watchUnsettled { ended.remove(WatchedPackage($0)) }
    forget(ended.map(\.token))
  }

  /// So many are asked for at once.
  private static let chunk = 4096
  /// More is to be looked at than it is worth to look at one by one.
  private static let manyPending = 16_384

  /// Watches those of the folders that are not watched yet.
  private mutating func watchUnsettled(after row: Int64 = 0, _ didMeet: (String) -> Void = { _ in }) throws {
    guard let subscription else { return }
    let layout = run.layout
    var new: [WatchedPackage] = []
    try run.database.read { db in
      try LeaseStore.eachPlace(db, after: row) { place in
        didMeet(place.token)
        lastRow = max(lastRow, place.row)
        if watched.contains(WatchedPackage(place.token)) { return }
        new.append(WatchedPackage(layout.package(place.childKey, place.token).root))
        if new.count < Self.chunk { return }
        watch(new, subscription)
        new.removeAll(keepingCapacity: true)
      }
    }
    watch(new, subscription)
  }

  private mutating func watch(_ new: [WatchedPackage], _ subscription: DropWatcher.Subscription) {
    watched.formUnion(new)
    if pending.count + new.count > Self.manyPending { isEverythingDue = true }
    for (package, outcome) in zip(new, subscription.watch(new.map(\.path), kind: .folder)) {
      // Looked at once after its watch is in place.
      if !isEverythingDue { pending.insert(package.token) }
      switch outcome {
      case .watching: break
      case .gone: gone.insert(package.token)
      case .polled(let reason):
        unwatched.insert(package.token)
        // Where everything is looked at, that has been said.
        if limit != nil || isPolling { continue }
        limit = "\(reason): looking every 0.25 s at what could not be watched"
        news = limit
      }
    }
  }

  /// Watches those of the run's own that are astray, and has everything looked at once they are watched.
  ///
  /// - Parameter isMaking: whether to make what is not there. A folder that was moved away a moment ago may come back,
  ///   and would not find its place free; without one for long, nobody could claim.
  private mutating func watchCommon(isMaking: Bool) {
    guard let subscription else { return }
    for path in astray.sorted() {
      let isFile = path == run.layout.wake
      if isMaking { makeCommon(path) }
      let outcome = subscription.watch(path, kind: isFile ? .file : .folder)
      if outcome == .gone {
        if !saidAstray.insert(path).inserted { continue }
        news = "there is no \(isFile ? "file" : "folder") `\(path)`: looking for it every 0.25 s"
        continue
      }
      astray.remove(path)
      saidAstray.remove(path)
      isEverythingDue = true
      guard case .polled(let reason) = outcome, pollReason == nil else { continue }
      pollReason = "\(reason): looking every 0.25 s at everything"
      news = pollReason
    }
  }

  /// Never the run's own folder: one that was moved away is not to be made up for. Where it cannot be made, it is tried
  /// again, for as long as the run is there.
  private func makeCommon(_ path: String) {
    if path != run.layout.wake {
      mkdir(run.layout.queue, 0o777)
      mkdir(path, 0o777)
    } else if !FileSystem.exists(path) {
      try? FileSystem.write([], to: path)
    }
  }
}

/// The folder of a lease that is watched, known by its last name, which is the lease's token: of a hundred thousand, each
/// has one text, which the watcher has too.
private struct WatchedPackage: Hashable {
  let path: String

  /// - Parameter path: of the folder; a token alone finds it as well.
  init(_ path: String) { self.path = path }

  var token: String { withName { String(decoding: $0, as: UTF8.self) } }

  /// Looks at the last name's bytes where they lie: this is asked several times for each event of a folder.
  private func withName<Value>(_ body: (UnsafeRawBufferPointer) -> Value) -> Value {
    path.withBytes { bytes in
      var start = bytes.count
      while start > 0, bytes[start - 1] != UInt8(ascii: "/") { start -= 1 }
      return body(UnsafeRawBufferPointer(rebasing: bytes[start...]))
    }
  }

  static func == (a: WatchedPackage, b: WatchedPackage) -> Bool {
    a.withName { first in
      b.withName { second in
        guard first.count == second.count else { return false }
        guard let one = first.baseAddress, let other = second.baseAddress else { return true }
        return memcmp(one, other, first.count) == 0
      }
    }
  }

  func hash(into hasher: inout Hasher) { withName { hasher.combine(bytes: $0) } }
}
