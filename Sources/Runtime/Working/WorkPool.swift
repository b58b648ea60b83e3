// Turns a command into workers: leases, runs the command for each package, takes what it leaves, renews the leases
// meanwhile. One loop over what other processes commit, commands that end, and time.
//
// A crash of the pool loses nothing: the supervisors end the commands, the leases run out, and the tasks can be
// handed out again. What a command wrote before that is taken by whoever looks next.

import Glibc
import QueueRunner

/// The workers of one run. Confined to the thread that opened the run.
final class WorkPool {
  /// How long a command may go on once its result is taken, milliseconds.
  static let afterwardsMs: Int64 = 5000
  /// How often everything is looked at although nothing told so.
  static let lookAnywayMs: Int64 = 1000
  /// How long an answer that the machine has no room for is held, milliseconds. What a worker has printed was worked and
  /// perhaps paid for, and is nowhere else.
  static let stuckMs: Int64 = 60_000
  static let tryAgainMs: Int64 = 1000
  /// Bytes kept of each stream of a command.
  static let outputBytes = 64 << 20

  let run: Run
  let options: WorkOptions
  let command: WorkerCommand
  let environment: [String: String]
  let observer: any WorkObserver
  let collector: Collector
  var ledger: WorkLedger
  var held: [String: HeldWork] = [:]
  var ended = 0
  private(set) var broken: String?
  private let finished: Mailbox<(token: String, outcome: HostCommandOutcome)>
  private let wakes: WakeWatch

  /// Subscribes to the run's changes; starts nothing.
  init(
    _ run: Run, options: WorkOptions, command: WorkerCommand, environment: [String: String],
    observer: any WorkObserver
  ) throws {
    self.run = run
    self.options = options
    self.command = command
    self.environment = environment
    self.observer = observer
    collector = Collector(run.queue)
    ledger = WorkLedger(
      retries: options.retries, backOffMs: options.backOffMs, breakAfter: options.breakAfter)
    finished = try Mailbox()
    wakes = try WakeWatch(run.layout)
  }

  /// Descriptors that tell of news.
  var descriptors: [Int32] { [finished.descriptor, wakes.descriptor] }
  var isIdle: Bool { held.isEmpty }
  /// How long the caller may wait for news.
  var waitMs: Int64 {
    // What is due is put off then, and looking for it all the time would only take from the machine.
    if isStuck { return Self.tryAgainMs }
    let due = held.values.map(\.dueAtMs).min().map { max(0, $0 - run.clock.bootMs()) } ?? .max
    return min(due, Self.lookAnywayMs)
  }

  /// One turn: what has ended, what is due, and, if it may, new packages.
  ///
  /// - Returns: how many packages were taken up.
  func turn(mayStart: Bool) throws -> Int {
    wakes.take()
    for (token, outcome) in finished.takeAll() {
      held[token]?.stage = .settling(outcome, atMs: 0)
    }
    try follow()
    let now = run.clock.bootMs()
    for work in held.values where work.renewAtMs <= now { try sparing { try renew(work, now) } }
    for (token, work) in held {
      if case .settling(let outcome, let atMs) = work.stage, atMs <= now {
        held[token]?.stage = .settling(outcome, atMs: now + Self.tryAgainMs)
        try sparing { try settle(token, outcome) }
      }
    }
    // Nothing else is begun that could fail for the same reason.
    if isStuck { return 0 }
    let isLive = try run.record().status.isLive
    if !isLive || ledger.isBroken { try giveBackWaiting() }
    guard mayStart, isLive, !ledger.isBroken else { return 0 }
    try startDue(now)
    return try fill()
  }

  /// Whether an answer is held that the machine has no room for.
  private var isStuck: Bool { held.values.contains { $0.stuckSinceMs != nil } }

  /// What fails for want of machine beside an answer that is held for the same reason is tried again with it, and does not
  /// end the pool.
  private func sparing(_ step: () throws -> Void) throws {
    do { try step() } catch let error as FlowdexError where error.isOfTheMachine && isStuck {
      if let since = held.values.compactMap(\.stuckSinceMs).min(), run.clock.bootMs() - since >= Self.stuckMs
      {
        throw error
      }
    }
  }

  /// Ends every command and gives every lease back, after a look at what is there.
  ///
  /// - Throws: the first error, once all has been tried: what brought us here may be in the way of one step and of no
  ///   other.
  func leave(reason: String) throws {
    var first: (any Error)?
    func attempt(_ step: () throws -> Void) {
      do { try step() } catch { first = first ?? error }
    }
    attempt { _ = try turn(mayStart: false) }
    for work in held.values { work.command?.cancel() }
    while held.values.contains(where: { $0.command != nil }) {
      do { _ = try Poller.wait([finished.descriptor], timeoutMs: nil) } catch { poll(nil, 0, 10) }
      for (token, outcome) in finished.takeAll() { held[token]?.stage = .settling(outcome, atMs: 0) }
    }
    for (token, work) in held {
      if case .settling(let outcome, _)? = held[token]?.stage { attempt { _ = try keep(outcome, work) } }
      attempt {
        _ = try collector.pass(.only([token]))
        if try lease(token)?.state == .collected { try took(work, nil) } else { try giveBack(work, reason) }
      }
    }
    if let first { throw first }
  }

