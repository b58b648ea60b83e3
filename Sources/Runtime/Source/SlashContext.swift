// Tells a regular expression from a division, without a parser.
//
// A `/` begins a regular expression where an operand may begin, and divides where one has ended. Where one has
// ended is plain after names, literals and most brackets; after `)` and `}` it hangs on what the bracket was, so
// brackets are kept on a stack with what they mean: the `)` of `if (…)` is followed by a statement, the `)` of a
// call by an operator; the `}` of a block by a statement, the `}` of an object by an operator; the `}` of a
// function by either, as it was a declaration or an expression. Line breaks end statements as ECMAScript's
// automatic semicolons do, as far as two operands side by side show it.
//
// The rest is left open on purpose: where types make both readings possible (`x as A<B> / …`), or neither reading
// is valid, the answer is `.unsure` and the scanner refuses the file. A wrong answer either way could hide a
// dynamic import in what looks like a literal; a pair of parentheses makes any such place plain.

/// Follows the tokens of a file; asked at each `/`.
struct SlashContext {
  enum Answer: Equatable { case regex, division, unsure }

  /// What has come before, as the next token sees it.
  enum After: Equatable {
    /// A statement begins here.
    case statement
    /// An operand must begin here.
    case operator_
    /// The name of a member of a class, object or type begins here.
    case member
    /// An operand, or a type, has ended.
    case operand
    /// A `>` that may close type arguments.
    case angle
    /// The body of an arrow function has ended: only the end of its expression, or of the statement, can follow.
    case arrowBody
    /// Something that `/` cannot follow in valid code.
    case unsure
  }

  /// What a bracket holds.
  enum Content: Equatable { case statements, object, classBody, parens, forHeader, brackets, substitution }

  /// A function, class or interface whose body is still to come.
  enum Heading: Equatable {
    case function(isDeclaration: Bool, sawParameters: Bool)
    case classLike(isDeclaration: Bool)
    case interface
  }

  enum Declaration: Equatable { case none, variable, typeAlias }

  /// An open bracket, and where the innermost statement or member in it stands.
  struct Frame {
    var content: Content
    var afterClose: After
    var heading: Heading?
    /// `if`, `while`, `for`, `with`, `switch` or `catch` has been read, and its `(` not yet.
    var header: Word = .none
    var declaration = Declaration.none
    var hasInitializer = false
    var sawComma = false
    /// A `<` stands in this statement: a later `>` may close type arguments.
    var hasAngle = false
    /// `as` or `satisfies` stands in this expression: a type follows.
    var isAsserted = false
    /// Conditionals whose `:` is still to come.
    var conditionals = 0
    /// `case` or `default` whose `:` is still to come.
    var isCase = false
    /// A word here is a member's name, whatever else it may mean.
    var isAtMember = false
    var sawOf = false
    /// Operators of this expression that hold what follows them, as brackets do, and statements that are the bodies
    /// of others without braces.
    var chain = 0
    /// What has followed an operand since a statement began or a comma stood here: no chain of operators that hold
    /// what stands before them, such as `1 + 1 + …` and `a.b.c…`, has more links.
    var links = 0

    /// In a type alias, or in the binding of a declaration and not in its initializer.
    var isBare: Bool { declaration == .typeAlias || declaration == .variable && !hasInitializer }

    mutating func beginStatement() {
      heading = nil
      header = .none
      declaration = .none
      hasInitializer = false
      sawComma = false
      hasAngle = false
      isAsserted = false
      conditionals = 0
      chain = 0
      links = 0
    }
  }

  var after = After.statement
  private var frames: [Frame] = []
  /// The chains of all frames but the innermost.
  private var outerChains = 0
  /// Brackets and chained operators that a recursive parser would be inside of here.
  var nesting: Int { frames.count + outerChains + frame.chain }
  var frame = Frame(content: .statements, afterClose: .unsure)
  var previous = Token(.end, 0, 0, isAfterLineBreak: false)
  /// The token before began a statement.
  var previousBegan = false

  /// What a `/` means here.
  func answer(isAfterLineBreak: Bool) -> Answer {
    switch after {
    case .statement: return .regex
    case .operator_: return previous.is(.void) && frame.isAsserted ? .unsure : .regex
    case .operand, .angle:
      // A binding or a type cannot be divided: the line break ends the statement.
      if frame.isBare, isAfterLineBreak, frame.content == .statements {
        // A comma between type arguments looks like one between bindings.
        return frame.hasAngle && frame.sawComma ? .unsure : .regex
      }
      return after == .angle ? .unsure : .division
    case .arrowBody:
      return isAfterLineBreak && frame.content == .statements && !frame.isAsserted ? .regex : .unsure
    case .member, .unsure: return .unsure
    }
  }

  /// Takes the next token.
  mutating func take(_ token: Token) {
    // Statements that end at a line break are no body of what stood before them.
    let chain = after == .statement && holdsStatement(before: token) ? frame.chain + 1 : 0
    if token.isAfterLineBreak { endStatement(before: token) }
    let begins =
      after == .statement
      || after == .arrowBody && token.isAfterLineBreak && frame.content == .statements && !token.is(.comma)
    if begins {
      frame.beginStatement()
      frame.chain = chain
    }
    if token.is(.comma) || token.is(.semicolon) {
      frame.links = 0
    } else if after == .operand || after == .angle || after == .unsure {
      frame.links += 1
    }
    if nests(token) { frame.chain += 1 }
    switch token.kind {
    case .name: take(word: token, begins: begins)
    case .privateName, .number, .bigint, .string, .template, .regex:
      after = .operand
      frame.isAtMember = false
    case .templateHead: open(Frame(content: .substitution, afterClose: .operand), then: .operator_)
    case .templateMiddle: after = .operator_
    case .templateTail: close()
    case .punctuator: take(punctuator: token)
    case .end: break
    }
    previous = token
    previousBegan = begins
  }

