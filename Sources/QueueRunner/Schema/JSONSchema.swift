/// A JSON Schema (draft 2020-12) made ready to judge values.
///
/// The core, applicator, unevaluated and validation vocabularies hold; `format`, the content keywords and all
/// unknown ones are annotations that refuse nothing. `$ref` and `$dynamicRef` stay inside the document. Numbers
/// are doubles, so `1` and `1.0` are equal; strings are equal code point by code point and are as long as they
/// have code points; `multipleOf` is exact on the decimals as written.
///
/// Compiling and judging use constant stack: neither a deep value nor a long chain of `$ref` can overflow it.
public struct JSONSchema: Sendable {
  /// Problems that one validation tells at most.
  public static let maxProblems = 20
  /// Steps that one validation takes at most: a value held against a subschema, a rule, a member looked at, or
  /// sixteen states of a pattern followed over a code point.
  public static let maxSteps = 5_000_000
  /// The only value of `$schema` that is taken; without `$schema` the dialect is the same.
  public static let dialect = "https://json-schema.org/draft/2020-12/schema"

  private let program: SchemaProgram

  /// Reads a schema once.
  ///
  /// Throws `schema-invalid`, with the JSON pointer of the rule, for a value that the dialect's metaschema would
  /// refuse, a reference that leaves the document or leads nowhere, references that end in themselves on the
  /// same value, and a pattern that an automaton cannot decide (lookaround, backreferences).
  public init(compiling schema: JSONValue) throws(FlowdexError) {
    var compiler = SchemaCompiler(document: schema)
    program = try compiler.compile()
  }

  /// What the value breaks, the value's members in their own order; empty when it is valid.
  ///
  /// Deterministic, by a bound on steps instead of time: a validation that needs more than `maxSteps` ends with
  /// one problem that says so.
  public func validate(_ value: JSONValue) -> [JSONSchemaProblem] {
    validate(value, maxSteps: Self.maxSteps)
  }

  func validate(_ value: JSONValue, maxSteps: Int) -> [JSONSchemaProblem] {
    var evaluation = SchemaEvaluation(program, maxSteps: maxSteps)
    return evaluation.judge(value)
  }
}

/// One rule that a value breaks.
public struct JSONSchemaProblem: Sendable, Equatable {
  /// The part of the value, as a JSON pointer (RFC 6901); empty for the whole.
  ///
  /// A key over 256 bytes is cut and ends in `…`; such a pointer names nothing.
  public let instancePointer: String
  /// The rule's place in the schema's document, as a JSON pointer (RFC 6901), after following references; long
  /// keys are cut as above.
  public let rulePointer: String
  /// One line, lower case: what was expected and what was found.
  public let message: String

  /// The text of the nearest miss at the bottom of a choice in choices, so that messages do not nest.
  let nearest: String?

  /// A problem; the message carries its own backticks.
  public init(instancePointer: String, rulePointer: String, message: String) {
    self.init(instancePointer: instancePointer, rulePointer: rulePointer, message: message, nearest: nil)
  }

  init(instancePointer: String, rulePointer: String, message: String, nearest: String?) {
    self.instancePointer = instancePointer
    self.rulePointer = rulePointer
    self.message = nearest.map { "\(message); nearest: \($0)" } ?? message
    self.nearest = nearest
  }

  /// One line for a person, such as: `/a`: expected a string, found a number (rule `/properties/a/type`).
  ///
  /// Pointers are shortened and escaped here, whatever the value's keys hold.
  public var text: String {
    let place = instancePointer.isEmpty ? "the whole value" : "`\(Self.shown(instancePointer))`"
    let rule = rulePointer.isEmpty ? "the schema itself" : "rule `\(Self.shown(rulePointer))`"
    return "\(place): \(message) (\(rule))"
  }

  /// The pointer for a screen: unprintable characters escaped, long keys cut, the middle of a long way left out.
  static func shown(_ pointer: String) -> String {
    guard let keys = JSONPointer.tokens(pointer) else { return Excerpt.plain(pointer) }
    let tokens = keys.map { "/" + JSONPointer.escape(Excerpt.plain($0)) }
    if tokens.count <= 16 { return tokens.joined() }
    return tokens.prefix(8).joined() + "/…" + tokens.suffix(7).joined()
  }

  static let maxKeyBytes = 256

  /// The key as a token of a pointer.
  static func token(_ key: String) -> String {
    guard key.utf8.count > maxKeyBytes else { return "/" + JSONPointer.escape(key) }
    var cut = ""
    for scalar in key.unicodeScalars {
      if cut.utf8.count + UTF8.width(scalar) > maxKeyBytes { break }
      cut.unicodeScalars.append(scalar)
    }
    return "/" + JSONPointer.escape(cut) + "…"
  }
}
