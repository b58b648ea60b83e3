// What the envelope looks like, said once as data: the judge walks it, and the JSON Schema that a worker gets
// is written from it, so the two cannot drift apart.

/// A description of JSON values: no more than the envelope needs.
indirect enum Shape: Sendable {
  case any
  /// A string of at least that many characters (0 or 1).
  case string(minLength: Int)
  case nullableString
  case oneOf([String])
  /// 64 lowercase hexadecimal digits.
  case sha256
  case integer(ClosedRange<Int>)
  case array(Shape)
  case object([Field])
  /// An object whose member `type` says which fields it has.
  case typed([Variant])

  /// A member of an object.
  struct Field: Sendable {
    let name: String
    let shape: Shape
    var isRequired = true
    var about: String?
  }

  /// One kind of object among several.
  struct Variant: Sendable {
    let type: String
    let fields: [Field]
    /// At least one of these must be there; empty where that is not asked.
    var anyOf: [String] = []
  }

  /// The integers that a double, and so every JSON reader, holds exactly.
  static let exactIntegers = -9_007_199_254_740_992...9_007_199_254_740_992
  static let text = Shape.string(minLength: 0)
  static let name = Shape.string(minLength: 1)
}

extension Shape {
  /// What an error says was expected.
  var expected: String {
    switch self {
    case .any: "a value"
    case .string(let minLength): minLength > 0 ? "a string that is not empty" : "a string"
    case .nullableString: "a string or null"
    case .oneOf(let words): "one of " + Shape.list(words)
    case .sha256: "64 lowercase hexadecimal digits (a SHA-256)"
    case .integer(let range):
      range == Shape.exactIntegers ? "an integer" : "an integer of \(range.lowerBound) or more"
    case .array: "an array"
    case .object(let fields): "an object with " + Shape.list(fields.filter(\.isRequired).map(\.name))
    case .typed(let variants): "an object whose `type` is one of " + Shape.list(variants.map(\.type))
    }
  }

  static func list(_ words: [String]) -> String { words.map { "`\($0)`" }.joined(separator: ", ") }
}

extension Shape {
  /// The same as a JSON Schema (2020-12).
  var schema: JSONObject {
    switch self {
    case .any: JSONObject()
    case .string(let minLength):
      JSONObject(
        [("type", "string")] + (minLength > 0 ? [("minLength", JSONValue(minLength))] : []))
    case .nullableString: JSONObject([("type", ["string", "null"])])
    case .oneOf(let words): JSONObject([("enum", .array(words.map(JSONValue.string)))])
    case .sha256: JSONObject([("type", "string"), ("pattern", "^[0-9a-f]{64}$")])
    case .integer(let range):
      JSONObject([
        ("type", "integer"), ("minimum", JSONValue(range.lowerBound)),
        ("maximum", JSONValue(range.upperBound)),
      ])
    case .array(let items): JSONObject([("type", "array"), ("items", .object(items.schema))])
    case .object(let fields): Shape.schema(of: fields)
    case .typed(let variants):
      JSONObject([("type", "object"), ("oneOf", .array(variants.map { .object(Shape.schema(of: $0)) }))])
    }
  }

  private static func schema(of variant: Variant) -> JSONObject {
    let tag = Field(name: "type", shape: .oneOf([variant.type]))
    var object = schema(of: [tag] + variant.fields)
    if !variant.anyOf.isEmpty {
      object["anyOf"] = .array(variant.anyOf.map { ["required": [.string($0)]] })
    }
    return object
  }

  private static func schema(of fields: [Field]) -> JSONObject {
    let properties = fields.map { field in
      var schema = field.shape.schema
      schema["description"] = field.about.map(JSONValue.string)
      return (key: field.name, value: JSONValue.object(schema))
    }
    return JSONObject([
      ("type", "object"), ("additionalProperties", false),
      ("required", .array(fields.filter(\.isRequired).map { .string($0.name) })),
      ("properties", .object(JSONObject(properties))),
    ])
  }
}
