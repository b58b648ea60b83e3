import QueueRunner
import Testing

@Suite("canonical JSON (RFC 8785)")
struct CanonicalTests {
  @Test(
    "the reference vectors", .enabled(if: SharedData.isPresent, "\(SharedData.absent)"),
    arguments: ["arrays", "french", "structures", "unicode", "values", "weird"])
  func vectors(name: String) throws {
    let value = try JSONValue(parsing: SharedData.bytes("jcs/input-\(name).json"))
    #expect(Array(value.canonicalBytes) == SharedData.bytes("jcs/output-\(name).json"))
    #expect(try JSONValue(parsing: value.canonicalBytes) == value)
  }

  /// The bit patterns and texts of RFC 8785, appendix B, and the borders of each layout of ECMA-262.
  @Test(
    "numbers as ECMAScript writes them",
    arguments: [
      (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"), (0x0000_0000_0000_0001, "5e-324"),
      (0x8000_0000_0000_0001, "-5e-324"), (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
      (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"), (0x4340_0000_0000_0000, "9007199254740992"),
      (0xc340_0000_0000_0000, "-9007199254740992"), (0x4430_0000_0000_0000, "295147905179352830000"),
      (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"), (0x44b5_2d02_c7e1_4af6, "1e+23"),
      (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"), (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
      (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"), (0x444b_1ae4_d6e2_ef50, "1e+21"),
      (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"), (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
      (0x41b3_de43_5555_5553, "333333333.3333332"), (0x41b3_de43_5555_5554, "333333333.33333325"),
      (0x41b3_de43_5555_5555, "333333333.3333333"), (0x41b3_de43_5555_5556, "333333333.3333334"),
      (0x41b3_de43_5555_5557, "333333333.33333343"), (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
      (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ] as [(UInt64, String)])
  func numbers(bits: UInt64, text: String) throws {
    let number = Double(bitPattern: bits)
    #expect(JSONValue.number(number).canonicalText == text)
    #expect(try JSONValue(parsing: text) == .number(number))
  }

  @Test("keys are ordered by UTF-16 code units")
  func keyOrder() {
    let keys = ["\u{FFFD}", "\u{1F600}", "\u{E000}", "é", "e", "", "ee", "\u{7F}", "\u{80}", "\u{10FFFF}"]
    let object = JSONValue.object(JSONObject(keys.map { (key: $0, value: .null) }))
    let expected = keys.sorted { $0.utf16.lexicographicallyPrecedes($1.utf16) }
    let written = try? JSONValue(parsing: object.canonicalText).object?.keys
    #expect(written?.map { Array($0.utf8) } == expected.map { Array($0.utf8) })
  }

  @Test("pretty and compact text keep the order of members")
  func styles() throws {
    let value = try JSONValue(parsing: #"{"b":[1,{"x":null}],"a":{},"c":[],"d":"\u0001\u007f\/"}"#)
    #expect(value.compactText == "{\"b\":[1,{\"x\":null}],\"a\":{},\"c\":[],\"d\":\"\\u0001\u{7f}/\"}")
    let pretty = """
      {
        "b": [
          1,
          {
            "x": null
          }
        ],
        "a": {},
        "c": [],
        "d": "\\u0001\u{7f}/"
      }
      """
    #expect(value.prettyText == pretty)
  }

  @Test("random values survive every style", arguments: 0..<20)
  func roundTrip(round: Int) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededValues(seed: seed)
    for _ in 0..<100 {
      let value = random.value(depth: 5)
      for text in [value.canonicalText, value.compactText, value.prettyText] {
        let read = try JSONValue(parsing: text)
        #expect(read == value, "seed \(seed): \(text)")
        #expect(read.canonicalText == value.canonicalText, "seed \(seed): \(text)")
      }
    }
  }
}

/// Random JSON values; the same seed gives the same values (splitmix64).
struct SeededValues: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func value(depth: Int) -> JSONValue {
    switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &self) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &self))
    case 2: return .number(Double(Int.random(in: -1000...1000, using: &self)))
    case 3: return .number(anyDouble())
    case 4, 5: return .string(text())
    case 6: return .array((0..<Int.random(in: 0..<6, using: &self)).map { _ in value(depth: depth - 1) })
    default:
      let members = (0..<Int.random(in: 0..<20, using: &self)).map { _ in
        (key: text(), value: value(depth: depth - 1))
      }
      return .object(JSONObject(members))
    }
  }

  private mutating func anyDouble() -> Double {
    let number = Double(bitPattern: next())
    return number.isFinite ? number : 0.1
  }

  private mutating func text() -> String {
    var text = ""
    for _ in 0..<Int.random(in: 0..<10, using: &self) {
      let limit: UInt32 = [0x30, 0x80, 0x800, 0x10000, 0x110000].randomElement(using: &self)!
      if let scalar = Unicode.Scalar(UInt32.random(in: 0..<limit, using: &self)) {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}
