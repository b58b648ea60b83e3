// The way to one value in a report, as a person types it: `files.0.name`, and in double quotes what is not plain:
// `files."src/a.b".0`.

import QueueRunner

/// A path of keys and indexes joined by dots.
///
/// A step names a member of an object, or an element of an array by its index from 0. A key that is empty or holds
/// a dot or a double quote stands in double quotes, with the escapes of JSON strings. The empty path is the whole
/// value.
public struct ReportPath: Sendable, Equatable {
  /// The keys, unquoted.
  public let steps: [String]

  /// Reads a path.
  ///
  /// - Throws: `report-path` (usage) with the byte at which it goes wrong.
  public init(_ text: String) throws {
    var steps: [String] = []
    var rest = Array(text.utf8)[...]
    while !text.isEmpty {
      steps.append(try Self.step(&rest, in: text))
      guard let dot = rest.popFirst() else { break }
      guard dot == UInt8(ascii: ".") else {
        throw Self.problem(text, rest.startIndex - 1, "`.` after the closing quote")
      }
    }
    self.steps = steps
  }

  private static func step(_ rest: inout ArraySlice<UInt8>, in text: String) throws -> String {
    let start = rest.startIndex
    guard rest.first == UInt8(ascii: "\"") else {
      let plain = rest.prefix { $0 != UInt8(ascii: ".") }
      if plain.isEmpty { throw problem(text, start, "a key (an empty key is written `\"\"`)") }
      if let quote = plain.firstIndex(of: UInt8(ascii: "\"")) {
        throw problem(text, quote, "a key with a double quote in it to stand in double quotes")
      }
      rest = rest[plain.endIndex...]
      return String(decoding: plain, as: UTF8.self)
    }
    var end = start + 1
    while end < rest.endIndex, rest[end] != UInt8(ascii: "\"") {
      end += rest[end] == UInt8(ascii: "\\") ? 2 : 1
    }
    guard end < rest.endIndex else { throw problem(text, text.utf8.count, "a closing double quote") }
    guard let key = (try? JSONValue(parsing: Array(rest[start...end])))?.string else {
      throw problem(text, start, "a JSON string in the double quotes")
    }
    rest = rest[(end + 1)...]
    return key
  }

  private static func problem(_ text: String, _ at: Int, _ expected: String) -> FlowdexError {
    .usage(
      "report-path", "path \(EvidenceText.quote(text)): expected \(expected) at byte \(at)",
      next: "run `flowdex report <run-id> --paths` to see the paths that there are")
  }

  /// The value that the path names.
  ///
  /// - Throws: `report-path-missing` with the step that leads nowhere and what was there.
  public func resolve(in value: JSONValue) throws -> JSONValue {
    var value = value
    for (at, step) in steps.enumerated() {
      switch value {
      case .object(let object):
        guard let next = object[step] else {
          let nearest = Nearest.of(step, in: object.keys).map { "; did you mean `\(Self.plain($0))`?" } ?? ""
          throw missing(at, "an object without that key\(nearest)")
        }
        value = next
      case .array(let items):
        guard let index = Self.arrayIndex(step) else {
          throw missing(at, "an array of \(items.count), whose elements are named by an index from 0")
        }
        guard index < items.count else { throw missing(at, "an array of \(items.count)") }
        value = items[index]
      case .null, .bool, .number, .string: throw missing(at, "the \(value.typeName) that has no members")
      }
    }
    return value
  }

  private func missing(_ at: Int, _ found: String) -> FlowdexError {
    let before =
      at == 0 ? "the report" : EvidenceText.quote(steps[..<at].map(Self.plain).joined(separator: "."))
    return .failed(
      "report-path-missing",
      "step \(at + 1), \(EvidenceText.quote(Self.plain(steps[at]))), leads nowhere: \(before) is \(found)",
      next: "run `flowdex report <run-id> --paths` to see the paths that there are")
  }

  /// Every path of a value, in its own order, containers before what they hold; each can be given to `--path`.
  public static func all(in value: JSONValue) -> [String] {
    var paths: [String] = []
    collect(value, "", &paths)
    return paths
  }

  private static func collect(_ value: JSONValue, _ path: String, _ paths: inout [String]) {
    func visit(_ key: String, _ inner: JSONValue) {
      let here = path.isEmpty ? key : path + "." + key
      paths.append(here)
      collect(inner, here, &paths)
    }
    switch value {
    case .object(let object): for member in object.members { visit(plain(member.key), member.value) }
    case .array(let items): for (at, item) in items.enumerated() { visit(String(at), item) }
    case .null, .bool, .number, .string: break
    }
  }

  /// A key as a step: quoted where it must be, or where it holds what cannot be seen.
  private static func plain(_ key: String) -> String {
    let needsQuotes = key.utf8.isEmpty || key.utf8.contains { $0 == 0x2E || $0 == 0x22 || $0 < 0x20 }
    return needsQuotes ? JSONValue.string(key).compactText : key
  }

  /// A step as an index of an array: digits only, without a leading zero.
  private static func arrayIndex(_ step: String) -> Int? {
    let digits = step.utf8
    guard (1...15).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
      digits.count == 1 || digits.first != 0x30
    else { return nil }
    return Int(step)
  }
}
