// What the scanner makes of a workflow's text. Tokens hold byte offsets only; line and column are worked out
// for the one place that an error names.

/// One token of TypeScript. Twenty bytes, for a file of 5 MiB may have millions.
struct Token: Sendable {
  enum Kind: UInt8, Sendable {
    /// A name or keyword; `word` says which, where it is one that we care about.
    case name
    case privateName, number, bigint, string
    /// A template without `${`.
    case template
    /// The pieces of a template around its substitutions.
    case templateHead, templateMiddle, templateTail
    case regex, punctuator, end
  }

  var kind: Kind
  var punctuator = Punctuator.none
  var word = Word.none
  /// A line break lies between this token and the one before.
  var isAfterLineBreak: Bool
  /// A name written with `\u` escapes.
  var isEscaped = false
  private var startOffset: Int32
  private var endOffset: Int32
  private var partnerIndex: Int32 = -1

  /// Offsets are below the size limit of a file, which is far below the limit of 32 bits.
  init(_ kind: Kind, _ start: Int, _ end: Int, isAfterLineBreak: Bool) {
    self.kind = kind
    self.isAfterLineBreak = isAfterLineBreak
    startOffset = Int32(truncatingIfNeeded: start)
    endOffset = Int32(truncatingIfNeeded: end)
  }

  var start: Int { Int(startOffset) }
  var end: Int { Int(endOffset) }
  /// For a bracket or a template's head, the index of the token that closes it; for a closing one, the opener.
  var partner: Int {
    get { Int(partnerIndex) }
    set { partnerIndex = Int32(truncatingIfNeeded: newValue) }
  }

  func `is`(_ punctuator: Punctuator) -> Bool { kind == .punctuator && self.punctuator == punctuator }
  func `is`(_ word: Word) -> Bool { kind == .name && self.word == word }
}

/// The punctuators that mean something to us; the rest are operators alike.
enum Punctuator: UInt8, Sendable {
  case none
  case openBrace, closeBrace, openParen, closeParen, openBracket, closeBracket
  case semicolon, comma, colon, dot, questionDot, question, ellipsis, arrow, assign
  case less, greater, plus, minus, star, pipe, ampersand, bang, increment, decrement, slash
  /// Any other operator.
  case other
}

/// The words that mean something to us: keywords, and names that are keywords in some places.
enum Word: String, Sendable, CaseIterable {
  case none = ""
  case `if`, `while`, `for`, with, `switch`, `catch`, `else`, `do`, `try`, finally
  case `return`, `break`, `continue`, debugger, `case`, `default`, function, `class`, interface
  case `let`, const, `var`, `import`, export, await, yield
  case `in`, instanceof, typeof, void, delete, new, `throw`, extends
  case this, `super`, null, `true`, `false`
  case of, `as`, satisfies, async, type, from, workflow, keyof, readonly, unique, infer
  case get, set, `static`, `public`, `private`, protected, abstract, override, declare, accessor

  private static let byText = Dictionary(uniqueKeysWithValues: allCases.map { ($0.rawValue, $0) })

  static func of(_ text: String) -> Word { byText[text] ?? .none }

  /// May stand before the name of a member of a class or an object.
  var isMemberModifier: Bool {
    switch self {
    case .get, .set, .async, .static, .public, .private, .protected, .abstract, .override, .declare,
      .accessor,
      .readonly:
      true
    case .none, .if, .while, .for, .with, .switch, .catch, .else, .do, .try, .finally, .return, .break,
      .continue,
      .debugger, .case, .default, .function, .class, .interface, .let, .const, .var, .import, .export, .await,
      .yield, .in, .instanceof, .typeof, .void, .delete, .new, .throw, .extends, .this, .super, .null, .true,
      .false, .of, .as, .satisfies, .type, .from, .workflow, .keyof, .unique, .infer:
      false
    }
  }
}