  /// What became of the leases by others' doing.
  private func follow() throws {
    let now = run.clock.bootMs()
    for (token, work) in held {
      guard let state = try lease(token)?.state else { continue }
      switch state {
      case .live, .expired, .offered: continue
      case .collected:
        // Its result is taken: what it still does, it does for itself.
        guard let command = work.command else { continue }
        if let end = work.endAtMs {
          if end <= now { command.cancel() }
        } else {
          held[token]?.endAtMs = now + Self.afterwardsMs
        }
      case .released, .replaced, .withdrawn:
        work.command?.cancel()
        if work.command == nil { lose(work, "the lease was \(state.rawValue)") }
      }
    }
  }

  private func renew(_ work: HeldWork, _ now: Int64) throws {
    held[work.lease.token]?.willRenew(afterMs: now)
    do {
      _ = try run.queue.renew(childKey: work.lease.childKey, token: work.lease.token)
    } catch let error as FlowdexError where error.code == "lease-stale" {
      // Collected or gone: `follow` sees which.
    }
  }

  private func startDue(_ now: Int64) throws {
    for (token, work) in held.sorted(by: { $0.value.dueAtMs < $1.value.dueAtMs }) where freeJobs > 0 {
      if case .waiting(let atMs) = work.stage, atMs <= now { try start(token) }
    }
  }

  /// Commands that are between two runs keep no job, so that others can show whether workers work at all.
  private var freeJobs: Int { options.jobs - held.values.count { !$0.isWaiting } }
  private var freePackages: Int { options.jobs + max(1, options.breakAfter) - held.count }

  private func fill() throws -> Int {
    let room = min(freeJobs, freePackages)
    if room <= 0 { return 0 }
    let claimed = try run.queue.claim(atMost: room)
    // Held before anything else is done: if that fails, they are given back.
    for lease in claimed { try enter(lease) }
    var leased: [IssuedLease] = []
    if claimed.count < room {
      do {
        leased = try run.next(
          limit: .max, atMost: room - claimed.count, files: true, durationMs: options.leaseMs)
      } catch let error as FlowdexError where error.code == "queue-not-open" {
        // Paused, stopped or ended since; the next turn sees.
      }
    }
    for lease in leased { try enter(lease) }
    for lease in claimed + leased { try takeUp(lease) }
    return claimed.count + leased.count
  }

  private func enter(_ lease: IssuedLease) throws {
    guard let package = lease.package else {
      throw FlowdexError.bug("work", "lease `\(lease.token)` came without its package")
    }
    var work = HeldWork(
      lease: lease, package: package, durationMs: options.leaseMs ?? lease.spec.leaseMs,
      stage: .waiting(atMs: 0), renewAtMs: 0)
    work.willRenew(afterMs: run.clock.bootMs())
    held[lease.token] = work
  }

  private func takeUp(_ lease: IssuedLease) throws {
    do {
      // A package from queue/ready has the time that its task says.
      if let leaseMs = options.leaseMs {
        _ = try run.queue.renew(childKey: lease.childKey, token: lease.token, durationMs: leaseMs)
      }
      _ = try run.queue.attach(
        childKey: lease.childKey, token: lease.token, agentRef: "flowdex-work-\(getpid())")
    } catch let error as FlowdexError where error.code == "lease-stale" {
      return  // Withdrawn this very moment; `follow` sees.
    }
    try start(lease.token)
  }

  private func start(_ token: String) throws {
    guard var work = held[token] else { return }
    work.runs += 1
    let lease = work.lease
    let variables = command.environment(
      lease, work.package, runId: run.layout.runId, project: run.project.projectRoot, run: work.runs)
    try? FileSystem.makeDirectories(work.package.scratch)
    work.stampBefore = try ResultFile.stamp(package: work.package.root)
    let prepared = try HostCommandRunner.prepare(
      HostCommandSpec(
        argv: command.arguments(work.package), cwd: LeaseViews.workingFolder(lease) ?? work.package.root,
        environment: environment.merging(variables) { _, ours in ours }, program: nil,
        timeoutMs: options.timeoutMs ?? .max, maxOutputBytes: Self.outputBytes),
      spillFolder: work.package.scratch)
    let mailbox = finished
    try prepared.go { outcome in mailbox.post((token, outcome)) }
    work.stage = .running(prepared)
    held[token] = work
    tell(.started, work, "")
  }

  /// Pauses the run; the packages that are between two runs go back, the commands that run may end.
  func breakCircuit(_ reason: String) throws {
    broken = reason
    do {
      _ = try run.pause(reason: reason)
    } catch let error as FlowdexError where error.code == "no-such-move" {
      // It has ended or was stopped meanwhile.
    }
  }

  private func giveBackWaiting() throws {
    let why = ledger.isBroken ? "workers fail alike" : "nothing is started while the run does not go on"
    for work in held.values where work.isWaiting { try giveBack(work, why) }
  }

  func lease(_ token: String) throws -> LeaseRecord? {
    try run.database.read { try LeaseStore.find($0, token: token) }
  }
}
