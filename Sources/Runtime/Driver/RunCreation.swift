// Creating a run: built whole beside its place, synced, renamed in. So a run is listed whole or not at all,
// and the same `--run-id` tried again finds the one that is there.

import QueueRunner

extension Project {
  /// What a new run is made from.
  public struct NewRun: Sendable {
    /// What `source` was read as: the manifest, and the hashes to approve.
    public let document: WorkflowDocument
    /// Stored byte for byte.
    public let source: [UInt8]
    /// The input as JSON text, byte for byte.
    public let input: [UInt8]
    /// nil for one made of the time and the workflow's name.
    public let id: String?
    /// A run whose agents' results are kept where the specification is equal.
    public let reuse: String?

    /// Checks nothing: `create` does.
    public init(
      document: WorkflowDocument, source: [UInt8], input: [UInt8], id: String?, reuse: String? = nil
    ) {
      self.document = document
      self.source = source
      self.input = input
      self.id = id
      self.reuse = reuse
    }
  }

  /// The run of that id if it is there with the same source and input; nil if there is none. Its name is on disk then:
  /// whoever created it may not have come to that.
  ///
  /// - Throws: `run-differs` if it is another run.
  public func existing(_ new: NewRun) throws -> Run? {
    guard let id = new.id else { return nil }
    try RunId.check(id)
    guard try FileSystem.entry(layout.run(id).root) != nil else { return nil }
    let run = try open(id)
    let record = try run.record()
    for (what, found, stored) in [
      ("workflow", new.document.sourceHash, record.sourceHash),
      ("input", Digest.sha256Hex(new.input), record.inputHash),
    ] where found != stored {
      throw FlowdexError.failed(
        "run-differs", "run `\(id)` exists with another \(what): expected sha256 \(stored), found \(found)",
        next: "choose another --run-id")
    }
    try FileSystem.syncDirectory(layout.runs)
    return run
  }

  /// Creates the run, or gives the one that another process has just created under the same id.
  public func create(_ new: NewRun) throws -> Run {
    let other = try new.reuse.map { try open($0) }
    let lock = FileLock(path: layout.creationLock)
    try lock.lock()
    defer { lock.unlock() }
    // Nobody else builds while the lock is held: what is under construction was left by a killed process.
    for name in try FileSystem.names(in: layout.runs) where name.hasPrefix(ProjectLayout.stagedPrefix) {
      try FileSystem.removeTree("\(layout.runs)/\(name)")
    }
    let id = try new.id ?? freeId(new.document.manifest.name)
    try RunId.check(id)
    let staged = layout.stagedRun(id)
    do {
      try build(new, id: id, in: RunLayout(root: staged.root, runId: id), reuse: other)
      try FileSystem.rename(staged.root, layout.run(id).root)
    } catch {
      try? FileSystem.removeTree(staged.root)
      if let run = try existing(NewRun(document: new.document, source: new.source, input: new.input, id: id))
      {
        return run
      }
      throw error
    }
    // It is told of only once a power cut cannot take its name away.
    try FileSystem.syncDirectory(layout.runs)
    return try open(id)
  }

  /// The next millisecond's where two runs of one workflow begin in the same.
  private func freeId(_ name: String) throws -> String {
    var nowMs = clock.nowMs()
    while true {
      let id = RunId.make(nowMs: nowMs, name: name)
      if try FileSystem.entry(layout.run(id).root) == nil { return id }
      nowMs += 1
    }
  }

  private func build(_ new: NewRun, id: String, in place: RunLayout, reuse other: Run?) throws {
    for folder in [
      place.root, place.artifacts, place.temporary, place.snapshots, place.ready, place.claimed,
      place.dispatches, place.sessionFolder,
    ] { try FileSystem.makeDirectories(folder) }
    try FileSystem.write(new.source, to: place.workflow, mode: 0o444, sync: true)
    try FileSystem.write(new.input, to: place.input, mode: 0o444, sync: true)
    let database = try StateDatabase.create(
      place, maxConcurrency: new.document.manifest.maxConcurrency, clock: clock,
      migrations: RuntimeSchema.register
    ) { tx in
      try RunStore.insert(
        tx, runId: id, document: new.document, inputHash: Digest.sha256Hex(new.input))
      if let other {
        _ = try KeptStore.adopt(tx, from: other.database, runId: other.layout.runId, layout: place)
        try adoptSnapshots(tx, of: other, in: place)
      }
    }
    try database.close()
    try FileSystem.syncDirectory(place.root)
  }

  private func adoptSnapshots(_ tx: Transaction, of other: Run, in place: RunLayout) throws {
    let given = try other.database.read { try SnapshotStore.given($0, layout: other.layout) }
    for fact in given {
      guard try SnapshotCopy.make(of: fact.path, digest: fact.digest, in: place.snapshots) else { continue }
      try SnapshotStore.reuse(tx, digest: fact.digest, origin: "run \(other.layout.runId)")
    }
    if !given.isEmpty { try FileSystemSync.all(of: place.snapshots) }
  }
}
