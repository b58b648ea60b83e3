import QueueRunner

@testable import Runtime

/// Facts that a test states.
struct StubFacts: EvidenceFacts {
  struct Unreadable: Error {}

  var runs: [CommandRunFact] = []
  var artifacts: [String: [UInt8]] = [:]
  var given: [SnapshotFact] = []
  var diffs: Set<String> = []
  var validations: [String: [SchemaValidationFact]] = [:]
  var results: [String: String] = [:]
  var isUnreadable = false

  func commandRuns(withArtifact id: String) throws -> [CommandRunFact] {
    if isUnreadable { throw Unreadable() }
    return runs.filter { $0.stdoutArtifactId == id || $0.stderrArtifactId == id }
  }
  func artifact(_ id: String) throws -> [UInt8]? { artifacts[id] }
  func snapshots() throws -> [SnapshotFact] { given }
  func isDiff(_ artifactId: String) throws -> Bool { diffs.contains(artifactId) }
  func schemaValidations(ofResult artifactId: String) throws -> [SchemaValidationFact] {
    validations[artifactId] ?? []
  }
  func result(childKey: String) throws -> String? { results[childKey] }
  func childKeys(taskId: String) throws -> [String] {
    results.keys.filter { $0.hasSuffix("#" + taskId) || $0 == "agent:" + taskId }.sorted()
  }
}

extension JSONValue {
  /// A claim `c` with the evidence of a test.
  static func claim(_ evidence: [JSONValue], id: String = "c", text: String = "it holds") -> JSONValue {
    [
      "id": .string(id), "text": .string(text), "kind": "finding", "confidence": "high",
      "evidence": .array(evidence),
    ]
  }

  /// The value with one member set, or removed by nil.
  func setting(_ key: String, _ value: JSONValue?) -> JSONValue {
    var object = object ?? JSONObject()
    object[key] = value
    return .object(object)
  }
}

extension EvidenceOutcome {
  var text: String {
    switch self {
    case .passed(let how): how
    case .failed(let reason): reason
    }
  }
  var isPassed: Bool { if case .passed = self { true } else { false } }
}
