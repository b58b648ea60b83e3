// Our JSON reader against Foundation's, in both directions, and every number against Swift's own reading of its literal.

import Foundation
import QueueRunner

/// What Foundation reads of a text.
enum ForeignJSON {
  /// Where the two differ; nil where they do not.
  ///
  /// - Parameter read: what our reader makes of a text; nil where it refuses it.
  static func difference(
    _ bytes: [UInt8], read: ([UInt8]) -> JSONValue? = { try? JSONValue(parsing: $0) }
  ) -> String? {
    let ours = read(bytes)
    let theirs = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
    if let ours {
      // Foundation decodes what is no UTF-8 too, and takes trailing commas: it must take whatever we take.
      guard let theirs else { return "Foundation refuses what we take" }
      if !isSame(ours, theirs) { return "Foundation reads another value" }
      if let literal = wrongNumber(bytes, ours) { return "it reads `\(literal)` as another number" }
    }
    guard let theirs else { return nil }
    // What Foundation has read may be spelled in a way that we rightly refuse; in plain spelling it may not be refused.
    var plain = PlainJSON()
    guard plain.append(theirs, depth: 0) else { return nil }
    guard let again = read(plain.bytes) else { return "it refuses what Foundation has read" }
    if again != plain.value { return "it reads another value than Foundation has read" }
    return wrongNumber(plain.bytes, again).map { "it reads `\($0)` as another number" }
  }

  /// On Linux a truth value is a number of one byte.
  static func isFlag(_ value: Any) -> Bool {
    (value as? NSNumber).map { String(cString: $0.objCType) == "c" } ?? false
  }

  private static func isSame(_ ours: JSONValue, _ theirs: Any) -> Bool {
    switch ours {
    case .null: return theirs is NSNull
    case .bool(let flag): return isFlag(theirs) && (theirs as? NSNumber)?.boolValue == flag
    case .number(let number):
      guard !isFlag(theirs), let found = (theirs as? NSNumber)?.doubleValue else { return false }
      // Foundation reads long decimals by way of fewer digits, and is off in the last places. This says only that the
      // right number stands there; that it is read to the last bit is seen by its literal.
      return found == number || abs(found - number) <= abs(number) * 1e-14
    case .string(let text): return (theirs as? String)?.utf8.elementsEqual(text.utf8) == true
    case .array(let items):
      guard let found = theirs as? [Any], found.count == items.count else { return false }
      return zip(items, found).allSatisfy(isSame)
    case .object(let object):
      guard let found = theirs as? [String: Any] else { return false }
      // Swift calls two spellings of é equal; keys that only so differ cannot be compared.
      if Set(object.keys).count != object.keys.count { return true }
      return found.count == object.keys.count
        && object.members.allSatisfy { member in found[member.key].map { isSame(member.value, $0) } ?? false }
    }
  }

  /// The first number of a text that is right otherwise which we read as another than Swift does, to the last bit.
  static func wrongNumber(_ bytes: [UInt8], _ ours: JSONValue) -> String? {
    let literals = literals(bytes)
    let numbers = numbers(ours)
    if literals.count != numbers.count { return "\(literals.count) literals" }
    for (literal, number) in zip(literals, numbers) where Double(literal)?.bitPattern != number.bitPattern {
      return literal
    }
    return nil
  }

  private static func literals(_ bytes: [UInt8]) -> [String] {
    var found: [String] = []
    var at = 0
    while at < bytes.count {
      switch bytes[at] {
      case UInt8(ascii: "\""):
        at += 1
        while at < bytes.count, bytes[at] != UInt8(ascii: "\"") {
          at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1
        }
        at += 1
      case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
        let literal = bytes[at...].prefix { "+-.eE0123456789".utf8.contains($0) }
        found.append(String(decoding: literal, as: UTF8.self))
        at += literal.count
      default: at += 1
      }
    }
    return found
  }

  /// In the order of the text.
  private static func numbers(_ value: JSONValue) -> [Double] {
    switch value {
    case .null, .bool, .string: []
    case .number(let number): [number]
    case .array(let items): items.flatMap(numbers)
    case .object(let object): object.members.flatMap { numbers($0.value) }
    }
  }
}

/// What Foundation has read, spelled plainly, and the value that it is.
private struct PlainJSON {
  private(set) var bytes: [UInt8] = []
  private(set) var value: JSONValue = .null
  private var keys = 0

  /// False for what is beyond our limits: nested too deep, too many keys, no finite number.
  mutating func append(_ theirs: Any, depth: Int) -> Bool {
    let limits = JSONLimits.standard
    switch theirs {
    case is NSNull: return put("null", .null)
    case let flag as NSNumber where ForeignJSON.isFlag(theirs):
      return put(flag.boolValue ? "true" : "false", .bool(flag.boolValue))
    case let number as NSNumber: return append(number)
    case let text as String:
      bytes += Self.quoted(text, isEscaped: false)
      value = .string(text)
      return true
    case let items as [Any]: return depth < limits.maxDepth && append(items, depth: depth + 1)
    case let members as [String: Any]:
      keys += members.count
      return depth < limits.maxDepth && keys <= limits.maxKeys && append(members, depth: depth + 1)
    default: return false
    }
  }

  private mutating func put(_ text: String, _ read: JSONValue) -> Bool {
    bytes += text.utf8
    value = read
    return true
  }

  private mutating func append(_ number: NSNumber) -> Bool {
    let isWhole = ["q", "Q", "i", "I", "l", "L"].contains(String(cString: number.objCType))
    let text = isWhole ? number.stringValue : "\(number.doubleValue)"
    guard let read = Double(text), read.isFinite else { return false }
    return put(text, .number(read))
  }

  private mutating func append(_ items: [Any], depth: Int) -> Bool {
    var read: [JSONValue] = []
    bytes.append(UInt8(ascii: "["))
    for (index, item) in items.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      guard append(item, depth: depth) else { return false }
      read.append(value)
    }
    bytes.append(UInt8(ascii: "]"))
    value = .array(read)
    return true
  }

  private mutating func append(_ members: [String: Any], depth: Int) -> Bool {
    var read = JSONObject()
    bytes.append(UInt8(ascii: "{"))
    for (index, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      // Keys all in escapes, texts as they are: both ways are gone.
      bytes += Self.quoted(member.key, isEscaped: true) + [UInt8(ascii: ":")]
      guard append(member.value, depth: depth) else { return false }
      read.append(member.key, value)
    }
    bytes.append(UInt8(ascii: "}"))
    value = .object(read)
    return true
  }

  private static func quoted(_ text: String, isEscaped: Bool) -> [UInt8] {
    var out = [UInt8(ascii: "\"")]
    for scalar in text.unicodeScalars {
      if isEscaped || scalar.value < 0x20 || scalar == "\"" || scalar == "\\" {
        for unit in UTF16.encode(scalar).map(Array.init) ?? [] {
          let hex = String(unit, radix: 16)
          out += Array("\\u\(String(repeating: "0", count: 4 - hex.count))\(hex)".utf8)
        }
      } else {
        out += Array(String(scalar).utf8)
      }
    }
    return out + [UInt8(ascii: "\"")]
  }
}
