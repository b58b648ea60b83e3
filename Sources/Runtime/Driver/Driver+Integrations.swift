// Integrations of a run: patches applied to the project by this driver's own thread, one after another, each
// whole or not at all (PatchIntegration). What a crash left half done is finished or undone first, for it comes
// from the same journal.

import QueueRunner

extension Driver {
  /// Applies what waits, and commits how each ended; true if there was any.
  func integrate() throws -> Bool {
    let waiting = try run.database.read {
      try OperationStore.unfinished($0, generation: replay.generation, kind: .integrate)
    }
    for operation in waiting { try carryOut(operation) }
    return !waiting.isEmpty
  }

  /// An integration whose intent is committed and whose outcome is not may be half done: it is finished or undone
  /// before the callback goes on, which may well end the run.
  func recoverIntegrations() throws {
    let begun = try run.database.read {
      try OperationStore.unfinished($0, generation: replay.generation, kind: .integrate)
    }
    for operation in begun where operation.intent != nil { try carryOut(operation) }
  }

  /// The intent comes first: from then on no restart opens a generation that would not know of what was applied.
  private func carryOut(_ operation: OperationRecord) throws {
    try FileSystem.makeDirectories(run.layout.integrations)
    try transition { tx in
      _ = try OperationStore.start(
        tx, generation: replay.generation, key: operation.key, intent: Self.integrationIntent)
    }
    let value = IntegrationValue.of(try integration(operation).run(try patches(of: operation)))
    try transition { tx in
      _ = try OperationStore.finish(
        tx, generation: replay.generation, key: operation.key, value: value.canonicalText,
        layout: run.layout)
    }
  }

  /// What stands as the intent of an integration: nothing but that it has begun.
  static let integrationIntent = "begun"

  /// A generation's own folder: an integration that a restart repeats begins anew.
  private func integration(_ operation: OperationRecord) -> PatchIntegration {
    PatchIntegration(
      projectRoot: run.project.projectRoot, writeGlobs: GlobSet(manifest.permissions.write),
      folder: run.layout.integration("\(replay.generation).\(operation.key)"))
  }

  private func patches(of operation: OperationRecord) throws -> [String] {
    let bytes = try run.database.read { try ArtifactStore.get($0, operation.argsDigest, layout: run.layout) }
    guard let bytes,
      let entries = try JSONValue(parsing: bytes, limits: .arguments)["patches"]?.array
    else { throw FlowdexError.bug("operation-args", "`\(operation.key)` has no stored patches") }
    return entries.compactMap { $0["patch"]?.string }
  }
}
