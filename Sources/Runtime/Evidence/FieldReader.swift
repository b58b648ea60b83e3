// Reads an object whose fields are all known, each in one call; whatever is left over at the end is an error.

import QueueRunner

/// What is wrong with a claim, and where in it.
struct ShapeProblem: Error {
  let text: String
}

/// The members of one object, on their way to a typed value.
struct FieldReader {
  let object: JSONObject
  private let path: String
  private var read: [String] = []

  init(_ value: JSONValue, path: String, expected: String) throws(ShapeProblem) {
    guard case .object(let object) = value else {
      throw ShapeProblem(
        text: "\(path.isEmpty ? "" : "`\(path)`: ")expected \(expected), found \(Self.shown(value))")
    }
    self.object = object
    self.path = path
  }

  /// The error of one member; `found` nil for what stands there.
  func problem(_ name: String, _ expected: String, _ found: String? = nil) -> ShapeProblem {
    let found = found ?? object[name].map(Self.shown) ?? "nothing"
    return ShapeProblem(text: "`\(path)/\(name)`: expected \(expected), found \(found)")
  }

  private mutating func take(_ name: String) -> JSONValue? {
    read.append(name)
    return object[name]
  }

  mutating func text(_ name: String) throws(ShapeProblem) -> String {
    guard let text = take(name)?.string, !text.utf8.isEmpty else {
      throw problem(name, "text that is not empty")
    }
    return text
  }

  mutating func optionalText(_ name: String) throws(ShapeProblem) -> String? {
    object[name] == nil ? nil : try text(name)
  }

  mutating func id(_ name: String) throws(ShapeProblem) -> String {
    guard let id = take(name)?.string, (1...120).contains(id.utf8.count), id.utf8.allSatisfy(Self.isSafe)
    else {
      throw problem(name, "1 to 120 of `A-Z a-z 0-9 _ . -`")
    }
    return id
  }

  mutating func digest(_ name: String) throws(ShapeProblem) -> String {
    guard let text = take(name)?.string, Self.isDigest(text) else {
      throw problem(name, "64 lowercase hexadecimal digits (a SHA-256)")
    }
    return text
  }

  mutating func word<Word>(_ name: String) throws(ShapeProblem) -> Word
  where Word: RawRepresentable<String> & CaseIterable {
    let words = Word.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
    guard let text = take(name)?.string, let word = Word(rawValue: text) else {
      throw problem(name, "one of \(words)")
    }
    return word
  }

  mutating func integer(_ name: String, from least: Int?) throws(ShapeProblem) -> Int {
    guard let number = take(name)?.int, number >= least ?? number else {
      throw problem(name, least.map { "an integer of \($0) or more" } ?? "an integer")
    }
    return number
  }

  mutating func array(_ name: String) throws(ShapeProblem) -> [JSONValue] {
    guard let items = take(name)?.array else { throw problem(name, "an array") }
    return items
  }

  mutating func texts(_ name: String) throws(ShapeProblem) -> [String] {
    guard let items = take(name)?.array, !items.isEmpty else {
      throw problem(name, "an array of strings, the command and its arguments")
    }
    var texts: [String] = []
    for (at, item) in items.enumerated() {
      guard let text = item.string else { throw problem("\(name)/\(at)", "a string", Self.shown(item)) }
      texts.append(text)
    }
    return texts
  }

  /// A JSON Schema, or the artifact that holds it: both are named by the digest of the canonical text.
  mutating func schemaDigest(_ name: String) throws(ShapeProblem) -> String {
    let schema = take(name)
    switch schema {
    case .string(let text) where Self.isDigest(text): return text
    case .object, .bool: return Digest.sha256Hex(schema?.canonicalBytes ?? [])
    case nil, .null, .number, .string, .array: throw problem(name, "a JSON Schema or the id of its artifact")
    }
  }

  /// Refuses members that nobody asked for.
  func finish() throws(ShapeProblem) {
    for key in object.keys where !read.contains(where: { $0.hasSameBytes(as: key) }) {
      let nearest = Nearest.of(key, in: read).map { "; did you mean `\($0)`?" } ?? ""
      let known = read.map { "`\($0)`" }.joined(separator: ", ")
      let place = path.isEmpty ? "" : "`\(path)`: "
      throw ShapeProblem(
        text: "\(place)expected only \(known), found the unknown field \(Excerpt.quote(key))\(nearest)")
    }
  }

  static func isDigest(_ text: String) -> Bool {
    text.utf8.count == 64
      && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }

  private static func isSafe(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  private static func shown(_ value: JSONValue) -> String {
    switch value {
    case .null, .bool, .number: Excerpt.quote(value.compactText)
    case .string(let text): text.utf8.isEmpty ? "an empty string" : "the string \(Excerpt.quote(text))"
    case .array: "an array"
    case .object: "an object"
    }
  }
}
