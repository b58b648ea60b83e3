// The queue as its users see it: one value that a thread opens for one run, with the moves that a person, a
// worker or an orchestrator can make. Handing out is in WorkQueue+Dispatch.swift, taking in Collector.swift.

import GRDB

/// Called at the end of a transaction that makes tasks final, so that what follows from it commits with it: once for each
/// operation whose tasks they are.
public typealias TaskEndHook = @Sendable (Transaction, EndedTasks) throws -> Void

/// Tasks of one operation that have become final in one transaction.
public struct EndedTasks: Sendable {
  /// The life of the history that they belong to, from 1.
  public let generation: Int
  /// The key of the operation.
  public let groupKey: String
  /// Name the tasks within their generation; in the order in which they ended, at least one.
  public internal(set) var childKeys: [String]
}

/// A durable queue of folders over one run's state. Confined to the thread that opened it.
public final class WorkQueue {
  /// The truth that the queue's folders are projections of.
  public let database: StateDatabase
  /// Where the run's folders lie.
  public var layout: RunLayout { database.layout }
  /// What leases are measured with.
  public var clock: any WallClock { database.clock }
  let onTaskEnd: TaskEndHook
  let workCopies: WorkCopies
  let dispatchLock: FileLock
  /// How the state stood when no task was left to be handed out.
  var exhaustedAt: DispatchMark?

  /// Opens the queue of a run.
  ///
  /// - Parameters:
  ///   - workCopies: makes and judges the copies of writing tasks.
  ///   - onTaskEnd: runs within each transaction that makes tasks final, at its end.
  public init(
    _ database: StateDatabase, workCopies: WorkCopies = .none, onTaskEnd: @escaping TaskEndHook
  ) throws {
    self.database = database
    self.workCopies = workCopies
    self.onTaskEnd = onTaskEnd
    dispatchLock = FileLock(path: database.layout.dispatchLock)
  }

  /// Records who works on a lease: `leased` to `dispatched`. Naming the same worker again is a no-op.
  public func attach(childKey: String, token: String, agentRef: String) throws -> TaskState {
    try database.transition { tx in
      let lease = try held(tx.db, childKey: childKey, token: token)
      guard lease.state == .live else { throw staleLease(lease) }
      if lease.agentRef == agentRef { return lease.taskState }
      guard try LeaseStore.attach(tx, token: token, agentRef: agentRef) else { throw staleLease(lease) }
      if lease.taskState == .leased, try !TaskStore.attach(tx, lease.task, token: token) {
        throw staleLease(lease)
      }
      try tx.emit(
        .attached,
        ["childKey": .string(childKey), "leaseToken": .string(token), "agentRef": .string(agentRef)])
      return .dispatched
    }
  }

  /// Starts the time of a lease anew; when it runs out now, in milliseconds since 1970.
  ///
  /// - Parameter durationMs: how long it lasts from now, and from each later renewal; nil for as long as before.
  /// - Throws: `lease-stale` where the lease has ended.
  public func renew(childKey: String, token: String, durationMs: Int64? = nil) throws -> Int64 {
    try database.transition { tx in
      let lease = try held(tx.db, childKey: childKey, token: token)
      let deadline = Deadline(clock, inMs: durationMs ?? lease.durationMs)
      guard try LeaseStore.renew(tx, token: token, deadline, heartbeatNs: nil) else {
        throw staleLease(lease)
      }
      if let durationMs { try LeaseStore.setDuration(tx, token: token, durationMs) }
      return deadline.wallMs
    }
  }

  /// Takes a result that somebody hands over instead of dropping it.
  public func complete(childKey: String, token: String, result bytes: [UInt8]) throws -> TaskState {
    let (lease, rules) = try database.read { db in
      let lease = try held(db, childKey: childKey, token: token)
      return (lease, try TaskStore.find(db, id: lease.task)?.rules() ?? .none)
    }
    switch try judge(bytes, lease, rules) {
    case .refused(let text, let isForSchema):
      try note(lease, bytes, text, isForSchema)
      throw FlowdexError.failed(
        "result-invalid",
        "the result is not taken: "
          + text.split(separator: "\n").joined(separator: "; "))
    case .right(let right):
      let state = try database.transition { tx -> TaskState in
        let now = try held(tx.db, childKey: childKey, token: token)
        if now.state == .collected, try TaskStore.find(tx.db, id: now.task)?.result == right.digest {
          return now.taskState
        }
        guard let ended = try settle(tx, now, right, stamp: nil) else { throw staleLease(now) }
        return ended
      }
      acknowledge([lease])
      return state
    }
  }

  /// A refusal of what was handed over counts as one of what was dropped does, while the lease has a right to it.
  private func note(_ lease: LeaseRecord, _ bytes: [UInt8], _ text: String, _ isForSchema: Bool) throws {
    let finding = Collector.Finding(digest: Digest.sha256Hex(bytes), text: text, isForSchema: isForSchema)
    let state = try database.transition { tx -> TaskState? in
      guard let now = try LeaseStore.find(tx.db, token: lease.token), now.state == .live else { return nil }
      return try record(tx, now, finding)
    }
    if state?.isFinal == true { unlink([lease.token]) }
  }

  enum Judgement {
    case right(RightResult)
    /// What is wrong, a line each.
    case refused(String, isForSchema: Bool)
  }

