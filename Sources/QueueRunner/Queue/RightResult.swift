/// A result that was found right, with all that its transaction stores and says of it: made before the transaction
/// begins, for nobody else can commit while it lasts.
struct RightResult: Sendable {
  let result: AdapterResult
  let bytes: [UInt8]
  /// What the result's data was held to.
  let schema: (digest: String, bytes: [UInt8])?
  let diff: (artifactId: String, text: String)?
  let ending: TaskEnding
  /// What the event of the ending says, as canonical JSON.
  let payloadText: String
  /// The artifact that `bytes` are.
  var digest: String { ending.result }

  /// - Parameters:
  ///   - childKey: the task's, and `attempt` its lease's: both are part of what is delivered.
  ///   - diff: of the worker's copy, where the task writes and something was changed.
  init(
    _ result: AdapterResult, _ bytes: [UInt8], schema: JSONValue?, diff: String? = nil, childKey: String,
    attempt: Int
  ) {
    self.result = result
    self.bytes = bytes
    let digest = Digest.sha256Hex(bytes)
    let schema = schema.map(\.canonicalBytes).map { (digest: Digest.sha256Hex($0), bytes: $0) }
    self.schema = schema
    let diff = diff.map { (artifactId: Digest.sha256Hex($0), text: $0) }
    self.diff = diff
    let delivered = DeliveredResult(
      result: result, childKey: childKey, attempt: attempt, resultArtifactId: digest, diff: diff,
      schemaArtifactId: schema?.digest)
    let hasUsage = result.usage.object?.isEmpty == false
    ending = TaskEnding(
      event: Self.event(result.status), result: digest, resultStatus: result.status.rawValue,
      deliveredHash: Digest.sha256Hex(delivered.text), diff: diff?.artifactId, summary: result.summary,
      usage: hasUsage ? result.usage.canonicalText : nil, error: result.error)
    let payload: JSONValue = [
      "childKey": .string(childKey), "attempt": JSONValue(attempt), "resultArtifactId": .string(digest),
      "adapterStatus": .string(ending.resultStatus), "summary": .string(result.summary),
      "error": JSONValue(result.error),
    ]
    payloadText = payload.canonicalText
  }

  private static func event(_ status: AdapterResult.Status) -> TaskEvent {
    switch status {
    case .completed: .complete
    case .failed: .fail
    case .blocked, .needsApproval: .block
    }
  }
}
