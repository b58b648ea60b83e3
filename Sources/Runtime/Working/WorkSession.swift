// `work`, whole: the pool of workers on the caller's thread, and beside it whoever drives the run on. Nobody else
// may be doing that, and then results alone would bring the run nowhere; where somebody does, the thread follows,
// and takes over if that process ends.

import QueueRunner

/// Works off a run with a command.
public struct WorkSession: Sendable {
  let project: Project
  let runId: String
  let options: WorkOptions
  let command: WorkerCommand
  let variables: [String: String]
  let driving: DriverEnvironment
  let observer: any WorkObserver

  /// - Parameters:
  ///   - variables: the environment that commands get, beside what `WorkerCommand` adds.
  ///   - driving: what drives the run where no other process does.
  public init(
    _ project: Project, runId: String, options: WorkOptions, command: WorkerCommand,
    variables: [String: String], driving: DriverEnvironment, observer: any WorkObserver
  ) {
    self.project = project
    self.runId = runId
    self.options = options
    self.command = command
    self.variables = variables
    self.driving = driving
    self.observer = observer
  }

  /// Returns when the run has ended or been stopped, workers fail alike, the process was asked to stop, or, with
  /// `once`, nothing is left to hand out. Whatever happens, no lease and no command of the pool is left behind.
  public func work() throws -> WorkOutcome {
    let run = try project.open(runId)
    let status = try run.record().status
    if status.isOver {
      return WorkOutcome(result: try run.resultAtRest(), ended: 0, broken: nil)
    }
    let pool = try WorkPool(
      run, options: options, command: command, environment: variables, observer: observer)
    let driver = try SideDriver(self)
    defer { driver.stop() }
    do {
      let wasInterrupted = try loop(pool, driver)
      if wasInterrupted { try pool.leave(reason: "flowdex work was interrupted") }
      driver.stop()
      if pool.broken == nil, !wasInterrupted { try driver.rethrow() }
      return WorkOutcome(
        result: try run.result(wasInterrupted: wasInterrupted), ended: pool.ended, broken: pool.broken)
    } catch {
      try? pool.leave(reason: "flowdex work ended by an error")
      // What the machine does to the workers must not end the host commands of the run.
      if (error as? FlowdexError)?.kind == .machine { driver.leave() }
      throw error
    }
  }

  /// True if asked to stop.
  private func loop(_ pool: WorkPool, _ driver: SideDriver) throws -> Bool {
    var idle = IdleWord()
    if !options.once { try driver.start() }
    while true {
      let mayStart = !driver.isOver || options.once
      let taken = try pool.turn(mayStart: mayStart)
      if taken > 0 { driver.tookMore() }
      if pool.isIdle {
        let status = try pool.run.record().status
        if pool.broken != nil || status.isOver { return false }
        if driver.isOver { return false }
        if options.once { try driver.start() }
        if !options.once, idle.isDue(pool.run.clock) {
          observer.note("\(try pool.run.whyIdle()): waiting")
        }
      } else {
        idle = IdleWord()
      }
      let ready = try Poller.wait(
        pool.descriptors + driver.descriptors + driving.interrupts, timeoutMs: Int(pool.waitMs))
      if !ready.isDisjoint(with: driving.interrupts) { return true }
      driver.look()
    }
  }
}

/// When to say that there is nothing to do: once, and not for a moment between two tasks.
private struct IdleWord {
  private static let afterMs: Int64 = 2000
  private var sinceMs: Int64?
  private var isSaid = false

  mutating func isDue(_ clock: any WallClock) -> Bool {
    let now = clock.bootMs()
    let since = sinceMs ?? now
    sinceMs = since
    if isSaid || now - since < Self.afterMs { return false }
    isSaid = true
    return true
  }
}

/// A thread that drives the run as `watch` does.
private final class SideDriver {
  private let session: WorkSession
  private let stopping: Wakeup
  private let leaving: Wakeup
  private let failure = Guarded<(any Error)?>(nil)
  private var thread: PermanentThread?
  /// Whether the driver has come to its end, with nothing taken up since it began.
  private(set) var isOver = false
  private var isBehind = false

  init(_ session: WorkSession) throws {
    self.session = session
    stopping = try Wakeup()
    leaving = try Wakeup()
  }

  var descriptors: [Int32] { thread.map { [$0.descriptor] } ?? [] }

  func start() throws {
    if thread != nil { return }
    isOver = false
    isBehind = false
    let session = session
    let environment = DriverEnvironment(
      makeSession: session.driving.makeSession,
      interrupts: session.driving.interrupts + [stopping.descriptor],
      cores: session.driving.cores, leavings: [leaving.descriptor], say: session.driving.say)
    let failure = failure
    thread = try PermanentThread {
      do {
        _ = try RunWatcher(
          session.project.open(session.runId), options: WatchOptions(once: session.options.once),
          environment: environment, observer: DriverNotes(observer: session.observer)
        ).watch()
      } catch {
        failure.withLock { $0 = error }
      }
    }
  }

  /// What comes of that, a driver that looks only once may have gone by.
  func tookMore() {
    isBehind = session.options.once
    if isBehind { isOver = false }
  }

  /// Notes whether the thread has ended.
  func look() {
    guard let thread, (try? Poller.wait([thread.descriptor], timeoutMs: 0))?.isEmpty == false else { return }
    thread.join()
    self.thread = nil
    isOver = !isBehind
  }

  /// As `stop`, but host commands end by themselves.
  func leave() {
    leaving.signal()
    thread?.join()
    thread = nil
  }

  func stop() {
    stopping.signal()
    thread?.join()
    thread = nil
  }

  func rethrow() throws { if let error = failure.withLock({ $0 }) { throw error } }
}

/// Of what the driver sees, `work` tells only what is out of the ordinary.
private struct DriverNotes: WatchObserver {
  let observer: any WorkObserver
  func observe(_ run: Run, events: [EventRecord]) {}
  func note(_ runId: String, _ text: String) { observer.note(text) }
}
