// What evidence is checked against, read from the run's state: one consistent view of one generation.

import GRDB
import QueueRunner

/// The facts of one run's current generation.
final class RunFacts: EvidenceFacts {
  private let db: Database
  private let layout: RunLayout
  private let generation: Int
  /// Read once, for a report may cite many commands.
  private var commands: [CommandRunFact]?

  init(db: Database, layout: RunLayout, generation: Int) {
    self.db = db
    self.layout = layout
    self.generation = generation
  }

  func commandRuns(withArtifact id: String) throws -> [CommandRunFact] {
    let known = try commands ?? allCommands()
    commands = known
    return known.filter { [$0.stdoutArtifactId, $0.stderrArtifactId].contains(id) }
  }

  private func allCommands() throws -> [CommandRunFact] {
    try OperationStore.all(db, generation: generation)
      .filter { $0.kind == .hostCommand && $0.isFinal && $0.valueDigest != nil }
      .compactMap { operation -> CommandRunFact? in
        guard let digest = operation.valueDigest,
          let bytes = try ArtifactStore.get(db, digest, layout: layout),
          let data = try JSONValue(parsing: bytes)["data"], data["indeterminate"]?.bool != true,
          let argv = data["command"]?.array?.compactMap(\.string),
          let stdout = data["stdoutArtifactId"]?.string,
          let stderr = data["stderrArtifactId"]?.string
        else { return nil }
        return CommandRunFact(
          argv: argv, exitCode: data["exitCode"]?.int, stdoutArtifactId: stdout, stderrArtifactId: stderr)
      }
  }

  func artifact(_ id: String) throws -> [UInt8]? { try ArtifactStore.get(db, id, layout: layout) }

  func snapshots() throws -> [SnapshotFact] {
    try SnapshotStore.given(db, layout: layout)
  }

  func isDiff(_ artifactId: String) throws -> Bool {
    try TaskStore.hasDiff(db, generation: generation, artifact: artifactId)
  }

  /// Validated anew: the schema travels with the task, and the result's bytes are still what was committed.
  func schemaValidations(ofResult artifactId: String) throws -> [SchemaValidationFact] {
    try TaskStore.withResult(db, generation: generation, artifact: artifactId).compactMap { task in
      guard let schema = try task.spec().schema, let bytes = try artifact(artifactId),
        let data = try JSONValue(parsing: bytes)["data"]
      else { return nil }
      let problems = try JSONSchema(compiling: schema).validate(data)
      return SchemaValidationFact(
        schemaDigest: Digest.sha256Hex(schema.canonicalBytes), isValid: problems.isEmpty)
    }
  }

  func result(childKey: String) throws -> String? {
    try TaskStore.find(db, generation: generation, childKey: childKey)?.result
  }

  func childKeys(taskId: String) throws -> [String] {
    try TaskStore.childKeys(db, generation: generation, taskId: taskId)
  }
}
