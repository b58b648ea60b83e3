import QueueRunner
import Testing

@Suite("JSON Schema: what is no schema")
struct SchemaRefusalTests {
  /// A schema, the place of the wrong rule, and a piece of what was expected and of what was found.
  struct Refusal: Sendable, CustomTestStringConvertible {
    let schema: String
    let place: String
    let expected: String
    let found: String

    init(_ schema: String, _ place: String, _ expected: String, _ found: String) {
      self.schema = schema
      self.place = place
      self.expected = expected
      self.found = found
    }

    var testDescription: String { schema }
  }

  @Test("names the rule, what was expected and what was found", arguments: shapes + references)
  func refused(one: Refusal) throws {
    let schema = try JSONValue(parsing: one.schema)
    do throws(FlowdexError) {
      _ = try JSONSchema(compiling: schema)
      Issue.record("taken: \(one.schema)")
    } catch {
      #expect(error.code == "schema-invalid")
      let place = one.place.isEmpty ? "the schema: " : "schema `\(one.place)`: "
      #expect(error.message.hasPrefix(place), "\(error)")
      let halves = error.message.split(separator: ", found ", maxSplits: 1)
      #expect(
        halves.count == 2 && halves[0].contains(one.expected) && halves[1].contains(one.found), "\(error)")
      #expect(!error.description.utf8.contains { $0 < 0x20 || $0 == 0x7F })
    }
  }

  private static let shapes = [
    Refusal("1", "", "a schema", "`1`"), Refusal("[]", "", "a schema", "an array of 0 items"),
    Refusal(#"{"type":"text"}"#, "/type", "`object`", "`text`"),
    Refusal(#"{"type":[]}"#, "/type", "array", "0 items"),
    Refusal(#"{"type":["null","null"]}"#, "/type", "once", "again"),
    Refusal(#"{"type":[1]}"#, "/type", "`null`", "`1`"),
    Refusal(#"{"enum":1}"#, "/enum", "an array", "`1`"),
    Refusal(#"{"minimum":"1"}"#, "/minimum", "a number", "the string `1`"),
    Refusal(#"{"exclusiveMinimum":true}"#, "/exclusiveMinimum", "a number", "`true`"),
    Refusal(#"{"multipleOf":0}"#, "/multipleOf", "over 0", "`0`"),
    Refusal(#"{"minLength":-1}"#, "/minLength", "at least 0", "`-1`"),
    Refusal(#"{"maxItems":1.5}"#, "/maxItems", "whole", "`1.5`"),
    Refusal(#"{"minContains":null}"#, "/minContains", "whole", "null"),
    Refusal(#"{"uniqueItems":1}"#, "/uniqueItems", "a boolean", "`1`"),
    Refusal(#"{"required":"a"}"#, "/required", "an array", "the string `a`"),
    Refusal(#"{"required":["a","a"]}"#, "/required", "differ", "`a` again"),
    Refusal(#"{"dependentRequired":{"a":[1]}}"#, "/dependentRequired", "strings", "`1`"),
    Refusal(#"{"properties":[]}"#, "/properties", "an object", "an array"),
    Refusal(#"{"properties":{"a":{"items":[{}]}}}"#, "/properties/a/items", "a schema", "1 item"),
    Refusal(#"{"allOf":[]}"#, "/allOf", "at least one", "0 items"),
    Refusal(#"{"anyOf":{}}"#, "/anyOf", "array", "0 members"),
    Refusal(#"{"oneOf":[true,null]}"#, "/oneOf/1", "a schema", "null"),
    Refusal(#"{"not":"x"}"#, "/not", "a schema", "`x`"),
    Refusal(#"{"prefixItems":true}"#, "/prefixItems", "array", "`true`"),
    Refusal(#"{"pattern":1}"#, "/pattern", "a string", "`1`"),
    Refusal(#"{"pattern":"a("}"#, "/pattern", "`)` for every `(`", "character 1 of the pattern `a(`"),
    Refusal(#"{"pattern":"^(?!x)"}"#, "/pattern", "not supported", "`(?!x`"),
    Refusal(#"{"patternProperties":{"(a)\\1":{}}}"#, "/patternProperties", "backreferences", "character 3"),
    Refusal(#"{"$schema":"http://json-schema.org/draft-07/schema#"}"#, "/$schema", "2020-12", "draft-07"),
    Refusal(#"{"$id":"a#b"}"#, "/$id", "without a fragment", "`a#b`"),
    Refusal(#"{"$id":1}"#, "/$id", "a string", "`1`"),
    Refusal(#"{"$anchor":"1a"}"#, "/$anchor", "begins with a letter", "`1a`"),
    Refusal(#"{"$defs":{"a":{"$anchor":"x"},"b":{"$anchor":"x"}}}"#, "/$defs/b/$anchor", "once", "`x` again"),
    Refusal(#"{"$defs":{"a":{"$id":"x"},"b":{"$id":"x"}}}"#, "/$defs/b/$id", "once", "`x` again"),
    Refusal(#"{"$defs":{"unused":{"type":1}}}"#, "/$defs/unused/type", "`null`", "`1`"),
    Refusal(#"{"properties":{"a\n`":1}}"#, "/properties/a\\n\\u0060", "a schema", "`1`"),
  ]

  private static let references = [
    Refusal(##"{"$ref":"#/$defs/a"}"##, "/$ref", "a part of the document", "`#/$defs/a`"),
    Refusal(##"{"$ref":"#a"}"##, "/$ref", "an anchor", "`#a`"),
    Refusal(##"{"$ref":"#/%"}"##, "/$ref", "percent", "`#/%`"),
    Refusal(##"{"$ref":"#/~2"}"##, "/$ref", "RFC 6901", "`#/~2`"),
    Refusal(##"{"$ref":7}"##, "/$ref", "a string", "`7`"),
    Refusal(##"{"$ref":"other.json"}"##, "/$ref", "a part of the document", "`other.json`"),
    Refusal(
      ##"{"items":{"$dynamicRef":"https://example.org/x"}}"##, "/items/$dynamicRef", "of the document",
      "example"),
    Refusal(
      ##"{"$ref":"https://json-schema.org/draft/2020-12/schema"}"##, "/$ref", "of the document",
      "json-schema.org"),
    Refusal(##"{"title":"x","$ref":"#/title"}"##, "/title", "a schema", "`x`"),
    Refusal(##"{"$ref":"#"}"##, "", "comes to an end", "lead back"),
    Refusal(##"{"$dynamicRef":"#"}"##, "", "comes to an end", "lead back"),
    Refusal(
      ##"{"$defs":{"a":{"allOf":[{"$ref":"#/$defs/b"}]},"b":{"if":true,"else":{"$ref":"#/$defs/a"}}}}"##,
      "/$defs/a",
      "comes to an end", "lead back"),
    Refusal(##"{"dependentSchemas":{"a":{"not":{"$ref":"#"}}}}"##, "", "comes to an end", "lead back"),
  ]

  @Test("patterns may not fill the memory together")
  func patterns() {
    let patterns = (0..<30).map { (key: "a{9000}b{\($0)}", value: JSONValue.bool(true)) }
    #expect {
      try JSONSchema(compiling: ["patternProperties": .object(JSONObject(patterns))])
    } throws: {
      ($0 as? FlowdexError)?.message.contains("200000 states") == true
    }
  }

  @Test("a list under `items` comes with the way out")
  func hint() {
    #expect {
      try JSONSchema(compiling: ["items": [true]])
    } throws: {
      ($0 as? FlowdexError)?.next?.contains("prefixItems") == true
    }
  }
}
