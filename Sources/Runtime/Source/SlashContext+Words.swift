// What names and keywords mean to the slash that may follow them.

extension SlashContext {
  mutating func take(word token: Token, begins: Bool) {
    if previous.is(.dot) || previous.is(.questionDot) {
      after = .operand
      return
    }
    if frame.isAtMember {
      frame.isAtMember = token.word.isMemberModifier
      after = .operand
      return
    }
    if (previous.is(.break) || previous.is(.continue)) && after == .operator_ {
      after = .statement
      return
    }
    if token.word == .none {
      if previous.is(.type), previousBegan, !token.isAfterLineBreak { frame.declaration = .typeAlias }
      after = .operand
      return
    }
    take(keyword: token, begins: begins)
  }

  private mutating func take(keyword token: Token, begins: Bool) {
    let begins = begins || after == .statement
    switch token.word {
    case .if, .while, .for, .with, .switch, .catch:
      frame.header = token.word
      after = .operator_
    case .else, .do, .try, .finally, .debugger, .export: after = .statement
    case .case, .default:
      // In `export default` it is no case; anything else of an exported module is refused elsewhere.
      frame.isCase = !previous.is(.export)
      after = .operator_
    case .function: beginHeading(.function(isDeclaration: isDeclaration(begins), sawParameters: false))
    case .class: beginHeading(.classLike(isDeclaration: isDeclaration(begins)))
    case .interface: beginHeading(.interface)
    case .let, .const, .var:
      if token.is(.const), previous.is(.as) {
        after = .operand
      } else {
        frame.declaration = .variable
        after = .operator_
      }
    case .return, .break, .continue, .await, .yield, .in, .instanceof, .typeof, .void, .delete, .new, .throw,
      .extends:
      after = .operator_
    case .of:
      let isOperator = frame.content == .forHeader && after == .operand && !frame.sawOf
      frame.sawOf = frame.sawOf || isOperator
      after = isOperator ? .operator_ : .operand
    case .as, .satisfies:
      let isOperator = (after == .operand || after == .angle || after == .unsure) && !token.isAfterLineBreak
      frame.isAsserted = frame.isAsserted || isOperator
      after = isOperator ? .operator_ : .operand
    case .this, .super, .null, .true, .false, .import, .async, .type, .from, .workflow, .keyof, .readonly,
      .unique,
      .infer, .get, .set, .static, .public, .private, .protected, .abstract, .override, .declare, .accessor,
      .none:
      after = .operand
    }
  }

  private mutating func beginHeading(_ heading: Heading) {
    frame.heading = heading
    after = .operator_
  }

  /// A function or class is declared where a statement begins, also behind `async`, `abstract` and `declare`.
  private func isDeclaration(_ begins: Bool) -> Bool {
    if begins { return true }
    return (previous.is(.async) || previous.is(.abstract) || previous.is(.declare)) && previousBegan
  }
}
