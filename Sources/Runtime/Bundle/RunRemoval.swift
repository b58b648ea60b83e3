// Removing runs: never one that may go on, and gently, for a burst of deletions slows the file system down for
// minutes (measured on ext4: creating files took ten times as long).

import Glibc
import QueueRunner

/// A run that was removed, or would be.
public struct RemovedRun: Sendable, Equatable {
  /// The run.
  public let runId: String
  /// How it stood; nil where its state cannot be read.
  public let status: RunStatus?
  /// Files and folders.
  public let entries: Int
  /// What they take up on the disk. Copies that share their blocks (reflinks) are counted each.
  public let bytes: Int64
}

/// Which runs are to be removed.
public enum RunsToRemove: Sendable {
  /// Those with these ids.
  case named([String])
  /// Every run that has been over for at least so long.
  case ended(ageMs: Int64)
}

extension Project {
  /// Removes runs: each out of every list at once, then file by file. All are looked at first, so that a mistyped one
  /// removes none; what a killed removal has left goes too.
  ///
  /// - Parameters:
  ///   - broken: also runs whose state is damaged, where they are named.
  ///   - isDry: only says what it would free.
  /// - Returns: each run once, in the order given, or the oldest first.
  /// - Throws: `run-live` for a run that may go on; what is wrong with its state.
  public func remove(_ which: RunsToRemove, broken: Bool = false, isDry: Bool = false) throws -> [RemovedRun]
  {
    if !isDry { try sweepRemoved() }
    let ids =
      switch which {
      case .named(let given): try given.map(resolve)
      case .ended(let ageMs): try runs(endedBefore: ageMs)
      }
    var seen = Set<String>()
    let planned = try ids.filter { seen.insert($0).inserted }.map { id in
      let status = try checkRemovable(id, broken: broken)
      let size = DiskUse.of(layout.run(id).root)
      return RemovedRun(runId: id, status: status, entries: size.entries, bytes: size.bytes)
    }
    if !isDry { for run in planned { try remove(run) } }
    return planned
  }

  private func runs(endedBefore ageMs: Int64) throws -> [String] {
    try runIds().compactMap { id -> (String, Int64)? in
      guard let record = try recordIfReadable(id), record.status.isOver,
        clock.nowMs() - record.updatedAtMs >= ageMs
      else { return nil }
      return (id, record.updatedAtMs)
    }.sorted { $0.1 < $1.1 }.map(\.0)
  }

  private func remove(_ run: RemovedRun) throws {
    let away = layout.removedRun(run.runId)
    if try FileSystem.isThere(away) { try Self.removeGently(away) }
    if run.status == nil {
      try moveBroken(run.runId, to: away)
    } else {
      try moveAway(run.runId, to: away)
    }
    try Self.removeGently(away)
  }

  /// What a removal that was killed has left.
  private func sweepRemoved() throws {
    for name in try FileSystem.names(in: layout.runs) where name.hasPrefix(ProjectLayout.removedPrefix) {
      try Self.removeGently("\(layout.runs)/\(name)")
    }
  }

  private func checkRemovable(_ id: String, broken: Bool) throws -> RunStatus? {
    let run: Run
    do {
      run = try open(id)
      _ = try run.record()
    } catch let error as FlowdexError where saysBroken(error, id) {
      if broken { return nil }
      throw FlowdexError(
        error.kind, error.code, error.message, next: "run `flowdex rm --broken \(id)` to remove it as it is")
    }
    let status = try run.record().status
    if status.isOver { return status }
    throw FlowdexError.failed(
      "run-live", "run `\(id)` is \(status.rawValue), and may go on: only runs that have ended are removed",
      next: "run `flowdex stop \(id)` first")
  }

  /// Under the driver's lock, where there is one: a state that is damaged may still be driven.
  private func moveBroken(_ id: String, to away: String) throws {
    let root = layout.run(id)
    let seat = FileLock(path: root.driverLock)
    if try FileSystem.entry(root.driverLock)?.kind == .file, try !seat.tryLock() { throw Self.driven(id) }
    defer { seat.unlock() }
    try FileSystem.rename(root.root, away)
  }

  private static func driven(_ id: String) -> FlowdexError {
    .failed("run-live", "run `\(id)` is being driven by another process")
  }

  /// Under the locks of driver and writers, and after one more look: nobody takes the run up meanwhile.
  private func moveAway(_ id: String, to away: String) throws {
    let run = try open(id)
    let seat = FileLock(path: run.layout.driverLock)
    guard try seat.tryLock() else { throw Self.driven(id) }
    defer { seat.unlock() }
    try run.database.transition { tx in
      let status = try RunStore.get(tx.db).status
      guard status.isOver else {
        throw FlowdexError.failed("run-live", "run `\(id)` has become \(status.rawValue) meanwhile")
      }
      try FileSystem.rename(run.layout.root, away)
    }
  }

  /// Works for a moment, then rests as long.
  private static func removeGently(_ path: String) throws {
    var count = 0
    try FileSystem.removeTree(path) {
      count += 1
      if count % 100 == 0 { poll(nil, 0, 5) }
    }
  }
}

/// What a tree takes up. What cannot be looked at is left out.
enum DiskUse {
  static func of(_ path: String) -> (entries: Int, bytes: Int64) {
    var status = stat()
    guard FileSystem.retrying({ lstat(path, &status) }) == 0 else { return (0, 0) }
    var sum = (entries: 1, bytes: Int64(status.st_blocks) * 512)
    guard status.st_mode & S_IFMT == S_IFDIR else { return sum }
    for name in (try? FileSystem.names(in: path)) ?? [] {
      let inner = of("\(path)/\(name)")
      sum = (sum.entries + inner.entries, sum.bytes + inner.bytes)
    }
    return sum
  }
}
