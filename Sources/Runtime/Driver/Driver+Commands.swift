// Host commands of a run: intent before start, outcome with its artifacts, and what a crash left behind.

import GRDB
import QueueRunner

extension Driver {
  /// Starts as many of the commands that wait as there are free slots.
  func startCommands() throws {
    if board.freeSlots == 0 { return }
    let waiting = try run.database.read {
      try OperationStore.unfinished($0, generation: replay.generation, kind: .hostCommand)
    }
    for operation in waiting where !board.isRunning(operation.key) {
      if board.freeSlots == 0 { return }
      let prepared = try board.prepare(try commandId(of: operation))
      do {
        try transition { tx in
          _ = try OperationStore.start(
            tx, generation: replay.generation, key: operation.key, intent: prepared.identity.text,
            program: prepared.program)
        }
      } catch {
        prepared.abandon()
        throw error
      }
      try board.go(operation.key, prepared)
    }
  }

  /// Commits what has finished since the last look, all in one transaction.
  ///
  /// Output that the machine could not keep (a full disk, say) is no outcome: a command that may run again does so
  /// in a later drive. One that may not has ended as it has ended, and its output is marked as cut.
  ///
  /// - Throws: `command-output` for the first of those that are to run again; the others are committed before.
  func commitFinishedCommands() throws {
    let finished = board.takeFinished().filter { !$0.outcome.cancelled }
    if finished.isEmpty { return }
    let again = try finished.filter { key, outcome in
      guard outcome.problem != nil else { return false }
      return try run.database.read {
        try run.database.hostCommand($0, generation: replay.generation, key: key, manifest).idempotent
      }
    }
    try commit(finished.filter { done in !again.contains { $0.key == done.key } })
    guard let (key, outcome) = again.first else { return }
    throw FlowdexError.machine(
      "command-output", "the output of `\(key)` could not be kept: \(outcome.problem ?? "")",
      next: "once that is mended, run `flowdex continue \(run.layout.runId)`: the command runs again")
  }

  private func commit(_ finished: [(key: String, outcome: HostCommandOutcome)]) throws {
    if finished.isEmpty { return }
    try transition { tx in
      for (key, outcome) in finished {
        let stdout = try keep(tx, outcome.stdout)
        let stderr = try keep(tx, outcome.stderr)
        let command = try run.database.hostCommand(tx.db, generation: replay.generation, key: key, manifest)
        let value = HostCommandValue.of(command, outcome, stdout: stdout, stderr: stderr)
        _ = try OperationStore.finish(
          tx, generation: replay.generation, key: key, value: value.canonicalText, layout: run.layout)
      }
    }
  }

  /// A command whose intent is committed and whose outcome is not may have run. Its processes are killed if
  /// they live; it runs again only if its author said that this does no harm.
  func recoverCommands() throws {
    try run.database.sweepTemporary()
    let begun = try run.database.read {
      try OperationStore.unfinished($0, generation: replay.generation, kind: .hostCommand)
    }
    for operation in begun {
      guard let intent = operation.intent else { continue }
      try ProcessIdentity(text: intent)?.killIfAlive()
      let id = try commandId(of: operation)
      guard let command = manifest.permissions.hostCommands.first(where: { $0.id == id }), !command.idempotent
      else { continue }
      try transition { tx in
        let empty = try ArtifactStore.put(tx, [], layout: run.layout)
        _ = try OperationStore.finish(
          tx, generation: replay.generation, key: operation.key,
          value: HostCommandValue.indeterminate(command, empty: empty).canonicalText, layout: run.layout)
      }
    }
  }

  private func commandId(of operation: OperationRecord) throws -> String {
    try run.database.read { try run.database.commandId($0, operation) }
  }

  private func keep(_ tx: Transaction, _ stream: CapturedStream) throws -> String {
    switch stream.storage {
    case .inline(let bytes): return try ArtifactStore.put(tx, bytes, layout: run.layout)
    case .file(let path):
      try ArtifactStore.adopt(
        tx, file: path, digest: stream.sha256, sizeBytes: stream.sizeBytes, layout: run.layout)
      return stream.sha256
    }
  }
}

extension StateDatabase {
  /// The manifest's id of the command that an operation runs.
  func commandId(_ db: Database, _ operation: OperationRecord) throws -> String {
    guard let bytes = try ArtifactStore.get(db, operation.argsDigest, layout: layout),
      let id = try JSONValue(parsing: bytes)["commandId"]?.string
    else { throw FlowdexError.bug("operation-args", "`\(operation.key)` has no stored arguments") }
    return id
  }

  func hostCommand(
    _ db: Database, generation: Int, key: String, _ manifest: Manifest
  ) throws -> Manifest.HostCommand {
    guard let operation = try OperationStore.find(db, generation: generation, key: key) else {
      throw FlowdexError.bug("operation", "`\(key)` is not stored")
    }
    let id = try commandId(db, operation)
    guard let command = manifest.permissions.hostCommands.first(where: { $0.id == id }) else {
      throw FlowdexError.bug("operation-args", "`\(key)` runs a command that the manifest does not have")
    }
    return command
  }
}
