// What a person who watches a run wants to see, in one consistent read.

import QueueRunner

/// A run at one moment.
public struct WatchView: Sendable, Equatable {
  /// The tasks of one phase, by where they stand.
  public struct Phase: Sendable, Equatable {
    /// The phase, as the manifest names it.
    public let id: String
    /// Completed.
    public var done = 0
    /// Failed, blocked or cancelled.
    public var failed = 0
    /// Held by a worker.
    public var working = 0
    /// Of those, the ones whose last drop was refused.
    public var refused = 0
    /// Not held by anyone, offered ones included.
    public var waiting = 0
    /// Those that have been scheduled so far: more may follow.
    public var total: Int { done + failed + working + waiting }
  }

  /// One lease that is out.
  public struct Worker: Sendable, Equatable {
    /// The task that is worked on.
    public let childKey: String
    /// What the worker is called by whoever attached it.
    public let agentRef: String?
    /// Milliseconds since 1970: the hand-over, the claim or the last renewal.
    public let sinceMs: Int64
    /// Milliseconds since 1970.
    public let expiresAtMs: Int64?
    /// What was wrong with its last drop.
    public let refusal: String?
  }

  /// The name of the run's folder.
  public let runId: String
  /// The workflow's name.
  public let name: String
  /// Where the run stands as a whole.
  public let status: RunStatus
  /// Milliseconds since 1970.
  public let createdAtMs: Int64
  /// Why the run failed.
  public let error: String?
  /// Every phase of the manifest, in its order.
  public let phases: [Phase]
  /// The oldest 200 leases that are held.
  public let workers: [Worker]
  /// Packages that wait in `queue/ready`.
  public let offered: Int
  /// Operations that have ended, and all that were scheduled.
  public let operations: (done: Int, total: Int)
  /// The newest refusals, newest first; at most three.
  public let refusals: [ProgressStore.Refusal]
  /// How many tasks have ended within the last `windowMs`.
  public let endsInWindow: Int
  /// Milliseconds that an estimate looks back.
  public let windowMs: Int64
  /// How many workers there can be at one time.
  public let maxConcurrency: Int

  /// Whether a reader would see the same: what never changes in a run is not compared.
  public static func == (a: WatchView, b: WatchView) -> Bool {
    a.runId == b.runId && a.status == b.status && a.phases == b.phases && a.workers == b.workers
      && a.offered == b.offered && a.operations == b.operations && a.error == b.error
      && a.refusals == b.refusals
  }

  init(
    runId: String, name: String, status: RunStatus, createdAtMs: Int64, error: String?, phases: [Phase],
    workers: [Worker], offered: Int, operations: (done: Int, total: Int), refusals: [ProgressStore.Refusal],
    endsInWindow: Int, windowMs: Int64, maxConcurrency: Int
  ) {
    self.runId = runId
    self.name = name
    self.status = status
    self.createdAtMs = createdAtMs
    self.error = error
    self.phases = phases
    self.workers = workers
    self.offered = offered
    self.operations = operations
    self.refusals = refusals
    self.endsInWindow = endsInWindow
    self.windowMs = windowMs
    self.maxConcurrency = maxConcurrency
  }

  /// One consistent look at the state.
  public static func of(_ run: Run) throws -> WatchView {
    let manifest = try run.manifest()
    return try run.database.read { db in
      let record = try RunStore.get(db)
      var phases: [String: Phase] = [:]
      for (phase, state, count) in try TaskStore.phaseStates(db, generation: record.generation) {
        phases[phase, default: Phase(id: phase)].count(state, count)
      }
      for (phase, count) in try ProgressStore.refusedHeld(db, generation: record.generation) {
        phases[phase]?.refused = count
      }
      let held = try LeaseStore.held(db, limit: 200)
      let nowMs = run.clock.nowMs()
      let windowMs = Estimate.windowMs(elapsedMs: nowMs - record.createdAtMs)
      return WatchView(
        runId: record.runId, name: record.name, status: record.status, createdAtMs: record.createdAtMs,
        error: record.error, phases: manifest.phases.map { phases[$0.id] ?? Phase(id: $0.id) },
        workers: held.map {
          Worker(
            childKey: $0.lease.childKey, agentRef: $0.lease.agentRef,
            sinceMs: ($0.lease.expiresAtMs ?? $0.lease.createdAtMs) - $0.lease.durationMs,
            expiresAtMs: $0.lease.expiresAtMs, refusal: $0.error)
        }, offered: try LeaseStore.offeredCount(db),
        operations: try OperationStore.progress(db, generation: record.generation),
        refusals: try ProgressStore.lastRefusals(db, generation: record.generation, limit: 3),
        endsInWindow: try ProgressStore.ends(
          db, generation: record.generation, sinceMs: nowMs - windowMs), windowMs: windowMs,
        maxConcurrency: manifest.maxConcurrency)
    }
  }

  /// What results say they used so far: at most five plain numbers, each added up.
  public static func usage(_ run: Run) throws -> [(name: String, sum: Double)] {
    try run.database.read { db in
      try ProgressStore.usage(db, generation: RunStore.get(db).generation, limit: 5)
    }
  }
}

extension WatchView.Phase {
  mutating func count(_ state: TaskState, _ count: Int) {
    switch state {
    case .completed: done += count
    case .failed, .blocked, .cancelled: failed += count
    case .leased, .dispatched: working += count
    case .pending, .dispatchable: waiting += count
    }
  }
}
