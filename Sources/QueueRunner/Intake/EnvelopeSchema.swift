/// The JSON Schema (2020-12) that lies in a package, so that a worker can check its result by itself.
public enum EnvelopeSchema {
  /// Names the task's own schema inside the document.
  static let dataSchemaId = "urn:flowdex:task-data"

  /// The document, indented, with a final line feed; `then.properties.data` holds the task's schema, which only
  /// a `completed` result must satisfy.
  ///
  /// What no JSON Schema can say (no key twice, depth, size) is not in it: the watcher's word is the last.
  public static func text(dataSchema: JSONValue?) -> String {
    document(dataSchema: dataSchema).prettyText + "\n"
  }

  /// The same as UTF-8. Nearly every package of a hand-out holds the same document, so the last one is kept.
  static func bytes(dataSchema: JSONValue?) -> [UInt8] {
    guard let dataSchema else { return withoutData }
    if let known = last.withLock({ $0 }), known.dataSchema == dataSchema { return known.bytes }
    let bytes = Array(text(dataSchema: dataSchema).utf8)
    last.withLock { $0 = (dataSchema, bytes) }
    return bytes
  }

  private static let withoutData = Array(text(dataSchema: nil).utf8)
  private static let last = Guarded<(dataSchema: JSONValue, bytes: [UInt8])?>(nil)

  static func document(dataSchema: JSONValue?) -> JSONValue {
    var root = JSONObject([
      ("$schema", "https://json-schema.org/draft/2020-12/schema"),
      ("title", "flowdex adapter result"),
    ])
    for member in EnvelopeShape.envelope.schema.members { root[member.key] = member.value }
    if let dataSchema {
      root["if"] = ["properties": ["status": ["const": .string(AdapterResult.Status.completed.rawValue)]]]
      root["then"] = ["properties": ["data": embedded(dataSchema)]]
    }
    return .object(root)
  }

  /// A schema as a resource of its own: with an `$id`, the pointers in it (`#/$defs/x`) start at its own root
  /// and not at the envelope's (JSON Schema core, 8.2.1). One that has an `$id` already is left as it is.
  private static func embedded(_ schema: JSONValue) -> JSONValue {
    guard let object = schema.object, object["$id"] == nil else { return schema }
    return .object(JSONObject([("$id", .string(dataSchemaId))] + object.members))
  }
}