  /// The automatic semicolon: a line break between an operand and what cannot continue it.
  private mutating func endStatement(before token: Token) {
    let isRestricted = previous.is(.return) || previous.is(.break) || previous.is(.continue)
    if isRestricted, after == .operator_ {
      after = .statement
      return
    }
    guard endsOperand(before: token), beginsOperand(token) else { return }
    switch frame.content {
    case .statements: after = .statement
    case .object, .classBody: beginMember()
    case .parens, .forHeader, .brackets, .substitution: break
    }
  }

  private func endsOperand(before token: Token) -> Bool {
    switch after {
    case .operand, .angle, .arrowBody, .unsure: return true
    case .statement, .member: return false
    case .operator_:
      // `void` as a type: nothing that it could be applied to follows in a declaration.
      guard previous.is(.void) else { return false }
      if case .function(_, true) = frame.heading { return true }
      return frame.isBare || frame.content == .object || frame.content == .classBody
    }
  }

  private func beginsOperand(_ token: Token) -> Bool {
    // A heading goes on over line breaks; only a function without a body can end at one.
    if let heading = frame.heading {
      guard case .function(_, true) = heading, token.kind == .name else { return false }
      return true
    }
    return switch token.kind {
    case .name: !(token.is(.in) || token.is(.instanceof) || token.is(.extends))
    case .privateName, .number, .bigint, .string: true
    case .punctuator:
      // In a class or an object `{` after a line break is still the body of a method.
      token.is(.openBrace)
        ? frame.content == .statements
        : token.is(.increment) || token.is(.decrement) || token.is(.bang)
          || frame.isBare && beginsAfterType(token)
    case .template, .templateHead: frame.isBare
    // The answer at its slash has found that a statement begins.
    case .regex: true
    case .templateMiddle, .templateTail, .end: false
    }
  }

  /// Continues an expression, but not a type or a binding.
  private func beginsAfterType(_ token: Token) -> Bool {
    token.is(.openParen) || token.is(.openBracket) || token.is(.plus) || token.is(.minus) || token.is(.other)
  }

  mutating func beginMember() {
    frame.beginStatement()
    frame.isAtMember = true
    after = .member
  }
}

// MARK: - Brackets

extension SlashContext {
  mutating func open(_ inner: Frame, then next: After) {
    frames.append(frame)
    outerChains += frame.chain
    frame = inner
    after = next
    frame.isAtMember = next == .member
  }

  /// The scanner has matched the brackets, so there is a frame to go back to.
  mutating func close() {
    after = frame.afterClose
    if let outer = frames.popLast() {
      let links = frame.links
      frame = outer
      // What was in the brackets may be the first link of what follows them.
      frame.links += links
      outerChains -= outer.chain
    }
    if after == .member { beginMember() }
  }

  mutating func openParen() {
    let header = frame.header
    frame.header = .none
    frame.isAtMember = false
    if case .function(let isDeclaration, false) = frame.heading {
      frame.heading = .function(isDeclaration: isDeclaration, sawParameters: true)
    }
    open(
      Frame(
        content: header == .for ? .forHeader : .parens, afterClose: header == .none ? .operand : .statement),
      then: .operator_)
  }

  mutating func openBrace() {
    let endsOperand = after == .operand || after == .angle || previous.is(.void)
    frame.header = .none
    let content = frame.content
    if let heading = frame.heading, let inner = body(of: heading, endsOperand: endsOperand) {
      frame.heading = nil
      let then: After = inner.content == .statements ? .statement : .member
      return open(inner, then: then)
    }
    if after == .statement || previous.is(.catch) {
      return open(Frame(content: .statements, afterClose: .statement), then: .statement)
    }
    if content == .classBody && endsOperand {
      return open(Frame(content: .statements, afterClose: .member), then: .statement)
    }
    if previous.is(.arrow) {
      return open(Frame(content: .statements, afterClose: .arrowBody), then: .statement)
    }
    if endsOperand || after == .unsure || after == .arrowBody {
      // A method of an object, or something of TypeScript alone.
      return open(Frame(content: .statements, afterClose: .unsure), then: .statement)
    }
    open(Frame(content: .object, afterClose: .operand), then: .member)
  }

  /// The frame of a body, if the `{` here is one and not a type or an expression of the heading.
  private func body(of heading: Heading, endsOperand: Bool) -> Frame? {
    switch heading {
    case .function(let isDeclaration, let sawParameters):
      guard sawParameters, endsOperand else { return nil }
      return Frame(content: .statements, afterClose: isDeclaration ? .statement : .operand)
    case .classLike(let isDeclaration):
      guard endsOperand || previous.is(.class) else { return nil }
      return Frame(content: .classBody, afterClose: isDeclaration ? .statement : .operand)
    case .interface:
      return endsOperand ? Frame(content: .object, afterClose: .statement) : nil
    }
  }
}
