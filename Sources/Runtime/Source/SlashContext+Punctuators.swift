// What operators and separators mean to the slash that may follow them.

extension SlashContext {
  mutating func take(punctuator token: Token) {
    let wasAtMember = frame.isAtMember
    frame.isAtMember = false
    switch token.punctuator {
    case .openBrace: openBrace()
    case .openParen: openParen()
    case .openBracket: open(Frame(content: .brackets, afterClose: .operand), then: .operator_)
    case .closeBrace, .closeParen, .closeBracket: close()
    case .semicolon: semicolon()
    case .comma: comma()
    case .colon: colon()
    case .question:
      frame.conditionals += 1
      after = .operator_
    case .assign:
      // The `>` of a binding's type has been seen before its `=`.
      if frame.declaration == .variable, !frame.hasInitializer, !frame.sawComma { frame.hasAngle = false }
      frame.hasInitializer = true
      frame.isAsserted = false
      after = .operator_
    case .less:
      frame.hasAngle = true
      after = .operator_
    case .greater: after = frame.hasAngle ? .angle : .operator_
    case .increment, .decrement, .bang:
      // After an operand on the same line they belong to it (`a++`, TypeScript's `a!`).
      if after != .operand { after = .operator_ }
    case .star:
      frame.isAtMember = wasAtMember
      after = .operator_
    case .slash:
      // No type goes on past a division.
      frame.isAsserted = false
      after = .operator_
    case .arrow, .dot, .questionDot, .ellipsis, .plus, .minus, .pipe, .ampersand, .other, .none:
      after = .operator_
    }
  }

  private mutating func semicolon() {
    switch frame.content {
    case .statements: after = .statement
    case .object, .classBody: beginMember()
    case .parens, .forHeader, .brackets, .substitution:
      frame.beginStatement()
      after = .operator_
    }
  }

  private mutating func comma() {
    frame.isAsserted = false
    frame.hasInitializer = false
    frame.chain = 0
    frame.sawComma = true
    if frame.content == .object {
      let hasAngle = frame.hasAngle
      beginMember()
      frame.hasAngle = hasAngle
    } else {
      after = .operator_
    }
  }

  private mutating func colon() {
    if case .function(_, true) = frame.heading {
      // The type of a function's result, also in a `case` or a conditional.
      after = .operator_
    } else if frame.conditionals > 0 {
      frame.conditionals -= 1
      after = .operator_
    } else if frame.isCase {
      frame.isCase = false
      after = .statement
    } else if frame.content == .statements, previous.kind == .name, previousBegan {
      after = .statement
    } else {
      after = .operator_
    }
  }

  /// Whether the statement that begins here is the body of another, without braces around it.
  func holdsStatement(before token: Token) -> Bool {
    if token.is(.case) || token.is(.default) { return false }
    return previous.is(.closeParen) || previous.is(.else) || previous.is(.do) || previous.is(.colon)
      || token.is(.else)
  }

  /// Whether a parser would call itself for what follows: after these it is not only brackets that nest.
  func nests(_ token: Token) -> Bool {
    if token.kind == .name {
      return token.is(.typeof) || token.is(.void) || token.is(.delete) || token.is(.new) || token.is(.await)
        || token.is(.yield)
    }
    if token.is(.arrow) || token.is(.question) || token.is(.assign) || token.is(.less) { return true }
    let isPrefix = after == .operator_ || after == .statement
    return isPrefix
      && (token.is(.bang) || token.is(.plus) || token.is(.minus) || token.is(.increment)
        || token.is(.decrement)
        || token.is(.other))
  }
}
