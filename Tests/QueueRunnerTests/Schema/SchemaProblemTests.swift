import QueueRunner
import Testing

@Suite("JSON Schema: what problems say")
struct SchemaProblemTests {
  @Test(
    "one line each",
    arguments: [
      (
        #"{"properties":{"a":{"type":["string","null"]}}}"#, #"{"a":1}"#,
        "`/a`: expected a string or null, found `1` (rule `/properties/a/type`)"
      ),
      (
        "false", "1",
        "the whole value: expected no value, for the schema is `false`, found one (the schema itself)"
      ),
      (
        #"{"required":["a","b","c"]}"#, #"{"b":1}"#,
        "the whole value: expected the members `a` and `c`, found none of that name (rule `/required`)"
      ),
      (
        #"{"dependentRequired":{"a":["b"]}}"#, #"{"a":1}"#,
        "the whole value: expected the member `b`, found none of that name, though `a` is there"
          + " (rule `/dependentRequired`)"
      ),
      (
        #"{"additionalProperties":false}"#, #"{"x":1}"#,
        "`/x`: expected only members that the schema names, found `x` (rule `/additionalProperties`)"
      ),
      (
        #"{"enum":["a",1,null]}"#, #""b""#,
        "the whole value: expected the string `a`, `1` or null, found the string `b` (rule `/enum`)"
      ),
      (
        #"{"enum":[1,2,3,4,5,6,7,8,9,10]}"#, "0",
        "the whole value: expected `1`, `2`, `3`, `4`, `5`, `6`, `7`, `8` or one of 2 more, found `0` (rule `/enum`)"
      ),
      (
        #"{"minLength":2}"#, #""é""#,
        "the whole value: expected at least 2 characters, found 1 (rule `/minLength`)"
      ),
      (#"{"maxItems":1}"#, "[1,2]", "the whole value: expected at most 1 item, found 2 (rule `/maxItems`)"),
      (
        #"{"uniqueItems":true}"#, "[1,2,1]",
        "the whole value: expected items that all differ, found the same at index 0 and 2 (rule `/uniqueItems`)"
      ),
      (
        #"{"contains":{"type":"null"},"minContains":2}"#, "[null]",
        "the whole value: expected at least 2 of the items to match `contains`, found 1 (rule `/minContains`)"
      ),
      (
        #"{"prefixItems":[true],"items":false}"#, "[1,2]",
        "`/1`: expected no item at index 1, found one (rule `/items`)"
      ),
      (
        #"{"propertyNames":{"pattern":"^a"}}"#, #"{"b":1}"#,
        "the whole value: expected a match of the pattern `^a`, found the string `b` (rule `/propertyNames/pattern`)"
      ),
      (
        #"{"const":{"a":[1]}}"#, "[1]",
        "the whole value: expected `{\"a\":[1]}`, found an array of 1 item (rule `/const`)"
      ),
      (
        #"{"multipleOf":0.5,"type":"number"}"#, "0.7",
        "the whole value: expected a multiple of `0.5`, found `0.7` (rule `/multipleOf`)"
      ),
      (
        #"{"pattern":"\u001b`"}"#, #""a\u001b[2J`\n\u202e""#,
        "the whole value: expected a match of the pattern `\\u001b\\u0060`, found the string"
          + " `a\\u001b[2J\\u0060\\n\\u202e` (rule `/pattern`)"
      ),
    ])
  func wording(schema: String, value: String, text: String) throws {
    let schema = try JSONSchema(compiling: JSONValue(parsing: schema))
    #expect(try schema.validate(JSONValue(parsing: value)).map(\.text) == [text])
  }

  @Test("a choice that fails names its nearest branch")
  func nearest() throws {
    let schema = try JSONSchema(
      compiling: JSONValue(
        parsing: """
          {"oneOf":[{"properties":{"kind":{"const":"a"},"x":{"type":"null"}}},
          {"properties":{"kind":{"const":"b"},"x":{"type":"string"}}},{"type":"array"}]}
          """))
    let problems = try schema.validate(JSONValue(parsing: #"{"kind":"b","x":1}"#))
    #expect(
      problems.map(\.message) == [
        "expected exactly one of 3 schemas to hold, found none; nearest: `/x`: expected a string, found `1`"
          + " (rule `/oneOf/1/properties/x/type`)"
      ])
    #expect(schema.validate("text").first?.message.hasSuffix("found `0` and `1`") == true)
  }

  @Test("a choice in choices names the miss at the bottom, and no more")
  func bottom() throws {
    let schema = try JSONSchema(
      compiling: JSONValue(parsing: ##"{"anyOf":[{"const":8},{"type":"array","items":{"$ref":"#"}}]}"##))
    var value: JSONValue = 7
    for _ in 0..<100 { value = [value] }
    let message = try #require(schema.validate(value).first?.message)
    #expect(message.hasPrefix("expected at least one of 2 schemas to hold, found none; nearest: `/0/0/"))
    #expect(message.hasSuffix("expected an array, found `7` (rule `/anyOf/1/type`)"))
    #expect(message.utf8.count < 200)
  }

  @Test("at most twenty, in the order of the value")
  func twenty() throws {
    let schema = try JSONSchema(compiling: ["items": ["type": "null", "minimum": 5]])
    let problems = schema.validate(.array((0..<100).map { JSONValue($0) }))
    #expect(problems.count == 20)
    let places = problems.map(\.instancePointer)
    #expect(
      places == ["/0", "/0", "/1", "/1", "/2", "/2", "/3", "/3", "/4", "/4"] + (5..<15).map { "/\($0)" })
  }

  @Test("the order of the schema's keys changes nothing")
  func order() throws {
    let one = try JSONSchema(compiling: ["type": "null", "minimum": 9, "items": false, "enum": [1]])
    let two = try JSONSchema(compiling: ["enum": [1], "items": false, "minimum": 9, "type": "null"])
    #expect(one.validate(3) == two.validate(3))
    #expect(one.validate(3).map(\.rulePointer) == ["/type", "/enum", "/minimum"])
  }

  @Test("long keys and long ways are cut for people, short ones are kept exactly")
  func pointers() throws {
    let schema = try JSONSchema(compiling: ["additionalProperties": ["$ref": "#", "type": "object"]])
    let key = String(repeating: "é", count: 200)
    let long = schema.validate(.object(JSONObject([(key: key, value: 1)])))
    #expect(long.first?.instancePointer == "/" + String(repeating: "é", count: 128) + "…")
    var deep: JSONValue = 1
    for _ in 0..<40 { deep = ["a/\u{1B}": deep] }
    let problem = try #require(schema.validate(deep).first)
    #expect(problem.instancePointer == String(repeating: "/a~1\u{1B}", count: 40))
    #expect(problem.text.hasPrefix("`/a~1\\u001b/a~1\\u001b") && problem.text.contains("/…/"))
  }
}
