// One piece of evidence. Its kind stands in `type`; `kind` is understood as well.

import QueueRunner

/// A piece of evidence, well-formed and not yet checked.
public struct Evidence: Sendable, Equatable {
  /// What is offered, by kind.
  public enum Content: Sendable, Equatable {
    case command(CommandEvidence)
    /// As `command`; the numbers of tests are the worker's words.
    case test(CommandEvidence)
    case fileRange(FileRange)
    case diffHunk(artifactId: String, file: String, hunkHash: String)
    case schemaValidation(schemaDigest: String, artifactId: String, isValid: Bool)
    case agentResult(childKey: String?, taskId: String?, artifactId: String)
  }

  /// A host command and one of its outputs.
  public struct CommandEvidence: Sendable, Equatable {
    /// The artifact that is said to be its stdout or stderr.
    public let artifactId: String
    /// The program and its arguments, compared byte for byte.
    public let argv: [String]
    /// What it is said to have exited with.
    public let exitCode: Int
  }

  /// Lines of a file in a snapshot.
  public struct FileRange: Sendable, Equatable {
    /// Relative to the project root.
    public let path: String
    /// From 1.
    public let startLine: Int
    /// Itself included.
    public let endLine: Int
    /// SHA-256 of the bytes from the first of `startLine` through the line feed of `endLine`, or the file's end.
    public let contentHash: String
  }

  /// The evidence, typed.
  public let content: Content
  /// As it was staged.
  public let json: JSONObject

  init(_ value: JSONValue, path: String) throws(ShapeProblem) {
    var fields = try FieldReader(value, path: path, expected: "an object")
    content = try Self.content(&fields)
    try fields.finish()
    json = fields.object
  }

  private static func content(_ fields: inout FieldReader) throws(ShapeProblem) -> Content {
    let tag = fields.object["type"] == nil && fields.object["kind"] != nil ? "kind" : "type"
    let kind: EvidenceKind = try fields.word(tag)
    switch kind {
    case .command: return .command(try command(&fields))
    case .test:
      let command = try command(&fields)
      for name in ["passed", "failed"] where fields.object[name] != nil {
        _ = try fields.integer(name, from: 0)
      }
      return .test(command)
    case .fileRange:
      return .fileRange(
        FileRange(
          path: try fields.text("path"), startLine: try fields.integer("startLine", from: 1),
          endLine: try fields.integer("endLine", from: 1), contentHash: try fields.digest("contentHash")))
    case .diffHunk:
      return .diffHunk(
        artifactId: try fields.text("artifactId"), file: try fields.text("file"),
        hunkHash: try fields.digest("hunkHash"))
    case .schemaValidation:
      let outcome: ValidationOutcome = try fields.word("status")
      return .schemaValidation(
        schemaDigest: try fields.schemaDigest("schema"), artifactId: try fields.text("artifactId"),
        isValid: outcome.isValid)
    case .agentResult:
      let childKey = try fields.optionalText("childKey")
      let taskId = try fields.optionalText("taskId")
      if childKey == nil, taskId == nil {
        throw fields.problem("childKey", "`childKey` or `taskId`", "neither")
      }
      return .agentResult(childKey: childKey, taskId: taskId, artifactId: try fields.text("artifactId"))
    }
  }

  private static func command(_ fields: inout FieldReader) throws(ShapeProblem) -> CommandEvidence {
    CommandEvidence(
      artifactId: try fields.text("artifactId"), argv: try fields.texts("command"),
      exitCode: try fields.integer("exitCode", from: nil))
  }
}

/// The kinds of contract §5.
enum EvidenceKind: String, CaseIterable {
  case command, test, fileRange, diffHunk, schemaValidation, agentResult
}

/// What `status` of a `schemaValidation` may say.
enum ValidationOutcome: String, CaseIterable {
  case valid, invalid, passed, failed

  var isValid: Bool {
    switch self {
    case .valid, .passed: true
    case .invalid, .failed: false
    }
  }
}
