// Watching several runs: a permanent thread for each, so that a long tick of one does not delay another. No more at once
// than there are descriptors for: the others wait until one has ended, and that is said.

import Glibc
import QueueRunner

/// Watches one run, or every live run of a project.
public struct RunWatchers: Sendable {
  /// How often new runs are looked for.
  private static let rescanMs = 2000

  let project: Project
  let options: WatchOptions
  let environment: DriverEnvironment
  let observer: any WatchObserver

  /// Where several runs are watched, the observer is called on a thread for each.
  public init(
    _ project: Project, options: WatchOptions, environment: DriverEnvironment, observer: any WatchObserver
  ) {
    self.project = project
    self.options = options
    self.environment = environment
    self.observer = observer
  }

  /// Returns when the run (or, without an id, every live run) has ended, or the process was asked to stop.
  public func watch(_ runId: String?) throws -> [DriveResult] {
    if let runId { return [try one(runId)] }
    let results = Guarded<[String: Result<DriveResult, any Error>]>([:])
    let room = WatchRoom.runs(descriptorLimit: DescriptorLimit.soft)
    var roster = WatchRoster(room: room)
    var threads: [String: PermanentThread] = [:]
    var faultTold: String?
    while true {
      roster.end(results.withLock { Array($0.keys) })
      threads = threads.filter { roster.running.contains($0.key) }
      // Who was asked to stop begins with no more.
      do {
        if try !Poller.wait(environment.interrupts, timeoutMs: 0).isEmpty {
          roster.leave()
        } else {
          roster.add(try newRuns(&roster))
        }
      } catch let error as FlowdexError where error.kind == .machine && !threads.isEmpty {
        // That new runs cannot be looked for must not end those that are watched, and their host commands.
        if faultTold != error.message {
          observer.note(project.layout.projectRoot, "\(error.message): tried again")
        }
        faultTold = error.message
      }
      for id in roster.start() {
        do {
          threads[id] = try PermanentThread { [self] in
            let result = Result { try one(id) }
            results.withLock { $0[id] = result }
          }
        } catch {
          results.withLock { $0[id] = .failure(error) }
        }
      }
      if roster.isOver { break }
      if let count = roster.takeNews() {
        observer.note(
          project.layout.projectRoot,
          "\(count) live runs wait to be watched: there are descriptors for \(room) at once (raise `ulimit -n`, "
            + "which is \(DescriptorLimit.soft))")
      }
      do {
        _ = try Poller.wait(threads.values.map(\.descriptor), timeoutMs: Self.rescanMs)
      } catch {
        poll(nil, 0, Int32(Self.rescanMs))
      }
    }
    return try results.withLock { all in
      try all.sorted { $0.key < $1.key }.map { try $0.value.get() }
    }
  }

  /// Those that are live, and that the roster does not know. One that cannot be opened must not keep the others from
  /// being watched: it is told once, and left out. One that is not live is opened again when its state has changed.
  private func newRuns(_ roster: inout WatchRoster) throws -> [String] {
    try project.runIds().filter { id in
      let run = project.layout.run(id)
      let stamp = StateStamp(run)
      if roster.knows(id, stamp?.text) { return false }
      do {
        let status = try project.open(id).record().status
        if status.isLive || status == .paused { return true }
        if let stamp, stamp.holds(run, nowMs: project.clock.nowMs()) { roster.passOver(id, stamp.text) }
        return false
      } catch let error as FlowdexError {
        // Too few descriptors are no fault of the run: while others are watched, it can wait.
        if ["errno-\(EMFILE)", "errno-\(ENFILE)"].contains(error.code) {
          if roster.isOver { throw error }
          return false
        }
        if roster.isFirstFault(of: id) { observer.note(id, error.description) }
        return false
      }
    }
  }

  private func one(_ id: String) throws -> DriveResult {
    let run = try project.open(id)
    let status = try run.record().status
    if status.isOver { return try run.resultAtRest() }
    return try RunWatcher(run, options: options, environment: environment, observer: observer).watch()
  }
}
