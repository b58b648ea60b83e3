import Testing

@testable import QueueRunner

@Suite("the envelope")
struct AdapterResultTests {
  @Test("what is taken", arguments: EnvelopeCase.taken)
  func taken(input: EnvelopeCase) throws {
    guard case .valid(let result) = AdapterResult.judge(input.bytes) else {
      Issue.record("refused: \(AdapterResult.judge(input.bytes))")
      return
    }
    #expect(try result.json == JSONValue(parsing: input.bytes))
    #expect(AdapterResult.judge(result.json.canonicalBytes) == .valid(result))
  }

  @Test(
    "what is refused, and what is said",
    arguments: EnvelopeCase.noJSON + EnvelopeCase.noEnvelope + EnvelopeCase.brokenParts)
  func refused(input: EnvelopeCase) {
    guard case .invalid(let refusal) = AdapterResult.judge(input.bytes, schema: Self.objectWithA) else {
      Issue.record("taken")
      return
    }
    let texts = refusal.problems.map(\.text)
    let all = texts.joined(separator: "\n")
    var rest = all[...]
    for words in input.says {
      guard let range = rest.firstRange(of: words) else {
        Issue.record("expected \(words) in:\n\(all)")
        return
      }
      rest = rest[range.upperBound...]
    }
    #expect(!refusal.isSchemaOnly)
    #expect(texts.allSatisfy { !$0.utf8.contains { $0 < 0x20 || $0 == 0x7F } })
    #expect(texts.count <= 20 && Set(texts).count == texts.count)
  }

  @Test("there is a table worth the name")
  func count() {
    let all = EnvelopeCase.taken + EnvelopeCase.noJSON + EnvelopeCase.noEnvelope + EnvelopeCase.brokenParts
    #expect(all.count >= 80)
  }

  @Test("a problem for each broken place, and no more than twenty")
  func several() {
    guard
      case .invalid(let many) = AdapterResult.judge(
        Array(
          EnvelopeCase.text(["claims": "[" + Array(repeating: "0", count: 500).joined(separator: ",") + "]"])
            .utf8))
    else {
      Issue.record("taken")
      return
    }
    #expect(many.problems.map(\.pointer) == (0..<20).map { "/claims/\($0)" })
  }

  @Test("quotations are short, and nothing in them moves a cursor")
  func quotations() {
    let hostile = "\\u001b[31m\\u202e\\u0007\\n`" + String(repeating: "x", count: 10_000)
    for input in [["status": "\"\(hostile)\""], [hostile: "1"], ["summary": "1", hostile: "{}"]] {
      guard case .invalid(let refusal) = AdapterResult.judge(Array(EnvelopeCase.text(input).utf8)) else {
        Issue.record("taken")
        continue
      }
      for problem in refusal.problems {
        #expect(problem.text.utf8.count < 400, "\(problem)")
        #expect(!problem.text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x202E }, "\(problem)")
      }
    }
  }

  private static let objectWithA = try? JSONSchema(compiling: ["type": "object", "required": ["a"]])

  @Test("the task's schema is asked only about a right envelope")
  func schema() throws {
    let schema = try JSONSchema(compiling: ["type": "object", "required": ["a"]])
    let good = Array(EnvelopeCase.text(["data": "{\"a\":1}"]).utf8)
    guard case .valid = AdapterResult.judge(good, schema: schema) else {
      Issue.record("refused")
      return
    }
    guard case .invalid(let refusal) = AdapterResult.judge(Array(EnvelopeCase.text().utf8), schema: schema)
    else {
      Issue.record("taken")
      return
    }
    #expect(refusal.isSchemaOnly)
    #expect(refusal.problems.allSatisfy { $0.pointer?.hasPrefix("/data") == true }, "\(refusal)")
    #expect(
      refusal.problems.allSatisfy { $0.text.hasPrefix("`/data") && $0.text.contains("/required") },
      "\(refusal)")
    guard
      case .invalid(let both) = AdapterResult.judge(
        Array(EnvelopeCase.text(["diff": "1"]).utf8), schema: schema)
    else {
      Issue.record("taken")
      return
    }
    #expect(!both.isSchemaOnly && both.problems.map(\.pointer) == ["/diff"])
  }

  @Test("results that differ only in Unicode form are not equal")
  func equality() {
    let one = AdapterResult(
      status: .completed, summary: "\u{E9}", data: .null, claims: [], artifacts: [], diff: nil, usage: [:],
      error: nil)
    var other = one
    #expect(one == other)
    other.summary = "e\u{301}"
    #expect(one != other)
  }

  @Test(
    "the name that was meant",
    arguments: [
      ("summry", "summary"), ("sumary", "summary"), ("SUMMARY", "summary"), ("erorr", "error"),
      ("dif", "diff"),
      ("datas", "data"), ("dtaa", "data"), ("notes", nil), ("", nil), ("x", nil), ("statusstatus", nil),
    ] as [(String, String?)])
  func nearest(word: String, name: String?) {
    #expect(Nearest.of(word, in: EnvelopeShape.fieldNames) == name)
  }
}
