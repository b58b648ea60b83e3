// The driver of one run: it gives the session what is committed, records what the callback asks for, runs host
// commands, and ends the run. It never waits for workers; whoever owns it does, and calls `advance` again.
//
// Order is everything here. A delivery is sent only when it is in the history; what a turn scheduled is
// recorded before the run is said to wait for it; a host command starts only when its intent is committed. So
// a process that dies at any point leaves a run that a replay brings to the same place.

import Glibc
import QueueRunner

/// Advances one run. Confined to one permanent thread, which must outlive the sessions it starts.
final class Driver {
  /// Where an `advance` left the run.
  enum Standing: Equatable {
    /// Completed or failed.
    case ended(RunStatus)
    /// Paused or stopped by somebody: nothing is driven until it is resumed. A pause lets the host commands
    /// that run finish, and their results are kept.
    case suspended(RunStatus, commands: Int)
    /// Host commands of this driver are running, or tasks wait for workers, or both.
    case waiting(commands: Int)
    case interrupted
  }

  let run: Run
  let epoch: Int64
  let manifest: Manifest
  let planner: OperationPlanner
  let board: CommandBoard
  let environment: DriverEnvironment
  var replay: ReplayState
  private var session: (any WorkflowSession)?
  /// What the session has been sent and has not answered yet.
  private var inFlight: [Delivery] = []
  /// A process that makes itself ready for the next session, while the driver does something else.
  private var ahead: (any WorkflowSession)?
  /// How far the run was when its session was given up for want of work.
  private var restedAt: DrivePosition?
  /// Deaths of sessions since the callback last got further than ever before.
  private var deaths = 0
  private var turnsAtDeath = -1
  /// Why the machine cannot start a host command now, or keep its output. Told when none of ours runs any more: the
  /// end of a drive kills those that do, and what they had done would be unknown.
  var trouble: FlowdexError?
  /// Why something of a command may still run that has ended without a word: nothing begins beside it.
  var survival: FlowdexError?
  /// How often commands that may run again have ended without a word.
  var unheard: [String: Int] = [:]
  /// What the driver before left half done has been seen to.
  private var isRecovered = false

  init(_ run: Run, epoch: Int64, environment: DriverEnvironment) throws {
    self.run = run
    self.epoch = epoch
    self.environment = environment
    manifest = try run.approvedDocument().manifest
    planner = OperationPlanner(manifest: manifest)
    ahead = Self.makeAhead(run, manifest, environment)
    board = try CommandBoard(run: run, manifest: manifest, slots: environment.cores)
    replay = try run.database.read { try ReplayState.load($0) }
  }

  /// How far this driver has come.
  var position: DrivePosition { DrivePosition(generation: replay.generation, delivered: replay.delivered) }

  /// Readable when a host command has finished: time for another `advance`.
  var descriptor: Int32 { board.descriptor }

  /// What is wrong with Deno is said when a session is needed, and not before.
  private static func makeAhead(
    _ run: Run, _ manifest: Manifest, _ environment: DriverEnvironment
  ) -> (any WorkflowSession)? {
    guard (try? FileSystem.makeDirectories(run.layout.sessionFolder)) != nil else { return nil }
    return try? environment.makeSession(manifest, run.layout.sessionFolder)
  }

  /// Tells that an `advance` will follow which needs a session: its process is started now.
  func prepareSession() {
    if session == nil, ahead == nil { ahead = Self.makeAhead(run, manifest, environment) }
  }

  /// Advances as far as committed results allow.
  func advance() throws -> Standing {
    while true {
      do {
        if !isRecovered {
          try recoverCommands()
          try recoverIntegrations()
          isRecovered = true
        }
        return try advanceGeneration()
      } catch is GenerationMoved {
        board.cancelAll()
        trouble = nil
        closeSession()
        prepareSession()
        replay = try run.database.read { try ReplayState.load($0) }
        // What was told to end may not have heard it, and nothing begins anew beside it.
        isRecovered = false
      }
    }
  }

