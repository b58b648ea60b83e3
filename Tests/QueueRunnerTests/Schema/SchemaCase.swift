import QueueRunner
import Testing

/// A schema and a value, as JSON texts, and the problems that must come of them.
struct SchemaCase: Sendable, CustomTestStringConvertible {
  let schema: String
  let value: String
  /// Each as `instance pointer <- rule pointer`; empty for a valid value.
  let problems: [String]

  init(_ schema: String, _ value: String, _ problems: String...) {
    self.schema = schema
    self.value = value
    self.problems = problems
  }

  var testDescription: String { "\(schema) \(value)" }

  func check() throws {
    let schema = try JSONSchema(compiling: JSONValue(parsing: schema))
    let value = try JSONValue(parsing: value)
    let found = schema.validate(value)
    #expect(
      found.map { "\($0.instancePointer) <- \($0.rulePointer)" } == problems, "\(found.map(\.text))")
    for problem in found { Self.checkWording(problem, value) }
  }

  /// What holds of every problem: one printable line, lower case at its start, pointers that name something.
  static func checkWording(_ problem: JSONSchemaProblem, _ value: JSONValue) {
    #expect(problem.message.hasPrefix("expected "), "\(problem.message)")
    #expect(problem.message.contains("found"), "\(problem.message)")
    #expect(problem.text.hasSuffix(")") && problem.text.contains(problem.message))
    #expect(!problem.text.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "\(problem.text)")
    #expect(JSONPointer.resolve(problem.instancePointer, in: value) != nil, "\(problem.instancePointer)")
  }
}
