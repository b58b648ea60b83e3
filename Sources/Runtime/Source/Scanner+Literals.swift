// Where strings, regular expressions and numbers end. What they are worth is LiteralValue's business.

import QueueRunner

extension Scanner {
  /// Reads a string; the scanner stands at its quote.
  mutating func string() throws(Refusal) -> Token.Kind {
    let start = at
    let quote = bytes[at]
    at += 1
    while at < bytes.count {
      switch bytes[at] {
      case quote:
        at += 1
        return .string
      case UInt8(ascii: "\\"):
        // A line continuation of CR LF is one escape of two bytes.
        at += 1 + (at + 1 < bytes.count ? max(1, SourceBytes.lineBreakLength(bytes, at + 1)) : 1)
      case 0x0A, 0x0D:
        throw Refusal(start, "unterminated string", expected: quoted(quote), found: "the end of the line")
      default: at += 1
      }
    }
    throw Refusal(start, "unterminated string", expected: quoted(quote), found: "the end of the file")
  }

  private func quoted(_ quote: UInt8) -> String { "`\(Character(Unicode.Scalar(quote)))` that ends it" }

  /// Reads a regular expression with its flags; the scanner stands at its slash.
  ///
  /// Classes are not nested here even with the flag `v`: to ECMAScript's lexical grammar they never are.
  mutating func regex() throws(Refusal) -> Token.Kind {
    let start = at
    var isInClass = false
    at += 1
    while at < bytes.count, SourceBytes.lineBreakLength(bytes, at) == 0 {
      switch bytes[at] {
      case UInt8(ascii: "/") where !isInClass:
        at += 1
        _ = try name()
        return .regex
      case UInt8(ascii: "["): isInClass = true
      case UInt8(ascii: "]"): isInClass = false
      case UInt8(ascii: "\\"):
        if at + 1 < bytes.count, SourceBytes.lineBreakLength(bytes, at + 1) == 0 { at += 1 }
      default: break
      }
      at += 1
    }
    throw Refusal(
      start, "unterminated regular expression", expected: "`/` that ends it",
      found: at < bytes.count ? "the end of the line" : "the end of the file")
  }

  /// Reads a number; the scanner stands at its first digit or its point.
  mutating func number() throws(Refusal) -> Token.Kind {
    let start = at
    var isBig = false
    if bytes[at] == UInt8(ascii: "0"), let radix = LiteralValue.radix(peek(1)) {
      at += 2
      try digits(radix, in: start)
      isBig = takeBigSuffix()
    } else {
      if bytes[at] == UInt8(ascii: "0"), isDigit(peek(1)) || peek(1) == UInt8(ascii: "_") {
        throw badNumber(start, "no digit after a leading `0`: modules have no octal literals of this form")
      }
      if bytes[at] != UInt8(ascii: ".") { try digits(10, in: start) }
      isBig = takeBigSuffix()
      if !isBig { try fraction(in: start) }
    }
    if at < bytes.count,
      bytes[at] == UInt8(ascii: "\\") || isNamePart(SourceBytes.scalar(bytes, at).scalar, isFirst: false)
    {
      throw badNumber(start, "an operator or a blank after the number")
    }
    return isBig ? .bigint : .number
  }

  private mutating func takeBigSuffix() -> Bool {
    guard peek() == UInt8(ascii: "n") else { return false }
    at += 1
    return true
  }

  private mutating func fraction(in start: Int) throws(Refusal) {
    if peek() == UInt8(ascii: ".") {
      at += 1
      if isDigit(peek()) { try digits(10, in: start) }
    }
    if peek() | 0x20 == UInt8(ascii: "e") {
      at += 1
      if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { at += 1 }
      try digits(10, in: start)
    }
  }

  /// One or more digits with single `_` between them.
  private mutating func digits(_ radix: UInt32, in start: Int) throws(Refusal) {
    var wasDigit = false
    while at < bytes.count {
      if bytes[at] == UInt8(ascii: "_") {
        guard wasDigit else { throw badNumber(start, "`_` only between two digits") }
        wasDigit = false
      } else if let digit = SourceBytes.hexDigit(bytes[at]), digit < radix {
        wasDigit = true
      } else {
        break
      }
      at += 1
    }
    if !wasDigit { throw badNumber(start, "a digit") }
  }

  private func badNumber(_ start: Int, _ expected: String) -> Refusal {
    Refusal(
      start, "bad number", expected: expected,
      found: Excerpt.quote(bytes[start..<min(max(at, start) + 8, bytes.count)]))
  }
}
