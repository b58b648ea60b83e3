// A tokenizer of TypeScript's surface: enough to know what is code and what is a string, a template, a comment or
// a regular expression, and which bracket closes which. It reads any text in one pass without recursion and
// refuses what it cannot tell; it does not check grammar.

import QueueRunner

/// Makes tokens of a workflow's bytes, which `SourceText.check` has found to be UTF-8.
struct Scanner {
  /// Open brackets and template substitutions at one time, with chained operators such as `!!!a` and `a => b => c`
  /// counted in. Some thousands abort the process that strips types.
  static let maxNesting = 1_000
  /// A tree of an expression is as deep as its chain of operators is long, and Deno walks it recursively: measured,
  /// 20,000 links pass and 200,000 end the process.
  static let maxLinks = 20_000

  let bytes: [UInt8]
  var at = 0
  var isAfterLineBreak = false
  private(set) var tokens: [Token] = []
  /// Indexes of the open brackets' tokens.
  private var open: [Int] = []
  private var slash = SlashContext()

  /// All tokens, ended by one of kind `.end`; every bracket knows its partner.
  static func scan(_ bytes: [UInt8]) throws(Refusal) -> [Token] {
    var scanner = Scanner(bytes: bytes)
    while try scanner.step() {}
    return scanner.tokens
  }

  private init(bytes: [UInt8]) {
    self.bytes = bytes
    tokens.reserveCapacity(bytes.count / 5 + 1)
  }

  /// The byte at a distance; 0, which no token begins with, past the end.
  @inline(__always)
  func peek(_ distance: Int = 0) -> UInt8 { at + distance < bytes.count ? bytes[at + distance] : 0 }

