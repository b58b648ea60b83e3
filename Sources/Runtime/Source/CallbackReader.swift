// The second argument of `workflow`: an arrow function or a function expression. Only its head and its end are
// looked at; what is in it is the business of the engine that runs it.

/// A place among tokens, moved past the callback.
struct CallbackReader {
  let tokens: [Token]
  var at: Int
  /// The index of the `)` that ends the call.
  let close: Int
  /// What was expected where reading stopped.
  private(set) var expected = "`async (ctx) => { … }`"

  init(tokens: [Token], at: Int, close: Int) {
    self.tokens = tokens
    self.at = at
    self.close = close
  }

  private var token: Token { tokens[min(at, tokens.count - 1)] }
  private var next: Token { tokens[min(at + 1, tokens.count - 1)] }

  /// Goes past the callback; false, with `at` where it went wrong, if it is none.
  mutating func read() -> Bool {
    if token.is(.async), !next.isAfterLineBreak, !next.is(.arrow) { at += 1 }
    if token.is(.function) { return function() }
    if token.kind == .name, next.is(.arrow) {
      guard !Self.reserved.contains(token.word) else { return false }
      at += 2
      return arrowBody()
    }
    let start = at
    if token.is(.less), !typeParameters() { return false }
    guard token.is(.openParen) else { return false }
    at = token.partner + 1
    if token.is(.colon), !resultType() { return false }
    guard token.is(.arrow), !token.isAfterLineBreak else {
      // Not an arrow function at all, such as one in parentheses: the error is about its beginning.
      if !token.is(.arrow), expected.hasPrefix("`async") { at = start }
      return false
    }
    at += 1
    return arrowBody()
  }

  /// Goes past `: T` up to the arrow; `asserts` and `is` have no place in the result of a callback.
  private mutating func resultType() -> Bool {
    let colon = at
    var reader = TypeReader(tokens, at: at + 1)
    let isType = reader.type()
    at = reader.at
    expected = "a type and `=>`"
    if isType, !token.is(.arrow) {
      // `(A) => …` has been taken for a function type, and was a type in parentheses with the arrow after it.
      var place = colon + 1
      while place < at, !tokens[place].is(.arrow) {
        place = tokens[place].partner > place ? tokens[place].partner + 1 : place + 1
      }
      if place < at { at = place }
    }
    return isType
  }

  private static let reserved: Set<Word> = [
    .if, .while, .for, .return, .this, .null, .true, .false, .new, .typeof, .void, .delete, .await, .yield,
    .class,
    .function, .import, .super, .throw,
  ]

  private mutating func function() -> Bool {
    at += 1
    if token.is(.star) {
      expected = "a function that is not a generator"
      return false
    }
    if token.kind == .name { at += 1 }
    if token.is(.less), !typeParameters() { return false }
    expected = "`(` and the parameters"
    guard token.is(.openParen) else { return false }
    at = token.partner + 1
    if token.is(.colon) {
      at += 1
      var reader = TypeReader(tokens, at: at)
      let isType = reader.type()
      at = reader.at
      expected = "a type and `{`"
      guard isType else { return false }
    }
    expected = "`{` and the body"
    guard token.is(.openBrace) else { return false }
    at = token.partner + 1
    return true
  }

  /// `<T extends X = Y, U>`: brackets are skipped, angles counted.
  private mutating func typeParameters() -> Bool {
    var depth = 0
    expected = "`>` that ends the type parameters"
    while at < close {
      let token = token
      if token.is(.less) { depth += 1 }
      if token.is(.greater) { depth -= 1 }
      at = token.partner > at ? token.partner + 1 : at + 1
      if depth == 0 {
        expected = "`async (ctx) => { … }`"
        return true
      }
    }
    return false
  }

  /// A block, or an expression up to a comma or the end of the call.
  private mutating func arrowBody() -> Bool {
    expected = "the body of the callback"
    guard at < close else { return false }
    if token.is(.openBrace) {
      at = token.partner + 1
      return true
    }
    while at < close {
      let token = token
      if token.is(.comma) { return true }
      if token.is(.semicolon) {
        expected = "`,` or `)`"
        return false
      }
      if token.is(.less), let past = pastTypeArguments() {
        at = past
      } else {
        at = token.partner > at ? token.partner + 1 : at + 1
      }
    }
    return true
  }

  /// Commas in `f<A, B>(x)` separate no arguments of `workflow`.
  private func pastTypeArguments() -> Int? {
    var reader = TypeReader(tokens, at: at)
    guard reader.arguments(), tokens[min(reader.at, tokens.count - 1)].is(.openParen) else { return nil }
    return reader.at
  }
}
