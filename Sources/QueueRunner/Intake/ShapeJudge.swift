/// Compares a value with a shape and says, place by place, what is wrong.
struct ShapeJudge {
  /// More problems than this help nobody.
  static let maxProblems = 20

  private(set) var problems: [AdapterResult.Problem] = []
  /// The way to the value that is being looked at: member names and array places.
  private var path: [String] = []
  private var isFull: Bool { problems.count >= Self.maxProblems }

  static func problems(_ value: JSONValue, _ shape: Shape) -> [AdapterResult.Problem] {
    var judge = ShapeJudge()
    judge.judge(value, shape)
    return judge.problems
  }

  private mutating func judge(_ value: JSONValue, _ shape: Shape) {
    if isFull { return }
    switch shape {
    case .any: break
    case .string(let minLength): check(value.string.map { $0.utf8.count >= minLength }, value, shape)
    case .nullableString: check(value.isNull || value.string != nil, value, shape)
    case .oneOf(let words):
      check(value.string.map { text in words.contains { $0.hasSameBytes(as: text) } }, value, shape)
    case .sha256: check(value.string.map(Self.isSHA256), value, shape)
    case .integer(let range): check(value.int.map(range.contains), value, shape)
    case .array(let items): judge(array: value, items, shape)
    case .object(let fields):
      guard let object = value.object else { return fail(shape.expected, Self.found(value)) }
      judge(object, fields)
    case .typed(let variants): judge(typed: value, variants, shape)
    }
  }

  private mutating func judge(array value: JSONValue, _ items: Shape, _ shape: Shape) {
    guard let array = value.array else { return fail(shape.expected, Self.found(value)) }
    for (place, item) in array.enumerated() where !isFull {
      inside(String(place)) { $0.judge(item, items) }
    }
  }

  private mutating func judge(typed value: JSONValue, _ variants: [Shape.Variant], _ shape: Shape) {
    guard let object = value.object else { return fail(shape.expected, Self.found(value)) }
    let tag = Shape.Field(name: "type", shape: .oneOf(variants.map(\.type)))
    guard let type = object["type"]?.string, let variant = variants.first(where: { $0.type == type }) else {
      return inside("type") { judge in
        judge.fail(tag.shape.expected, object["type"].map(Self.found) ?? "nothing")
      }
    }
    judge(object, [tag] + variant.fields)
    if !variant.anyOf.isEmpty, !variant.anyOf.contains(where: { object[$0] != nil }) {
      fail("at least one of " + Shape.list(variant.anyOf), "neither")
    }
  }

  /// Missing and wrong members in the order of the fields, then unknown ones in theirs.
  private mutating func judge(_ object: JSONObject, _ fields: [Shape.Field]) {
    for field in fields where !isFull {
      if let value = object[field.name] {
        inside(field.name) { $0.judge(value, field.shape) }
      } else if field.isRequired {
        inside(field.name) { $0.fail(field.shape.expected, "nothing") }
      }
    }
    let known = fields.map(\.name)
    for member in object.members where !isFull {
      if known.contains(where: { $0.hasSameBytes(as: member.key) }) { continue }
      let nearest = Nearest.of(member.key, in: known).map { "; did you mean `\($0)`?" } ?? ""
      inside(member.key) {
        $0.fail("only the members " + Shape.list(known), "the unknown \(Excerpt.quote(member.key))\(nearest)")
      }
    }
  }

  private mutating func check(_ isRight: Bool?, _ value: JSONValue, _ shape: Shape) {
    if isRight != true { fail(shape.expected, Self.found(value)) }
  }

  private mutating func inside(_ key: String, _ body: (inout ShapeJudge) -> Void) {
    path.append(key)
    body(&self)
    path.removeLast()
  }

  private mutating func fail(_ expected: String, _ found: String) {
    if isFull { return }
    let pointer = path.map { "/" + JSONPointer.escape($0) }.joined()
    problems.append(AdapterResult.Problem(pointer: pointer, expected: expected, found: found))
  }

  private static func isSHA256(_ text: String) -> Bool {
    text.utf8.count == 64
      && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }

  /// A value in a few words: text and numbers are quoted, containers named.
  static func found(_ value: JSONValue) -> String {
    switch value {
    case .null: "null"
    case .bool(let flag): flag ? "true" : "false"
    case .number: "the number \(Excerpt.quote(value.compactText))"
    case .string(let text): text.isEmpty ? "an empty string" : "the string \(Excerpt.quote(text))"
    case .array: "an array"
    case .object: "an object"
    }
  }
}
