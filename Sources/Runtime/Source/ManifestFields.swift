// Values of a manifest, taken one at a time under the name that errors call them by.

import QueueRunner

/// A value and its name, such as `permissions.hostCommands[0].argv`.
struct ManifestEntry {
  let value: LocatedValue
  let name: String

  /// Entries of one list or map at most: keeps a manifest within what JSON readers take.
  static let maxEntries = 10_000

  func refusal(_ what: String, expected: String) -> Refusal {
    Refusal(value.offset, "`\(name)` \(what)", expected: expected, found: value.found)
  }

  func text(_ expected: String = "a string") throws(Refusal) -> String {
    guard case .string(let text) = value.content else { throw refusal("is not a string", expected: expected) }
    return text
  }

  /// A text that holds more than blanks, of at most 1,000 characters.
  func name(_ expected: String = "a string that is not blank") throws(Refusal) -> String {
    let text = try text(expected)
    if text.unicodeScalars.allSatisfy(\.properties.isWhitespace) {
      throw refusal("is blank", expected: expected)
    }
    guard text.unicodeScalars.count <= 1000 else {
      throw refusal("is too long", expected: "at most 1,000 characters")
    }
    return text
  }

  func id() throws(Refusal) -> String {
    let text = try text("an id")
    guard OperationNames.isId(text) else { throw refusal("is not an id", expected: OperationNames.pattern) }
    return text
  }

  func flag() throws(Refusal) -> Bool {
    guard case .bool(let flag) = value.content else {
      throw refusal("is not a boolean", expected: "`true` or `false`")
    }
    return flag
  }

  func integer(_ range: ClosedRange<Int>) throws(Refusal) -> Int {
    let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
    guard case .number = value.content else { throw refusal("is not a number", expected: expected) }
    guard let number = value.json.int else { throw refusal("is not a whole number", expected: expected) }
    guard range.contains(number) else { throw refusal("is out of range", expected: expected) }
    return number
  }

  func entries() throws(Refusal) -> [ManifestEntry] {
    guard case .array(let items) = value.content else {
      throw refusal("is not an array", expected: "an array")
    }
    try checkCount(items.count)
    return items.enumerated().map { ManifestEntry(value: $1, name: "\(name)[\($0)]") }
  }

  func members() throws(Refusal) -> [(key: String, entry: ManifestEntry)] {
    guard case .object(let members) = value.content else {
      throw refusal("is not an object", expected: "an object")
    }
    try checkCount(members.count)
    return members.map { member in
      (member.key, ManifestEntry(value: member.value, name: "\(name)[\(Excerpt.plain(member.key))]"))
    }
  }

  private func checkCount(_ count: Int) throws(Refusal) {
    guard count <= Self.maxEntries else {
      throw Refusal(
        value.offset, "`\(name)` has too many entries", expected: "at most \(Self.maxEntries)",
        found: "\(count)")
    }
  }

  func fields(_ known: [String]) throws(Refusal) -> ManifestFields {
    guard case .object(let members) = value.content else {
      throw name.isEmpty
        ? Refusal(value.offset, "the manifest is not an object", expected: "an object", found: value.found)
        : refusal("is not an object", expected: "an object")
    }
    for member in members where !known.contains(member.key) {
      let nearest = Nearest.of(member.key, in: known)
      let place = name.isEmpty ? "the manifest" : "`\(name)`"
      throw Refusal(
        member.keyOffset, "unknown key in \(place)",
        expected: nearest.map { "`\($0)`" } ?? "one of \(known.map { "`\($0)`" }.joined(separator: ", "))",
        found: Excerpt.quote(member.key))
    }
    return ManifestFields(object: value, members: members, name: name)
  }
}

/// The members of an object, all of whose keys are known.
struct ManifestFields {
  let object: LocatedValue
  let members: [LocatedValue.Member]
  let name: String

  private func path(_ key: String) -> String { name.isEmpty ? key : "\(name).\(key)" }

  subscript(key: String) -> ManifestEntry? {
    members.first { $0.key == key }.map { ManifestEntry(value: $0.value, name: path(key)) }
  }

  func required(_ key: String) throws(Refusal) -> ManifestEntry {
    if let entry = self[key] { return entry }
    throw Refusal(
      object.offset, "`\(path(key))` is missing", expected: "`\(key)`",
      found: members.isEmpty
        ? "an empty object" : Excerpt.keys(members.prefix(12).map(\.key)) + (members.count > 12 ? ", …" : ""))
  }
}

extension Excerpt {
  fileprivate static func keys(_ keys: [String]) -> String { keys.map { quote($0) }.joined(separator: ", ") }
}
