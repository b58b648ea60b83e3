// Hands-off: one loop over hints, timers, host commands and signals that takes results as they are dropped and
// drives the run until it ends. A hint only says "look": every few seconds the loop looks at everything
// anyway (LookPace), so a lost one costs latency, never a result.

import QueueRunner

/// What a watcher tells whoever shows it.
public protocol WatchObserver: Sendable {
  /// Called on the watcher's thread after each turn, with the events since the last call; every few seconds with
  /// none, for what shows how time goes by.
  func observe(_ run: Run, events: [EventRecord]) throws
  /// A condition worth a line: polling, another driver, a lost folder.
  func note(_ runId: String, _ text: String)
}

/// How to watch.
public struct WatchOptions: Sendable {
  /// Keep `queue/ready` filled with up to this many packages; nil for no dispatch.
  public var dispatchLimit: Int?
  /// Look once, advance, and come back.
  public var once = false
  /// Never trust inotify: look every quarter of a second.
  public var poll = false

  /// Without arguments: collects and drives until the run ends, and offers nothing.
  public init(dispatchLimit: Int? = nil, once: Bool = false, poll: Bool = false) {
    self.dispatchLimit = dispatchLimit
    self.once = once
    self.poll = poll
  }
}

/// Watches one run. Confined to one permanent thread.
public final class RunWatcher {
  /// How long a run that waits for workers keeps its session, before it gives it up and replays later.
  static let keepSessionMs: Int64 = 20_000

  let run: Run
  let options: WatchOptions
  let environment: DriverEnvironment
  let observer: any WatchObserver
  private let collector: Collector
  private var folders: WatchedFolders
  private var seat: DriverSeat?
  private var driver: Driver?
  private var lastSeq: Int64
  private var nextFullLookMs: Int64 = 0 {
    didSet { if Sabotage.noFullLook.isOn, !folders.isPolling { nextFullLookMs = .max / 2 } }
  }
  private var nextPollMs: Int64 = 0
  /// The state when it was last acted on, and when everything was last looked at.
  private var acted: Mark?
  private var lookedAt: Mark?
  private var hasCommandEnded = false
  private var lastActivityMs: Int64
  private var saidFollowing = false

  /// Changes whenever anybody has committed.
  private struct Mark: Equatable {
    var commits: Int
    let foreign: Int
  }

  /// Heals what a crash or a reboot left, and subscribes to the run's folders where they tell of changes.
  public init(
    _ run: Run, options: WatchOptions, environment: DriverEnvironment, observer: any WatchObserver
  ) throws {
    self.run = run
    self.options = options
    self.environment = environment
    self.observer = observer
    collector = Collector(run.queue)
    lastActivityMs = run.clock.bootMs()
    lastSeq = try run.database.read(EventStore.lastSeq)
    try run.database.healEvents()
    try run.queue.repairPackagesAfterReboot()
    folders = try WatchedFolders(run, poll: options.poll)
    sayHowWatched()
  }

  /// Runs until the run has ended or been stopped, or the process was asked to stop.
  public func watch() throws -> DriveResult {
    defer { leave() }
    while true {
      do {
        return try watchOn()
      } catch {
        if !outlast(error) { throw error }
      }
    }
  }

  /// Whether the watch can go on after an error: see `Driver.outlast`.
  private func outlast(_ fault: any Error) -> Bool {
    let say: (String) -> Void = { [observer, run] text in
      observer.note(run.layout.runId, text)
      // A screen is drawn only when something is observed, and nothing is while commands are waited for.
      try? observer.observe(run, events: [])
    }
    guard let driver, driver.outlast(fault, say: say) else { return false }
    hasCommandEnded = true
    return true
  }

  private func watchOn() throws -> DriveResult {
    while true {
      try checkPlace()
      let look = try look()
      // What nobody has changed needs not be acted on again; but a free seat is to be taken, and time goes by.
      let now = try mark()
      if look.isFull || driver == nil || hasCommandEnded || acted != now, let result = try act(look) {
        return result
      }
      if try waitForNews(look.collected) { return try run.result(wasInterrupted: true) }
    }
  }

  private func mark() throws -> Mark {
    Mark(commits: run.database.commits, foreign: try run.database.foreignVersion())
  }

  /// Takes what hints or the timer say to look at.
  private func look() throws -> (collected: CollectReport, isFull: Bool) {
    let before = try mark()
    let begunMs = run.clock.bootMs()
    let isPollDue = begunMs >= nextPollMs
    let scope = try folders.scope(
      isFullLookDue: begunMs >= nextFullLookMs, isPollDue: isPollDue,
      othersCommitted: acted.map { $0.foreign != before.foreign } ?? false)
    if isPollDue { nextPollMs = begunMs + LookPace.pollMs }
    let report = try collector.pass(scope, tells: .sums)
    folders.forget(report.ended)
    guard scope == .all else {
      // What has just begun may run out before the look that an idle watch has put off.
      if before != acted { nextFullLookMs = min(nextFullLookMs, begunMs + LookPace.busyMs) }
      return (report, false)
    }
    let endedMs = run.clock.bootMs()
    nextFullLookMs =
      endedMs
      + LookPace.next(
        isPolling: folders.isPolling, isIdle: lookedAt == before, tookMs: endedMs - begunMs,
        expiryInMs: report.nextExpiryInMs)
    lookedAt = before
    return (report, true)
  }

