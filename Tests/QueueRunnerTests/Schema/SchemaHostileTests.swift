import Testing

@testable import QueueRunner

@Suite("JSON Schema: depth, loops and blow-up")
struct SchemaHostileTests {
  private static let deepArray = String(repeating: "[", count: 127) + "7" + String(repeating: "]", count: 127)

  /// Runs on a thread with the stack of the smallest secondary threads, 512 KiB.
  private func onSmallStack(_ body: @escaping @Sendable () throws -> Void) throws {
    let outcome = Guarded<(any Error)?>(nil)
    try PermanentThread(stackBytes: 512 << 10) {
      do { try body() } catch { outcome.withLock { $0 = error } }
    }.join()
    if let error = outcome.withLock({ $0 }) { throw error }
  }

  @Test("a deep value under a schema of many steps a level needs little stack")
  func deepValue() throws {
    try onSmallStack {
      let schema = try JSONSchema(
        compiling: JSONValue(
          parsing: """
            {"$defs":{"node":{"allOf":[{"anyOf":[{"$ref":"#/$defs/leaf"},{"$ref":"#/$defs/list"}]}]},
            "leaf":{"const":8},"list":{"type":"array","items":{"$ref":"#/$defs/node"},"uniqueItems":true}},
            "$ref":"#/$defs/node","unevaluatedItems":false}
            """))
      let value = try JSONValue(parsing: Self.deepArray)
      #expect(schema.validate(value).map(\.rulePointer) == ["/$defs/node/allOf/0/anyOf"])
      let fitting = try JSONValue(parsing: Self.deepArray.replacing("7", with: "8"))
      #expect(schema.validate(fitting).isEmpty)
    }
  }

  @Test("a deep schema and a long chain of references need little stack")
  func deepSchema() throws {
    try onSmallStack {
      var nested: JSONValue = ["type": "null"]
      for _ in 0..<120 { nested = ["not": nested] }
      let inside = try JSONSchema(compiling: nested)
      #expect(inside.validate(nil).isEmpty && inside.validate(1).count == 1)
      let count = 20_000
      var links = JSONObject()
      for at in 0..<count { links.append(String(at), ["$ref": .string("#/$defs/\(at + 1)")]) }
      links.append(String(count), ["type": "null"])
      let chain = try JSONSchema(compiling: ["$ref": "#/$defs/0", "$defs": .object(links)])
      #expect(chain.validate(1).map(\.rulePointer) == ["/$defs/\(count)/type"])
    }
  }

  @Test("a pattern of groups in groups needs little stack")
  func deepPattern() throws {
    try onSmallStack {
      let open = String(repeating: "(x|", count: Pattern.maxNesting)
      let source = open + "a" + String(repeating: ")?", count: Pattern.maxNesting)
      let schema = try JSONSchema(compiling: ["pattern": .string("^" + source + "$")])
      #expect(schema.validate("a").isEmpty && schema.validate("b").count == 1)
    }
  }

