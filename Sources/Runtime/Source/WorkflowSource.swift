// The shape of a workflow: one import, then one `export default workflow(manifest, callback)`, and nothing else.

import QueueRunner

/// The parts of a workflow, as found among its tokens.
struct WorkflowSource {
  static let module = "@flowdex/runtime"
  private static let importLine = "`import { workflow } from \"\(module)\"`"

  let bytes: [UInt8]
  let tokens: [Token]
  /// The manifest as it is written.
  private(set) var manifest = LocatedValue(offset: 0, content: .null)
  private var at = 0

  /// Reads the tokens and checks the shape; refuses the first thing that is not allowed.
  init(_ source: SourceText) throws(Refusal) {
    try source.check()
    bytes = source.bytes
    tokens = try Scanner.scan(source.bytes)
    try refuseImports()
    try importStatement()
    try exportStatement()
    guard token.kind == .end else { throw refusal("statement after the workflow", "the end of the file") }
  }

  private var token: Token { tokens[min(at, tokens.count - 1)] }

  private func refusal(_ what: String, _ expected: String) -> Refusal {
    Refusal(token.start, what, expected: expected, found: Self.found(token, bytes))
  }

  static func found(_ token: Token, _ bytes: [UInt8]) -> String {
    token.kind == .end ? "the end of the file" : Excerpt.quote(bytes[token.start..<token.end])
  }

  private mutating func expect(_ punctuator: Punctuator, _ what: String, _ expected: String) throws(Refusal) {
    guard token.is(punctuator) else { throw refusal(what, expected) }
    at += 1
  }

  private mutating func expect(_ word: Word, _ what: String, _ expected: String) throws(Refusal) {
    guard token.is(word), !token.isEscaped else { throw refusal(what, expected) }
    at += 1
  }

  // MARK: - Imports

  /// Every `import` but the first token and names of members: calls, types, `import.meta`, other statements.
  private func refuseImports() throws(Refusal) {
    for (index, token) in tokens.enumerated() where token.is(.import) {
      let next = tokens[min(index + 1, tokens.count - 1)]
      if index > 0 {
        let previous = tokens[index - 1]
        if previous.is(.dot) || previous.is(.questionDot) || next.is(.colon) || next.is(.assign) { continue }
      }
      if next.is(.openParen) {
        throw Refusal(
          token.start, "dynamic import is not allowed", expected: "no import but \(Self.importLine)",
          found: "`import(`")
      }
      if next.is(.dot) {
        throw Refusal(
          token.start, "import.meta is not allowed", expected: "no import but \(Self.importLine)",
          found: "`import.`"
        )
      }
      if index > 0 {
        throw Refusal(
          token.start, "another import is not allowed", expected: "no import but \(Self.importLine)",
          found: Self.found(token, bytes))
      }
    }
  }

  private mutating func importStatement() throws(Refusal) {
    try expect(.import, "the workflow does not begin with its import", Self.importLine)
    let specifiers = token
    try expect(.openBrace, "this import is not allowed", "`{ workflow }`")
    var hasWorkflow = false
    while !token.is(.closeBrace) {
      if token.is(.type) {
        try typeSpecifier()
      } else {
        if hasWorkflow { throw refusal("this import is not allowed", "`workflow` once, and types beside it") }
        try expect(.workflow, "this import is not allowed", "`workflow`, or types as `type Name`")
        if token.is(.as) { throw refusal("`workflow` cannot be renamed", "`,` or `}`") }
        hasWorkflow = true
      }
      if !token.is(.closeBrace) { try expect(.comma, "bad list of imported names", "`,` or `}`") }
    }
    at += 1
    if !hasWorkflow {
      throw Refusal(
        specifiers.start, "`workflow` is not imported", expected: "`{ workflow }`",
        found: Excerpt.quote(bytes[specifiers.start..<tokens[specifiers.partner].end]))
    }
    try expect(.from, "import without a module", "`from \"\(Self.module)\"`")
    guard token.kind == .string, try LiteralValue.text(token, bytes) == Self.module else {
      throw refusal("no other module can be imported", "`\"\(Self.module)\"`")
    }
    at += 1
    if token.is(.semicolon) {
      at += 1
    } else if !token.isAfterLineBreak {
      throw refusal("statement runs into the next", "`;` or a new line")
    }
  }

  /// `type Name` or `type Name as Other`: gone once the types are stripped.
  private mutating func typeSpecifier() throws(Refusal) {
    at += 1
    for position in 0...1 {
      guard token.kind == .name, !token.is(.as), !token.is(.workflow) else {
        throw refusal("this import is not allowed", "the name of a type other than `workflow`")
      }
      at += 1
      guard position == 0, token.is(.as) else { return }
      at += 1
    }
  }

  // MARK: - The export

  private mutating func exportStatement() throws(Refusal) {
    let whole = "`export default workflow({ … }, async (ctx) => { … })`"
    let what = token.kind == .end ? "there is no workflow" : "only the workflow may follow the import"
    try expect(.export, what, whole)
    try expect(.default, "only a default export is allowed", "`default`")
    try expect(.workflow, "the default export is not a call of `workflow`", "`workflow(`")
    if token.is(.less) {
      var reader = TypeReader(tokens, at: at)
      let isList = reader.arguments()
      at = reader.at
      if !isList { throw refusal("bad type arguments", "types and `>`") }
    }
    guard token.is(.openParen) else { throw refusal("`workflow` is not called", "`(`") }
    let close = token.partner
    at += 1
    try manifestArgument(close)
    try callbackArgument(close)
    at = close + 1
    if token.is(.semicolon) { at += 1 }
  }

  private mutating func manifestArgument(_ close: Int) throws(Refusal) {
    if at == close { throw refusal("`workflow` has no arguments", "the manifest and the callback") }
    guard token.is(.openBrace) else { throw refusal("the manifest is not an object literal", "`{`") }
    var reader = ManifestReader(bytes: bytes, tokens: tokens, at: at)
    manifest = try reader.value()
    at = reader.at
    if at == close { throw refusal("`workflow` has no callback", "`,` and the callback") }
    try expect(.comma, "the manifest is not an object literal alone", "`,` and the callback")
    if at == close { throw refusal("`workflow` has no callback", "the callback") }
  }

  private mutating func callbackArgument(_ close: Int) throws(Refusal) {
    var reader = CallbackReader(tokens: tokens, at: at, close: close)
    let end = reader.read()
    at = reader.at
    guard end else {
      throw refusal("the callback is not an arrow function or function expression", reader.expected)
    }
    if token.is(.comma), at < close {
      at += 1
      if at < close { throw refusal("`workflow` takes two arguments", "`)`") }
    }
    if at != close { throw refusal("the callback is followed by something else", "`,` or `)`") }
  }
}
