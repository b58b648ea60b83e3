import Testing

/// A text that the strict parser must refuse.
struct HostileInput: Sendable, CustomTestStringConvertible {
  let name: String
  let bytes: [UInt8]
  /// Where the error must point.
  let offset: Int
  /// The pointer the error must name, where it matters.
  let pointer: String?
  var testDescription: String { name }

  init(_ name: String, _ bytes: [UInt8], at offset: Int, _ pointer: String? = nil) {
    (self.name, self.bytes, self.offset, self.pointer) = (name, bytes, offset, pointer)
  }

  init(_ text: String, at offset: Int, _ pointer: String? = nil) {
    self.init(text, Array(text.utf8), at: offset, pointer)
  }
}

/// Everything that a lenient reader takes and flowdex must not.
enum HostileInputs {
  static let all = structure + words + numbers + strings + duplicates + encodings + large

  static let structure = [
    HostileInput("", at: 0, ""), HostileInput(" \n", at: 2), HostileInput("[", at: 1),
    HostileInput("]", at: 0),
    HostileInput("{", at: 1), HostileInput("}", at: 0), HostileInput("[1", at: 2, ""),
    HostileInput("[1,", at: 3, "/1"),
    HostileInput("[1,]", at: 3, "/1"), HostileInput("[,1]", at: 1, "/0"), HostileInput("[1,,2]", at: 3, "/1"),
    HostileInput("[1 2]", at: 3), HostileInput("[1:2]", at: 2), HostileInput("[1}", at: 2),
    HostileInput("{]", at: 1), HostileInput("{1:2}", at: 1), HostileInput("{a:1}", at: 1),
    HostileInput("{'a':1}", at: 1), HostileInput("{\"a\"}", at: 4, "/a"),
    HostileInput("{\"a\":}", at: 5, "/a"),
    HostileInput("{\"a\":1,}", at: 7, ""), HostileInput("{\"a\" 1}", at: 5, "/a"),
    HostileInput("{\"a\":1 \"b\":2}", at: 7),
    HostileInput("{,}", at: 1), HostileInput("{\"a\":1;\"b\":2}", at: 6), HostileInput("{} {}", at: 3),
    HostileInput("{}x", at: 2), HostileInput("1 2", at: 2), HostileInput("[]]", at: 2),
    HostileInput("{}}", at: 2),
    HostileInput("\"a\" \"b\"", at: 4), HostileInput("// c\n1", at: 0), HostileInput("1 // c", at: 2),
    HostileInput("/* c */ 1", at: 0), HostileInput("[1,#\n2]", at: 3),
    HostileInput("{\"a\":[{\"b\":[0,x]}]}", at: 14, "/a/0/b/1"),
    HostileInput("{\"a~b/c\":x}", at: 9, "/a~0b~1c"), HostileInput("\u{0B}1", at: 0),
    HostileInput("\u{0C}1", at: 0),
    HostileInput("\u{A0}1", at: 0), HostileInput("\u{2028}1", at: 0), HostileInput("1\u{3000}", at: 1),
    HostileInput("<html>", at: 0), HostileInput("```json\n{}\n```", at: 0), HostileInput("{}\n```", at: 3),
    HostileInput("Here is: {}", at: 0), HostileInput("{...}", at: 1), HostileInput("{null:1}", at: 1),
    HostileInput("{\"a\":1}{\"a\":1}", at: 7), HostileInput("{}\n{}", at: 3),
  ]

  static let words = [
    HostileInput("nul", at: 0), HostileInput("nulL", at: 0), HostileInput("nullx", at: 4),
    HostileInput("True", at: 0),
    HostileInput("TRUE", at: 0), HostileInput("truE", at: 0), HostileInput("fals", at: 0),
    HostileInput("falsey", at: 5),
    HostileInput("undefined", at: 0), HostileInput("NaN", at: 0), HostileInput("[NaN]", at: 1, "/0"),
    HostileInput("Infinity", at: 0), HostileInput("-Infinity", at: 1), HostileInput("None", at: 0),
    HostileInput("'a'", at: 0), HostileInput("`a`", at: 0), HostileInput("truefalse", at: 4),
  ]