  @Test("`$dynamicRef` going round on one value is a problem")
  func dynamicLoop() throws {
    let schema = try JSONSchema(
      compiling: JSONValue(
        parsing: ##"{"$dynamicAnchor":"a","anyOf":[{"type":"null"},{"$dynamicRef":"#a"}]}"##))
    for value: JSONValue in [1, nil] {
      let problems = schema.validate(value)
      #expect(problems.map(\.rulePointer) == ["/anyOf/1/$dynamicRef"] || value == nil)
      #expect(problems.first?.message.contains("going round") == true || value == nil)
    }
  }

  @Test("a schema that doubles at every step ends with a problem that says so")
  func doubling() throws {
    var levels: [(key: String, value: JSONValue)] = [("40", true)]
    for at in 0..<40 {
      let next: JSONValue = ["$ref": .string("#/$defs/\(at + 1)")]
      levels.append((String(at), ["allOf": [next, next]]))
    }
    let schema = try JSONSchema(compiling: ["$ref": "#/$defs/0", "$defs": .object(JSONObject(levels))])
    for bound in [1, 1000, 100_000] {
      let problems = schema.validate(1, maxSteps: bound)
      #expect(problems.count == 1)
      #expect(problems.first?.message.contains("within \(bound) steps") == true)
      #expect(problems == schema.validate(1, maxSteps: bound))
    }
  }

  private static let costly: [(JSONValue, JSONValue)] = [
    (["pattern": "(a|b|ab)*c"], .string(String(repeating: "ab", count: 20_000))),
    (["uniqueItems": true], .array((0..<5000).map { JSONValue($0) })),
    (["patternProperties": ["a": true, "b": true]], object(5000)),
    (["propertyNames": ["type": "string"]], object(5000)),
    (["items": true], .array([JSONValue](repeating: 1, count: 5000))),
    (["unevaluatedProperties": true], object(5000)),
    (["maxLength": 1], .string(String(repeating: "a", count: 500_000))),
    (["enum": ["a"]], .string(String(repeating: "a", count: 500_000))),
  ]

  @Test("work inside one rule counts as steps", arguments: costly)
  func purse(schema: JSONValue, value: JSONValue) throws {
    let schema = try JSONSchema(compiling: schema)
    #expect(schema.validate(value, maxSteps: 3000).first?.message.contains("steps") == true)
    #expect(schema.validate(value).allSatisfy { !$0.message.contains("steps") })
  }

  private static func object(_ count: Int) -> JSONValue {
    .object(JSONObject((0..<count).map { (key: "k\($0)", value: JSONValue($0)) }))
  }

  @Test("twenty thousand keys under patterns that hang other engines")
  func manyKeys() throws {
    let schema = try JSONSchema(
      compiling: ["patternProperties": ["^(k+)+$": false], "additionalProperties": ["type": "integer"]])
    #expect(schema.validate(Self.object(20_000)).isEmpty)
  }

  @Test("numbers that are no JSON never trap")
  func notFinite() throws {
    let schema = try JSONSchema(
      compiling: ["type": "integer", "multipleOf": 2, "enum": [1], "uniqueItems": true, "minimum": 0])
    for number in [Double.nan, .infinity, -.infinity] {
      #expect(!schema.validate(.number(number)).isEmpty)
      #expect(throws: FlowdexError.self) { try JSONSchema(compiling: ["maximum": .number(number)]) }
    }
  }

  @Test("random schemas over random values never trap and never differ", arguments: 0..<4)
  func random(round: Int) {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededPieces(state: seed)
    var taken = 0
    for _ in 0..<500 {
      let document = Self.schema(&random, depth: 3)
      guard let schema = try? JSONSchema(compiling: document) else { continue }
      taken += 1
      let value = Self.value(&random, depth: 3)
      let problems = schema.validate(value, maxSteps: 5000)
      #expect(problems.count <= 20 && problems == schema.validate(value, maxSteps: 5000), "seed \(seed)")
      for problem in problems { SchemaCase.checkWording(problem, value) }
      // A resource of its own, so that `#` means the same inside `not`.
      guard var inner = document.object else { continue }
      inner["$id"] = "inner"
      guard let opposite = try? JSONSchema(compiling: ["not": .object(inner)]) else { continue }
      let isCut = problems.contains { $0.message.contains("steps") || $0.message.contains("going round") }
      if !isCut {
        #expect(opposite.validate(value).isEmpty != problems.isEmpty, "seed \(seed): \(document.compactText)")
      }
    }
    #expect(taken > 50, "seed \(seed)")
  }

  private static func schema(_ random: inout SeededPieces, depth: Int) -> JSONValue {
    if depth == 0 || random.next(6) == 0 { return .bool(random.next(3) > 0) }
    var object = JSONObject()
    for _ in 0..<(1 + random.next(3)) {
      switch random.next(9) {
      case 0:
        object["type"] =
          ["string", "integer", "object", "array", ["null", "number"], "text"][random.next(6)]
      case 1:
        object[["minimum", "maxLength", "minItems", "maxProperties"][random.next(4)]] = JSONValue(
          random.next(3))
      case 2:
        let keyword = [
          "not", "if", "then", "else", "items", "contains", "additionalProperties", "propertyNames",
        ]
        object[keyword[random.next(8)]] = schema(&random, depth: depth - 1)
      case 3:
        object[["allOf", "anyOf", "oneOf", "prefixItems"][random.next(4)]] = .array(
          (0..<(1 + random.next(2))).map { _ in schema(&random, depth: depth - 1) })
      case 4:
        object[["properties", "patternProperties", "dependentSchemas", "$defs"][random.next(4)]] = .object(
          JSONObject([(key: ["a", "b"][random.next(2)], value: schema(&random, depth: depth - 1))]))
      case 5:
        object[["unevaluatedItems", "unevaluatedProperties"][random.next(2)]] = .bool(random.next(2) == 0)
      case 6:
        object[["$ref", "$dynamicRef"][random.next(2)]] = ["#", "#/$defs/a", "#x", "#/items"][random.next(4)]
      case 7: object[["$anchor", "$dynamicAnchor"][random.next(2)]] = ["x", "y"][random.next(2)]
      default: object[["enum", "required"][random.next(2)]] = ["a"]
      }
    }
    return .object(object)
  }

  private static func value(_ random: inout SeededPieces, depth: Int) -> JSONValue {
    switch random.next(depth == 0 ? 4 : 6) {
    case 0: nil
    case 1: JSONValue(random.next(4))
    case 2: .string(["", "a", "bb", "\u{1B}`"][random.next(4)])
    case 3: .bool(random.next(2) == 0)
    case 4: .array((0..<random.next(4)).map { _ in value(&random, depth: depth - 1) })
    default:
      .object(
        JSONObject(
          (0..<random.next(4)).map {
            (key: ["a", "b", "c", "d/~"][$0], value: value(&random, depth: depth - 1))
          }))
    }
  }
}
