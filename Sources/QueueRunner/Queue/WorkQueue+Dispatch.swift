// Handing out: the package first, then the lease, then the announcement. A crash leaves either a folder that
// no lease names (swept by the next hand-out) or a lease whose package is whole.

import GRDB
import Glibc

/// What changes whenever a task may have become free to be handed out.
struct DispatchMark: Equatable {
  let freeings: Int
  let foreign: Int
}

/// A lease that has been committed, with what its worker needs to know.
public struct IssuedLease: Sendable {
  /// The fencing token: a result is taken only under it.
  public let token: String
  /// Names the task within its generation.
  public let childKey: String
  /// The key of the operation that the task belongs to.
  public let groupKey: String
  /// What the worker is asked to do.
  public let spec: TaskSpec
  /// Counts the hand-outs of the task, from 1.
  public let attempt: Int
  /// The snapshot that the worker reads; nil where the hand-out was given no workspace.
  public let cwd: String?
  /// nil for an offer: its clock starts when it is claimed.
  public let expiresAtMs: Int64?
  /// nil when no files were asked for.
  public let package: PackageLayout?
}

extension WorkQueue {
  /// Leases up to as many tasks as `limit` and the queue's `maxConcurrency` leave room for, oldest first.
  ///
  /// - Parameters:
  ///   - atMost: how many new ones, however much room there is.
  ///   - files: whether to write packages.
  ///   - durationMs: how long each lease lasts; nil for what its task says.
  ///   - workspace: makes the folder that the workers read; called once, only if there is something to lease.
  /// - Throws: `queue-not-open` where the queue is paused, stopped or closed.
  public func lease(
    limit: Int, atMost: Int = .max, files: Bool, durationMs: Int64? = nil, workspace: () throws -> String?
  ) throws -> [IssuedLease] {
    try handOut(limit: limit, atMost: atMost) { task, spec, cwd in
      let duration = durationMs ?? spec.leaseMs
      return LeasePlan(
        token: Self.newToken(), task: task, spec: spec, attempt: task.attempt + 1, durationMs: duration,
        cwd: cwd, hasPackage: files, deadline: Deadline(clock, inMs: duration))
    } workspace: {
      try workspace()
    }
  }

  /// Puts packages into `queue/ready` until `limit` of them wait or are held.
  public func offer(limit: Int, workspace: () throws -> String?) throws -> [IssuedLease] {
    try handOut(limit: limit) { task, spec, cwd in
      LeasePlan(
        token: Self.newToken(), task: task, spec: spec, attempt: task.attempt + 1,
        durationMs: spec.leaseMs, cwd: cwd, hasPackage: true, deadline: nil)
    } workspace: {
      try workspace()
    }
  }

  /// Takes back a lease that its holder does not want; the task can be handed out again at once.
  public func release(childKey: String, token: String, reason: String) throws -> Bool {
    let released = try database.transition { tx -> Bool in
      guard let lease = try LeaseStore.find(tx.db, token: token), lease.childKey == childKey,
        try LeaseStore.end(tx, token: token, as: .released)
      else { return false }
      guard try TaskStore.release(tx, lease.task, token: token, expired: false) else {
        throw FlowdexError.bug("release", "lease `\(token)` is live but does not hold its task")
      }
      try tx.emit(
        .released,
        ["childKey": .string(childKey), "leaseToken": .string(token), "reason": .string(reason)])
      return true
    }
    if released { unlink([token]) }
    return released
  }

  /// Withdraws every lease; the tasks can be handed out again once the queue is open. The tokens withdrawn.
  public static func withdrawAll(_ tx: Transaction, reason: String) throws -> [String] {
    var tokens: [String] = []
    var walk = UnsettledWalk()
    while let part = try walk.next(tx.db, limit: LookParts.size) {
      for lease in part where lease.state != .expired {
        if try withdraw(tx, lease, reason: reason) { tokens.append(lease.token) }
      }
    }
    return tokens
  }

  private static func withdraw(_ tx: Transaction, _ lease: LeaseRecord, reason: String) throws -> Bool {
    guard try LeaseStore.end(tx, token: lease.token, as: .withdrawn) else { return false }
    if lease.state == .live, try TaskStore.release(tx, lease.task, token: lease.token, expired: false) {
      try tx.emit(
        .released,
        ["childKey": .string(lease.childKey), "leaseToken": .string(lease.token), "reason": .string(reason)])
    }
    return true
  }

  /// Withdraws every lease and cancels every task that has not ended: the run is over. The tokens withdrawn.
  public static func cancelAll(_ tx: Transaction, generation: Int, reason: String) throws -> [String] {
    let tokens = try withdrawAll(tx, reason: reason)
    try LeaseStore.withdrawExpired(tx)
    for task in try TaskStore.open(tx.db, generation: generation) {
      if try TaskStore.cancel(tx, task.id) {
        try tx.emit(.agentCancelled, ["childKey": .string(task.childKey), "reason": .string(reason)])
      }
    }
    return tokens
  }

