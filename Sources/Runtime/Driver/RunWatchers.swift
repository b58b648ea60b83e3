// Watching several runs: a permanent thread for each, so that a long tick of one does not delay another.

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
    var threads: [String: PermanentThread] = [:]
    var broken: Set<String> = []
    while true {
      for id in try liveRuns(&broken) where threads[id] == nil {
        threads[id] = try PermanentThread { [self] in
          let result = Result { try one(id) }
          results.withLock { $0[id] = result }
        }
      }
      let done = results.withLock { Set($0.keys) }
      let isOver = done.count == threads.count
      if isOver { break }
      let waiting = threads.filter { !done.contains($0.key) }.map(\.value.descriptor)
      _ = try Poller.wait(waiting, timeoutMs: Self.rescanMs)
    }
    return try results.withLock { all in
      try all.sorted { $0.key < $1.key }.map { try $0.value.get() }
    }
  }

  /// One run that cannot be opened must not keep the others from being watched: it is told once, and left out.
  private func liveRuns(_ broken: inout Set<String>) throws -> [String] {
    try project.runIds().filter { id in
      do {
        let status = try project.open(id).record().status
        return status.isLive || status == .paused
      } catch let error as FlowdexError {
        if broken.insert(id).inserted { observer.note(id, error.description) }
        return false
      }
    }
  }

  private func one(_ id: String) throws -> DriveResult {
    let run = try project.open(id)
    let status = try run.record().status
    if status.isOver {
      // Nobody drives it any more: a worker must not find what a killed process left on offer.
      try run.queue.sweepEntries()
      return try run.result()
    }
    return try RunWatcher(run, options: options, environment: environment, observer: observer).watch()
  }
}