  private func advanceGeneration() throws -> Standing {
    while true {
      try commitFinishedCommands()
      let record = try run.database.read(RunStore.get)
      if record.driverEpoch != epoch { throw DriverFenced() }
      if record.status.hasEnded { return .ended(record.status) }
      if !record.status.isLive {
        if record.status == .stopped { board.cancelAll() }
        trouble = nil
        closeSession()
        board.rest()
        return .suspended(record.status, commands: board.running)
      }
      if record.generation != replay.generation { throw GenerationMoved() }
      try tellTrouble()
      do {
        if let standing = try step(record) { return standing }
      } catch let failure as SessionFailure {
        closeSession()
        if let ended = try failed(by: failure) { return ended }
      } catch let failure as RunFailure {
        return try fail(failure.reason)
      }
    }
  }

  /// Gives up the session of a run that waits long for workers. The next `advance` replays, but only when there is
  /// something to deliver: until then it stands as it stood.
  func rest() {
    if session != nil || ahead != nil { restedAt = position }
    closeSession()
  }

  /// Gives up the session; the next `advance` replays.
  func closeSession() {
    for open in [session, ahead] { open?.close() }
    session = nil
    ahead = nil
    inFlight = []
  }

  /// Ends what this driver has running, leaving the run to be driven on by a later one.
  func close() {
    closeSession()
    board.cancelAll()
  }

  /// One batch of deliveries and what came of it; nil to go on.
  private func step(_ record: RunRecord) throws -> Standing? {
    if session == nil {
      if restedAt == position, record.status == .needsDispatch, let standing = try standStill(record) {
        return standing
      }
      guard try startSession(record) else { return .interrupted }
      return try settle()
    }
    let batch = try run.database.read {
      try HistoryStore.after(
        $0, generation: replay.generation, n: replay.delivered + inFlight.count, limit: Self.batch)
    }
    if batch.isEmpty, inFlight.isEmpty { return try standStill(record) }
    guard try deliver(batch) else { return .interrupted }
    return try settle()
  }

  /// Records the turns that have come back and, where the callback is done, ends the run.
  private func settle() throws -> Standing? {
    try recordTurns()
    switch replay.ending {
    case nil, .suspended?: return nil
    case .completed(let value)?: return try complete(value)
    case .failed(let reason)?: return try fail(reason)
    }
  }

  /// Nothing is there to deliver: the run waits, or can never go on.
  private func standStill(_ record: RunRecord) throws -> Standing? {
    if try integrate() { return nil }
    try startCommands()
    try tellTrouble()
    // Collectors commit beside us: what came since the last look is delivered first.
    let stillness = try run.database.read {
      try HistoryStore.stillness($0, generation: replay.generation, delivered: replay.delivered)
    }
    switch stillness {
    case .more: return nil
    case .waiting: break
    case .stuck:
      return try fail(
        "the callback waits for something that can never come: nothing is scheduled, and nothing is pending")
    }
    if board.running == 0, record.status == .running {
      try transition { tx in
        _ = try RunStore.move(tx, .suspend)
        try tx.emit(.workflowSuspended, ["deliveries": JSONValue(replay.delivered)])
      }
    }
    if board.running == 0 { board.rest() }
    return .waiting(commands: board.running)
  }

  private func startSession(_ record: RunRecord) throws -> Bool {
    restedAt = nil
    if !replay.isUntouched { replay = try run.database.read { try ReplayState.load($0) } }
    // A watch lives for days and starts many sessions: each runs what was approved, or none.
    let (source, input) = try run.approvedTexts(record)
    try FileSystem.makeDirectories(run.layout.sessionFolder)
    let fresh = try ahead ?? environment.makeSession(manifest, run.layout.sessionFolder)
    ahead = nil
    session = fresh
    let start = SessionStart(
      source: String(decoding: source, as: UTF8.self), inputText: String(decoding: input, as: UTF8.self),
      nowMs: record.createdAtMs, manifestHash: record.manifestHash)
    try fresh.start(start)
    guard let turn = try fresh.receive(wakeups: environment.interrupts) else { return false }
    try replay.add(turn, after: nil)
    return true
  }

  /// At most so many deliveries are read at once, and at most about so many bytes of them sent.
  private static let batch = 256
  private static let batchBytes = 4 << 20

