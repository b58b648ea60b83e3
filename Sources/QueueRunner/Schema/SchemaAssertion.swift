// Rules that look at one value alone.

/// A rule without subschemas. A value of another type than the rule is about meets it.
enum SchemaAssertion: Sendable {
  case type(SchemaTypes)
  case const(JSONValue, weight: Int)
  case choice(SchemaChoice)
  case multipleOf(Double)
  case maximum(Double)
  case exclusiveMaximum(Double)
  case minimum(Double)
  case exclusiveMinimum(Double)
  case maxLength(Int)
  case minLength(Int)
  case pattern(Pattern)
  case maxItems(Int)
  case minItems(Int)
  case uniqueItems
  case maxProperties(Int)
  case minProperties(Int)
  case required([String])
  case dependentRequired([(key: String, names: [String])])

  var keyword: String {
    switch self {
    case .type: "type"
    case .const: "const"
    case .choice: "enum"
    case .multipleOf: "multipleOf"
    case .maximum: "maximum"
    case .exclusiveMaximum: "exclusiveMaximum"
    case .minimum: "minimum"
    case .exclusiveMinimum: "exclusiveMinimum"
    case .maxLength: "maxLength"
    case .minLength: "minLength"
    case .pattern: "pattern"
    case .maxItems: "maxItems"
    case .minItems: "minItems"
    case .uniqueItems: "uniqueItems"
    case .maxProperties: "maxProperties"
    case .minProperties: "minProperties"
    case .required: "required"
    case .dependentRequired: "dependentRequired"
    }
  }

  /// Whether the value meets the rule; lowers `steps` by the work, and answers anything once they are gone.
  func holds(_ value: JSONValue, steps: inout Int) -> Bool {
    steps -= 1
    switch (self, value) {
    case (.type(let types), _): return types.take(value)
    case (.const(let wanted, let weight), _):
      steps -= weight / 16
      return wanted == value
    case (.choice(let choice), _): return choice.holds(value, steps: &steps)
    case (.multipleOf(let divisor), .number(let number)):
      return DecimalNumber(number).isMultiple(of: DecimalNumber(divisor))
    case (.maximum(let limit), .number(let number)): return number <= limit
    case (.exclusiveMaximum(let limit), .number(let number)): return number < limit
    case (.minimum(let limit), .number(let number)): return number >= limit
    case (.exclusiveMinimum(let limit), .number(let number)): return number > limit
    case (.maxLength(let limit), .string(let text)): return Self.length(text, &steps) <= limit
    case (.minLength(let limit), .string(let text)): return Self.length(text, &steps) >= limit
    case (.pattern(let pattern), .string(let text)): return pattern.holds(text, steps: &steps)
    case (.maxItems(let limit), .array(let items)): return items.count <= limit
    case (.minItems(let limit), .array(let items)): return items.count >= limit
    case (.uniqueItems, .array(let items)): return SchemaUniqueness.repeated(items, steps: &steps) == nil
    case (.maxProperties(let limit), .object(let object)): return object.count <= limit
    case (.minProperties(let limit), .object(let object)): return object.count >= limit
    case (.required(let names), .object(let object)):
      steps -= names.count / 4
      return names.allSatisfy { object[$0] != nil }
    case (.dependentRequired(let rules), .object(let object)):
      for rule in rules {
        steps -= 1 + rule.names.count / 4
        if object[rule.key] != nil, !rule.names.allSatisfy({ object[$0] != nil }) { return false }
      }
      return true
    case (.multipleOf, _), (.maximum, _), (.exclusiveMaximum, _), (.minimum, _), (.exclusiveMinimum, _),
      (.maxLength, _), (.minLength, _), (.pattern, _), (.maxItems, _), (.minItems, _), (.uniqueItems, _),
      (.maxProperties, _), (.minProperties, _), (.required, _), (.dependentRequired, _):
      return true
    }
  }

