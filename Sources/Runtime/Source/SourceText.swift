// A workflow's bytes, and the places in them that errors name.

import QueueRunner

/// Why a workflow was refused, and where: `what, expected X, found Y`.
struct Refusal: Error, Equatable {
  /// The byte at which the offending piece begins.
  let offset: Int
  let what: String
  let expected: String
  let found: String
  /// The byte of an opening bracket that the error is about.
  var opener: Int?

  init(_ offset: Int, _ what: String, expected: String, found: String, opener: Int? = nil) {
    self.offset = offset
    self.what = what
    self.expected = expected
    self.found = found
    self.opener = opener
  }
}

/// A place as editors and compilers count it.
struct SourcePosition: Equatable, CustomStringConvertible {
  /// From 1. Lines end at LF, CR, CR LF, U+2028 and U+2029, as ECMAScript has it.
  let line: Int
  /// From 1, in UTF-16 code units, as TypeScript and V8 count: a character outside the basic plane counts two.
  let column: Int

  var description: String { "\(line):\(column)" }
}

/// The text of a workflow and the name it is shown under.
struct SourceText: Sendable {
  /// The size limit of a workflow, in bytes.
  static let limitBytes = 5 << 20

  let bytes: [UInt8]
  let file: String

  /// Finds a place by reading from the start: it happens once, for the one error that is shown.
  func position(_ offset: Int) -> SourcePosition {
    var line = 1
    var column = 1
    var at = 0
    while at < min(offset, bytes.count) {
      let length = SourceBytes.lineBreakLength(bytes, at)
      if length > 0 {
        // A place inside CR LF belongs to the line that it ends.
        if at + length > offset { break }
        line += 1
        column = 1
        at += length
      } else {
        let byte = bytes[at]
        if byte & 0xC0 != 0x80 { column += byte >= 0xF0 ? 2 : 1 }
        at += 1
      }
    }
    return SourcePosition(line: line, column: column)
  }

  /// The refusal in the form that users see.
  func error(_ refusal: Refusal) -> FlowdexError {
    let opened = refusal.opener.map { " (opened at \(position($0)))" } ?? ""
    return .failed(
      "workflow-invalid",
      "\(VisibleText.escape(file)):\(position(refusal.offset)): \(refusal.what), expected \(refusal.expected)\(opened), "
        + "found \(refusal.found)")
  }

  /// Refuses what no scanner should look at: too many bytes, a byte order mark, ill-formed UTF-8.
  func check() throws(Refusal) {
    if bytes.count > Self.limitBytes {
      throw Refusal(
        0, "file is larger than 5 MiB", expected: "at most \(Self.limitBytes) bytes", found: "\(bytes.count)")
    }
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      throw Refusal(
        0, "file begins with a byte order mark", expected: "UTF-8 without one", found: "bytes EF BB BF")
    }
    if bytes.starts(with: [0xFE, 0xFF]) || bytes.starts(with: [0xFF, 0xFE]) {
      throw Refusal(0, "file is not UTF-8", expected: "UTF-8", found: "a UTF-16 byte order mark")
    }
    if bytes.starts(with: Array("#!".utf8)) {
      throw Refusal(0, "file begins with `#!`", expected: "`import`: a workflow is no script", found: "`#!`")
    }
    if let at = firstIllFormed() {
      throw Refusal(
        at, "text is not UTF-8", expected: "well-formed UTF-8",
        found: "byte 0x\(SourceBytes.hex(UInt32(bytes[at]), width: 2))")
    }
  }

  private func firstIllFormed() -> Int? {
    if String(validating: bytes, as: UTF8.self) != nil { return nil }
    var parser = Unicode.UTF8.ForwardParser()
    var rest = bytes.makeIterator()
    var at = 0
    while true {
      switch parser.parseScalar(from: &rest) {
      case .valid(let scalar): at += scalar.count
      case .emptyInput: return nil
      case .error: return at
      }
    }
  }
}

/// Questions about bytes that are known to be well-formed UTF-8.
enum SourceBytes {
  /// The length of the line break at a place; 0 if there is none.
  @inline(__always)
  static func lineBreakLength(_ bytes: [UInt8], _ at: Int) -> Int {
    switch bytes[at] {
    case 0x0A: 1
    case 0x0D: at + 1 < bytes.count && bytes[at + 1] == 0x0A ? 2 : 1
    // U+2028 and U+2029 are E2 80 A8 and E2 80 A9.
    case 0xE2: at + 2 < bytes.count && bytes[at + 1] == 0x80 && bytes[at + 2] & 0xFE == 0xA8 ? 3 : 0
    default: 0
    }
  }

  /// The character at a place and its length in bytes.
  static func scalar(_ bytes: [UInt8], _ at: Int) -> (scalar: Unicode.Scalar, length: Int) {
    let lead = bytes[at]
    let length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
    let text = String(decoding: bytes[at..<min(at + length, bytes.count)], as: UTF8.self)
    return (text.unicodeScalars.first ?? "\u{FFFD}", length)
  }

  static func hexDigit(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte) - 48
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte) - 87
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte) - 55
    default: nil
    }
  }

  static func hex(_ value: UInt32, width: Int) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }

  /// Reads what follows `\u`: four hexadecimal digits, or one to six and more in braces up to U+10FFFF.
  static func unicodeEscape(_ bytes: [UInt8], _ at: Int) -> (value: UInt32, length: Int)? {
    guard at < bytes.count else { return nil }
    if bytes[at] != UInt8(ascii: "{") {
      guard at + 4 <= bytes.count else { return nil }
      var value: UInt32 = 0
      for byte in bytes[at..<at + 4] {
        guard let digit = hexDigit(byte) else { return nil }
        value = value << 4 | digit
      }
      return (value, 4)
    }
    var value: UInt32 = 0
    var end = at + 1
    while end < bytes.count, let digit = hexDigit(bytes[end]) {
      value = value << 4 | digit
      if value > 0x10FFFF { return nil }
      end += 1
    }
    guard end > at + 1, end < bytes.count, bytes[end] == UInt8(ascii: "}") else { return nil }
    return (value, end + 1 - at)
  }
}
