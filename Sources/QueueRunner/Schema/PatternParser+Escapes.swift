// Escapes and classes: the pieces of a pattern that stand for sets of code points.

extension PatternParser {
  /// An escape outside a class; `\b` and `\B` have been taken as assertions.
  mutating func atomEscape() throws(PatternError) -> PatternSet {
    let start = at
    if at + 1 < codes.count, "1"..."9" ~= codes[at + 1] || codes[at + 1] == "k" {
      throw PatternError(
        offset: start, expected: "a pattern without backreferences, which are not supported",
        found: failure("").found)
    }
    return try escape(inClass: false)
  }

  /// `[…]`, at its bracket.
  mutating func characterClass() throws(PatternError) -> PatternSet {
    let start = at
    at += 1
    let isNegated = take("^")
    var set = PatternSet()
    while !take("]") {
      guard at < codes.count else {
        throw PatternError(offset: start, expected: "`]` for every `[`", found: "no `]`")
      }
      let first = try classAtom()
      guard peek == "-", at + 1 < codes.count, codes[at + 1] != "]" else {
        set.insert(first)
        continue
      }
      let dash = at
      at += 1
      let last = try classAtom()
      guard let low = first.single, let high = last.single, low <= high else {
        throw PatternError(
          offset: dash, expected: "a range from one character to a later one",
          found: "another range")
      }
      set.insert(low...high)
    }
    set.isNegated = isNegated
    return set
  }

  private mutating func classAtom() throws(PatternError) -> PatternSet {
    guard let code = peek else { throw failure("`]`") }
    if code == "\\" { return try escape(inClass: true) }
    at += 1
    return Self.one(code.value)
  }

  private mutating func escape(inClass: Bool) throws(PatternError) -> PatternSet {
    let start = at
    at += 1
    guard let scalar = peek else {
      throw failure("a character after `\\`")
    }
    at += 1
    switch scalar {
    case "d": return .digits
    case "D": return PatternSet.digits.inverted
    case "w": return .word
    case "W": return PatternSet.word.inverted
    case "s": return .space
    case "S": return PatternSet.space.inverted
    case "p", "P": return try property(isNegated: scalar == "P")
    case "b" where inClass: return Self.one(0x08)
    case "-" where inClass: return Self.one(scalar.value)
    case "t": return Self.one(0x09)
    case "n": return Self.one(0x0A)
    case "v": return Self.one(0x0B)
    case "f": return Self.one(0x0C)
    case "r": return Self.one(0x0D)
    case "0":
      if let next = peek, "0"..."9" ~= next { throw failure("no digit after `\\0`") }
      return Self.one(0)
    case "c":
      guard let letter = peek, Self.isLetter(letter) else {
        throw failure("a letter after `\\c`")
      }
      at += 1
      return Self.one(letter.value % 32)
    case "x": return Self.one(try hex(2))
    case "u": return Self.one(try unicode())
    case "^", "$", "\\", ".", "*", "+", "?", "(", ")", "[", "]", "{", "}", "|", "/":
      return Self.one(scalar.value)
    default:
      at = start
      throw failure("an escape of ECMA-262 (an ordinary character stands for itself without `\\`)")
    }
  }

  /// `{name}` after `\p` or `\P`.
  private mutating func property(isNegated: Bool) throws(PatternError) -> PatternSet {
    guard take("{") else { throw failure("`{` and a category after `\\p`") }
    let first = at
    while let code = peek, code != "}" { at += 1 }
    let name = text(first..<at)
    guard take("}"), let set = PatternCategories.named(name) else {
      at = first
      throw failure("a general category such as `Lu` or `Letter`; scripts and others are not supported")
    }
    return isNegated ? set.inverted : set
  }

  /// After `\u`: four digits, two such escapes that make a surrogate pair, or `{…}`.
  private mutating func unicode() throws(PatternError) -> UInt32 {
    if take("{") {
      var value: UInt32 = 0
      let first = at
      while let code = peek, let digit = Self.hexDigit(code) {
        value = min(value * 16 + digit, 0x110000)
        at += 1
      }
      guard at > first, value <= PatternSet.lastCode, take("}") else {
        throw failure("a code point up to `10FFFF`, then `}`")
      }
      return value
    }
    let high = try hex(4)
    guard 0xD800...0xDBFF ~= high, peek == "\\", at + 1 < codes.count,
      codes[at + 1] == "u"
    else { return high }
    let mark = at
    at += 2
    if let low = try? hex(4), 0xDC00...0xDFFF ~= low {
      return 0x10000 + (high - 0xD800) << 10 + (low - 0xDC00)
    }
    at = mark
    return high
  }

  private mutating func hex(_ count: Int) throws(PatternError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<count {
      guard let code = peek, let digit = Self.hexDigit(code) else {
        throw failure("\(count) hexadecimal digits")
      }
      value = value * 16 + digit
      at += 1
    }
    return value
  }

  private static func one(_ code: UInt32) -> PatternSet { PatternSet([code...code]) }

  private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "a"..."z", "A"..."Z": true
    default: false
    }
  }

  private static func hexDigit(_ code: Unicode.Scalar) -> UInt32? {
    switch code {
    case "0"..."9": code.value - 0x30
    case "a"..."f": code.value - 0x61 + 10
    case "A"..."F": code.value - 0x41 + 10
    default: nil
    }
  }
}

extension PatternSet {
  /// The only code point of a set made from one character.
  fileprivate var single: UInt32? {
    guard ranges.count == 1, categories.isEmpty, !isNegated, ranges[0].count == 1 else { return nil }
    return ranges[0].lowerBound
  }
}
