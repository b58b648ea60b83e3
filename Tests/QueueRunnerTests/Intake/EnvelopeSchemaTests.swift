import Testing

@testable import QueueRunner

@Suite("the envelope's JSON Schema")
struct EnvelopeSchemaTests {
  private static let tables =
    EnvelopeCase.taken + EnvelopeCase.noEnvelope + EnvelopeCase.brokenParts

  @Test("says of every JSON what the watcher says", arguments: tables)
  func agrees(input: EnvelopeCase) throws {
    let schema = try JSONSchema(compiling: EnvelopeSchema.document(dataSchema: nil))
    let value = try JSONValue(parsing: input.bytes)
    let problems = schema.validate(value)
    if case .valid = AdapterResult.judge(input.bytes) {
      #expect(problems.isEmpty, "\(problems)")
    } else {
      #expect(!problems.isEmpty)
    }
  }

  @Test("holds the task's schema, whose references stay its own")
  func data() throws {
    let task: JSONValue = [
      "$ref": "#/$defs/list",
      "$defs": ["list": ["type": "array", "items": ["$ref": "#/$defs/item"]], "item": ["type": "string"]],
    ]
    let text = EnvelopeSchema.text(dataSchema: task)
    #expect(text.hasSuffix("}\n") && !text.hasSuffix("\n\n"))
    let document = try JSONValue(parsing: text)
    #expect(document["$schema"] == "https://json-schema.org/draft/2020-12/schema")
    let data = JSONPointer.resolve("/then/properties/data", in: document)
    #expect(data?["$id"] == "urn:flowdex:task-data" && data?["$defs"] == task["$defs"])
    let schema = try JSONSchema(compiling: document)
    let judge = { (data: String) in
      schema.validate(try JSONValue(parsing: EnvelopeCase.text(["data": data]))).isEmpty
    }
    #expect(try judge("[\"a\",\"b\"]"))
    #expect(try !judge("[\"a\",1]"))
    #expect(try !judge("{}"))
    let failed = try JSONValue(parsing: EnvelopeCase.text(["status": "\"failed\"", "data": "null"]))
    #expect(schema.validate(failed).isEmpty, "what did not complete has no answer to be judged")
  }

  @Test(
    "a schema that is not an object, or has a name of its own, is left alone",
    arguments: [true, false, ["$id": "urn:x", "type": "string"]] as [JSONValue])
  func untouched(task: JSONValue) {
    let document = EnvelopeSchema.document(dataSchema: task)
    #expect(JSONPointer.resolve("/then/properties/data", in: document) == task)
  }

  @Test("without a schema of the task, data may be anything")
  func free() {
    let document = EnvelopeSchema.document(dataSchema: nil)
    #expect(JSONPointer.resolve("/properties/data", in: document)?.object?.keys == ["description"])
    #expect(document["required"]?.array?.compactMap(\.string) == EnvelopeShape.fieldNames)
    #expect(document["additionalProperties"] == false)
  }
}