  /// A run that had ended goes on: the tasks that its end cancelled are to be done after all.
  public static func reopenCancelled(_ tx: Transaction, generation: Int) throws {
    for task in try TaskStore.all(tx.db, generation: generation) where task.state == .cancelled {
      if try TaskStore.restart(tx, task.id), try TaskStore.ready(tx, task.id) {
        try tx.emit(
          .taskInvalidated,
          ["childKey": .string(task.childKey), "reason": .string("cancelled by the run's end, and resumed")])
      }
    }
  }

  private static func newToken() -> String {
    // Two numbers, not sixteen bytes: each is a call of the kernel.
    let random = (UInt64.random(in: 0...UInt64.max), UInt64.random(in: 0...UInt64.max))
    var bytes = withUnsafeBytes(of: random) { Array($0) }
    bytes[6] = bytes[6] & 0x0f | 0x40
    bytes[8] = bytes[8] & 0x3f | 0x80
    // As RFC 9562 writes a UUID of version 4.
    var text: [UInt8] = []
    text.reserveCapacity(36)
    for (at, byte) in bytes.enumerated() {
      if [4, 6, 8, 10].contains(at) { text.append(UInt8(ascii: "-")) }
      Digest.append(hexOf: byte, to: &text)
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// So many at a time: what is planned is held in memory, and other processes wait for the state meanwhile.
  private static let chunk = 4096

  private func handOut(
    limit: Int, atMost: Int = .max, plan: (TaskRecord, TaskSpec, String?) throws -> LeasePlan,
    workspace: () throws -> String?
  ) throws -> [IssuedLease] {
    var issued: [IssuedLease] = []
    while true {
      let more: [IssuedLease]
      do {
        more = try handOutChunk(
          limit: limit, atMost: min(Self.chunk, atMost - issued.count), plan: plan, workspace: workspace)
      } catch  where !issued.isEmpty {
        // What is leased must be told; what has gone wrong since is met again by the next call.
        return issued
      }
      issued += more
      if more.count < Self.chunk || issued.count >= min(limit, atMost) { return issued }
    }
  }

  private func handOutChunk(
    limit: Int, atMost: Int, plan: (TaskRecord, TaskSpec, String?) throws -> LeasePlan,
    workspace: () throws -> String?
  ) throws -> [IssuedLease] {
    // To find that every task is out takes a look at all of them: not once more until one may have come free.
    let mark = DispatchMark(freeings: database.freeings, foreign: try database.foreignVersion())
    if exhaustedAt == mark { return [] }
    try dispatchLock.lock()
    defer { dispatchLock.unlock() }
    try sweepUnpublished()
    let (tasks, room) = try database.read { try candidates($0, limit: limit, atMost: atMost) }
    exhaustedAt = tasks.count < room ? mark : nil
    if tasks.isEmpty { return [] }
    let cwd = try workspace()
    let plans = try tasks.map { try plan($0, $0.spec(), cwd) }
    if plans.contains(where: \.hasPackage) { try publish(plans) }
    let begun = try database.transition { tx in
      guard try QueueStore.settings(tx.db).state == .open else { return Set<String>() }
      return Set(try plans.filter { try begin(tx, $0) }.map(\.token))
    }
    // What is committed must be told, whatever goes wrong from here on: the next hand-out sweeps what stays, and a look
    // at an offer shows it again.
    let lost = plans.filter { !begun.contains($0.token) && $0.hasPackage }
    let isSwept = lost.allSatisfy {
      (try? FileSystem.removeTree(layout.package($0.task.childKey, $0.token).root)) != nil
    }
    if isSwept { _ = try? FileSystem.remove(layout.publishing) }
    let ours = plans.filter { begun.contains($0.token) }
    let offers = ours.filter(\.isOffer).map { ($0.task.childKey, $0.token) }
    if !offers.isEmpty { try? show(offers) }
    return ours.map(issued)
  }

  private func candidates(
    _ db: Database, limit: Int, atMost: Int
  ) throws -> ([TaskRecord], room: Int) {
    let settings = try QueueStore.settings(db)
    guard settings.state == .open else {
      throw FlowdexError.failed(
        "queue-not-open", "run `\(layout.runId)` hands out nothing while it is \(settings.state.rawValue)")
    }
    let room = min(atMost, min(limit, settings.maxConcurrency) - (try LeaseStore.activeCount(db)))
    if room <= 0 { return ([], 0) }
    return (try TaskStore.dispatchable(db, generation: settings.generation, limit: room), room)
  }

  private func issued(_ plan: LeasePlan) -> IssuedLease {
    IssuedLease(
      token: plan.token, childKey: plan.task.childKey, groupKey: plan.task.groupKey, spec: plan.spec,
      attempt: plan.attempt, cwd: plan.cwd, expiresAtMs: plan.deadline?.wallMs,
      package: plan.hasPackage ? layout.package(plan.task.childKey, plan.token) : nil)
  }

  /// Notes what is about to appear, then lets it appear.
  private func publish(_ plans: [LeasePlan]) throws {
    try FileSystem.makeDirectories(layout.staging)
    try PublishingNote(plans.map { (layout.package($0.task.childKey, $0.token).root, $0.token) }).write(
      layout)
    let (place, copies) = (layout, workCopies)
    try Parallel.forEach(plans.count) { try DispatchPackage(place, plans[$0], copies).publish() }
    if plans.contains(where: \.spec.isWrite) { try workCopies.sync(layout.dispatches) }
  }

  /// The same for a run that may never hand out again; while another process hands out there is nothing to sweep.
  func sweepAbandonedHandOut() throws {
    guard try FileSystem.entry(layout.publishing) != nil, try dispatchLock.tryLock() else { return }
    defer { dispatchLock.unlock() }
    try sweepUnpublished()
  }

  /// Removes the packages of a hand-out that died before its leases were committed.
  private func sweepUnpublished() throws {
    guard try FileSystem.entry(layout.publishing) != nil else { return }
    for (path, token) in try PublishingNote.packages(layout)
    where try database.read({ try LeaseStore.find($0, token: token) }) == nil {
      try FileSystem.removeTree(path)
    }
    try FileSystem.removeTree(layout.staging)
    try FileSystem.removeTree(layout.publishing)
  }

  private func begin(_ tx: Transaction, _ plan: LeasePlan) throws -> Bool {
    guard try TaskStore.find(tx.db, id: plan.task.id)?.state == .dispatchable else { return false }
    if !plan.isOffer { try LeaseStore.replaceExpired(tx, task: plan.task.id) }
    try LeaseStore.insert(tx, plan)
    if plan.isOffer { return true }
    guard try TaskStore.lease(tx, plan.task.id, token: plan.token, attempt: plan.attempt) else {
      throw FlowdexError.bug("lease", "task `\(plan.task.childKey)` is dispatchable but cannot be leased")
    }
    try emitLeased(tx, plan.task.childKey, plan.token, plan.attempt, plan.deadline)
    return true
  }

  /// The package of an offer was claimed: its lease starts now. False if the task went another way meanwhile.
  func claim(_ tx: Transaction, _ lease: LeaseRecord) throws -> Bool {
    let deadline = Deadline(clock, inMs: lease.durationMs)
    guard lease.taskState == .dispatchable, try LeaseStore.start(tx, token: lease.token, deadline) else {
      return false
    }
    try LeaseStore.replaceExpired(tx, task: lease.task)
    guard try TaskStore.lease(tx, lease.task, token: lease.token, attempt: lease.attempt) else {
      return false
    }
    try emitLeased(tx, lease.childKey, lease.token, lease.attempt, deadline)
    return true
  }

  private func emitLeased(
    _ tx: Transaction, _ childKey: String, _ token: String, _ attempt: Int, _ deadline: Deadline?
  ) throws {
    try tx.emit(
      .leased,
      [
        "childKey": .string(childKey), "leaseToken": .string(token), "attempt": JSONValue(attempt),
        "leaseExpiresAt": JSONValue(deadline.map { Timestamp.text($0.wallMs) }),
      ])
  }

  /// After a reboot: writes again what a power cut lost of the packages that workers hold or wait for.
  public func repairPackagesAfterReboot() throws {
    let boot = clock.bootId()
    if try database.read(QueueStore.bootId) == boot { return }
    try dispatchLock.lock()
    defer { dispatchLock.unlock() }
    // Somebody else has done it meanwhile.
    if try database.read(QueueStore.bootId) == boot { return }
    defer { try? FileSystem.removeTree(layout.staging) }
    var walk = UnsettledWalk()
    while let part = try database.read({ try walk.next($0, limit: LookParts.size) }) {
      for lease in part where lease.hasPackage && lease.state != .expired {
        guard let task = try database.read({ try TaskStore.find($0, id: lease.task) }) else { continue }
        try DispatchPackage(layout, lease, task, workCopies).repair()
      }
    }
    try sweepStrangers()
    try database.transition { try QueueStore.setBootId($0, boot) }
  }

  /// Removes packages that no lease names: a power cut may have kept them and lost the note of what was about to
  /// appear. Folders that are not called as leases are were not made by flowdex, and stay. With `dispatch.lock` held.
  private func sweepStrangers() throws {
    for child in try FileSystem.names(in: layout.dispatches) where !child.hasPrefix(".") {
      let folder = "\(layout.dispatches)/\(child)"
      for token in try Self.orNoneIfWrecked({ try namesOfLeases(in: folder) }) ?? []
      where try database.read({ try LeaseStore.find($0, token: token) }) == nil {
        try Self.orNoneIfWrecked { try FileSystem.removeTree("\(folder)/\(token)") }
      }
    }
  }

  private func namesOfLeases(in folder: String) throws -> [String] {
    guard try FileSystem.entry(folder)?.kind == .directory else { return [] }
    return try FileSystem.names(in: folder).filter(PublishingNote.isToken)
  }

  /// A folder that a worker has closed to us or wrecked is as good as empty, and stops nobody; what cannot be looked at for
  /// want of machine is not.
  @discardableResult
  static func orNoneIfWrecked<Value>(_ body: () throws -> Value) throws -> Value? {
    do { return try body() } catch let error as FlowdexError where error.isOfTheEntry { return nil }
  }
}
