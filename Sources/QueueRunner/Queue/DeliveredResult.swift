import GRDB

/// What the orchestrator above is given of an accepted result: the envelope with `claims` and `artifacts`
/// emptied (nothing a worker says is trusted) and what flowdex itself knows beside it (contract §6).
public struct DeliveredResult: Sendable {
  let result: AdapterResult
  let childKey: String
  let attempt: Int
  let resultArtifactId: String
  /// The diff of the worker's copy, where the task writes and something was changed.
  let diff: (artifactId: String, text: String)?
  /// The schema that the result's data was held to.
  let schemaArtifactId: String?

  /// RFC 8785 text, so that its hash is the same wherever it is computed.
  public var text: String {
    var about = JSONObject([
      ("childKey", .string(childKey)), ("attempt", JSONValue(attempt)),
      ("resultArtifactId", .string(resultArtifactId)),
      ("untrustedClaims", .array(result.claims)), ("untrustedArtifacts", .array(result.artifacts)),
    ])
    about["diffArtifactId"] = diff.map { .string($0.artifactId) }
    about["schemaArtifactId"] = schemaArtifactId.map(JSONValue.string)
    var object = result.json.object ?? JSONObject()
    object["claims"] = []
    object["artifacts"] = []
    if let diff { object["diff"] = .string(diff.text) }
    object["flowdex"] = .object(about)
    return JSONValue.object(object).canonicalText
  }

  /// What was delivered of a task that has ended, made anew from what is stored.
  ///
  /// - Throws: `result-lost` where the stored bytes are gone or no longer what was committed.
  public static func stored(_ db: Database, _ task: TaskRecord, layout: RunLayout) throws -> String {
    guard let digest = task.result, let bytes = try ArtifactStore.get(db, digest, layout: layout),
      case .valid(let result) = AdapterResult.judge(bytes)
    else { throw lost(task.childKey) }
    let diff = try task.diff.map { id in
      guard let bytes = try ArtifactStore.get(db, id, layout: layout) else { throw lost(task.childKey) }
      return (artifactId: id, text: String(decoding: bytes, as: UTF8.self))
    }
    let text = DeliveredResult(
      result: result, childKey: task.childKey, attempt: task.attempt, resultArtifactId: digest, diff: diff,
      schemaArtifactId: try task.schema().map { Digest.sha256Hex($0.canonicalBytes) }
    ).text
    if task.deliveredHash != Digest.sha256Hex(text) { throw lost(task.childKey) }
    return text
  }

  private static func lost(_ childKey: String) -> FlowdexError {
    .machine("result-lost", "the stored result of `\(childKey)` is gone or no longer what was committed")
  }
}
