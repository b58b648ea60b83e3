// What string, template and number literals are worth, exactly as ECMAScript says (ECMA-262 §12.9).

import Glibc
import QueueRunner

/// Values of literals in a workflow's bytes.
enum LiteralValue {
  /// The text of a string, or of a template without substitutions.
  ///
  /// Refused, at its own place: an escape that modules do not have, and a lone surrogate, which JSON text in UTF-8
  /// cannot hold.
  static func text(_ token: Token, _ bytes: [UInt8]) throws(Refusal) -> String {
    var reader = TextReader(
      bytes: bytes, at: token.start + 1, end: token.end - 1, isTemplate: token.kind == .template)
    while reader.at < reader.end { try reader.step() }
    try reader.refuseLoneSurrogate()
    return reader.text
  }

  /// A name with its escapes decoded; the scanner has checked them.
  static func name(_ token: Token, _ bytes: [UInt8]) throws(Refusal) -> String {
    // The escapes of names are among those of strings.
    var reader = TextReader(bytes: bytes, at: token.start, end: token.end, isTemplate: false)
    while reader.at < reader.end { try reader.step() }
    return reader.text
  }

  /// The radix that `0x`, `0o` or `0b` stands for.
  static func radix(_ letter: UInt8) -> UInt32? {
    switch letter | 0x20 {
    case UInt8(ascii: "x"): 16
    case UInt8(ascii: "o"): 8
    case UInt8(ascii: "b"): 2
    default: nil
    }
  }

  /// The double nearest to a number literal; infinite where it is too large.
  static func number(_ token: Token, _ bytes: [UInt8]) -> Double {
    let digits = bytes[token.start..<token.end].filter { $0 != UInt8(ascii: "_") }
    if digits.count > 2, digits[0] == UInt8(ascii: "0"), let radix = radix(digits[1]) {
      return whole(digits.dropFirst(2), bitsPerDigit: radix == 16 ? 4 : radix == 8 ? 3 : 1)
    }
    // Swift takes neither `.5` nor `5.`.
    let text = String(decoding: digits, as: UTF8.self)
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2 else { return Double(text) ?? .infinity }
    let fraction = parts[1].first.map(\.isNumber) == true ? "\(parts[1])" : "0\(parts[1])"
    return Double("\(parts[0].isEmpty ? "0" : parts[0]).\(fraction)") ?? .infinity
  }

  /// A binary, octal or hexadecimal number, rounded to nearest, ties to even.
  private static func whole(_ digits: ArraySlice<UInt8>, bitsPerDigit: Int) -> Double {
    // The leading 64 bits, the lowest of which also stands for all that follow: enough to round to 53.
    var high: UInt64 = 0
    var dropped = 0
    for byte in digits {
      let digit = UInt64(SourceBytes.hexDigit(byte) ?? 0)
      for bit in stride(from: bitsPerDigit - 1, through: 0, by: -1) {
        let one = digit >> UInt64(bit) & 1
        if high >> 63 == 0 {
          high = high << 1 | one
        } else {
          high |= one
          dropped += 1
        }
      }
    }
    return scalbn(Double(high), Int32(clamping: dropped))
  }
}

/// Reads the characters between the quotes.
private struct TextReader {
  let bytes: [UInt8]
  var at: Int
  let end: Int
  let isTemplate: Bool
  var text = ""
  /// A high surrogate that waits for its other half, and where it was written.
  var high: (unit: UInt32, offset: Int)?

  mutating func step() throws(Refusal) {
    if bytes[at] == UInt8(ascii: "\\") { return try escape() }
    if isTemplate, bytes[at] == 0x0D {
      // Templates hold LF however the file ends its lines.
      at += SourceBytes.lineBreakLength(bytes, at)
      return try append(0x0A, from: at)
    }
    let (scalar, length) = SourceBytes.scalar(bytes, at)
    try append(scalar.value, from: at)
    at += length
  }

  private mutating func escape() throws(Refusal) {
    let start = at
    guard at + 1 < end else { throw bad(start) }
    let byte = bytes[at + 1]
    let lineBreak = SourceBytes.lineBreakLength(bytes, at + 1)
    if lineBreak > 0 {
      at += 1 + lineBreak
      return
    }
    at += 2
    switch byte {
    case UInt8(ascii: "n"): try append(0x0A, from: start)
    case UInt8(ascii: "t"): try append(0x09, from: start)
    case UInt8(ascii: "r"): try append(0x0D, from: start)
    case UInt8(ascii: "b"): try append(0x08, from: start)
    case UInt8(ascii: "f"): try append(0x0C, from: start)
    case UInt8(ascii: "v"): try append(0x0B, from: start)
    case UInt8(ascii: "0") where !(at < end && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[at])):
      try append(0, from: start)
    case UInt8(ascii: "0")...UInt8(ascii: "9"): throw bad(start)
    case UInt8(ascii: "x"):
      guard at + 2 <= end, let first = SourceBytes.hexDigit(bytes[at]),
        let second = SourceBytes.hexDigit(bytes[at + 1])
      else { throw bad(start) }
      at += 2
      try append(first << 4 | second, from: start)
    case UInt8(ascii: "u"):
      guard let (value, length) = SourceBytes.unicodeEscape(bytes, at), at + length <= end else {
        throw bad(start)
      }
      at += length
      try append(value, from: start)
    default:
      // Any other character stands for itself.
      at -= 1
      let (scalar, length) = SourceBytes.scalar(bytes, at)
      at += length
      try append(scalar.value, from: start)
    }
  }

  private func bad(_ start: Int) -> Refusal {
    Refusal(
      start, "bad escape", expected: "an escape that modules have",
      found: Excerpt.quote(bytes[start..<min(start + 8, end)]))
  }

  private mutating func append(_ value: UInt32, from offset: Int) throws(Refusal) {
    if let (unit, _) = high, value & 0xFFFF_FC00 == 0xDC00 {
      high = nil
      return add(0x10000 + (unit & 0x3FF) << 10 + (value & 0x3FF))
    }
    try refuseLoneSurrogate()
    if value & 0xFFFF_FC00 == 0xD800 {
      high = (value, offset)
    } else if value & 0xFFFF_FC00 == 0xDC00 {
      throw lone(value, offset)
    } else {
      add(value)
    }
  }

  private mutating func add(_ value: UInt32) {
    if let scalar = Unicode.Scalar(value) { text.unicodeScalars.append(scalar) }
  }

  func refuseLoneSurrogate() throws(Refusal) {
    if let (unit, offset) = high { throw lone(unit, offset) }
  }

  private func lone(_ unit: UInt32, _ offset: Int) -> Refusal {
    Refusal(
      offset, "half a surrogate pair", expected: "a whole character",
      found: "U+\(SourceBytes.hex(unit, width: 4).uppercased())")
  }
}
