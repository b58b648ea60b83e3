// Reads a regular expression: the grammar `Pattern[+UnicodeMode]` of ECMA-262 §22.2.1, in which a stray `{`,
// `}` or `]` and an escape of an ordinary character are errors rather than guesses.

/// The state of one reading, over code points.
struct PatternParser {
  let codes: [Unicode.Scalar]
  /// The sets that the tree names by number, so that a repeated one is kept once.
  private(set) var sets: [PatternSet] = []
  var at = 0
  private var nesting = 0

  init(_ source: String) { codes = Array(source.unicodeScalars) }

  mutating func parse() throws(PatternError) -> PatternTree {
    let tree = try choice()
    if at < codes.count { throw failure("no `)` without its `(`") }
    return tree
  }

  private mutating func choice() throws(PatternError) -> PatternTree {
    var branches = [try sequence()]
    while take("|") { branches.append(try sequence()) }
    return branches.count == 1 ? branches[0] : .choice(branches)
  }

  private mutating func sequence() throws(PatternError) -> PatternTree {
    var terms: [PatternTree] = []
    while let code = peek, code != "|", code != ")" { terms.append(try term()) }
    return terms.count == 1 ? terms[0] : .sequence(terms)
  }

  private mutating func term() throws(PatternError) -> PatternTree {
    if let assertion = assertion() {
      if let code = peek, Self.isQuantifier(code) {
        throw failure("something that can be repeated before a quantifier")
      }
      return .assertion(assertion)
    }
    let atom = try atom()
    guard let (min, max) = try quantifier() else { return atom }
    return .repeated(atom, min: min, max: max)
  }

  private mutating func assertion() -> PatternAssertion? {
    if take("^") { return .start }
    if take("$") { return .end }
    guard peek == "\\", at + 1 < codes.count else { return nil }
    switch codes[at + 1] {
    case "b":
      at += 2
      return .wordBoundary
    case "B":
      at += 2
      return .noWordBoundary
    default: return nil
    }
  }

  private mutating func atom() throws(PatternError) -> PatternTree {
    guard let code = peek else { throw failure("an expression") }
    switch code {
    case ".":
      at += 1
      return one(.dot)
    case "(": return try group()
    case "[": return one(try characterClass())
    case "\\": return one(try atomEscape())
    case "*", "+", "?", "{": throw failure("something that can be repeated before a quantifier")
    case "}", "]": throw failure("`\\` before a bracket that is meant as itself")
    default:
      at += 1
      return one(PatternSet([code.value...code.value]))
    }
  }

  private mutating func one(_ set: PatternSet) -> PatternTree {
    sets.append(set.sealed())
    return .set(sets.count - 1)
  }

  private mutating func group() throws(PatternError) -> PatternTree {
    let start = at
    nesting += 1
    if nesting > Pattern.maxNesting { throw failure("at most \(Pattern.maxNesting) groups inside groups") }
    at += 1
    if take("?"), !take(":") { try groupName(start) }
    let tree = try choice()
    guard take(")") else {
      throw PatternError(offset: start, expected: "`)` for every `(`", found: "no `)`")
    }
    nesting -= 1
    return tree
  }

  /// After `(?`: a name in angle brackets; anything else needs backtracking or flags.
  private mutating func groupName(_ start: Int) throws(PatternError) {
    let text = text(start..<min(start + 4, codes.count))
    if text.hasPrefix("(?=") || text.hasPrefix("(?!") || text == "(?<=" || text == "(?<!" {
      throw PatternError(
        offset: start, expected: "a pattern without lookahead and lookbehind, which are not supported",
        found: Excerpt.quote(text))
    }
    guard take("<") else {
      throw PatternError(
        offset: start, expected: "`(`, `(?:` or `(?<name>`; modifiers are not supported",
        found: Excerpt.quote(text))
    }
    let first = at
    while let code = peek, Self.isNamePart(code) { at += 1 }
    guard at > first, !("0"..."9" ~= codes[first]), take(">") else {
      at = first
      throw failure("a name of letters, digits, `_` and `$`, then `>`")
    }
  }

  private mutating func quantifier() throws(PatternError) -> (Int, Int?)? {
    let counts: (Int, Int?)
    if take("*") {
      counts = (0, nil)
    } else if take("+") {
      counts = (1, nil)
    } else if take("?") {
      counts = (0, 1)
    } else if peek == "{" {
      counts = try braces()
    } else {
      return nil
    }
    _ = take("?")
    if let code = peek, Self.isQuantifier(code) { throw failure("one quantifier, perhaps with `?`") }
    return counts
  }

  private mutating func braces() throws(PatternError) -> (Int, Int?) {
    let start = at
    at += 1
    let wanted = "`{n}`, `{n,}` or `{n,m}`"
    guard let low = number() else { throw failure(wanted) }
    var high: Int? = low
    if take(",") { high = number() }
    guard take("}") else { throw failure(wanted) }
    if let high, high < low {
      throw PatternError(offset: start, expected: "the smaller count first", found: "`{\(low),\(high)}`")
    }
    return (low, high)
  }

  /// Decimal digits; a number past any size that can be built counts as that size.
  private mutating func number() -> Int? {
    let first = at
    var value = 0
    while let code = peek, "0"..."9" ~= code {
      value = min(value * 10 + Int(code.value - 0x30), 1_000_000_000)
      at += 1
    }
    return at > first ? value : nil
  }
}

extension PatternParser {
  var peek: Unicode.Scalar? { at < codes.count ? codes[at] : nil }

  mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard at < codes.count, codes[at] == scalar else { return false }
    at += 1
    return true
  }

  func failure(_ expected: String) -> PatternError {
    let rest = text(min(at, codes.count)..<min(at + 12, codes.count))
    return PatternError(
      offset: at, expected: expected, found: rest.isEmpty ? "the end of the pattern" : Excerpt.quote(rest))
  }

  /// The code points as text again.
  func text(_ range: Range<Int>) -> String {
    var text = ""
    text.unicodeScalars.append(contentsOf: codes[range])
    return text
  }

  private static func isQuantifier(_ code: Unicode.Scalar) -> Bool {
    code == "*" || code == "+" || code == "?" || code == "{"
  }

  private static func isNamePart(_ code: Unicode.Scalar) -> Bool {
    switch code {
    case "a"..."z", "A"..."Z", "0"..."9", "_", "$": true
    default: false
    }
  }
}
