// Goes past types where the shape of a workflow lets one stand: `workflow<Input>(…)`, `as X`, `satisfies X`, the
// result type of the callback. What stands inside brackets may be anything; outside them, conditional types are
// not read, for `x as T ? a : b` is a computed value.

/// A place among tokens, moved past what was read.
struct TypeReader {
  /// Types in type arguments and results of function types; each level costs stack.
  static let maxNesting = 100

  let tokens: [Token]
  var at: Int
  private var depth = 0

  init(_ tokens: [Token], at: Int) {
    self.tokens = tokens
    self.at = at
  }

  private var token: Token { tokens[min(at, tokens.count - 1)] }

  /// Goes past one type; false, with `at` where it went wrong, if there is none.
  mutating func type() -> Bool {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.maxNesting else { return false }
    if token.is(.pipe) || token.is(.ampersand) { at += 1 }
    guard operand() else { return false }
    while token.is(.pipe) || token.is(.ampersand) {
      at += 1
      guard operand() else { return false }
    }
    return true
  }

  /// Goes past `<A, B>`; false if this is no list of types.
  mutating func arguments() -> Bool {
    guard token.is(.less) else { return false }
    repeat {
      at += 1
      guard type() else { return false }
    } while token.is(.comma)
    guard token.is(.greater) else { return false }
    at += 1
    return true
  }

  private mutating func operand() -> Bool {
    while token.is(.keyof) || token.is(.readonly) || token.is(.unique) || token.is(.infer) { at += 1 }
    guard primary() else { return false }
    while token.is(.openBracket), !token.isAfterLineBreak { at = token.partner + 1 }
    return true
  }

  private mutating func primary() -> Bool {
    switch token.kind {
    case .string, .template, .number, .bigint:
      at += 1
      return true
    case .name: return named()
    case .punctuator: break
    case .privateName, .templateHead, .templateMiddle, .templateTail, .regex, .end: return false
    }
    if token.is(.openBrace) || token.is(.openBracket) {
      at = token.partner + 1
      return true
    }
    if token.is(.openParen) {
      at = token.partner + 1
      guard token.is(.arrow) else { return true }
      at += 1
      return type()
    }
    guard token.is(.minus) else { return false }
    at += 1
    guard token.kind == .number || token.kind == .bigint else { return false }
    at += 1
    return true
  }

  private mutating func named() -> Bool {
    if token.is(.typeof) { at += 1 }
    guard token.kind == .name, !Self.beginNoType.contains(token.word) else { return false }
    let isSimple = Self.simple.contains(token.word)
    at += 1
    while token.is(.dot) {
      at += 1
      guard token.kind == .name else { return false }
      at += 1
    }
    if !isSimple, token.is(.less), !token.isAfterLineBreak { return arguments() }
    return true
  }

  private static let simple: Set<Word> = [.void, .null, .this, .true, .false, .const]
  private static let beginNoType: Set<Word> = [
    .import, .function, .class, .new, .delete, .await, .yield, .if, .for, .while, .return, .in, .instanceof,
    .extends,
    .var, .let, .super, .export, .default, .do, .else, .switch, .throw, .try, .case,
  ]
}
