import QueueRunner
import Testing

@testable import Runtime

private typealias Texts = WorkflowTexts

@Suite("reading a manifest")
struct ManifestReaderTests {
  /// The value of an object literal's text, as the reader has it.
  private static func read(_ text: String) throws -> JSONValue {
    let bytes = Array("(\(text))".utf8)
    var reader = ManifestReader(bytes: bytes, tokens: try Scanner.scan(bytes), at: 1)
    return try reader.value().json
  }

  @Test(
    "literals and the JSON they are",
    arguments: [
      ("{}", "{}"), ("{ a: 1, 'b': \"c\", \"d\": `e`, }", #"{"a":1,"b":"c","d":"e"}"#),
      ("{ a: [1, -2, 0x10, 1_000, .5, -0,], b: [] }", #"{"a":[1,-2,16,1000,0.5,0],"b":[]}"#),
      ("{ a: true, b: false, c: null }", #"{"a":true,"b":false,"c":null}"#),
      ("{ a: 'x' as const, b: [1] as const, c: {} as A<B> | null }", #"{"a":"x","b":[1],"c":{}}"#),
      ("{ a: 1 satisfies number, b: '' as unknown as string }", #"{"a":1,"b":""}"#),
      (
        "{ a: 1 as A.B[], b: 2 as { c: 1 }, d: 3 as (x: A) => void, e: 4 as typeof a.b }",
        #"{"a":1,"b":2,"d":3,"e":4}"#
      ),
      ("{ a: (1), b: ([(2)]), c: ((('d'))) }", #"{"a":1,"b":[2],"c":"d"}"#),
      ("{ /* , */ a /* : */ : // 1\n 2 /* , */ }", #"{"a":2}"#),
      (
        "{ if: 1, import: 2, true: 3, as: 4, satisfies: 5, get: 6, async: 7 }",
        #"{"as":4,"async":7,"get":6,"if":1,"import":2,"satisfies":5,"true":3}"#
      ),
      ("{ \\u0061b: 1, é: 2, $: 3, _: 4 }", #"{"$":3,"_":4,"ab":1,"é":2}"#),
      (
        "{ a: 'é\\u00e9\\ud83d\\ude00', b: 'x\\\ny', c: `\r\n` }",
        "{\"a\":\"éé😀\",\"b\":\"xy\",\"c\":\"\\n\"}"
      ),
      ("{ a: 1e21, b: 1.5e-7, c: 9007199254740993 }", #"{"a":1e+21,"b":1.5e-7,"c":9007199254740992}"#),
      ("{ 'e\u{301}': 1, '\u{E9}': 2 }", "{\"e\u{301}\":1,\"\u{E9}\":2}"),
      ("{ '': 1, constructor: 2 }", #"{"":1,"constructor":2}"#),
    ])
  func literals(text: String, json: String) throws {
    #expect(Array(try Self.read(text).canonicalText.utf8) == Array(json.utf8))
  }

  /// The member begins in column 1 of line 3.
  private static let computed = [
    ("a: b", "3:4", "literal"), ("a: undefined", "3:4", "`undefined`"), ("a: NaN", "3:4", "`NaN`"),
    ("a: Infinity", "3:4", "`Infinity`"), ("a: -Infinity", "3:4", "`-`"), ("a: f()", "3:4", "literal"),
    ("a: process.env.A", "3:4", "literal"), ("a: 1 + 1", "3:6", "`+`"), ("a: 'x' + 'y'", "3:8", "`+`"),
    ("a: 'x'.length", "3:7", "`.`"), ("a: [1][0]", "3:7", "`[`"), ("a: `x${1}`", "3:4", "without `${`"),
    ("a: f`x`", "3:4", "`f`"),
    ("a: 'x' 'y'", "3:8", "literal"), ("a: 1 ? 2 : 3", "3:6", "`?`"), ("a: !0", "3:4", "`!`"),
    ("a: +1", "3:4", "`+`"),
    ("a: --1", "3:4", "`--`"), ("a: - 'x'", "3:4", "`-`"), ("a: void 0", "3:4", "`void`"),
    ("a: typeof 1", "3:4", "literal"),
    ("a: () => 1", "3:5", "`)`"), ("a: (1, 2)", "3:6", "`,`"), ("a: function () {}", "3:4", "literal"),
    ("a: class {}", "3:4", "literal"),
    ("a: new Date()", "3:4", "`new`"), ("a: /x/", "3:4", "`/x/`"), ("a: 1n", "3:4", "BigInt"),
    ("a: this", "3:4", "literal"),
    ("...a", "3:1", "spread"), ("a: [...b]", "3:5", "spread"), ("a", "3:1", "`key: value`"),
    ("a() {}", "3:1", "`key: value`"),
    ("get a() { return 1 }", "3:1", "`get`"), ("async a() {}", "3:1", "`async`"),
    ("*a() {}", "3:1", "bad key"),
    ("[a]: 1", "3:1", "not computed"), ("['a']: 1", "3:1", "not computed"), ("1: 1", "3:1", "bad key"),
    ("#a: 1", "3:1", "bad key"),
    ("`a`: 1", "3:1", "bad key"), ("a = 1", "3:1", "`key: value`"), ("a: [1,,2]", "3:7", "hole"),
    ("a: [,]", "3:5", "hole"),
    ("__proto__: 1", "3:1", "`__proto__`"), ("'__proto__': 1", "3:1", "`__proto__`"),
    ("__prot\\u006f__: 1", "3:1", "`__proto__`"),
    ("a: 1, a: 2", "3:7", "twice"), ("a: 1, 'a': 2", "3:7", "twice"), ("a: 1, \\u0061: 2", "3:7", "twice"),
    ("a: { b: { c: 1, 'c': 2 } }", "3:17", "twice"), ("a: 1e400", "3:4", "too large"),
    ("a: -1e400", "3:5", "too large"),
    ("a: '\\ud800'", "3:5", "surrogate"), ("a: `x\\udc00`", "3:6", "surrogate"),
    ("'\\ud800': 1", "3:2", "surrogate"),
    ("a: '\\1'", "3:5", "bad escape"), ("a: '\\x4'", "3:5", "bad escape"), ("a: 1 as", "3:8", "bad type"),
    ("a: 1 as A ? 2 : 3", "3:11", "`?`"),
    ("a: 1 as number < 2", "4:6", "bad type"), ("a: 1 as number < 2 > (3)", "3:22", "`(`"),
    ("a: 1 as A < 2 > 3", "3:17", "literal"),
    ("a: 'x' as string + 'y'", "3:18", "`+`"), ("a: 1 as A && 2", "3:11", "`&&`"),
    ("a: 1 as A = 2", "3:11", "literal"),
    ("a: tru\\u0065", "3:4", "literal"), ("a: 1; b: 2", "3:5", "`;`"),
    ("a: 1 as import('x')", "3:9", "dynamic import"),
    ("a: 1!", "3:5", "`!`"), ("a: 1\nb: 2", "4:1", "`b`"), ("a: <A>1", "3:4", "`<`"), ("a:: 1", "3:3", "`:`"),
    ("a: 1, , b: 2", "3:7", "bad key"), (": 1", "3:1", "bad key"), ("a: async () => {}", "3:4", "literal"),
    ("a: yield", "3:4", "literal"),
  ]

  @Test("everything that would have to be computed", arguments: computed)
  func refused(member: String, place: String, word: String) {
    BadWorkflow(Texts.with(member), place, word).check()
  }

  @Test("depth is capped")
  func depth() throws {
    let nested = { (count: Int) in
      "{ a: " + String(repeating: "[", count: count) + String(repeating: "]", count: count) + " }"
    }
    _ = try Self.read(nested(127))
    do throws(Refusal) {
      let bytes = Array(nested(128).utf8)
      var reader = ManifestReader(bytes: bytes, tokens: try Scanner.scan(bytes), at: 0)
      _ = try reader.value()
      Issue.record("taken")
    } catch {
      #expect(error.what.contains("too deep") && error.offset == 132)
    }
    let types =
      "{ a: 1 as " + String(repeating: "A<", count: 50_000) + "B" + String(repeating: ">", count: 50_000)
      + " }"
    #expect(throws: Refusal.self) { try Self.read(types) }
    let arrows = "{ a: 1 as " + String(repeating: "() => ", count: 50_000) + "B }"
    #expect(throws: Refusal.self) { try Self.read(arrows) }
  }
}
