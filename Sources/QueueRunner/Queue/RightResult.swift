/// A result that was found right, with what its transaction stores of it: made before the transaction begins, for
/// nobody else can commit while it lasts.
struct RightResult: Sendable {
  let result: AdapterResult
  let bytes: [UInt8]
  /// The artifact that `bytes` are.
  let digest: String
  /// What the result's data was held to.
  let schema: (digest: String, bytes: [UInt8])?
  let diff: (artifactId: String, text: String)?
  /// Of the result as the workflow is given it.
  let deliveredHash: String

  /// - Parameters:
  ///   - childKey: the task's, and `attempt` its lease's: both are part of what is delivered.
  ///   - diff: of the worker's copy, where the task writes and something was changed.
  init(
    _ result: AdapterResult, _ bytes: [UInt8], schema: JSONValue?, diff: String? = nil, childKey: String,
    attempt: Int
  ) {
    self.result = result
    self.bytes = bytes
    digest = Digest.sha256Hex(bytes)
    self.schema = schema.map {
      let bytes = $0.canonicalBytes
      return (Digest.sha256Hex(bytes), bytes)
    }
    self.diff = diff.map { (Digest.sha256Hex($0), $0) }
    let delivered = DeliveredResult(
      result: result, childKey: childKey, attempt: attempt, resultArtifactId: digest, diff: self.diff,
      schemaArtifactId: self.schema?.digest)
    deliveredHash = Digest.sha256Hex(delivered.text)
  }
}