  static let numbers = [
    HostileInput("-", at: 1), HostileInput("+1", at: 0), HostileInput("--1", at: 1),
    HostileInput("01", at: 1),
    HostileInput("-01", at: 2), HostileInput("00", at: 1), HostileInput(".5", at: 0),
    HostileInput("-.5", at: 1),
    HostileInput("1.", at: 2), HostileInput("1.e1", at: 2), HostileInput("1e", at: 2),
    HostileInput("1e+", at: 3),
    HostileInput("1e1.5", at: 3), HostileInput("1.2.3", at: 3), HostileInput("0x10", at: 1),
    HostileInput("1_000", at: 1),
    HostileInput("1,000", at: 1), HostileInput("1f", at: 1), HostileInput("1n", at: 1),
    HostileInput("0b1", at: 1),
    HostileInput("1e400", at: 0), HostileInput("[0,-1e309]", at: 3, "/1"), HostileInput("1.8e308", at: 0),
    HostileInput("١", at: 0), HostileInput("1e١", at: 2), HostileInput("−1", at: 0),
    HostileInput("- 1", at: 1),
    HostileInput("1 e5", at: 2), HostileInput("[1.]", at: 3), HostileInput("inf", at: 0),
    HostileInput("1E", at: 2),
    HostileInput("a thousand digits", [UInt8](repeating: 0x39, count: 1000), at: 0),
    HostileInput("1e99999999999999999999", at: 0),
  ]

  static let strings = [
    HostileInput("\"", at: 1), HostileInput("\"a", at: 2), HostileInput("\"a\\", at: 3),
    HostileInput("\"\\\"", at: 3),
    HostileInput("\"\\x41\"", at: 1), HostileInput("\"\\'\"", at: 1), HostileInput("\"\\a\"", at: 1),
    HostileInput("\"\\0\"", at: 1), HostileInput("\"\\v\"", at: 1), HostileInput("\"\\U0041\"", at: 1),
    HostileInput("\"\\u\"", at: 1), HostileInput("\"\\u12\"", at: 1), HostileInput("\"\\u12G4\"", at: 1),
    HostileInput("\"\\u+123\"", at: 1), HostileInput("\"\\u{41}\"", at: 1), HostileInput("\"\\u00", at: 1),
    HostileInput("\"a\nb\"", at: 2), HostileInput("\"a\tb\"", at: 2), HostileInput("\"a\u{0}b\"", at: 2),
    HostileInput("\"\u{1F}\"", at: 1), HostileInput("\"\\n\u{1B}[31m\"", at: 3),
    HostileInput("\"\\\n\"", at: 1),
    HostileInput("\"\\ud800\"", at: 1), HostileInput("\"\\udc00\"", at: 1),
    HostileInput("\"\\ud800\\ud800\"", at: 1),
    HostileInput("\"\\ud800x\\udc00\"", at: 1), HostileInput("\"\\udc00\\ud800\"", at: 1),
    HostileInput("\"\\ud83d\\n\"", at: 1), HostileInput("\"\\ud83d\\u0041\"", at: 1),
    HostileInput("\"\\ud83d\\ude0\"", at: 1),
    HostileInput("\"ab\\ud83d\\ude00\\udfff\"", at: 15), HostileInput("{\"\\ud800\":1}", at: 2, ""),
    HostileInput("[\"ok\",\"\\uDBFF\"]", at: 7, "/1"),
  ]

  static let duplicates = [
    HostileInput("{\"a\":1,\"a\":1}", at: 7, "/a"), HostileInput("{\"a\":1,\"b\":2,\"a\":3}", at: 13, "/a"),
    HostileInput("{\"a\":1,\"\\u0061\":1}", at: 7, "/a"),
    HostileInput("{\"\\u0061\":1,\"a\":1}", at: 12, "/a"),
    HostileInput("{\"\":1,\"\":2}", at: 6, "/"), HostileInput("{\"é\":1,\"\\u00e9\":1}", at: 8, "/é"),
    HostileInput("{\"😀\":1,\"\\ud83d\\ude00\":1}", at: 10, "/😀"),
    HostileInput("{\"/\":1,\"\\/\":1}", at: 7, "/~1"),
    HostileInput("{\"x\":{\"a\":1,\"a\":1}}", at: 12, "/x/a"),
    HostileInput("[{\"a\":1},{\"b\":1,\"b\":1}]", at: 16, "/1/b"),
    HostileInput("{\"\\u0000\":1,\"\\u0000\":1}", at: 12, "/\\u0000"),
    HostileInput(
      "the 30th key again", Array(("{" + (0..<30).map { "\"k\($0)\":0," }.joined() + "\"k29\":1}").utf8),
      at: 231, "/k29"),
  ]

