// Host commands of a run: intent before start, outcome with its artifacts, and what a crash left behind.

import GRDB
import QueueRunner

extension Driver {
  /// Starts as many of the commands that wait as there are free slots.
  func startCommands() throws {
    if trouble != nil || board.freeSlots == 0 { return }
    let waiting = try run.database.read {
      try OperationStore.unfinished($0, generation: replay.generation, kind: .hostCommand)
    }
    for operation in waiting where !board.isRunning(operation.key) {
      if board.freeSlots == 0 { return }
      guard let prepared = try prepare(operation.key, try commandId(of: operation)) else { return }
      var unbegun: [(key: String, error: any Error)] = []
      do {
        try transition({ tx in
          _ = try OperationStore.start(
            tx, generation: replay.generation, key: operation.key, intent: prepared.identity.text,
            program: prepared.program)
        }) { unbegun = self.begin([(operation.key, prepared)]) }
      } catch {
        prepared.abandon()
        throw error
      }
      try putBack(unbegun)
      if trouble != nil { return }
    }
  }

  /// Gives a command to a supervisor, at its gate; nil, with `trouble`, where the machine has none to give.
  func prepare(_ key: String, _ commandId: String) throws -> PreparedCommand? {
    do {
      return try board.prepare(commandId)
    } catch let error as FlowdexError where error.kind == .machine {
      trouble = cannotStart(key, error.description)
      return nil
    }
  }

  /// Opens the gates of commands whose intent is on disk, as soon as it is: they need not wait for what only follows
  /// from the commit.
  ///
  /// - Returns: those that could not be opened, to be `putBack` once another transaction can be begun.
  func begin(_ starts: [(key: String, command: PreparedCommand)]) -> [(key: String, error: any Error)] {
    starts.compactMap { key, command in
      do {
        try board.go(key, command)
        return nil
      } catch {
        return (key, error)
      }
    }
  }

  /// Where the machine could not open a gate it is as if nothing had been tried.
  ///
  /// All of them together, and before anything else that went wrong is thrown: one that is left would be taken for one
  /// that may have run.
  func putBack(_ unbegun: [(key: String, error: any Error)]) throws {
    var untried: [String] = []
    var fault: (any Error)?
    for (key, error) in unbegun {
      if let error = error as? FlowdexError, error.kind == .machine {
        trouble = cannotStart(key, error.description)
        untried.append(key)
      } else {
        fault = fault ?? error
      }
    }
    try commit([], putBack: untried)
    if let fault { throw fault }
  }

  private func cannotStart(_ key: String, _ why: String) -> FlowdexError {
    .machine(
      "command-start", "`\(key)` could not be started: \(why)",
      next: "nothing of it ran; once that is mended, run `flowdex continue \(run.layout.runId)`")
  }

  /// - Throws: the trouble, once nothing of ours runs.
  func tellTrouble() throws {
    guard board.running == 0, let trouble else { return }
    throw trouble
  }

  /// Commits what has finished since the last look, all in one transaction.
  ///
  /// What the machine could not start is no outcome: it waits again. Nor is output that the machine could not keep (a
  /// full disk, say): a command that may run again does so in a later drive. One that may not has ended as it has
  /// ended, and its output is marked as cut. Both are `trouble`, unless a command has ended since whose share of the
  /// machine is free now.
  func commitFinishedCommands() throws {
    let finished = board.takeFinished().filter { !$0.outcome.cancelled }
    if finished.isEmpty { return }
    var ended: [(key: String, outcome: HostCommandOutcome)] = []
    var unbegun: [String] = []
    var found: FlowdexError?
    for (key, outcome) in finished {
      if outcome.lacksMachine {
        unbegun.append(key)
        found = cannotStart(key, outcome.startError ?? "")
      } else if let problem = outcome.problem, try isIdempotent(key) {
        found = FlowdexError.machine(
          "command-output", "the output of `\(key)` could not be kept: \(problem)",
          next: "once that is mended, run `flowdex continue \(run.layout.runId)`: the command runs again")
      } else {
        ended.append((key, outcome))
      }
    }
    try commit(ended, putBack: unbegun)
    trouble = found ?? (ended.isEmpty ? trouble : nil)
  }

  private func isIdempotent(_ key: String) throws -> Bool {
    try run.database.read {
      try run.database.hostCommand($0, generation: replay.generation, key: key, manifest).idempotent
    }
  }

  private func commit(
    _ finished: [(key: String, outcome: HostCommandOutcome)], putBack unbegun: [String]
  ) throws {
    if finished.isEmpty, unbegun.isEmpty { return }
    try transition { tx in
      for key in unbegun { _ = try OperationStore.putBack(tx, generation: replay.generation, key: key) }
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