  /// Drives, hands out and tells; the result where that is the end of it.
  private func act(_ look: (collected: CollectReport, isFull: Bool)) throws -> DriveResult? {
    let foreign = try run.database.foreignVersion()
    hasCommandEnded = false
    let standing = try advance()
    let offered = try dispatch()
    try folders.refreshNew()
    sayHowWatched()
    if try tell() || look.collected.didCollect || offered { lastActivityMs = run.clock.bootMs() }
    if standing == .interrupted { return try run.result(wasInterrupted: true) }
    let status = try run.record().status
    if status.isOver { return try run.result() }
    if options.once, try isDone(standing, status) { return try run.result() }
    seat?.note(folders.polling)
    rest()
    // Of others, only what had been committed before is known to have been acted on.
    acted = Mark(commits: run.database.commits, foreign: foreign)
    return nil
  }

  private func sayHowWatched() {
    if let news = folders.takeNews() { observer.note(run.layout.runId, news) }
  }

  /// Whether one look has come to its end: unless somebody has left us something to drive while we got up.
  private func isDone(_ standing: Driver.Standing?, _ status: RunStatus) throws -> Bool {
    guard let driver, status.isLive else { return true }
    guard standing == .waiting(commands: 0) else { return false }
    let position = driver.position
    leave()
    return try !run.isLeftBehind(position)
  }

  /// An open database outlives its name: without this look, a run whose directory was removed or moved away
  /// would be watched for ever.
  private func checkPlace() throws {
    if try FileSystem.isThere(run.layout.database) { return }
    throw FlowdexError.machine(
      "run-gone", "run `\(run.layout.runId)` is no longer in `\(run.layout.root)`",
      next: "put its directory back, and watch it again")
  }

  /// Drives, if the seat is ours or free.
  private func advance() throws -> Driver.Standing? {
    guard try run.record().status.isLive || driver != nil else { return nil }
    do {
      if driver == nil {
        guard let taken = try DriverSeat.take(run) else {
          sayFollowing()
          return nil
        }
        seat = taken
        driver = try Driver(run, epoch: taken.epoch, environment: environment)
        saidFollowing = false
      }
      return try driver?.advance()
    } catch is DriverFenced {
      leave()
      // By a stop that has been lifted again, nobody else drives: a second try takes the seat.
      return try advance()
    }
  }

  private func sayFollowing() {
    if saidFollowing { return }
    saidFollowing = true
    let pid = (try? run.driver())??.pid
    observer.note(
      run.layout.runId,
      "process \(pid.map(String.init) ?? "?") drives this run; following, to take over if it ends")
  }

  private func dispatch() throws -> Bool {
    guard let limit = options.dispatchLimit, try run.record().status.isLive else { return false }
    do {
      let offered = try run.offer(limit: limit)
      folders.didShow(offered.map(\.token))
      return !offered.isEmpty
    } catch let error as FlowdexError where error.code == "queue-not-open" {
      return false
    }
  }

  private func tell() throws -> Bool {
    var isNews = false
    while true {
      let events = try run.database.read {
        try EventStore.after($0, runId: run.layout.runId, seq: lastSeq, limit: 1000)
      }
      guard let last = events.last else {
        if !isNews { try observer.observe(run, events: []) }
        return isNews
      }
      lastSeq = last.seq
      try observer.observe(run, events: events)
      isNews = true
    }
  }

  /// A run that has waited long for its workers gives its session up.
  private func rest() {
    if run.clock.bootMs() - lastActivityMs > Self.keepSessionMs { driver?.rest() }
  }

  /// Sleeps until something may have happened; true if asked to stop.
  private func waitForNews(_ report: CollectReport) throws -> Bool {
    var inMs = nextFullLookMs - run.clock.bootMs()
    if let again = report.lookAgainInMs { inMs = min(inMs, again) }
    if driver == nil { inMs = min(inMs, 1000) }
    if folders.isPollingSome { inMs = min(inMs, nextPollMs - run.clock.bootMs()) }
    // Whoever shows how time goes by is asked every few seconds, also by a watch that looks less often.
    inMs = min(inMs, LookPace.busyMs)
    if folders.hasHints { inMs = 0 }
    let ready = try Poller.wait(
      folders.descriptors + (driver.map { [$0.descriptor] } ?? []) + environment.interrupts
        + environment.leavings, timeoutMs: Int(max(0, inMs)))
    if !ready.isDisjoint(with: environment.leavings) {
      _ = outlast(FlowdexError.machine("work-ends", "the work ends by an error"))
      return true
    }
    if ready.isEmpty, inMs == LookPace.busyMs { try observer.observe(run, events: []) }
    folders.lookAgain(at: report.lookAgainAt)
    // A command that has ended is a delivery; a session that was given up starts while it is committed.
    if let driver, ready.contains(driver.descriptor) {
      hasCommandEnded = true
      driver.prepareSession()
    }
    return !ready.isDisjoint(with: environment.interrupts)
  }

  private func leave() {
    driver?.close()
    driver = nil
    seat?.release()
    seat = nil
  }
}
