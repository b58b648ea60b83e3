/// The eight fields (contract §6), claims and their evidence (§5), artifacts (§6).
///
/// Claims and artifacts of a worker are never trusted; they must be well-formed, so that whoever reads them
/// need not look twice. Whether they are true is not judged here.
enum EnvelopeShape {
  static let envelope = Shape.object(fields)
  static let fieldNames = fields.map(\.name)

  private static let fields: [Shape.Field] = [
    Shape.Field(
      name: "status", shape: .oneOf(AdapterResult.Status.allCases.map(\.rawValue)),
      about: "How the task ended: `blocked` means that you cannot go on, `needs-approval` that a person must."
    ),
    Shape.Field(name: "summary", shape: .text, about: "One or two sentences for a person."),
    Shape.Field(
      name: "data", shape: .any, about: "The answer: any JSON, or what the task's schema asks for."),
    Shape.Field(
      name: "claims", shape: .array(claim),
      about: "Statements with evidence that can be checked; usually empty."),
    Shape.Field(name: "artifacts", shape: .array(artifact), about: "Files that you made; usually empty."),
    Shape.Field(
      name: "diff", shape: .nullableString,
      about: "A unified diff; null where the package has a `work` folder, for then it is made for you."),
    Shape.Field(name: "usage", shape: .any, about: "What the work cost, such as numbers of tokens; or {}."),
    Shape.Field(name: "error", shape: .nullableString, about: "What went wrong, or null."),
  ]

  private static let claim = Shape.object([
    Shape.Field(name: "id", shape: .name),
    Shape.Field(name: "text", shape: .text),
    Shape.Field(name: "kind", shape: .oneOf(["finding", "change", "verification", "blocker", "risk"])),
    Shape.Field(name: "confidence", shape: .oneOf(["high", "medium", "low"])),
    Shape.Field(name: "evidence", shape: .array(evidence)),
  ])

  private static let command: [Shape.Field] = [
    Shape.Field(name: "artifactId", shape: .name),
    Shape.Field(name: "command", shape: .array(.text)),
    Shape.Field(name: "exitCode", shape: .integer(Shape.exactIntegers)),
  ]

  private static let evidence = Shape.typed([
    Shape.Variant(type: "command", fields: command),
    Shape.Variant(
      type: "test",
      fields: command + [
        Shape.Field(name: "passed", shape: count(from: 0), isRequired: false),
        Shape.Field(name: "failed", shape: count(from: 0), isRequired: false),
      ]),
    Shape.Variant(
      type: "fileRange",
      fields: [
        Shape.Field(name: "path", shape: .name),
        Shape.Field(name: "startLine", shape: count(from: 1)),
        Shape.Field(name: "endLine", shape: count(from: 1)),
        Shape.Field(name: "contentHash", shape: .sha256),
      ]),
    Shape.Variant(
      type: "diffHunk",
      fields: [
        Shape.Field(name: "artifactId", shape: .name), Shape.Field(name: "file", shape: .name),
        Shape.Field(name: "hunkHash", shape: .sha256),
      ]),
    Shape.Variant(
      type: "schemaValidation",
      fields: [
        Shape.Field(name: "schema", shape: .any), Shape.Field(name: "artifactId", shape: .name),
        Shape.Field(name: "status", shape: .name),
      ]),
    Shape.Variant(
      type: "agentResult",
      fields: [
        Shape.Field(name: "childKey", shape: .name, isRequired: false),
        Shape.Field(name: "taskId", shape: .name, isRequired: false),
        Shape.Field(name: "artifactId", shape: .name),
      ], anyOf: ["childKey", "taskId"]),
  ])

  private static let artifact = Shape.object([
    Shape.Field(name: "id", shape: .name),
    Shape.Field(name: "sha256", shape: .sha256),
    Shape.Field(name: "mediaType", shape: .text),
    Shape.Field(name: "size", shape: count(from: 0), about: "Bytes."),
    Shape.Field(name: "path", shape: .text),
    Shape.Field(name: "producer", shape: .text, isRequired: false),
    Shape.Field(name: "redactionStatus", shape: .oneOf(["none", "redacted"])),
  ])

  private static func count(from least: Int) -> Shape { .integer(least...Shape.exactIntegers.upperBound) }
}