  /// Code points; a byte that continues a sequence begins none.
  static func length(_ text: String, _ steps: inout Int) -> Int {
    steps -= text.utf8.count / 64
    return text.utf8.reduce(0) { $1 & 0xC0 == 0x80 ? $0 : $0 + 1 }
  }
}

extension Pattern {
  /// Sixteen states followed are one step.
  func holds(_ text: String, steps: inout Int) -> Bool {
    var work = max(steps, 0) * 16
    defer { steps = min(steps, work / 16) }
    return occurs(in: text, work: &work) ?? true
  }
}

/// The types that `type` allows.
struct SchemaTypes: OptionSet, Sendable {
  let rawValue: UInt8

  init(rawValue: UInt8) { self.rawValue = rawValue }

  init?(_ name: String) {
    guard let bit = Self.names.firstIndex(of: name) else { return nil }
    rawValue = 1 << UInt8(bit)
  }

  static let names = ["null", "boolean", "integer", "number", "string", "array", "object"]
  private static let null = SchemaTypes(rawValue: 1)
  private static let boolean = SchemaTypes(rawValue: 2)
  private static let integer = SchemaTypes(rawValue: 4)
  private static let number = SchemaTypes(rawValue: 8)
  private static let string = SchemaTypes(rawValue: 16)
  private static let array = SchemaTypes(rawValue: 32)
  private static let object = SchemaTypes(rawValue: 64)

  func take(_ value: JSONValue) -> Bool {
    switch value {
    case .null: contains(.null)
    case .bool: contains(.boolean)
    case .number(let number): contains(.number) || (contains(.integer) && number.isWhole)
    case .string: contains(.string)
    case .array: contains(.array)
    case .object: contains(.object)
    }
  }

  /// Such as: a string or null.
  var words: String {
    let words = ["a boolean", "an integer", "a number", "a string", "an array", "an object"]
    var named = words.enumerated().filter { rawValue >> UInt8($0.offset + 1) & 1 == 1 }.map(\.element)
    if contains(.null) { named.append("null") }
    return SchemaWords.join(named, "or")
  }
}

/// The values of `enum`. Scalars are found by their text, the rest one by one.
struct SchemaChoice: Sendable {
  let values: [JSONValue]
  private var scalars: Set<JSONKey> = []
  private var containers: [(value: JSONValue, weight: Int)] = []

  init(_ values: [JSONValue]) {
    self.values = values
    for value in values {
      switch value {
      case .null, .bool, .number, .string: scalars.insert(JSONKey(value.canonicalText))
      case .array, .object: containers.append((value, value.weight))
      }
    }
  }

  func holds(_ value: JSONValue, steps: inout Int) -> Bool {
    switch value {
    case .null, .bool, .number: return scalars.contains(JSONKey(value.canonicalText))
    case .string(let text):
      steps -= text.utf8.count / 16
      return scalars.contains(JSONKey(value.canonicalText))
    case .array, .object:
      for candidate in containers {
        steps -= 1 + candidate.weight / 16
        if steps <= 0 || candidate.value == value { return true }
      }
      return false
    }
  }
}

/// `uniqueItems`, in one pass over the items' canonical texts.
enum SchemaUniqueness {
  /// The first item that equals an earlier one, and that one; nil when there is none or the steps are gone.
  static func repeated(_ items: [JSONValue], steps: inout Int) -> (first: Int, second: Int)? {
    if items.count < 2 { return nil }
    var seen: [JSONKey: Int] = [:]
    for (at, item) in items.enumerated() {
      let text = item.canonicalText
      steps -= 1 + text.utf8.count / 16
      if steps <= 0 { return nil }
      if let first = seen.updateValue(at, forKey: JSONKey(text)) { return (first, at) }
    }
    return nil
  }
}

extension JSONValue {
  /// A measure of the work of comparing with this value: its canonical text's bytes.
  var weight: Int { canonicalBytes.count }
}

extension Double {
  /// Has no fraction. From 2^52 on, no double has one.
  var isWhole: Bool {
    isFinite && (magnitude >= 4_503_599_627_370_496 || Double(Int64(self)) == self)
  }
}
