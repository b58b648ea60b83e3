import Testing

@testable import QueueRunner

@Suite("regular expressions of schemas")
struct PatternTests {
  @Test(
    "what occurs and what does not",
    arguments: [
      ("", ["", "a"], []),
      ("a", ["a", "ba", "abc"], ["", "b", "A"]),
      ("^a$", ["a"], ["ab", "ba", "a\n", "\na"]),
      ("a|^b|", ["", "x"], []),
      ("^(a|b)+$", ["a", "abba"], ["", "abc"]),
      ("^(?:ab)*$", ["", "abab"], ["aba"]),
      ("^(?<year>\\d{4})-(?<month>\\d{2})$", ["2024-05"], ["24-05", "2024-5", "٢٠٢٤-05"]),
      ("^a{2}$", ["aa"], ["a", "aaa"]),
      ("^a{2,}$", ["aa", "aaaa"], ["a"]),
      ("^a{1,3}?$", ["a", "aa", "aaa"], ["", "aaaa"]),
      ("^a{0}b$", ["b"], ["ab"]),
      ("^(a{2}){2}$", ["aaaa"], ["aa", "aaa", "aaaaa"]),
      ("^.$", ["a", "\t", "😀", "\u{85}"], ["", "\n", "\r", "\u{2028}", "ab", "e\u{301}"]),
      ("^\\d+$", ["09"], ["", "٣", "a"]),
      ("^\\D$", ["٣", "a"], ["3"]),
      ("^\\w+$", ["aZ_0"], ["é", "-"]),
      ("^\\W$", ["é", "-"], ["a"]),
      (
        "^\\s$", [" ", "\t", "\n", "\u{B}", "\u{A0}", "\u{FEFF}", "\u{2029}", "\u{3000}"],
        ["a", "\u{200B}", "\u{85}"]
      ),
      ("^\\S$", ["a", "\u{200B}"], [" "]),
      ("\\bcat\\b", ["cat", "a cat.", "é cat"], ["concat", "cats"]),
      ("\\Bat\\b", ["cat"], ["at", "ate"]),
      ("^[a-c]$", ["a", "b", "c"], ["d", "-"]),
      ("^[^a-c]$", ["d", "é", "\n"], ["a", ""]),
      ("^[a-]$", ["a", "-"], ["b"]),
      ("^[-a]$", ["a", "-"], ["b"]),
      ("^[\\]\\\\\\-^]$", ["]", "\\", "-", "^"], ["a"]),
      ("^[\\d\\s]$", ["1", " "], ["a"]),
      ("^[^\\D]$", ["1"], ["a"]),
      ("^[\\W_]$", ["_", "é", "-"], ["a"]),
      ("^[]$", [], ["", "a"]),
      ("^[^]$", ["a", "\n", "😀"], ["", "ab"]),
      ("^[\\b]$", ["\u{8}"], ["b"]),
      ("^[.*]$", [".", "*"], ["a"]),
      ("^[😀-😂]$", ["😁"], ["😃"]),
      ("^\\t\\n\\v\\f\\r\\0$", ["\t\n\u{B}\u{C}\r\u{0}"], [""]),
      ("^\\cA\\cz$", ["\u{1}\u{1A}"], [""]),
      ("^\\x41\\u0042\\u{43}\\u{1F600}\\ud83d\\ude00$", ["ABC😀😀"], ["ABC"]),
      ("^\\^\\$\\\\\\.\\*\\+\\?\\(\\)\\[\\]\\{\\}\\|\\/$", ["^$\\.*+?()[]{}|/"], [""]),
      ("^\\p{L}+$", ["aéß中ǅ"], ["a1", "e\u{301}"]),
      ("^\\p{Letter}\\p{Lu}\\p{gc=Ll}\\p{General_Category=Nd}$", ["xAb7", "中É\u{E9}٣"], ["xab7"]),
      ("^\\P{L}$", ["1", "\u{301}"], ["a"]),
      ("^[\\P{L}x]$", ["1", "x"], ["y"]),
      ("^[^\\p{L}\\d]$", ["-"], ["a", "1"]),
      ("^\\p{ASCII}\\p{Any}\\p{Assigned}$", ["a\u{E000}é"], ["éaa", "aa\u{378}"]),
      ("^\\p{Sc}\\p{Punctuation}\\p{Zs}\\p{Cc}\\p{So}$", ["€! \u{7}☃"], [""]),
      ("^(|a)+b$", ["b", "aab"], ["a"]),
      ("^(a*)*$", ["", "aaa"], ["b"]),
      ("^(^a|b)+$", ["ab", "b"], ["ba"]),
      ("(^|,)x(,|$)", ["x", "a,x,b", "x,b"], ["xx", "ax"]),
      ("x*?y+?z??$", ["y", "xxy", "yz"], ["x"]),
      ("^é$", ["é"], ["e\u{301}"]),
    ] as [(String, [String], [String])])
  func meaning(source: String, matching: [String], others: [String]) throws {
    let pattern = try Pattern(source)
    for text in matching {
      #expect(pattern.occurs(in: text) == true, "`\(source)` in `\(text.debugDescription)`")
    }
    for text in others {
      #expect(pattern.occurs(in: text) == false, "`\(source)` in `\(text.debugDescription)`")
    }
  }

