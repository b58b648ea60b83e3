// Names, private names and operators.

import QueueRunner

extension Scanner {
  /// Reads a name or keyword; false if none begins here.
  mutating func nameToken() throws(Refusal) -> Bool {
    let start = at
    var token = Token(.name, start, start, isAfterLineBreak: isAfterLineBreak)
    guard let text = try name() else { return false }
    token = Token(.name, start, at, isAfterLineBreak: isAfterLineBreak)
    token.isEscaped = bytes[start..<at].contains(UInt8(ascii: "\\"))
    token.word = Word.of(text)
    append(token)
    return true
  }

  /// Reads a private name such as `#count`.
  mutating func privateName() throws(Refusal) {
    let start = at
    at += 1
    guard try name() != nil else {
      throw Refusal(start, "stray `#`", expected: "a private name", found: found(at: start))
    }
    append(Token(.privateName, start, at, isAfterLineBreak: isAfterLineBreak))
  }

  /// Reads an IdentifierName with its escapes decoded, so that `im\u0070ort` is `import`; nil if none begins here.
  mutating func name() throws(Refusal) -> String? {
    let start = at
    while at < bytes.count, isASCIIName(bytes[at]), at > start || !isDigit(bytes[at]) { at += 1 }
    let plainEnd = at
    guard at < bytes.count, bytes[at] >= 0x80 || bytes[at] == UInt8(ascii: "\\") else {
      return at > start ? String(decoding: bytes[start..<at], as: UTF8.self) : nil
    }
    var text = String(decoding: bytes[start..<plainEnd], as: UTF8.self)
    while at < bytes.count {
      let byte = bytes[at]
      if byte == UInt8(ascii: "\\") {
        guard let escape = nameEscape(isFirst: at == start) else {
          throw Refusal(
            at, "bad escape in a name", expected: "`\\u` and a character of a name", found: found(at: at))
        }
        text.unicodeScalars.append(escape.scalar)
        at += escape.length
      } else {
        let (scalar, length) = SourceBytes.scalar(bytes, at)
        guard isNamePart(scalar, isFirst: at == start) else { break }
        text.unicodeScalars.append(scalar)
        at += length
      }
    }
    return at > start ? text : nil
  }

  private func nameEscape(isFirst: Bool) -> (scalar: Unicode.Scalar, length: Int)? {
    guard peek(1) == UInt8(ascii: "u"), let (value, length) = SourceBytes.unicodeEscape(bytes, at + 2),
      let scalar = Unicode.Scalar(value), isNamePart(scalar, isFirst: isFirst)
    else { return nil }
    return (scalar, length + 2)
  }

  /// ID_Start and ID_Continue (UAX 31) with what ECMAScript adds: `$`, `_`, and joiners inside.
  func isNamePart(_ scalar: Unicode.Scalar, isFirst: Bool) -> Bool {
    if scalar.value < 0x80 {
      let byte = UInt8(truncatingIfNeeded: scalar.value)
      return isASCIIName(byte) && !(isFirst && isDigit(byte))
    }
    if isFirst { return scalar.properties.isIDStart }
    return scalar.properties.isIDContinue || scalar == "\u{200C}" || scalar == "\u{200D}"
  }

  @inline(__always)
  func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

  @inline(__always)
  func isASCIIName(_ byte: UInt8) -> Bool {
    (byte | 0x20) &- UInt8(ascii: "a") < 26 || isDigit(byte) || byte == UInt8(ascii: "_")
      || byte == UInt8(ascii: "$")
  }

  /// Reads one operator or separator, the longest there is.
  ///
  /// `>` always stands alone, as in TypeScript's scanner: `>>` may close two lists of type arguments.
  mutating func punctuator() throws(Refusal) {
    let rest = bytes[at..<min(at + 4, bytes.count)]
    for (text, punctuator) in Self.operators where rest.starts(with: text.utf8Bytes) {
      // `a?.5:b` is a conditional and a number.
      if punctuator == .questionDot, isDigit(peek(2)) { continue }
      return addPunctuator(punctuator, length: text.utf8Bytes.count)
    }
    throw Refusal(at, "character that no token begins with", expected: "TypeScript", found: found(at: at))
  }

  /// A short quotation of what stands at a place.
  func found(at place: Int) -> String {
    place < bytes.count ? Excerpt.quote(bytes[place..<min(place + 12, bytes.count)]) : "the end of the file"
  }

  private static let operators: [(StaticString, Punctuator)] = [
    (">", .greater), (";", .semicolon), (",", .comma), ("...", .ellipsis), (".", .dot), ("=>", .arrow),
    ("===", .other), ("==", .other), ("=", .assign), (":", .colon), ("??=", .other), ("??", .other),
    ("?.", .questionDot), ("?", .question), ("!==", .other), ("!=", .other), ("!", .bang), ("<<=", .other),
    ("<<", .other), ("<=", .other), ("<", .less), ("++", .increment), ("+=", .other), ("+", .plus),
    ("--", .decrement), ("-=", .other), ("-", .minus), ("**=", .other), ("**", .other), ("*=", .other),
    ("*", .star), ("&&=", .other), ("&&", .other), ("&=", .other), ("&", .ampersand), ("||=", .other),
    ("||", .other), ("|=", .other), ("|", .pipe), ("^=", .other), ("^", .other), ("%=", .other),
    ("%", .other),
    ("~", .other), ("@", .other),
  ]
}

extension StaticString {
  fileprivate var utf8Bytes: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
  }
}
