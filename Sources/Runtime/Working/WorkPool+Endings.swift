// What the pool does with a package once its command has ended.

import Glibc
import QueueRunner

extension WorkPool {
  /// Looks at what the command left, and decides.
  func settle(_ token: String, _ outcome: HostCommandOutcome) throws {
    guard let work = held[token] else { return }
    if outcome.lacksMachine { return try startAgain(token, outcome) }
    held[token]?.lackingSinceMs = nil
    let output: String
    do { output = try keep(outcome, work) } catch let error as FlowdexError where error.isOfTheMachine {
      return try hold(token, outcome, error)
    }
    held[token]?.stuckSinceMs = nil
    let report = try collector.pass(.only([token]))
    if let inMs = report.lookAgainInMs, report.lookAgainAt.contains(token) {
      held[token]?.stage = .settling(outcome, atMs: run.clock.bootMs() + inMs)
      return
    }
    guard let lease = try lease(token) else { return }
    switch lease.state {
    case .collected: return try took(work, outcome)
    case .live: break
    case .expired where lease.taskState == .dispatchable: break
    case .offered, .expired, .released, .replaced, .withdrawn:
      return lose(work, "the lease was \(lease.state.rawValue)")
    }
    // Killed from here, and not for its time: whoever did that knows why.
    if outcome.cancelled { return try giveBack(work, "its command was ended") }
    let refusal = report.items.first { $0.token == token && $0.status == .invalid }?.error
    let failure = WorkFailure(
      ending: Self.ending(outcome, timeoutMs: options.timeoutMs), lastLine: WorkerOutput.lastLine(output),
      refusal: refusal.map { $0.split(separator: "\n").joined(separator: "; ") })
    try act(
      on: ledger.failed(failure, task: work.lease.childKey, runs: work.runs), failure, work,
      stderr: output, outcome)
  }

  /// Nothing of the worker has run, and that says nothing about it. While others run they may leave what it lacks; else its
  /// lease goes back, and the pool ends.
  private func startAgain(_ token: String, _ outcome: HostCommandOutcome) throws {
    guard let work = held[token] else { return }
    let why = outcome.startError ?? "a command could not be started"
    let now = run.clock.bootMs()
    let since = work.lackingSinceMs ?? now
    if !held.values.contains(where: { $0.command != nil }) || now - since >= Self.stuckMs {
      try giveBack(work, "its command could not be started")
      throw FlowdexError.machine("work-start", why)
    }
    if work.lackingSinceMs == nil { observer.note("\(why): tried again while other workers run") }
    held[token]?.lackingSinceMs = since
    held[token]?.runs -= 1
    held[token]?.stage = .waiting(atMs: now + Self.tryAgainMs)
  }

  /// Tries again in a moment; throws once that has been done for a minute.
  private func hold(_ token: String, _ outcome: HostCommandOutcome, _ error: FlowdexError) throws {
    guard let work = held[token] else { return }
    let now = run.clock.bootMs()
    if work.stuckSinceMs == nil {
      observer.note(
        "what the worker of `\(work.lease.childKey)` has answered is held, and writing it tried again for "
          + "\(Self.stuckMs / 1000) s: \(error.message)")
    }
    let since = work.stuckSinceMs ?? now
    if now - since >= Self.stuckMs { throw error }
    held[token]?.stuckSinceMs = since
    held[token]?.stage = .settling(outcome, atMs: now + Self.tryAgainMs)
  }

  private func act(
    on step: WorkLedger.Step, _ failure: WorkFailure, _ work: HeldWork, stderr: String,
    _ outcome: HostCommandOutcome
  ) throws {
    let token = work.lease.token
    switch step {
    case .runAgain(let afterMs):
      held[token]?.stage = .waiting(atMs: run.clock.bootMs() + afterMs)
      tell(.again, work, "the command \(failure.text); once more in \(Double(afterMs) / 1000) s")
    case .giveUp:
      let times = work.runs == 1 ? "" : ", after \(work.runs) runs"
      let summary = "the command \(failure.text)\(times)"
      let state = try run.queue.giveUp(
        childKey: work.lease.childKey, token: token, summary: summary,
        data: Self.data(failure, work, stderr: stderr, outcome, program: command.argv[0]))
      held[token] = nil
      guard let state else { return lose(work, "the lease ended before its failure was told") }
      ended += 1
      tell(.failed, work, summary, state)
    case .breakCircuit(let reason):
      try breakCircuit(reason)
      try giveBack(work, "the command \(failure.text)")
    case .giveBack: try giveBack(work, "the command \(failure.text)")
    }
  }

