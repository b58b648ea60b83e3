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
    if !waiting.isEmpty { try FileSystem.makeDirectories(run.layout.integrations) }
    for operation in waiting {
      let value = IntegrationValue.of(try integration(operation).run(try patches(of: operation)))
      try transition { tx in
        _ = try OperationStore.finish(
          tx, generation: replay.generation, key: operation.key, value: value.canonicalText,
          layout: run.layout)
      }
    }
    return !waiting.isEmpty
  }

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
