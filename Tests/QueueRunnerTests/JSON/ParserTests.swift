import QueueRunner
import Testing

@Suite("strict JSON")
struct ParserTests {
  @Test(
    "what is taken",
    arguments: [
      (" null ", "null"), ("\t[ ]\r\n", "[]"), ("{ }", "{}"), ("-0", "0"), ("1E2", "100"), ("1e-400", "0"),
      ("0.1", "0.1"), ("123456789012345678", "123456789012345680"), ("-12.5e+1", "-125"),
      (#""\u0041\u00e9\ud83d\ude00\b\f\n\r\t\/\\\"""#, "\"Aé😀\\b\\f\\n\\r\\t/\\\\\\\"\""),
      (#"{"a":1,"A":2,"":3}"#, #"{"":3,"A":2,"a":1}"#),
      ("\"\u{7F}\u{FEFF}\u{10FFFF}\"", "\"\u{7F}\u{FEFF}\u{10FFFF}\""),
      ("{\"\u{E9}\":1,\"e\u{301}\":2}", "{\"e\u{301}\":2,\"\u{E9}\":1}"), (#""\u0000""#, #""\u0000""#),
    ])
  func accepted(text: String, canonical: String) throws {
    let value = try JSONValue(parsing: text)
    #expect(Array(value.canonicalText.utf8) == Array(canonical.utf8))
  }

  @Test("what is refused, and where", arguments: HostileInputs.all)
  func refused(input: HostileInput) {
    do throws(JSONSyntaxError) {
      let value = try JSONValue(parsing: input.bytes)
      Issue.record("taken: \(input.name) as \(value.compactText.prefix(80))")
    } catch {
      #expect(error.offset == input.offset, "\(error)")
      if let pointer = input.pointer { #expect(error.pointer == pointer, "\(error)") }
      #expect(error.found.utf8.count < 200 && error.pointer.utf8.count < 40 * 130, "\(error)")
      #expect(!error.description.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "\(error)")
    }
  }

  @Test("limits hold to the last one allowed")
  func limits() throws {
    let nested = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
    #expect(try JSONValue(parsing: nested).compactText == nested)
    let keys = "{" + (0..<100_000).map { "\"\($0)\":0" }.joined(separator: ",") + "}"
    #expect(try JSONValue(parsing: keys).object?.count == 100_000)
    let tight = JSONLimits(maxDepth: 1, maxKeys: 1)
    #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: Array("[[]]".utf8), limits: tight) }
    #expect(throws: JSONSyntaxError.self) {
      try JSONValue(parsing: Array(#"[{"a":0,"b":0}]"#.utf8), limits: tight)
    }
    #expect(try JSONValue(parsing: Array("[[],[]]".utf8), limits: JSONLimits(maxDepth: 2)) == [[], []])
  }

  @Test("every prefix of a text is refused at its end")
  func prefixes() throws {
    let text = Array(#"{"a":[true,false,null,-1.5e3,"x\u00e9\ud83d\ude00é"],"b":{"c":{}}}"#.utf8)
    _ = try JSONValue(parsing: text)
    for length in 0..<text.count {
      #expect(throws: JSONSyntaxError.self, "prefix of \(length)") {
        try JSONValue(parsing: Array(text[..<length]))
      }
    }
  }

  @Test("an error reads as one line")
  func wording() throws {
    let cases = [
      (#"{"a":{"b":[1,2 3]}}"#, "byte 15 at `/a/b`: expected `,` or `]`, found `3`"),
      ("", "byte 0: expected a JSON value, found the end of the text"),
      ("NaN", "byte 0: expected a JSON value, found `NaN`"),
      (#"{"k":1,"\u006b":2}"#, "byte 7 at `/k`: expected each key once in an object, found `k` again"),
      ("{\"a\":1e999}", "byte 5 at `/a`: expected a number within the range of a double, found `1e999`"),
    ]
    for (text, message) in cases {
      do throws(JSONSyntaxError) {
        _ = try JSONValue(parsing: text)
        Issue.record("taken: \(text)")
      } catch {
        #expect(error.description == message)
      }
    }
  }

  @Test("changed bytes never trap and what is taken reads back", arguments: 0..<8)
  func mutations(round: Int) {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededValues(seed: seed)
    for _ in 0..<300 {
      var bytes = random.value(depth: 4).prettyText.utf8.map { $0 }
      for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      guard let value = try? JSONValue(parsing: bytes) else { continue }
      #expect((try? JSONValue(parsing: value.canonicalBytes)) == value, "seed \(seed)")
    }
  }
}