  /// Holds a result to the envelope, the task's schema and, of a writing task, its permissions.
  func judge(_ bytes: [UInt8], _ lease: LeaseRecord, _ rules: TaskRules) throws -> Judgement {
    let result: AdapterResult
    switch AdapterResult.judge(bytes, schema: rules.compiled) {
    case .valid(let valid): result = valid
    case .invalid(let refusal):
      return .refused(refusal.problems.map(\.text).joined(separator: "\n"), isForSchema: refusal.isSchemaOnly)
    }
    var diff: String?
    if rules.isWrite {
      if result.diff != nil {
        return .refused(
          "`/diff`: expected null, for the diff of `work` is made for you; found a string", isForSchema: false
        )
      }
      if lease.hasPackage {
        switch try workCopies.judge(lease.cwd, layout.package(lease).work) {
        case .unchanged: break
        case .diff(let text): diff = text
        case .refused(let problems): return .refused(problems.joined(separator: "\n"), isForSchema: false)
        }
      }
    }
    return .right(
      RightResult(
        result, bytes, schema: rules.schema, diff: diff, childKey: lease.childKey, attempt: lease.attempt))
  }

  /// The lease of that token, if it belongs to that task.
  private func held(_ db: Database, childKey: String, token: String) throws -> LeaseRecord {
    if let lease = try LeaseStore.find(db, token: token), lease.childKey == childKey { return lease }
    let generation = try QueueStore.settings(db).generation
    guard try TaskStore.find(db, generation: generation, childKey: childKey) != nil else {
      let known = try TaskStore.all(db, generation: generation).map(\.childKey)
      throw FlowdexError.failed(
        "task-not-found", "run `\(layout.runId)` has no task `\(childKey)`",
        next: Nearest.of(childKey, in: known).map { "did you mean `\($0)`?" }
          ?? "run `flowdex status \(layout.runId)` to see the tasks")
    }
    throw FlowdexError.failed(
      "lease-unknown", "lease `\(token)` is not one of task `\(childKey)`",
      next: "run `flowdex status \(layout.runId) --json` to see each task's `leaseToken`")
  }

  private func staleLease(_ lease: LeaseRecord) -> FlowdexError {
    FlowdexError.failed(
      "lease-stale",
      "lease `\(lease.token)` of task `\(lease.childKey)` is \(lease.state.rawValue), and the task is "
        + "\(lease.taskState.rawValue): nothing was taken")
  }

  /// Makes the task final with this result, under this lease; nil if the lease has no right to it any more.
  func settle(
    _ tx: Transaction, _ lease: LeaseRecord, _ right: RightResult, stamp: String?
  ) throws -> TaskState? {
    switch lease.state {
    case .live: break
    case .expired:
      guard lease.taskState == .dispatchable, try LeaseStore.revive(tx, token: lease.token),
        try TaskStore.lease(tx, lease.task, token: lease.token, attempt: lease.attempt)
      else { return nil }
      unlink(try LeaseStore.withdrawOffers(tx, task: lease.task))
    case .offered:
      guard try claim(tx, lease) else { return nil }
    case .collected, .released, .replaced, .withdrawn: if !Sabotage.takes(lease.state) { return nil }
    }
    guard let state = try end(tx, lease, right, stamp: stamp) else {
      throw FlowdexError.bug("settle", "lease `\(lease.token)` is live but does not hold its task")
    }
    return state
  }

  /// As `settle`, for a lease that was live when it was last looked at: whether it still is, the guards of the
  /// UPDATEs say, so that it need not be looked at again.
  func settle(_ tx: Transaction, seen: LeaseRecord, _ right: RightResult, stamp: String?) throws -> TaskState?
  {
    if seen.state == .live, let state = try end(tx, seen, right, stamp: stamp) { return state }
    guard let now = try LeaseStore.find(tx.db, token: seen.token) else { return nil }
    return try settle(tx, now, right, stamp: stamp)
  }

  /// nil, with nothing changed, where the lease has ended.
  private func end(
    _ tx: Transaction, _ lease: LeaseRecord, _ right: RightResult, stamp: String?
  ) throws -> TaskState? {
    guard try LeaseStore.collect(tx, lease, stamp: stamp) else { return nil }
    try ArtifactStore.put(tx, right.bytes, digest: right.digest, layout: layout)
    if let diff = right.diff {
      try ArtifactStore.put(tx, Array(diff.text.utf8), digest: diff.artifactId, layout: layout)
    }
    if let schema = right.schema {
      try ArtifactStore.put(tx, schema.bytes, digest: schema.digest, layout: layout, announce: false)
    }
    guard let state = try TaskStore.end(tx, lease.task, token: lease.token, right.ending) else {
      throw FlowdexError.bug("settle", "lease `\(lease.token)` is live but does not hold its task")
    }
    let type: EventType =
      switch state {
      case .completed: .agentCompleted
      case .failed: .agentFailed
      case .blocked: .agentBlocked
      case .pending, .dispatchable, .leased, .dispatched, .cancelled: .agentCancelled
      }
    try tx.emit(type, payloadText: right.payloadText)
    tx.noteEnd(of: lease.childKey, in: lease.groupKey, generation: lease.generation, hook: onTaskEnd)
    return state
  }
}
