import QueueRunner
import Testing

/// The official test suite of draft 2020-12, whole: every test is run, and every one that fails is listed here
/// with its reason.
@Suite("JSON Schema: the official suite", .enabled(if: SharedData.isPresent, "\(SharedData.absent)"))
struct SchemaSuiteTests {
  /// Groups that flowdex refuses to compile, by file and description, and why.
  ///
  /// All tests of a group are unsupported together, for its schema is refused as a whole.
  private static let unsupported: [String: String] = {
    let metaschema = "refers to the metaschema, which is not in the document"
    let remote = "refers to a schema outside the document"
    let dialect = "a dialect of its own in `$schema`"
    let remoteGroups = [
      "remote ref", "fragment within remote ref", "anchor within remote ref", "ref within remote ref",
      "base URI change", "base URI change - change folder", "base URI change - change folder in subschema",
      "root ref in remote ref", "remote ref with ref to defs",
      "Location-independent identifier in remote ref",
      "retrieved nested refs resolve relative to their URI not $id", "remote HTTP ref with different $id",
      "remote HTTP ref with different URN $id", "remote HTTP ref with nested absolute ref",
      "$ref to $ref finds detached $anchor",
    ]
    let dynamicGroups = [
      "strict-tree schema, guards against misspelled properties",
      "tests for implementation dynamic anchor and reference link",
      "$ref and $dynamicAnchor are independent of order - $defs first",
      "$ref and $dynamicAnchor are independent of order - $ref first",
      "$ref to $dynamicRef finds detached $dynamicAnchor",
    ]
    var table = [
      "defs.json: validate definition against metaschema": metaschema,
      "ref.json: remote ref, containing refs itself": metaschema,
      "vocabulary.json: schema that uses custom metaschema with with no validation vocabulary": dialect,
      "vocabulary.json: ignore unrecognized optional vocabulary": dialect,
    ]
    for group in remoteGroups { table["refRemote.json: \(group)"] = remote }
    for group in dynamicGroups { table["dynamicRef.json: \(group)"] = remote }
    return table
  }()

  @Test("every test passes but those listed, and every listed group is refused")
  func suite() throws {
    var listed = Set(Self.unsupported.keys)
    var ran = 0
    for file in SharedData.names(in: "json-schema-2020-12") {
      let text = SharedData.bytes("json-schema-2020-12/\(file)")
      for group in try #require(try JSONValue(parsing: text).array) {
        let name = "\(file): \(group["description"]?.string ?? "")"
        let isListed = listed.remove(name) != nil
        let document = try #require(group["schema"])
        do throws(FlowdexError) {
          let schema = try JSONSchema(compiling: document)
          #expect(!isListed, "listed as unsupported, but it compiles: \(name)")
          ran += run(group["tests"]?.array ?? [], schema, name)
        } catch {
          #expect(error.code == "schema-invalid")
          #expect(isListed, "\(name): \(error)")
        }
      }
    }
    #expect(listed.isEmpty, "listed, but not in the suite: \(listed.sorted())")
    #expect(ran > 1000)
  }

  private func run(_ tests: [JSONValue], _ schema: JSONSchema, _ name: String) -> Int {
    for test in tests {
      guard let data = test["data"], let isValid = test["valid"]?.bool else {
        Issue.record("no data or verdict: \(name)")
        continue
      }
      let problems = schema.validate(data)
      #expect(
        problems.isEmpty == isValid, "\(name): \(test["description"]?.string ?? ""): \(problems.map(\.text))")
      #expect(problems == schema.validate(data), "a second time: \(name)")
      for problem in problems { SchemaCase.checkWording(problem, data) }
    }
    return tests.count
  }
}