  static let encodings = [
    HostileInput("UTF-8 BOM", [0xEF, 0xBB, 0xBF] + Array("{}".utf8), at: 0),
    HostileInput("BOM after the value", Array("{}".utf8) + [0xEF, 0xBB, 0xBF], at: 2),
    HostileInput("UTF-16LE with BOM", [0xFF, 0xFE, 0x7B, 0, 0x7D, 0], at: 0),
    HostileInput("UTF-16BE with BOM", [0xFE, 0xFF, 0, 0x7B, 0, 0x7D], at: 0),
    HostileInput("UTF-16LE", [0x7B, 0, 0x7D, 0], at: 1), HostileInput("UTF-16BE", [0, 0x7B, 0, 0x7D], at: 0),
    HostileInput("UTF-32LE", [0x7B, 0, 0, 0, 0x7D, 0, 0, 0], at: 1),
    HostileInput("trailing NUL", [0x31, 0], at: 1),
    HostileInput("only NUL", [0], at: 0), HostileInput("Latin-1 é", [0x22, 0xE9, 0x22], at: 1),
    HostileInput("lone continuation", [0x22, 0x80, 0x22], at: 1),
    HostileInput("lone BF", [0x22, 0x61, 0xBF, 0x22], at: 2),
    HostileInput("overlong slash, 2", [0x22, 0xC0, 0xAF, 0x22], at: 1),
    HostileInput("overlong quote", [0x22, 0xC0, 0xA2, 0x22], at: 1),
    HostileInput("C1", [0x22, 0xC1, 0xBF, 0x22], at: 1),
    HostileInput("overlong slash, 3", [0x22, 0xE0, 0x80, 0xAF, 0x22], at: 1),
    HostileInput("overlong slash, 4", [0x22, 0xF0, 0x80, 0x80, 0xAF, 0x22], at: 1),
    HostileInput("overlong NUL", [0x22, 0xC0, 0x80, 0x22], at: 1),
    HostileInput("surrogate D800", [0x22, 0xED, 0xA0, 0x80, 0x22], at: 1),
    HostileInput("surrogate DFFF", [0x22, 0xED, 0xBF, 0xBF, 0x22], at: 1),
    HostileInput("CESU-8 pair", [0x22, 0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80, 0x22], at: 1),
    HostileInput("past 10FFFF", [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], at: 1),
    HostileInput("F5", [0x22, 0xF5, 0x80, 0x80, 0x80, 0x22], at: 1),
    HostileInput("five bytes", [0x22, 0xF8, 0x88, 0x80, 0x80, 0x80, 0x22], at: 1),
    HostileInput("FE", [0x22, 0xFE, 0x22], at: 1), HostileInput("FF", [0x22, 0xFF, 0x22], at: 1),
    HostileInput("cut after 1 of 2", [0x22, 0xC3, 0x22], at: 1),
    HostileInput("cut after 2 of 3", [0x22, 0xE2, 0x82, 0x22], at: 1),
    HostileInput("cut after 3 of 4", [0x22, 0xF0, 0x9F, 0x98, 0x22], at: 1),
    HostileInput("cut by the end", [0x22, 0xF0, 0x9F, 0x98], at: 1),
    HostileInput("bad after an escape", [0x22, 0x5C, 0x6E, 0xC3, 0x28, 0x22], at: 3),
    HostileInput("bad in a key", [0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D], at: 2, ""),
    HostileInput("bad outside strings", [0x5B, 0xC3, 0xA9, 0x5D], at: 1),
    HostileInput(
      "bad in a long tail",
      Array(("{\"a\":\"" + String(repeating: "x", count: 500)).utf8) + [0xC3, 0x22, 0x7D], at: 506, "/a"),
  ]

  static let large = [
    HostileInput(
      "depth 129", Array((String(repeating: "[", count: 129) + String(repeating: "]", count: 129)).utf8),
      at: 128),
    HostileInput("depth 129 of objects", Array(String(repeating: "{\"a\":", count: 129).utf8), at: 640),
    HostileInput("a million brackets", [UInt8](repeating: 0x5B, count: 1_000_000), at: 128),
    HostileInput(
      "100,001 keys", Array(("{" + (0...100_000).map { "\"\($0)\":0" }.joined(separator: ",") + "}").utf8),
      at: 988_891),
    HostileInput(
      "100,001 keys in many objects",
      Array(("[" + String(repeating: "{\"a\":0},", count: 100_001)).utf8), at: 800_002, "/100000"),
    HostileInput(
      "a key of 1 MiB before an error", Array(("{\"" + String(repeating: "k", count: 1 << 20) + "\":!").utf8),
      at: (1 << 20) + 4, "/" + String(repeating: "k", count: 32) + "…"),
  ]
}