  /// What stands in `data` of a result that flowdex writes in a command's place.
  private static func data(
    _ failure: WorkFailure, _ work: HeldWork, stderr: String, _ outcome: HostCommandOutcome, program: String
  ) -> JSONValue {
    [
      "program": .string(program), "exitCode": outcome.exitCode.map { JSONValue($0) } ?? .null,
      "signal": outcome.signal.map { .string(SignalName.of($0)) } ?? .null,
      "timedOut": .bool(outcome.timedOut), "runs": JSONValue(work.runs), "stderr": .string(stderr),
      "refusal": JSONValue(failure.refusal),
    ]
  }

  private static func ending(_ outcome: HostCommandOutcome, timeoutMs: Int?) -> WorkFailure.Ending {
    if let why = outcome.startError { return .notStarted(why) }
    if outcome.timedOut, let timeoutMs { return .timeout(timeoutMs) }
    if let signal = outcome.signal { return .signal(signal) }
    return .exit(outcome.exitCode ?? 0)
  }

  /// Keeps what the command printed beside its package, and its envelope, where it printed one and wrote none.
  ///
  /// - Returns: the end of its standard error.
  func keep(_ outcome: HostCommandOutcome, _ work: HeldWork) throws -> String {
    let stdout = try Self.store(outcome.stdout, at: work.package.log(work.runs, "stdout"))
    let stderr = try Self.store(outcome.stderr, at: work.package.log(work.runs, "stderr"))
    // A worker that wrote its result has delivered, whatever it says besides.
    if options.takesStdout, !outcome.cancelled,
      try ResultFile.stamp(package: work.package.root) == work.stampBefore,
      let envelope = WorkerOutput.envelope(in: stdout)
    {
      do {
        try FileSystem.writeAtomically(envelope, to: work.package.result, sync: false)
      } catch let error as FlowdexError where !error.isOfTheMachine {
        // What the worker has made of its own package: as good as no result.
      }
    }
    return WorkerOutput.tail(stderr)
  }

  /// Best effort: a worker may have wrecked its own scratch folder, and its result counts nevertheless.
  private static func store(_ stream: CapturedStream, at path: String) throws -> [UInt8] {
    switch stream.storage {
    case .inline(let bytes):
      if !FileSystem.exists(path) { try? FileSystem.writeAtomically(bytes, to: path, sync: false) }
      return bytes
    case .file(let spilled):
      if FileSystem.exists(spilled) { try? FileSystem.rename(spilled, path) }
      do { return try FileSystem.readPlain(path) } catch let error as FlowdexError where !error.isOfTheMachine
      {
        return []
      }
    }
  }

  /// The task has ended: by the worker's result, or, where that broke the schema too often, by flowdex's word. That
  /// one is a failure, and may be the one too many of its kind.
  func took(_ work: HeldWork, _ outcome: HostCommandOutcome?) throws {
    held[work.lease.token] = nil
    ended += 1
    let task = try run.database.read { db in
      try LeaseStore.find(db, token: work.lease.token).flatMap { try TaskStore.find(db, id: $0.task) }
    }
    guard let outcome, let task, let dropped = Self.result(in: work.package), task.state == .failed,
      task.result != Digest.sha256Hex(dropped)
    else {
      ledger.took()
      return tell(.taken, work, task?.summary ?? "", task?.state)
    }
    tell(.failed, work, task.summary ?? "", task.state)
    let failure = WorkFailure(
      ending: Self.ending(outcome, timeoutMs: options.timeoutMs), refusal: task.error ?? "")
    let step = ledger.failed(failure, task: work.lease.childKey, runs: work.runs)
    if case .breakCircuit(let reason) = step { try breakCircuit(reason) }
  }

  /// As the collector reads it: what a worker has laid there since is neither followed nor waited for.
  private static func result(in package: PackageLayout) -> [UInt8]? {
    guard case .bytes(let bytes, _)? = try? ResultFile.read(package: package.root) else { return nil }
    return bytes
  }

  func giveBack(_ work: HeldWork, _ reason: String) throws {
    let released = try run.queue.release(
      childKey: work.lease.childKey, token: work.lease.token, reason: reason)
    held[work.lease.token] = nil
    tell(released ? .returned : .lost, work, reason)
  }

  func lose(_ work: HeldWork, _ why: String) {
    held[work.lease.token] = nil
    tell(.lost, work, why)
  }

  func tell(_ kind: WorkNews.Kind, _ work: HeldWork, _ text: String, _ state: TaskState? = nil) {
    observer.tell(
      WorkNews(
        kind: kind, childKey: work.lease.childKey, token: work.lease.token, run: work.runs,
        atMs: run.clock.nowMs(), taskState: state,
        text: text.split(whereSeparator: \.isNewline).joined(separator: " ")))
  }
}
