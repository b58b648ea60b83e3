// Handing out the tasks of a run: one snapshot of what the manifest lets workers read, then leases on it.

import QueueRunner

extension Run {
  /// Leases up to `limit` tasks on a fresh look at the project's files.
  ///
  /// - Parameters:
  ///   - atMost: how many new ones, however much room there is.
  ///   - durationMs: how long each lease lasts; nil for what its task says.
  public func next(limit: Int, atMost: Int = .max, files: Bool, durationMs: Int64? = nil) throws
    -> [IssuedLease]
  {
    try queue.lease(limit: limit, atMost: atMost, files: files, durationMs: durationMs) { try snapshot() }
  }

  /// Keeps `queue/ready` filled, as `watch --dispatch` does.
  public func offer(limit: Int) throws -> [IssuedLease] {
    try queue.offer(limit: limit) { try snapshot() }
  }

  /// The folder that holds what a worker may read: made once for equal content (design, Snapshots).
  ///
  /// A look at a large project takes a good part of a second, so one serves all hand-outs of the second after
  /// it, unless an operation of the run may have changed the project since.
  private func snapshot() throws -> String? {
    let effects = try database.read {
      try OperationStore.effects($0, generation: try RunStore.get($0).generation)
    }
    if let last = lastSnapshot, last.effects == effects, FileSystem.exists(last.path),
      (0..<Self.snapshotServesMs).contains(clock.bootMs() - last.lookedAtMs)
    {
      return last.path
    }
    let lookedAtMs = clock.bootMs()
    let path = try freshSnapshot()
    lastSnapshot = LastSnapshot(path: path, effects: effects, lookedAtMs: lookedAtMs)
    return path
  }

  private static let snapshotServesMs: Int64 = 1000

  private func freshSnapshot() throws -> String {
    let manifest = try manifest()
    let info = try SnapshotBuilder(
      projectRoot: project.projectRoot, snapshotsDirectory: layout.snapshots,
      statCachePath: project.snapshotStatCache
    ).build(globs: GlobSet(manifest.permissions.read))
    if info.isNew {
      try database.transition { tx in
        try tx.emit(
          .snapshot,
          [
            "digest": .string(info.digest), "path": .string(info.path), "files": JSONValue(info.fileCount),
            "bytes": JSONValue(Int(info.totalBytes)),
            "skipped": .array(
              info.skipped.prefix(100).map { ["path": .string($0.path), "reason": .string($0.reason)] }),
          ])
      }
    }
    return info.path
  }

  /// A snapshot, and what it was made after.
  struct LastSnapshot {
    let path: String
    let effects: Int
    let lookedAtMs: Int64
  }

  /// The manifest that was approved, from the state.
  public func manifest() throws -> Manifest {
    try Manifest(reading: JSONValue(stored: record().manifestText))
  }
}
