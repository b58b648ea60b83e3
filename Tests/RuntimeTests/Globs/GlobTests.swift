import Testing

@testable import Runtime

@Suite("globs")
struct GlobTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let pattern: String
    let yes: [String]
    let no: [String]
    var testDescription: String { pattern }
    init(_ pattern: String, yes: [String] = [], no: [String] = []) {
      (self.pattern, self.yes, self.no) = (pattern, yes, no)
    }
  }

  static let cases: [Case] = [
    Case("a", yes: ["a"], no: ["A", "b", "a/b", "aa", ""]),
    Case("a/b", yes: ["a/b"], no: ["a", "b", "a/b/c", "x/a/b"]),
    Case("*", yes: ["a", ".hidden", "a.b", "日"], no: ["a/b", ""]),
    Case("*.swift", yes: ["a.swift", ".swift"], no: ["a.swif", "d/a.swift", "a.swiftx"]),
    Case("a*", yes: ["a", "ab"], no: ["ba", "a/b"]),
    Case("*a*", yes: ["a", "xa", "ax", "xax"], no: ["", "b"]),
    Case("a*b*c", yes: ["abc", "axbxc", "abbcc"], no: ["ab", "acb"]),
    Case("?", yes: ["a", "é", "日", "😀"], no: ["", "ab", "e\u{301}"]),
    Case("a?c", yes: ["abc", "aéc"], no: ["ac", "a/c", "abbc"]),
    Case("*??", yes: ["ab", "日本", "xyz"], no: ["日", "é", "a"]),
    Case("**", yes: ["a", "a/b", "a/b/c.d", ".x/y"], no: [""]),
    Case("dir/**", yes: ["dir/a", "dir/a/b"], no: ["dir", "dirx/a", "x/dir/a"]),
    Case("**/x", yes: ["x", "a/x", "a/b/x"], no: ["ax", "x/a"]),
    Case("a/**/b", yes: ["a/b", "a/x/b", "a/x/y/b"], no: ["ab", "a/xb", "a/b/c"]),
    Case("**/*.ts", yes: ["a.ts", "x/y/a.ts"], no: ["a.tsx", "a.ts/b"]),
    Case("**/a/**", yes: ["a/x", "b/a/x", "a/a/x"], no: ["a", "b/a"]),
    Case("**/**/a", yes: ["a", "x/a", "x/y/a"], no: ["x"]),
    Case("a/**/**", yes: ["a/b", "a/b/c"], no: ["a"]),
    Case("a/**/b/**/c", yes: ["a/b/c", "a/x/b/y/c", "a/b/b/c/c"], no: ["a/c", "a/b/x"]),
    Case(
      "packages/*/src/**", yes: ["packages/a/src/x", "packages/b/src/d/x"],
      no: ["packages/src/x", "packages/a/b/src/x", "packages/a/src"]),
    Case("*/*", yes: ["a/b"], no: ["a", "a/b/c"]),
    Case("[abc]", yes: ["a", "b", "c"], no: ["d", "A", ""]),
    Case("[a-c]x", yes: ["ax", "cx"], no: ["dx", "x"]),
    Case("[a-cx-z0]", yes: ["b", "y", "0"], no: ["d", "w", "1"]),
    Case("[!a]", yes: ["b", "é"], no: ["a", "bb"]),
    Case("[^a-c]", yes: ["d"], no: ["a", "c"]),
    Case("[!a-c]*", yes: ["dabc"], no: ["abc"]),
    Case("[]]", yes: ["]"], no: ["a"]),
    Case("[!]]", yes: ["a"], no: ["]"]),
    Case("[]a]", yes: ["]", "a"]),
    Case("[[]x[]]", yes: ["[x]"], no: ["x"]),
    Case("[a-]", yes: ["a", "-"], no: ["b"]),
    Case("[-a]", yes: ["a", "-"]),
    Case("[a!]", yes: ["!", "a"]),
    Case("[*?]", yes: ["*", "?"], no: ["a"]),
    Case("[{}]", yes: ["{", "}"]),
    Case("[é-ü]", yes: ["ê", "ü"], no: ["e", "z"]),
    Case("[\\]]", yes: ["]"], no: ["\\"]),
    Case("x[0-9]y", yes: ["x5y"], no: ["xay", "x55y"]),
    Case("{a,b}", yes: ["a", "b"], no: ["c", "ab", "{a,b}"]),
    Case("x{a,b}y", yes: ["xay", "xby"], no: ["xy"]),
    Case("x{,a}y", yes: ["xy", "xay"]),
    Case("x{a}y", yes: ["xay"], no: ["x{a}y"]),
    Case("x{}y", yes: ["xy"]),
    Case("{a,b}{c,d}", yes: ["ac", "ad", "bc", "bd"], no: ["ab"]),
    Case("{a,b{c,d}}", yes: ["a", "bc", "bd"], no: ["b"]),
    Case("{a,{b,{c,d}}}", yes: ["a", "b", "c", "d"]),
    Case("{src,tests}/**", yes: ["src/a", "tests/a/b"], no: ["src", "x/a"]),
    Case("{a/b,c}/d", yes: ["a/b/d", "c/d"], no: ["a/d", "b/d"]),
    Case("**/*.{c,h,swift}", yes: ["a.c", "x/a.h", "x/y/a.swift"], no: ["a.cc", "a"]),
    Case("{**,a}/b", yes: ["b", "a/b", "x/y/b"]),
    Case("a,b", yes: ["a,b"], no: ["a"]),
    Case("\\*", yes: ["*"], no: ["a"]),
    Case("app/\\[id\\]/page.tsx", yes: ["app/[id]/page.tsx"], no: ["app/i/page.tsx"]),
    Case("app/[id]/page.tsx", yes: ["app/i/page.tsx"], no: ["app/[id]/page.tsx"]),
    Case("\\{a\\}", yes: ["{a}"]),
    Case("{a\\,b,c}", yes: ["a,b", "c"], no: ["a"]),
    Case("a b", yes: ["a b"]),
    Case("...", yes: ["..."]),
    Case(".?", yes: [".a"]),
    Case("café", yes: ["caf\u{e9}"], no: ["cafe\u{301}"]),
    Case("e?", yes: ["e\u{301}"]),
    Case("$(x);'\"", yes: ["$(x);'\""]),
    Case("-rf", yes: ["-rf"]),
  ]

  @Test("what matches", arguments: cases)
  func matching(item: Case) {
    #expect(GlobSet.problem(in: item.pattern) == nil)
    let set = GlobSet([item.pattern])
    for path in item.yes { #expect(set.matches(path), "`\(path)` should match") }
    for path in item.no { #expect(!set.matches(path), "`\(path)` should not match") }
  }

  @Test("a match is never below a folder that may be skipped", arguments: cases)
  func pruningIsSafe(item: Case) {
    let set = GlobSet([item.pattern])
    for path in item.yes {
      let names = path.split(separator: "/")
      for count in 0..<names.count {
        let folder = names.prefix(count).joined(separator: "/")
        #expect(set.mayMatchBelow(folder), "`\(path)` lies below `\(folder)`")
      }
    }
  }

  @Test(
    "folders that need not be walked",
    arguments: [
      ("src/**", "tests"), ("src/*.swift", "src/a"), ("a/b/c", "a/c"), ("a", "a"), ("a", "b"), ("*", "a"),
      ("packages/*/src/**", "packages/a/test"), ("{a,b}/**", "c"), ("[a-c]/x", "d"),
    ])
  func prunes(pattern: String, folder: String) {
    #expect(!GlobSet([pattern]).mayMatchBelow(folder))
  }

  @Test(
    "a glob that spells a name lets it in",
    arguments: [
      ("node_modules/**", "node_modules", true), ("**/node_modules/**", "a/node_modules", true),
      (".build/checkouts/x/**", ".build", true), ("a/*/target/**", "a/b/target", true),
      ("{.git,x}/config", ".git", true), ("logs/a.log", "logs/a.log", true), ("**", ".git", false),
      ("*/**", ".git", false), (".gi[t]/**", ".git", false), (".gi?/**", ".git", false),
      ("a/**", "a/node_modules", false), ("x/node_modules/**", "node_modules", false),
      ("node_modules/**", "a/node_modules", false), ("a/b", "a/b/c", false),
    ])
  func literally(pattern: String, path: String, expected: Bool) {
    #expect(GlobSet([pattern]).names(literally: path) == expected)
  }

  @Test(
    "what is no legal glob",
    arguments: [
      ("", "empty"), ("/a", "begins with"), ("a/", "ends with"), ("a//b", "`//`"), (".", "segment `.`"),
      ("..", "segment `..`"), ("../a", "segment `..`"), ("a/../b", "segment `..`"), ("a/./b", "segment `.`"),
      ("{a,..}/b", "segment `..`"), ("{a,/b}", "begins with"), ("{,a}/b", "begins with"), ("{,a}", "empty"),
      ("{}", "empty"), ("a\0b", "NUL"), ("[a", "`[` without"), ("[", "`[` without"), ("[]", "`[` without"),
      ("[!]", "`[` without"), ("a]", "`]` without"), ("{a", "`{` without"), ("{a,{b}", "`{` without"),
      ("a}", "`}` without"), ("a**", "whole segment"), ("**a", "whole segment"), ("a/b**/c", "whole segment"),
      ("***", "whole segment"), ("{*,a}*b", "whole segment"), ("[z-a]", "backwards"), ("[a/b]", "between"),
      ("a\\", "ends with `\\`"), ("a\\/b", "before `/`"), ("[a\\", "`[` without"),
      ("\\.\\./a", "segment `..`"),
      (String(repeating: "a", count: 1025), "1025 bytes"),
      (String(repeating: "{a,b}", count: 10), "alternatives"),
      (String(repeating: "{a,b}", count: 200), "alternatives"),
      ("x{" + String(repeating: ",", count: 1000) + "}", "alternatives"),
      (String(repeating: "{", count: 500) + String(repeating: "}", count: 500), "nested"),
    ])
  func illegal(pattern: String, word: String) throws {
    let problem = try #require(GlobSet.problem(in: pattern))
    #expect(problem.contains(word))
    #expect(!GlobSet([pattern]).matches("a"))
  }

  @Test("the limits themselves are legal")
  func limits() {
    #expect(GlobSet.problem(in: String(repeating: "a", count: 1024)) == nil)
    #expect(GlobSet.problem(in: "x{" + String(repeating: ",", count: 999) + "}") == nil)
  }

  @Test("a set is a union, and the empty set holds nothing")
  func union() {
    let set = GlobSet(["a", "/illegal", "b/*"])
    #expect(set.matches("a") && set.matches("b/c") && !set.matches("illegal"))
    #expect(!GlobSet([]).matches("a"))
    #expect(!GlobSet([]).mayMatchBelow(""))
  }

  /// Each of these takes exponential time in a matcher that tries every star at every place: it would not end.
  @Test("hostile patterns cost little")
  func noBlowUp() {
    let stars = String(repeating: "a*", count: 500) + "b"
    #expect(!GlobSet([stars]).matches(String(repeating: "a", count: 4000)))
    let folders = String(repeating: "**/a/", count: 200) + "b"
    #expect(!GlobSet([folders]).matches(Array(repeating: "a", count: 2000).joined(separator: "/")))
    #expect(GlobSet([folders]).mayMatchBelow(Array(repeating: "a", count: 300).joined(separator: "/")))
    let both = String(repeating: "**/*a*/", count: 100) + "b"
    #expect(!GlobSet([both]).matches(Array(repeating: "xax", count: 500).joined(separator: "/")))
  }

  /// A second, obviously right matcher, exponential and for small inputs only.
  private func slow(_ pattern: ArraySlice<Character>, _ path: ArraySlice<Character>) -> Bool {
    guard let first = pattern.first else { return path.isEmpty }
    if first == "*" {
      return slow(pattern.dropFirst(), path)
        || (path.first.map { $0 != "/" } ?? false) && slow(pattern, path.dropFirst())
    }
    guard let next = path.first else { return false }
    return (first == next || first == "?" && next != "/") && slow(pattern.dropFirst(), path.dropFirst())
  }

  @Test("agrees with a naive matcher on every short pattern of `ab*?`")
  func agrees() {
    let words = [""] + ["a", "b", "aa", "ab", "ba", "bb", "aab", "aba", "abb", "bab", "abab", "aabb"]
    var patterns: [[Character]] = [[]]
    for _ in 0..<5 {
      patterns += patterns.flatMap { head in "ab*?".map { head + [$0] } }
    }
    var tried = 0
    for pattern in Set(patterns) where GlobSet.problem(in: String(pattern)) == nil && pattern != ["*", "*"] {
      let set = GlobSet([String(pattern)])
      for word in words where !word.isEmpty {
        tried += 1
        if set.matches(word) != slow(pattern[...], Array(word)[...]) {
          Issue.record("`\(String(pattern))` on `\(word)`")
        }
      }
    }
    #expect(tried > 5000)
  }
}