  /// Reads one token; false at the end.
  private mutating func step() throws(Refusal) -> Bool {
    try skipBlanks()
    guard at < bytes.count else {
      if let index = open.last { throw unclosed(index) }
      append(Token(.end, at, at, isAfterLineBreak: isAfterLineBreak))
      return false
    }
    let start = at
    switch bytes[at] {
    case UInt8(ascii: "\""), UInt8(ascii: "'"): try add(string(), from: start)
    case UInt8(ascii: "`"): try templatePiece(opensAt: start)
    case UInt8(ascii: "0")...UInt8(ascii: "9"): try add(number(), from: start)
    case UInt8(ascii: ".") where isDigit(peek(1)): try add(number(), from: start)
    case UInt8(ascii: "/"): try slashToken()
    case UInt8(ascii: "#"): try privateName()
    case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): try openBracket()
    case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"): try closeBracket()
    default: if try !nameToken() { try punctuator() }
    }
    if slash.nesting > Self.maxNesting {
      throw Refusal(
        start, "expression is nested too deep", expected: "at most \(Self.maxNesting) levels",
        found: "one more")
    }
    if slash.frame.links > Self.maxLinks {
      throw Refusal(
        start, "expression is too long", expected: "at most \(Self.maxLinks) operators in one expression",
        found: "one more")
    }
    return true
  }

  private mutating func add(_ kind: Token.Kind, from start: Int) {
    append(Token(kind, start, at, isAfterLineBreak: isAfterLineBreak))
  }

  mutating func append(_ token: Token) {
    slash.take(token)
    tokens.append(token)
    isAfterLineBreak = false
  }

  // MARK: - Blanks and comments

  private mutating func skipBlanks() throws(Refusal) {
    while at < bytes.count {
      let byte = bytes[at]
      if byte == 0x20 || byte == 0x09 || byte == 0x0B || byte == 0x0C {
        at += 1
        continue
      }
      let lineBreak = SourceBytes.lineBreakLength(bytes, at)
      if lineBreak > 0 {
        isAfterLineBreak = true
        at += lineBreak
      } else if byte == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "/") {
        while at < bytes.count, SourceBytes.lineBreakLength(bytes, at) == 0 { at += 1 }
      } else if byte == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "*") {
        try skipBlockComment()
      } else if byte >= 0x80 {
        let (scalar, length) = SourceBytes.scalar(bytes, at)
        guard scalar == "\u{FEFF}" || scalar.properties.generalCategory == .spaceSeparator else { return }
        at += length
      } else {
        return
      }
    }
  }

  private mutating func skipBlockComment() throws(Refusal) {
    let start = at
    at += 2
    while at < bytes.count {
      if bytes[at] == UInt8(ascii: "*"), peek(1) == UInt8(ascii: "/") {
        at += 2
        return
      }
      if SourceBytes.lineBreakLength(bytes, at) > 0 { isAfterLineBreak = true }
      at += 1
    }
    throw Refusal(start, "unterminated comment", expected: "`*/` that ends it", found: "the end of the file")
  }

  // MARK: - Brackets

  private mutating func openBracket() throws(Refusal) {
    let kind: Punctuator =
      switch bytes[at] {
      case UInt8(ascii: "("): .openParen
      case UInt8(ascii: "["): .openBracket
      default: .openBrace
      }
    try enter(at)
    addPunctuator(kind, length: 1)
  }

  /// Notes that the token about to be added opens something.
  private mutating func enter(_ start: Int) throws(Refusal) {
    guard open.count < Self.maxNesting else {
      throw Refusal(
        start, "brackets are nested too deep", expected: "at most \(Self.maxNesting) open at one time",
        found: "one more")
    }
    open.append(tokens.count)
  }

  private mutating func closeBracket() throws(Refusal) {
    let byte = bytes[at]
    let (kind, partner): (Punctuator, Punctuator) =
      switch byte {
      case UInt8(ascii: ")"): (.closeParen, .openParen)
      case UInt8(ascii: "]"): (.closeBracket, .openBracket)
      default: (.closeBrace, .openBrace)
      }
    guard let index = open.last else {
      throw Refusal(
        at, "bracket that closes nothing", expected: "no closing bracket here",
        found: "`\(Character(Unicode.Scalar(byte)))`")
    }
    if tokens[index].kind == .templateHead, kind == .closeBrace {
      return try templatePiece(opensAt: tokens[index].start)
    }
    guard tokens[index].is(partner) else {
      throw Refusal(
        at, "brackets do not match", expected: closer(of: tokens[index]),
        found: "`\(Character(Unicode.Scalar(byte)))`", opener: tokens[index].start)
    }
    open.removeLast()
    join(index, tokens.count)
    addPunctuator(kind, length: 1)
    tokens[tokens.count - 1].partner = index
  }

  private mutating func join(_ opener: Int, _ closer: Int) { tokens[opener].partner = closer }

  private func closer(of token: Token) -> String {
    token.is(.openParen) ? "`)`" : token.is(.openBracket) ? "`]`" : "`}`"
  }

  private func unclosed(_ index: Int) -> Refusal {
    let token = tokens[index]
    if token.kind == .templateHead {
      return Refusal(
        token.start, "unterminated template literal", expected: "`}` and a backtick that end it",
        found: "the end of the file")
    }
    return Refusal(
      token.start, "bracket is never closed", expected: closer(of: token), found: "the end of the file")
  }

  // MARK: - Templates

  /// Reads a template from its backtick, or on from the `}` of a substitution; the offset is the backtick's.
  private mutating func templatePiece(opensAt opener: Int) throws(Refusal) {
    let start = at
    let isHead = start == opener
    at += 1
    while at < bytes.count {
      switch bytes[at] {
      case UInt8(ascii: "`"):
        at += 1
        if isHead { return add(.template, from: start) }
        if let index = open.popLast() {
          join(index, tokens.count)
          add(.templateTail, from: start)
          tokens[tokens.count - 1].partner = index
        }
        return
      case UInt8(ascii: "$") where peek(1) == UInt8(ascii: "{"):
        at += 2
        if isHead { try enter(start) }
        return add(isHead ? .templateHead : .templateMiddle, from: start)
      case UInt8(ascii: "\\"): at += 2
      default: at += 1
      }
    }
    throw Refusal(
      opener, "unterminated template literal", expected: "a backtick that ends it",
      found: "the end of the file")
  }

  // MARK: - Slashes and punctuators

  private mutating func slashToken() throws(Refusal) {
    let start = at
    switch slash.answer(isAfterLineBreak: isAfterLineBreak) {
    case .regex: try add(regex(), from: start)
    case .division:
      addPunctuator(
        peek(1) == UInt8(ascii: "=") ? .other : .slash, length: peek(1) == UInt8(ascii: "=") ? 2 : 1)
    case .unsure:
      throw Refusal(
        at, "cannot tell a division from a regular expression here",
        expected: "parentheses around what stands before or after", found: "`/`")
    }
  }

  mutating func addPunctuator(_ punctuator: Punctuator, length: Int) {
    var token = Token(.punctuator, at, at + length, isAfterLineBreak: isAfterLineBreak)
    token.punctuator = punctuator
    at += length
    append(token)
  }
}
