// What the state knows and evidence is checked against. The checks are pure over this protocol; the run's
// database answers it.

/// A host command of the run that has ended.
public struct CommandRunFact: Sendable, Equatable {
  /// The program and its arguments.
  public let argv: [String]
  /// nil where a signal ended it or it is not known.
  public let exitCode: Int?
  /// The id of the artifact that holds its stdout.
  public let stdoutArtifactId: String
  /// The id of the artifact that holds its stderr.
  public let stderrArtifactId: String

  /// A command as it was run and recorded.
  public init(argv: [String], exitCode: Int?, stdoutArtifactId: String, stderrArtifactId: String) {
    self.argv = argv
    self.exitCode = exitCode
    self.stdoutArtifactId = stdoutArtifactId
    self.stderrArtifactId = stderrArtifactId
  }
}

/// A snapshot that a task of the run was given.
public struct SnapshotFact: Sendable, Equatable {
  /// What names it and its manifest hashes to.
  public let digest: String
  /// The folder that holds its files.
  public let path: String

  /// A snapshot by its digest and place.
  public init(digest: String, path: String) {
    self.digest = digest
    self.path = path
  }
}

/// A validation that flowdex ran on a result.
public struct SchemaValidationFact: Sendable, Equatable {
  /// The SHA-256 of the schema's canonical text.
  public let schemaDigest: String
  /// Whether the result satisfied the schema.
  public let isValid: Bool

  /// The outcome of one schema on one result.
  public init(schemaDigest: String, isValid: Bool) {
    self.schemaDigest = schemaDigest
    self.isValid = isValid
  }
}

/// The run's facts. What is not there is nil or empty; only what cannot be read is an error.
public protocol EvidenceFacts {
  /// The host commands of the run that have this artifact as stdout or stderr.
  func commandRuns(withArtifact id: String) throws -> [CommandRunFact]
  /// The bytes of an artifact of the run, still hashing to its id.
  func artifact(_ id: String) throws -> [UInt8]?
  /// The snapshots that tasks of the run were given.
  func snapshots() throws -> [SnapshotFact]
  /// Whether the artifact is a diff that was delivered in the run.
  func isDiff(_ artifactId: String) throws -> Bool
  /// The validations that were run on the stored result.
  func schemaValidations(ofResult artifactId: String) throws -> [SchemaValidationFact]
  /// The artifact that holds the stored result of a task.
  func result(childKey: String) throws -> String?
  /// The child keys of the tasks that have this id.
  func childKeys(taskId: String) throws -> [String]
}
