// A strict reader of RFC 8259 over bytes: one pass, no backtracking, every byte accounted for.
//
// Stricter than the RFC where it leaves a choice, because two readers of one text must never see two values:
// UTF-8 only and no byte order mark, no key twice in an object (compared after unescaping), no lone surrogate,
// no number that a double cannot hold, bounded depth and number of keys.

extension JSONValue {
  /// Reads a whole text strictly (RFC 8259, UTF-8, no duplicate keys, no lone surrogates, finite numbers).
  public init(parsing bytes: [UInt8], limits: JSONLimits = .standard) throws(JSONSyntaxError) {
    self = try bytes.withUnsafeBufferPointer { (input) throws(JSONSyntaxError) -> JSONValue in
      var parser = JSONParser(input, limits)
      return try parser.document()
    }
  }

  /// Reads a text strictly, as for bytes; offsets of errors count UTF-8 bytes.
  public init(parsing text: String) throws(JSONSyntaxError) {
    try self.init(parsing: Array(text.utf8))
  }
}

/// The state of one reading. Lives inside `withUnsafeBufferPointer` and never outlives it.
struct JSONParser {
  let input: UnsafeBufferPointer<UInt8>
  let limits: JSONLimits
  var at = 0
  var depth = 0
  var keyCount = 0
  /// Where strings with escapes are put together; kept, so that its storage is used again.
  var scratch: [UInt8] = []

  init(_ input: UnsafeBufferPointer<UInt8>, _ limits: JSONLimits) {
    self.input = input
    self.limits = limits
  }

  /// What went wrong, with the way to it gathered from the inside out while the recursion unwinds.
  struct Failure: Error {
    let offset: Int
    let expected: String
    let found: String
    var path: [String] = []
  }

  mutating func document() throws(JSONSyntaxError) -> JSONValue {
    do throws(Failure) {
      skipSpace()
      let value = try value()
      skipSpace()
      if at < input.count { throw failure("the end of the text after the value") }
      return value
    } catch {
      let pointer = error.path.reversed().map { "/" + $0 }.joined()
      throw JSONSyntaxError(
        offset: error.offset, pointer: pointer, expected: error.expected, found: error.found)
    }
  }

  private mutating func value() throws(Failure) -> JSONValue {
    guard at < input.count else { throw failure("a JSON value") }
    switch input[at] {
    case Byte.quote: return .string(try string())
    case Byte.openBrace: return try object()
    case Byte.openBracket: return try array()
    case Byte.minus, Byte.zero...Byte.nine: return .number(try number())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    default: throw failure("a JSON value")
    }
  }

  private mutating func literal(_ word: StaticString, _ value: JSONValue) throws(Failure) -> JSONValue {
    let length = word.utf8CodeUnitCount
    var matched = 0
    while matched < length, at + matched < input.count, input[at + matched] == word.utf8Start[matched] {
      matched += 1
    }
    guard matched == length else { throw failure("`\(word)`") }
    at += length
    return value
  }

  private mutating func array() throws(Failure) -> JSONValue {
    try enter()
    var items: [JSONValue] = []
    skipSpace()
    if take(Byte.closeBracket) {
      depth -= 1
      return .array(items)
    }
    while true {
      do throws(Failure) {
        items.append(try value())
      } catch {
        throw error.inside(String(items.count))
      }
      skipSpace()
      if take(Byte.closeBracket) { break }
      guard take(Byte.comma) else { throw failure("`,` or `]`") }
      skipSpace()
    }
    depth -= 1
    return .array(items)
  }

  private mutating func object() throws(Failure) -> JSONValue {
    try enter()
    var object = JSONObject()
    skipSpace()
    if take(Byte.closeBrace) {
      depth -= 1
      return .object(object)
    }
    while true {
      let key = try key(of: object)
      do throws(Failure) {
        skipSpace()
        guard take(Byte.colon) else { throw failure("`:` after the key") }
        skipSpace()
        object.append(key, try value())
      } catch {
        throw error.inside(key)
      }
      skipSpace()
      if take(Byte.closeBrace) { break }
      guard take(Byte.comma) else { throw failure("`,` or `}`") }
      skipSpace()
    }
    depth -= 1
    return .object(object)
  }

  private mutating func key(of object: JSONObject) throws(Failure) -> String {
    guard at < input.count, input[at] == Byte.quote else {
      throw failure(object.isEmpty ? "a key in double quotes or `}`" : "a key in double quotes")
    }
    let start = at
    let key = try string()
    keyCount += 1
    if keyCount > limits.maxKeys {
      throw Failure(
        offset: start, expected: "at most \(limits.maxKeys) keys in the text", found: "one more key")
    }
    if object.contains(key) {
      throw Failure(
        offset: start, expected: "each key once in an object", found: "\(Excerpt.quote(key)) again"
      ).inside(key)
    }
    return key
  }

  private mutating func enter() throws(Failure) {
    depth += 1
    if depth > limits.maxDepth {
      throw Failure(
        offset: at, expected: "at most \(limits.maxDepth) levels of nesting", found: "one more level")
    }
    at += 1
  }

  @inline(__always)
  private mutating func take(_ byte: UInt8) -> Bool {
    guard at < input.count, input[at] == byte else { return false }
    at += 1
    return true
  }

  @inline(__always)
  private mutating func skipSpace() {
    while at < input.count {
      switch input[at] {
      case Byte.space, Byte.lineFeed, Byte.tab, Byte.carriageReturn: at += 1
      default: return
      }
    }
  }
}

extension JSONParser.Failure {
  fileprivate func inside(_ key: String) -> JSONParser.Failure {
    var outer = self
    outer.path.append(JSONPointer.escape(Excerpt.plain(key)))
    return outer
  }
}

extension JSONObject {
  @inline(__always)
  fileprivate func contains(_ key: String) -> Bool { self[key] != nil }
}

/// The bytes that have a meaning in JSON.
enum Byte {
  static let quote = UInt8(ascii: "\"")
  static let backslash = UInt8(ascii: "\\")
  static let openBrace = UInt8(ascii: "{")
  static let closeBrace = UInt8(ascii: "}")
  static let openBracket = UInt8(ascii: "[")
  static let closeBracket = UInt8(ascii: "]")
  static let colon = UInt8(ascii: ":")
  static let comma = UInt8(ascii: ",")
  static let minus = UInt8(ascii: "-")
  static let plus = UInt8(ascii: "+")
  static let dot = UInt8(ascii: ".")
  static let zero = UInt8(ascii: "0")
  static let nine = UInt8(ascii: "9")
  static let space = UInt8(ascii: " ")
  static let lineFeed = UInt8(ascii: "\n")
  static let tab = UInt8(ascii: "\t")
  static let carriageReturn = UInt8(ascii: "\r")
}