  /// Writes a batch ahead and reads turns, one for each delivery; false if interrupted. As long as there is more
  /// to deliver a batch stays in flight, so that both ends always have something to do.
  private func deliver(_ batch: [Delivery]) throws -> Bool {
    guard let session else { return false }
    var bytes = 0
    var sent: [Delivery] = []
    do {
      try run.database.read { db in
        for delivery in batch where bytes < Self.batchBytes {
          let value = try DeliveryValue.make(db, delivery, run.layout, replay.generation) { part in
            try session.deliver(part: part)
            bytes += part.utf8.count
          }
          try session.deliver(value)
          bytes += value.sizeBytes
          sent.append(delivery)
        }
      }
    } catch {
      // It may have been given the beginning of what turned out to be lost.
      closeSession()
      throw error
    }
    inFlight += sent
    let isMore = sent.count < batch.count || batch.count == Self.batch
    while let delivery = inFlight.first, inFlight.count > (isMore ? sent.count : 0) {
      try replay.expect(delivery.key)
      guard let turn = try session.receive(wakeups: environment.interrupts) else { return false }
      inFlight.removeFirst()
      try replay.add(turn, after: delivery.key)
      if replay.ending != nil { break }
    }
    return true
  }

  /// A limit that flowdex enforced fails the run; any other death is tried again, twice.
  private func failed(by failure: SessionFailure) throws -> Standing? {
    switch failure {
    case .limit(let name, let value, let message):
      return try fail(SessionFailure.text(limit: name, value: value, message: message))
    case .died(let reason):
      if replay.recordedTurns > turnsAtDeath { deaths = 0 }
      turnsAtDeath = replay.recordedTurns
      deaths += 1
      if deaths <= 2 { return nil }
      throw FlowdexError.machine(
        "session-died", "the workflow's session died three times, at last: \(reason)",
        next: "run `flowdex continue \(run.layout.runId)` to go on; nothing is lost")
    }
  }

  /// One transaction of this driver, fenced by its epoch.
  ///
  /// - Parameter announce: called as soon as the commit is on disk, while nobody else can commit.
  func transition<Value>(
    _ body: (Transaction) throws -> Value, announce: (Value) -> Void = { _ in }
  ) throws -> Value {
    try run.database.transition(
      { tx in
        try RunStore.fence(tx, epoch: epoch, generation: replay.generation)
        return try body(tx)
      }, announce: announce)
  }

  /// Ends the run `failed`, with its reason.
  func fail(_ reason: String) throws -> Standing {
    try takeWhatIsThere()
    let tokens = try transition { tx -> [String] in
      guard try RunStore.move(tx, .fail, error: reason) else { return [] }
      try tx.emit(.workflowFailed, ["error": .string(reason)])
      return try end(tx, "the run failed")
    }
    return ended(.failed, tokens)
  }

  private func complete(_ value: String) throws -> Standing {
    let report = try run.database.read { db in
      try ReportBuilder.build(
        valueText: value, staged: replay.claims,
        facts: RunFacts(db: db, layout: run.layout, generation: replay.generation))
    }
    switch report {
    case .refused(let reason): return try fail(reason)
    case .verified(let text, let claims):
      try takeWhatIsThere()
      let tokens = try transition { tx -> [String] in
        let digest = try ArtifactStore.put(tx, Array(text.utf8), layout: run.layout)
        guard try RunStore.move(tx, .complete, report: digest) else { return [] }
        try ClaimStore.insert(tx, generation: replay.generation, claims)
        try tx.emit(.workflowCompleted, ["reportArtifactId": .string(digest)])
        return try end(tx, "the run completed")
      }
      return ended(.completed, tokens)
    }
  }

  /// A run that ends withdraws its leases, but not from a worker that has delivered.
  private func takeWhatIsThere() throws { _ = try Collector(run.queue).pass(tells: .sums) }

  private func end(_ tx: Transaction, _ reason: String) throws -> [String] {
    _ = try QueueStore.move(tx, .close)
    return try WorkQueue.cancelAll(tx, generation: replay.generation, reason: reason)
  }

  private func ended(_ status: RunStatus, _ tokens: [String]) -> Standing {
    run.queue.unlink(tokens)
    close()
    return .ended(status)
  }
}
