// Taking in. The file system says "look", SQLite says what is true: a pass looks at the leases that SQLite
// calls unsettled, never at what happens to lie about, and commits what it found with guarded UPDATEs. So a
// pass can be repeated, can run in several processes at once, and loses nothing when a hint was lost.

import GRDB
import Glibc

/// Looks at packages and takes their results. Confined to one thread; remembers what it has judged, so that
/// an unchanged file is not read twice.
public final class Collector {
  /// Which leases a pass looks at.
  public enum Scope: Sendable, Equatable {
    case all
    /// Only these tokens: what hints named.
    case only(Set<String>)
  }

  /// How long a file that does not parse must have been left alone before it is called invalid: it may still
  /// be being written (contract §6).
  public static let settleMs: Int64 = 500
  /// Results that are ready together are committed together: a durable commit costs the same for 64 as for 1.
  static let batchSize = 64

  let queue: WorkQueue
  var looks: [String: Look] = [:]
  private var rules: [Int64: TaskRules] = [:]
  private var isFirstPass = true
  /// Reads ahead and acknowledges in a burst; nil before the first one, and where no thread can be had.
  private var companion: Companion?
  /// The last two batches whose acknowledgements the companion was handed.
  private var acknowledging: [Int] = []

  /// Whose workers have not been told yet, for want of machine: tried again at each look at everything.
  private let untold = Guarded<[LeaseRecord]>([])

  /// Looks at the packages of one queue, on the thread that the queue is confined to.
  public init(_ queue: WorkQueue) { self.queue = queue }

  /// What is remembered of a package between passes.
  struct Look {
    var stamp: ResultFile.Stamp?
    var firstSeenBootMs: Int64
    /// What is wrong with the file, once it has been judged.
    var refusal: Finding?
    var isReported = false
  }

  /// A file that was judged and found wanting.
  struct Finding {
    let digest: String
    let text: String
    let isForSchema: Bool
  }

  /// A file that was judged and found right.
  struct Found {
    let lease: LeaseRecord
    let package: PackageLayout
    let right: RightResult
    let stamp: ResultFile.Stamp
  }

  /// Looks once and commits what is there. Results come before expiry: a result that lies in the folder of a
  /// lease that has just run out is taken.
  ///
  /// - Parameter tells: what the report has of each lease; whoever looks at a hundred thousand of them all the time
  ///   asks for little.
  public func pass(_ scope: Scope = .all, tells detail: CollectReport.Detail = .news) throws -> CollectReport
  {
    if isFirstPass { try heal() } else if scope == .all { tellAgain() }
    var report = CollectReport(detail: detail)
    if case .only(let tokens) = scope, tokens.isEmpty { return report }
    var parts = LookParts(scope)
    var open: [String: Look] = [:]
    while let leases = try next(&parts) {
      try look(at: leases, isHinted: scope != .all, into: &report)
      if looks.isEmpty { continue }
      for lease in leases { open[lease.token] = looks[lease.token] }
    }
    if scope == .all {
      report.keepLast()
      try noteStale(into: &report)
      looks = open
    }
    return report
  }

  /// Takes what is ready of these, then ends those of them that are late.
  private func look(at leases: [LeaseRecord], isHinted: Bool, into report: inout CollectReport) throws {
    var found: [Found] = []
    var claimed: [LeaseRecord] = []
    var late = LateLeases(leases, queue.clock)
    let endedBefore = report.ended.count
    let ahead = isHinted ? readAhead(leases) : nil
    // Whoever is told of what was taken may rely on its being acknowledged.
    defer { if ahead != nil { companion?.waitForAll() } }
    for (at, lease) in leases.enumerated() where lease.hasPackage || lease.state == .offered {
      let package = queue.layout.package(lease)
      let attention = try attendQueue(lease, package)
      if attention == .nothing { continue }
      let examination =
        try ahead?.take(at).map {
          .right(Found(lease: lease, package: package, right: $0.right, stamp: $0.stamp))
        } ?? examine(lease, package, isHinted: isHinted)
      if attention == .claimed, !examination.isRight { claimed.append(lease) }
      if attention == .held, !examination.isRight { try attendHeartbeat(lease, package) }
      switch examination {
      case .missing:
        late.didNotSee(lease)
        report.note(lease, .missing)
      case .unsettled(let inMs): report.settle(lease, inMs)
      case .refused(let finding): report.add(try refuse(lease, finding))
      case .right(let right):
        found.append(right)
        if found.count == Self.batchSize {
          try take(found, beside: ahead == nil ? nil : companion, into: &report)
          found = []
        }
      }
    }
    try take(found, into: &report)
    try start(claimed)
    try reclaim(late, except: report.ended[endedBefore...], &report)
    if !isHinted { report.willRunOut(leases, queue.clock) }
  }

  private func next(_ parts: inout LookParts) throws -> [LeaseRecord]? {
    try queue.database.read { db in
      try parts.next(db) { lease, demands in
        if rules[lease.task] == nil { rules[lease.task] = try TaskRules(demanded: demands) }
      }
    }
  }

  private enum Examination {
    case missing
    case unsettled(inMs: Int64)
    case refused(Finding)
    case right(Found)

    var isRight: Bool { if case .right = self { true } else { false } }
  }