  @Test(
    "what is refused, and where",
    arguments: [
      ("(?=a)", 0, "lookahead"), ("a(?!b)", 1, "lookahead"), ("(?<=a)b", 0, "lookbehind"),
      ("(?<!a)b", 0, "lookbehind"), ("(a)\\1", 3, "backreferences"), ("(?<n>a)\\k<n>", 7, "backreferences"),
      ("(?i:a)", 0, "modifiers"), ("(a", 0, "`)` for every"), ("a)", 1, "without its"),
      ("[a", 0, "`]` for every"),
      ("*", 0, "repeated"), ("a**", 2, "one quantifier"), ("^*", 1, "repeated"), ("\\b+", 2, "repeated"),
      ("a{2,1}", 1, "smaller"), ("a{", 2, "{n}"), ("a{x}", 2, "{n}"), ("{", 0, "repeated"),
      ("a}", 1, "bracket"),
      ("]", 0, "bracket"), ("\\a", 0, "escape"), ("\\Z", 0, "escape"), ("\\-", 0, "escape"),
      ("\\", 1, "after"),
      ("\\00", 2, "no digit"), ("\\c1", 2, "a letter"), ("\\x4", 3, "2 hex"), ("\\u12", 4, "4 hex"),
      ("\\u{110000}", 9, "10FFFF"), ("\\u{}", 3, "10FFFF"), ("\\p", 2, "category"),
      ("\\p{Nope}", 3, "category"),
      ("\\p{Script=Latin}", 3, "scripts"), ("[b-a]", 2, "range"), ("[\\d-z]", 3, "range"),
      ("(?<1a>b)", 3, "name"),
      ("[\\", 2, "after"), ("a{100000}", 0, "states"), ("((a{100}){100}){100}", 0, "states"),
      ("(){999999999}", 0, "states"),
      (String(repeating: "(", count: 51) + String(repeating: ")", count: 51), 50, "groups"),
    ])
  func refused(source: String, offset: Int, expected: String) {
    do throws(PatternError) {
      _ = try Pattern(source)
      Issue.record("taken: \(source)")
    } catch {
      #expect(error.offset == offset, "\(error)")
      #expect(error.expected.contains(expected), "\(error)")
      #expect(!error.found.isEmpty)
    }
  }

  @Test(
    "patterns that hang a backtracking engine take work in proportion to the text",
    arguments: [
      "(a+)+$", "^(a+)+$", "(a|aa)+$", "^(a|a)*$", "(.*a){12}$", "([a-z]+)*[0-9]$", "(a?){30}a{30}$",
      "^(([a-z])+.)+[A-Z]([a-z])+$",
    ])
  func linear(source: String) throws {
    let pattern = try Pattern(source)
    let states = pattern.program.states.count
    for length in [100, 2000] {
      let text = String(repeating: "a", count: length) + "!"
      var work = Int.max
      #expect(pattern.occurs(in: text, work: &work) == false)
      #expect(
        Int.max - work <= 3 * (states + 1) * (length + 2),
        "\(Int.max - work) for \(length) with \(states) states")
    }
  }

  @Test("a purse that runs out is told apart from a verdict")
  func work() throws {
    let pattern = try Pattern("(a+)+$")
    let text = String(repeating: "a", count: 1000) + "!"
    var work = 500
    #expect(pattern.occurs(in: text, work: &work) == nil)
    #expect(work <= 0)
    var enough = 100_000
    #expect(pattern.occurs(in: text, work: &enough) == false)
    #expect(enough > 0)
  }

  @Test("a pattern that begins at the start looks no further once it fails")
  func anchored() throws {
    let text = String(repeating: "b", count: 10_000)
    var work = Int.max
    #expect(try Pattern("^(a|^c)").occurs(in: text, work: &work) == false)
    #expect(Int.max - work < 20)
  }

  @Test("any text is a pattern or an error, never a trap", arguments: 0..<8)
  func hostile(round: Int) {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededPieces(state: seed)
    let pieces = [
      "a", "b", "(", ")", "(?:", "(?<n>", "(?=", "[", "]", "[^", "-", "{", "}", "2", ",", "3", "*", "+", "?",
      "|", "^",
      "$", ".", "\\", "\\d", "\\b", "\\p{L}", "\\p{", "\\u", "\\u{1F600}", "\\x", "\\ud83d", "\\c", "😀",
      "\u{301}", "\0",
    ]
    for _ in 0..<500 {
      let source = (0..<random.next(12)).map { _ in pieces[random.next(pieces.count)] }.joined()
      guard let pattern = try? Pattern(source) else { continue }
      var work = 10_000
      _ = pattern.occurs(in: "ab-2😀,\nba" + source, work: &work)
    }
  }
}

/// A small generator whose seed can be printed and set again (Knuth's linear congruence).
struct SeededPieces {
  var state: UInt64

  mutating func next(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % bound
  }
}

extension Pattern {
  /// Without a bound of work but length × states.
  func occurs(in text: String) -> Bool? {
    var work = Int.max
    return occurs(in: text, work: &work)
  }
}
