// A dispatch package: the folder that one worker gets for one lease. It is written whole under a hidden name
// and renamed into place; it is not synced, for after a power cut it can be written again from the state. Only a
// writing task's copy of the project is, before its lease is committed (`WorkCopies.sync`).

import Glibc

/// Writes and repairs packages.
struct DispatchPackage {
  let layout: RunLayout
  let spec: TaskSpec
  let childKey: String
  let groupKey: String
  let token: String
  let attempt: Int
  let cwd: String?
  /// nil for a package that waits in `queue/ready`.
  let printedExpiryMs: Int64?
  let durationMs: Int64
  let copies: WorkCopies
  let place: PackageLayout

  init(_ layout: RunLayout, _ plan: LeasePlan, _ copies: WorkCopies) {
    self.layout = layout
    self.copies = copies
    spec = plan.spec
    childKey = plan.task.childKey
    groupKey = plan.task.groupKey
    token = plan.token
    attempt = plan.attempt
    cwd = plan.cwd
    printedExpiryMs = plan.deadline?.wallMs
    durationMs = plan.durationMs
    place = layout.package(childKey, token)
  }

  init(_ layout: RunLayout, _ lease: LeaseRecord, _ task: TaskRecord, _ copies: WorkCopies) throws {
    self.layout = layout
    self.copies = copies
    spec = try task.spec()
    childKey = task.childKey
    groupKey = task.groupKey
    token = lease.token
    attempt = lease.attempt
    cwd = lease.cwd
    printedExpiryMs = lease.printedExpiryMs
    durationMs = lease.durationMs
    place = layout.package(childKey, token)
  }

  /// Builds the package beside its place and renames it in.
  func publish() throws {
    let staged = layout.stagedPackage(token)
    try FileSystem.makeDirectories(staged.root)
    for (path, bytes) in files(in: staged) { try FileSystem.write(bytes, to: path) }
    try FileSystem.makeDirectories(staged.scratch)
    if spec.isWrite { try copies.make(cwd, staged.work) }
    try FileSystem.makeDirectories(FileSystem.split(place.root).parent)
    try FileSystem.rename(staged.root, place.root)
  }

  /// Writes again whatever of ours a power cut has lost or emptied; the worker's files are left alone.
  ///
  /// A worker that has laid something else in the package's place, or in that of our files, stops nobody: what can be
  /// put right is, nothing is written beyond a link, and the rest stays as the worker made it.
  ///
  /// - Throws: trouble of the machine.
  func repair() throws {
    let folders = [FileSystem.split(place.root).parent, place.root]
    guard try folders.allSatisfy({ try Self.isMissing($0) || ResultFile.isPlainFolder($0) }) else { return }
    if try Self.isMissing(place.scratch) {
      try Self.leavingWrecks { try FileSystem.makeDirectories(place.scratch) }
    }
    if spec.isWrite, try Self.isMissing(place.work) { try makeCopyAgain() }
    for (path, bytes) in files(in: place) {
      try Self.leavingWrecks {
        if try !Self.holds(path, bytes) { try FileSystem.writeAtomically(bytes, to: path, sync: false) }
      }
    }
  }

  /// Whole and on disk, or not there: half a copy would look as if its worker had deleted the rest. The caller holds
  /// `dispatch.lock`, without which another process would do the same in the same place.
  private func makeCopyAgain() throws {
    let staged = layout.stagedPackage(token)
    try FileSystem.removeTree(staged.root)
    try FileSystem.makeDirectories(staged.root)
    try copies.make(cwd, staged.work)
    try copies.sync(staged.root)
    try Self.leavingWrecks { try FileSystem.rename(staged.work, place.work) }
    try FileSystem.removeTree(staged.root)
  }

  private static func isMissing(_ path: String) throws -> Bool {
    do { return try !FileSystem.isThere(path) } catch let error as FlowdexError where error.isOfTheEntry {
      return false
    }
  }

  /// What a worker has made of its package is no trouble of the machine.
  private static func leavingWrecks(_ body: () throws -> Void) throws {
    do { try body() } catch let error as FlowdexError where error.isOfTheEntry {}
  }

  /// Whether a file holds these bytes. What lies there may be anything: it is not followed, and not waited for.
  private static func holds(_ path: String, _ bytes: [UInt8]) throws -> Bool {
    guard let entry = try FileSystem.entry(path), entry.kind == .file, entry.size == bytes.count else {
      return false
    }
    guard let file = try? FileSystem.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) else { return false }
    defer { close(file) }
    return try FileSystem.readAll(file, path, limitBytes: bytes.count + 1) == bytes
  }

  private func files(in folder: PackageLayout) -> [(String, [UInt8])] {
    [
      (folder.task, Array((taskJSON.prettyText + "\n").utf8)),
      (folder.instructions, Array(instructions.utf8)),
      (folder.schema, EnvelopeSchema.bytes(dataSchema: spec.schema)),
    ]
  }

  /// The `flowdex.task.v1` document: queue-layout.md describes every field.
  var taskJSON: JSONValue {
    [
      "format": "flowdex.task.v1",
      "runId": .string(layout.runId),
      "childKey": .string(childKey),
      "taskId": .string(spec.taskId),
      "parentOpKey": .string(groupKey),
      "phase": .string(spec.phase),
      "adapter": .string(spec.adapter),
      "mode": .string(spec.mode),
      "attempt": JSONValue(attempt),
      "leaseToken": .string(token),
      "leaseMinutes": .number(Double(durationMs) / 60_000),
      "leaseExpiresAt": JSONValue(printedExpiryMs.map(Timestamp.text)),
      "cwd": JSONValue(spec.isWrite ? place.work : cwd),
      "snapshotPath": JSONValue(cwd),
      "workPath": spec.isWrite ? .string(place.work) : .null,
      "resultPath": .string(place.result),
      "instructionPath": .string(place.instructions),
      "schemaPath": .string(place.schema),
      "scratchPath": .string(place.scratch),
      "heartbeatPath": .string(place.heartbeat),
      "acceptedPath": .string(place.accepted),
      "rejectedPath": .string(place.rejected),
      "prompt": .string(spec.prompt),
      "data": spec.data ?? .null,
      "schema": spec.schema ?? .null,
      "role": JSONValue(spec.role),
      "nickname": JSONValue(spec.nickname),
      "model": JSONValue(spec.model),
      "reasoningEffort": JSONValue(spec.reasoningEffort),
      "network": .string(spec.network),
    ]
  }

  private var instructions: String {
    Instructions(spec: spec, package: place, cwd: cwd, durationMs: durationMs).text
  }
}
