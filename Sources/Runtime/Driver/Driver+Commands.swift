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
    var fault: (any Error)?
    for (key, error) in unbegun {
      if let error = error as? FlowdexError, error.kind == .machine {
        board.hold(unbegun: key, error)
      } else {
        fault = fault ?? error
      }
    }
    if unbegun.isEmpty { return }
    try commitFinishedCommands()
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

  /// Commits what has finished since the last look, all in one transaction. Where that fails the board holds it, and the
  /// next call tries again.
  ///
  /// What the machine could not start is no outcome: it waits again. Nor is output that the machine could not keep (a
  /// full disk, say): a command that may run again does so in a later drive. One that may not has ended as it has
  /// ended, and its output is marked as cut. Both are `trouble`, unless a command has ended since whose share of the
  /// machine is free now.
  func commitFinishedCommands() throws {
    board.holdFinished()
    if !board.held.isEmpty {
      let endings = try CommandEndings(board.held, isIdempotent: isIdempotent)
      try commit(endings)
      board.letGo()
      note(endings)
    }
    if let survival { throw survival }
  }

  private func note(_ endings: CommandEndings) {
    var found: FlowdexError?
    for (key, why) in endings.unbegun { found = cannotStart(key, why) }
    for (key, problem) in endings.unkept {
      found = FlowdexError.machine(
        "command-output", "the output of `\(key)` could not be kept: \(problem)",
        next: "once that is mended, run `flowdex continue \(run.layout.runId)`: the command runs again")
    }
    for key in endings.again {
      unheard[key, default: 0] += 1
      if unheard[key, default: 0] < Self.unheardLimit { continue }
      found = FlowdexError.machine(
        "command-unheard",
        "`\(key)` was ended \(Self.unheardLimit) times with the process that watches over it",
        next: "run `flowdex continue \(run.layout.runId)`: the command runs again")
    }
    trouble = found ?? (endings.hasEnded ? nil : trouble)
    survival = survival ?? endings.survival
  }

  /// A command that may run again is begun so often in one drive: one that ends whoever watches over it would be for ever.
  private static let unheardLimit = 3

  private func isIdempotent(_ key: String) throws -> Bool {
    try run.database.read {
      try run.database.hostCommand($0, generation: replay.generation, key: key, manifest).idempotent
    }
  }

  private func commit(_ endings: CommandEndings) throws {
    if endings.isNothingToCommit { return }
    try transition { tx in
      for (key, _) in endings.unbegun {
        _ = try OperationStore.putBack(tx, generation: replay.generation, key: key)
      }
      for (key, outcome) in endings.ended {
        let stdout = try keep(tx, outcome.stdout)
        let stderr = try keep(tx, outcome.stderr)
        let command = try run.database.hostCommand(tx.db, generation: replay.generation, key: key, manifest)
        let value = HostCommandValue.of(command, outcome, stdout: stdout, stderr: stderr)
        _ = try OperationStore.finish(
          tx, generation: replay.generation, key: key, value: value.canonicalText, layout: run.layout)
      }
      for key in endings.unknown { try finishUnknown(tx, key) }
    }
  }

  /// Nobody knows how it ended, and it must not run again.
  private func finishUnknown(_ tx: Transaction, _ key: String) throws {
    let command = try run.database.hostCommand(tx.db, generation: replay.generation, key: key, manifest)
    let empty = try ArtifactStore.put(tx, [], layout: run.layout)
    _ = try OperationStore.finish(
      tx, generation: replay.generation, key: key,
      value: HostCommandValue.indeterminate(command, empty: empty).canonicalText, layout: run.layout)
  }

  /// A command whose intent is committed and whose outcome is not may have run. Its processes are killed if
  /// they live; it runs again only if its author said that this does no harm.
  func recoverCommands() throws {
    try run.database.sweepTemporary()
    try endOlder()
    let begun = try run.database.read {
      try OperationStore.unfinished($0, generation: replay.generation, kind: .hostCommand)
    }
    for operation in begun {
      guard let intent = operation.intent else { continue }
      try ProcessIdentity(text: intent)?.killIfAlive()
      let id = try commandId(of: operation)
      guard let command = manifest.permissions.hostCommands.first(where: { $0.id == id }), !command.idempotent
      else { continue }
      try transition { try finishUnknown($0, operation.key) }
    }
  }

  /// Ends what was begun before a restart, and waits for that: nothing of it may run beside what begins anew.
  private func endOlder() throws {
    let intents = try run.database.read { try OperationStore.leftBegun($0, before: replay.generation) }
    if intents.isEmpty { return }
    for intent in intents { try ProcessIdentity(text: intent)?.killIfAlive() }
    try transition { try OperationStore.forgetBegun($0, before: replay.generation) }
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
