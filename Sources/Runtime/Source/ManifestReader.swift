// The manifest, read from the tokens of an object literal. Whatever would have to be computed is refused where it
// stands: what is approved is what is written.

import QueueRunner

/// A place among tokens, moved past the value that was read.
struct ManifestReader {
  /// Arrays and objects in each other; a stored manifest is read back under the same limit.
  static let maxDepth = JSONLimits.standard.maxDepth
  /// Members of all objects together, likewise.
  static let maxKeys = JSONLimits.standard.maxKeys

  let bytes: [UInt8]
  let tokens: [Token]
  var at: Int
  private var depth = 0
  private var keyCount = 0

  init(bytes: [UInt8], tokens: [Token], at: Int) {
    self.bytes = bytes
    self.tokens = tokens
    self.at = at
  }

  private var token: Token { tokens[min(at, tokens.count - 1)] }

  private func refusal(_ what: String, _ expected: String, at place: Token? = nil) -> Refusal {
    Refusal(
      (place ?? token).start, what, expected: expected, found: WorkflowSource.found(place ?? token, bytes))
  }

  private func computed(at place: Token? = nil) -> Refusal {
    refusal("the manifest is not literal", "a JSON value that is written out", at: place)
  }

  /// Reads one value with the types that may follow it.
  mutating func value() throws(Refusal) -> LocatedValue {
    let start = token
    let content = try plainValue()
    while token.is(.as) || token.is(.satisfies), !token.isAfterLineBreak, !token.isEscaped {
      at += 1
      var reader = TypeReader(tokens, at: at)
      let isType = reader.type()
      at = reader.at
      if !isType { throw refusal("bad type in the manifest", "a type without conditions") }
    }
    // After a value only these go on; all else is an operator, and with it a computation.
    guard token.is(.comma) || token.is(.closeBrace) || token.is(.closeBracket) || token.is(.closeParen) else {
      throw computed()
    }
    return LocatedValue(offset: start.start, content: content)
  }

  private mutating func plainValue() throws(Refusal) -> LocatedValue.Content {
    let token = token
    switch token.kind {
    case .string, .template:
      at += 1
      return .string(try LiteralValue.text(token, bytes))
    case .number: return .number(try number(token, negative: false))
    case .name: return try word(token)
    case .templateHead: throw refusal("the manifest is not literal", "a template without `${`")
    case .bigint: throw refusal("JSON has no BigInt", "a number without `n`")
    case .punctuator: break
    case .privateName, .templateMiddle, .templateTail, .regex, .end: throw computed()
    }
    if token.is(.openBrace) { return .object(try object()) }
    if token.is(.openBracket) { return .array(try array()) }
    if token.is(.openParen) { return try parenthesised() }
    if token.is(.ellipsis) { throw refusal("the manifest is not literal", "values without a spread") }
    guard token.is(.minus) else { throw computed() }
    at += 1
    guard self.token.kind == .number else { throw computed(at: token) }
    return .number(try number(self.token, negative: true))
  }

  private mutating func word(_ token: Token) throws(Refusal) -> LocatedValue.Content {
    let literals: [Word: LocatedValue.Content] = [.true: .bool(true), .false: .bool(false), .null: .null]
    // Any other word is a name, and a name would have to be looked up.
    guard !token.isEscaped, let content = literals[token.word] else { throw computed() }
    at += 1
    return content
  }

  private mutating func number(_ token: Token, negative: Bool) throws(Refusal) -> Double {
    let number = LiteralValue.number(token, bytes)
    guard number.isFinite else {
      throw refusal("number is too large", "a number within the range of a double", at: token)
    }
    at += 1
    return negative ? -number : number
  }

  /// `(value)` is that value.
  private mutating func parenthesised() throws(Refusal) -> LocatedValue.Content {
    let open = try enter()
    let inner = try value()
    guard at == open.partner else { throw computed() }
    leave(open)
    return inner.content
  }

  private mutating func enter() throws(Refusal) -> Token {
    let open = token
    depth += 1
    if depth > Self.maxDepth {
      throw refusal("the manifest is nested too deep", "at most \(Self.maxDepth) levels")
    }
    at += 1
    return open
  }

  private mutating func leave(_ open: Token) {
    depth -= 1
    at = open.partner + 1
  }

  private mutating func array() throws(Refusal) -> [LocatedValue] {
    let open = try enter()
    var items: [LocatedValue] = []
    while at < open.partner {
      if token.is(.comma) { throw refusal("array with a hole", "a value") }
      items.append(try value())
      if at < open.partner {
        guard token.is(.comma) else { throw computed() }
        at += 1
      }
    }
    leave(open)
    return items
  }

  private mutating func object() throws(Refusal) -> [LocatedValue.Member] {
    let open = try enter()
    var members: [LocatedValue.Member] = []
    var seen: Set<JSONKey> = []
    while at < open.partner {
      let place = token
      let key = try key()
      if key == "__proto__" { throw refusal("`__proto__` is no key", "a key of the manifest", at: place) }
      guard seen.insert(JSONKey(key)).inserted else {
        throw Refusal(
          place.start, "key stands twice", expected: "each key once in an object",
          found: "\(Excerpt.quote(key)) again")
      }
      keyCount += 1
      if keyCount > Self.maxKeys {
        throw refusal("the manifest has too many keys", "at most \(Self.maxKeys)", at: place)
      }
      members.append(.init(key: key, keyOffset: place.start, value: try value()))
      if at < open.partner {
        guard token.is(.comma) else { throw computed() }
        at += 1
      }
    }
    leave(open)
    return members
  }

  /// A key and its colon.
  private mutating func key() throws(Refusal) -> String {
    let place = token
    let key: String
    switch place.kind {
    case .name:
      key =
        place.isEscaped ? try decoded(place) : String(decoding: bytes[place.start..<place.end], as: UTF8.self)
    case .string: key = try LiteralValue.text(place, bytes)
    case .punctuator where place.is(.ellipsis):
      throw refusal("the manifest is not literal", "keys without a spread")
    case .punctuator where place.is(.openBracket):
      throw refusal("the manifest is not literal", "a key that is not computed")
    case .number, .bigint, .privateName, .template, .templateHead, .templateMiddle, .templateTail, .regex,
      .punctuator, .end:
      throw refusal("bad key in the manifest", "a name or a string")
    }
    at += 1
    guard token.is(.colon) else {
      // A shorthand, a method, or a `get` or `set`: the error is about where the member begins.
      throw refusal("the manifest is not literal", "`key: value`", at: place)
    }
    at += 1
    return key
  }

  private func decoded(_ token: Token) throws(Refusal) -> String {
    try LiteralValue.name(token, bytes)
  }
}