  /// - Parameter isHinted: something is likely to be there, so that it is read without a look first, unless it is
  ///   known to be of no use.
  private func examine(
    _ lease: LeaseRecord, _ package: PackageLayout, isHinted: Bool
  ) throws -> Examination {
    let now = queue.clock.bootMs()
    let known = looks[lease.token]
    if !isHinted || known != nil {
      guard let stamp = try ResultFile.stamp(package: package.root) else {
        looks[lease.token] = nil
        return .missing
      }
      if let known, known.stamp == stamp, let refusal = known.refusal,
        known.isReported || now - known.firstSeenBootMs < Self.settleMs
      {
        return settled(lease, known, refusal, now)
      }
    }
    switch try ResultFile.read(package: package.root) {
    case .missing:
      looks[lease.token] = nil
      return .missing
    case .changing: return .unsettled(inMs: Self.settleMs)
    case .refused(let text, let stamp):
      let finding = Finding(digest: Digest.sha256Hex(text), text: text, isForSchema: false)
      return remember(lease, stamp, finding, now)
    case .bytes(let bytes, let stamp):
      switch try queue.judge(bytes, lease, try rules(of: lease)) {
      case .right(let right): return .right(Found(lease: lease, package: package, right: right, stamp: stamp))
      case .refused(let text, let isForSchema):
        return remember(
          lease, stamp, Finding(digest: Digest.sha256Hex(bytes), text: text, isForSchema: isForSchema), now)
      }
    }
  }

  private func remember(
    _ lease: LeaseRecord, _ stamp: ResultFile.Stamp?, _ finding: Finding, _ now: Int64
  ) -> Examination {
    // Read once more before it is reported: a rewrite within one tick of the file system's clock may leave the
    // stamp as it was, and only equal bytes have been left alone.
    let isSame = looks[lease.token].map { $0.stamp == stamp && $0.refusal?.digest == finding.digest } ?? false
    let since = isSame ? looks[lease.token]?.firstSeenBootMs ?? now : now
    let look = Look(stamp: stamp, firstSeenBootMs: since, refusal: finding)
    looks[lease.token] = look
    return settled(lease, look, finding, now)
  }

  private func settled(_ lease: LeaseRecord, _ look: Look, _ finding: Finding, _ now: Int64) -> Examination {
    let waited = now - look.firstSeenBootMs
    return waited >= Self.settleMs ? .refused(finding) : .unsettled(inMs: Self.settleMs - waited)
  }

  /// Kept until the task's result is taken.
  private func rules(of lease: LeaseRecord) throws -> TaskRules {
    if let known = rules[lease.task] { return known }
    let found = try TaskRules(demanded: queue.database.read { try TaskStore.demands($0, id: lease.task) })
    rules[lease.task] = found
    return found
  }

  /// nil for so few that a second thread is not worth it.
  private func readAhead(_ leases: [LeaseRecord]) -> ReadAhead? {
    if leases.count < ReadAhead.worthwhile { return nil }
    if companion == nil { companion = try? Companion() }
    guard let companion else { return nil }
    let wanted = leases.map { lease -> ReadAhead.Wanted? in
      guard lease.hasPackage, looks[lease.token] == nil, let rules = rules[lease.task], !rules.isWrite else {
        return nil
      }
      return ReadAhead.Wanted(
        childKey: lease.childKey, attempt: lease.attempt, package: queue.layout.package(lease), rules: rules)
    }
    return ReadAhead(wanted, companion)
  }

  /// - Parameter companion: acknowledges what is taken while the caller goes on.
  private func take(
    _ found: [Found], beside companion: Companion? = nil, into report: inout CollectReport
  ) throws {
    if found.isEmpty { return }
    // With this batch, no more than two are ever unacknowledged: `heal` makes up for so many.
    if acknowledging.count == 2 { self.companion?.wait(for: acknowledging.removeFirst()) }
    let outcomes = try queue.database.transition { tx in
      try found.map { try queue.settle(tx, seen: $0.lease, $0.right, stamp: $0.stamp.text) }
    } announce: { outcomes in
      let taken = zip(found, outcomes).filter { $0.1 != nil }.map { ($0.0.lease, $0.0.package) }
      let acknowledge: @Sendable () -> Void = { [layout = queue.layout, untold] in
        for (lease, package) in taken where !layout.acknowledge(lease, package) {
          untold.withLock { $0.append(lease) }
        }
      }
      if let companion { acknowledging.append(companion.hand(acknowledge)) } else { acknowledge() }
    }
    for (right, state) in zip(found, outcomes) {
      looks[right.lease.token] = nil
      rules[right.lease.task] = nil
      report.took(right.lease, right.right.result, state, queue.layout)
    }
  }

  /// What a crash between a commit and what follows from it left undone: acknowledgements, at most two batches of
  /// them, the queue entries of leases that have ended, and packages that no lease names.
  private func heal() throws {
    let unacknowledged = try queue.database.read {
      try LeaseStore.lastCollected($0, limit: 2 * Self.batchSize)
    }.filter { !FileSystem.exists(queue.layout.package($0).accepted) }
    if !unacknowledged.isEmpty { try queue.database.syncLog() }
    let left = queue.acknowledge(unacknowledged)
    untold.withLock { $0 += left }
    try queue.sweepEntries()
    try queue.sweepAbandonedHandOut()
    isFirstPass = false
  }

  private func tellAgain() {
    let owed = untold.withLock { owed in
      defer { owed = [] }
      return owed
    }
    if owed.isEmpty { return }
    let left = queue.acknowledge(owed)
    untold.withLock { $0 += left }
  }
}
