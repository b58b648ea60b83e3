// Strings, numbers, and what an error says about the place it stands at.

extension JSONParser {
  /// Reads a string whose opening quote is at `at`.
  mutating func string() throws(Failure) -> String {
    at += 1
    let start = at
    while at < input.count {
      let byte = input[at]
      if byte == Byte.quote {
        let text = String(decoding: UnsafeBufferPointer(rebasing: input[start..<at]), as: UTF8.self)
        at += 1
        return text
      }
      if byte == Byte.backslash { return try escapedString(from: start) }
      try plain(byte)
    }
    throw failure("`\"` that ends the string")
  }

  /// Goes past one unescaped character of a string.
  @inline(__always)
  private mutating func plain(_ byte: UInt8) throws(Failure) {
    if byte >= 0x20 && byte < 0x80 {
      at += 1
    } else if byte < 0x20 {
      throw failure("control characters escaped")
    } else {
      let length = UTF8Scan.sequenceLength(input, at: at)
      if length == 0 { throw failure("well-formed UTF-8") }
      at += length
    }
  }

  /// The rest of a string in which an escape was met; its bytes from `start` on are plain so far.
  private mutating func escapedString(from start: Int) throws(Failure) -> String {
    scratch.removeAll(keepingCapacity: true)
    var copied = start
    while at < input.count {
      let byte = input[at]
      if byte == Byte.quote {
        scratch.append(contentsOf: UnsafeBufferPointer(rebasing: input[copied..<at]))
        at += 1
        return String(decoding: scratch, as: UTF8.self)
      }
      if byte == Byte.backslash {
        scratch.append(contentsOf: UnsafeBufferPointer(rebasing: input[copied..<at]))
        try escape()
        copied = at
      } else {
        try plain(byte)
      }
    }
    throw failure("`\"` that ends the string")
  }

  private mutating func escape() throws(Failure) {
    guard at + 1 < input.count else {
      at = input.count
      throw failure("an escape sequence")
    }
    switch input[at + 1] {
    case Byte.quote: scratch.append(Byte.quote)
    case Byte.backslash: scratch.append(Byte.backslash)
    case UInt8(ascii: "/"): scratch.append(UInt8(ascii: "/"))
    case UInt8(ascii: "b"): scratch.append(8)
    case UInt8(ascii: "f"): scratch.append(12)
    case UInt8(ascii: "n"): scratch.append(Byte.lineFeed)
    case UInt8(ascii: "r"): scratch.append(Byte.carriageReturn)
    case UInt8(ascii: "t"): scratch.append(Byte.tab)
    case UInt8(ascii: "u"): return try unicodeEscape()
    default: throw failure("one of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u")
    }
    at += 2
  }

  private mutating func unicodeEscape() throws(Failure) {
    guard let unit = hexUnit(at + 2) else { throw failure("four hexadecimal digits after \\u") }
    var scalar = unit
    var length = 6
    if unit & 0xFC00 == 0xD800 {
      guard at + 7 < input.count, input[at + 6] == Byte.backslash, input[at + 7] == UInt8(ascii: "u"),
        let low = hexUnit(at + 8), low & 0xFC00 == 0xDC00
      else { throw failure("a low surrogate after the high surrogate") }
      scalar = 0x10000 + (unit & 0x3FF) << 10 + (low & 0x3FF)
      length = 12
    } else if unit & 0xFC00 == 0xDC00 {
      throw failure("a high surrogate before the low surrogate")
    }
    // Surrogates are excluded and pairs end at U+10FFFF, so this is a scalar.
    scratch.append(contentsOf: UTF8.encode(Unicode.Scalar(scalar)!)!)
    at += length
  }

  private func hexUnit(_ start: Int) -> UInt32? {
    guard start + 4 <= input.count else { return nil }
    var unit: UInt32 = 0
    for place in start..<start + 4 {
      let byte = input[place]
      switch byte {
      case Byte.zero...Byte.nine: unit = unit << 4 | UInt32(byte - Byte.zero)
      case UInt8(ascii: "a")...UInt8(ascii: "f"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
      case UInt8(ascii: "A")...UInt8(ascii: "F"): unit = unit << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
      default: return nil
      }
    }
    return unit
  }

  /// Reads a number; refuses what is infinite as a double. Below the smallest double it is zero (RFC 8259 §6).
  mutating func number() throws(Failure) -> Double {
    let start = at
    let isNegative = input[at] == Byte.minus
    if isNegative { at += 1 }
    guard at < input.count, isDigit(input[at]) else { throw failure("a digit after `-`") }
    var digits: UInt64 = 0
    if input[at] == Byte.zero {
      at += 1
      if at < input.count, isDigit(input[at]) { throw failure("no digit after a leading zero") }
    } else {
      while at < input.count, isDigit(input[at]) {
        digits = digits &* 10 &+ UInt64(input[at] &- Byte.zero)
        at += 1
      }
    }
    let wholeEnd = at
    if at < input.count, input[at] == Byte.dot {
      at += 1
      try skipDigits("a digit after `.`")
    }
    if at < input.count, input[at] | 0x20 == UInt8(ascii: "e") {
      at += 1
      if at < input.count, input[at] == Byte.plus || input[at] == Byte.minus { at += 1 }
      try skipDigits("a digit in the exponent")
    }
    // Integers of up to 15 digits are exact as a double.
    if at == wholeEnd, wholeEnd - start <= 15 { return isNegative ? -Double(digits) : Double(digits) }
    let text = String(decoding: UnsafeBufferPointer(rebasing: input[start..<at]), as: UTF8.self)
    guard let number = Double(text), number.isFinite else {
      throw Failure(
        offset: start, expected: "a number within the range of a double", found: Excerpt.quote(text))
    }
    return number
  }

  private mutating func skipDigits(_ expected: String) throws(Failure) {
    guard at < input.count, isDigit(input[at]) else { throw failure(expected) }
    while at < input.count, isDigit(input[at]) { at += 1 }
  }

  @inline(__always)
  private func isDigit(_ byte: UInt8) -> Bool { byte &- Byte.zero < 10 }

  /// A failure at the current byte that quotes what stands there.
  func failure(_ expected: String) -> Failure {
    Failure(offset: at, expected: expected, found: foundHere())
  }

  private func foundHere() -> String {
    guard at < input.count else { return "the end of the text" }
    let rest = input[at..<min(at + Excerpt.limitBytes, input.count)]
    if rest.starts(with: [0xEF, 0xBB, 0xBF]) { return "a byte order mark" }
    if at == 0, rest.starts(with: [0xFE, 0xFF]) || rest.starts(with: [0xFF, 0xFE]) {
      return "a UTF-16 byte order mark"
    }
    let byte = input[at]
    if UTF8Scan.sequenceLength(input, at: at) == 0 || byte < 0x20 {
      return "byte 0x" + Excerpt.hex(UInt32(byte), width: 2)
    }
    return Excerpt.quote(rest.prefix(1 + rest.dropFirst().prefix { isWordByte($0) }.count))
  }

  /// A byte that belongs to the same word for a reader: `NaN` is quoted whole, `]` alone.
  private func isWordByte(_ byte: UInt8) -> Bool {
    let first = input[at]
    let isWord = { (byte: UInt8) in
      byte >= 0x80 || isDigit(byte) || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
    }
    if first == Byte.backslash || first == Byte.minus { return isWord(byte) || byte == Byte.backslash }
    return isWord(first) && isWord(byte)
  }
}
