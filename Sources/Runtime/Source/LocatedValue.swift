// A JSON value that knows where each part of it was written, so that a broken rule can point at the place.

import QueueRunner

/// A value and the byte at which it begins.
struct LocatedValue {
  let offset: Int
  let content: Content

  struct Member {
    let key: String
    let keyOffset: Int
    let value: LocatedValue
  }

  enum Content {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([LocatedValue])
    case object([Member])
  }

  init(offset: Int, content: Content) {
    self.offset = offset
    self.content = content
  }

  /// A value that was never in a text; every place is 0.
  init(_ value: JSONValue) {
    offset = 0
    switch value {
    case .null: content = .null
    case .bool(let flag): content = .bool(flag)
    case .number(let number): content = .number(number)
    case .string(let text): content = .string(text)
    case .array(let items): content = .array(items.map { LocatedValue($0) })
    case .object(let object):
      content = .object(
        object.members.map { Member(key: $0.key, keyOffset: 0, value: LocatedValue($0.value)) })
    }
  }

  /// The value alone, members in the order they were written.
  var json: JSONValue {
    switch content {
    case .null: return .null
    case .bool(let flag): return .bool(flag)
    case .number(let number): return .number(number)
    case .string(let text): return .string(text)
    case .array(let items): return .array(items.map(\.json))
    case .object(let members):
      var object = JSONObject()
      for member in members { object.append(member.key, member.value.json) }
      return .object(object)
    }
  }

  /// What the value is, for error messages; scalars are quoted.
  var found: String {
    switch content {
    case .null: "null"
    case .bool(let flag): "\(flag)"
    case .number: Excerpt.quote(json.compactText)
    case .string(let text): "string \(Excerpt.quote(text))"
    case .array(let items): items.isEmpty ? "an empty array" : "an array"
    case .object: "an object"
    }
  }
}
