/// A JSON value (RFC 8259) as flowdex passes it around.
///
/// Strings and object keys are compared by their code units, never by Unicode canonical equivalence:
/// Swift's `==` calls "é" and "e\u{301}" equal, JSON does not.
public enum JSONValue: Sendable {
  case null
  case bool(Bool)
  /// An IEEE 754 double, always finite (RFC 8785 §3.2.2.3 knows no other number).
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)
}

/// The members of a JSON object, in the order they were written or inserted.
///
/// Equality ignores order. A key occurs once; setting it again replaces the value in place.
public struct JSONObject: Sendable {
  /// Each key once. Changed through the subscript and `append`.
  public private(set) var members: [(key: String, value: JSONValue)] = []
  /// Built once an object is large enough that a linear search would show.
  private var index: [JSONKey: Int] = [:]
  private static let indexedFrom = 12

  /// `{}`.
  public init() {}

  /// Keeps the first member of every key.
  public init(_ members: [(key: String, value: JSONValue)]) {
    self.members.reserveCapacity(members.count)
    for member in members where position(of: member.key) == nil { append(member.key, member.value) }
  }

  /// How many members there are.
  public var count: Int { members.count }
  /// True of `{}`.
  public var isEmpty: Bool { members.isEmpty }
  /// In the order of the members.
  public var keys: [String] { members.map(\.key) }

  /// nil where the key is absent; setting nil removes it. Keys are compared as UTF-8, without normalisation.
  public subscript(key: String) -> JSONValue? {
    get { position(of: key).map { members[$0].value } }
    set {
      switch (position(of: key), newValue) {
      case (let at?, let value?): members[at].value = value
      case (nil, let value?): append(key, value)
      case (let at?, nil):
        members.remove(at: at)
        reindex()
      case (nil, nil): break
      }
    }
  }

  /// Adds a member that the caller knows to be new (the strict parser has checked it).
  public mutating func append(_ key: String, _ value: JSONValue) {
    members.append((key, value))
    if members.count == Self.indexedFrom {
      reindex()
    } else if members.count > Self.indexedFrom {
      index[JSONKey(key)] = members.count - 1
    }
  }

  private func position(of key: String) -> Int? {
    if members.count >= Self.indexedFrom { return index[JSONKey(key)] }
    return members.firstIndex { $0.key.hasSameBytes(as: key) }
  }

  private mutating func reindex() {
    index.removeAll()
    guard members.count >= Self.indexedFrom else { return }
    for (at, member) in members.enumerated() { index[JSONKey(member.key)] = at }
  }
}

/// A key that hashes and compares by its UTF-8 bytes; Swift's strings would also hold `é` and `e` with an accent for the
/// same.
public struct JSONKey: Hashable, Sendable {
  let text: String
  /// The key of that text.
  public init(_ text: String) { self.text = text }
  /// Whether the bytes are the same.
  public static func == (a: JSONKey, b: JSONKey) -> Bool { a.text.hasSameBytes(as: b.text) }
  /// By the bytes.
  public func hash(into hasher: inout Hasher) { text.withBytes { hasher.combine(bytes: $0) } }
}

extension JSONValue: Equatable {
  /// Strings are equal if their UTF-8 is; numbers as doubles; objects whatever the order of their members.
  public static func == (a: JSONValue, b: JSONValue) -> Bool {
    switch (a, b) {
    case (.null, .null): true
    case (.bool(let x), .bool(let y)): x == y
    case (.number(let x), .number(let y)): x == y
    case (.string(let x), .string(let y)): x.hasSameBytes(as: y)
    case (.array(let x), .array(let y)): x == y
    case (.object(let x), .object(let y)): x == y
    case (.null, _), (.bool, _), (.number, _), (.string, _), (.array, _), (.object, _): false
    }
  }
}

extension JSONObject: Equatable {
  /// The same keys with equal values, in any order.
  public static func == (a: JSONObject, b: JSONObject) -> Bool {
    a.count == b.count && a.members.allSatisfy { b[$0.key] == $0.value }
  }
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByStringLiteral,
  ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral
{
  /// `null`.
  public init(nilLiteral: ()) { self = .null }
  /// `true` or `false`.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// The text as it is; never parsed.
  public init(stringLiteral value: String) { self = .string(value) }
  /// As the nearest double.
  public init(integerLiteral value: Int) { self = .number(Double(value)) }
  /// Must be finite: JSON has no other numbers.
  public init(floatLiteral value: Double) { self = .number(value) }
  /// The elements in their order.
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  /// The members in their order; of a key that is given twice, the first.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(JSONObject(elements.map { (key: $0.0, value: $0.1) }))
  }
}

extension JSONValue {
  /// `null` for nil.
  public init(_ text: String?) { self = text.map(JSONValue.string) ?? .null }
  /// As the nearest double: exact up to 2^53.
  public init(_ number: Int) { self = .number(Double(number)) }
  /// As the nearest double: exact up to 2^53.
  public init(_ number: Int64) { self = .number(Double(number)) }

  /// The text, if it is a string.
  public var string: String? { if case .string(let text) = self { text } else { nil } }
  /// The truth value, if it is one.
  public var bool: Bool? { if case .bool(let flag) = self { flag } else { nil } }
  /// The number, if it is one.
  public var number: Double? { if case .number(let number) = self { number } else { nil } }
  /// The elements, if it is an array.
  public var array: [JSONValue]? { if case .array(let items) = self { items } else { nil } }
  /// The members, if it is an object.
  public var object: JSONObject? { if case .object(let object) = self { object } else { nil } }
  /// True of `null` alone: an absent member is nil.
  public var isNull: Bool { self == .null }
  /// The value as an integer, if it is one that a double holds exactly (|n| ≤ 2^53).
  public var int: Int? {
    guard let number, number.rounded() == number, abs(number) <= 9_007_199_254_740_992 else { return nil }
    return Int(number)
  }
  /// A member; nil also where the value is no object.
  public subscript(key: String) -> JSONValue? { object?[key] }

  /// What the value is, in the words of JSON Schema: for error messages.
  public var typeName: String {
    switch self {
    case .null: "null"
    case .bool: "boolean"
    case .number: "number"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    }
  }
}
