import QueueRunner
import Testing

@testable import Runtime

/// A text and the tokens it has, each as its kind's letter and its text.
struct TokenCase: Sendable, CustomTestStringConvertible {
  let text: String
  let tokens: String
  var testDescription: String { text }
  init(_ text: String, _ tokens: String) { (self.text, self.tokens) = (text, tokens) }
}

@Suite("scanner")
struct ScannerTests {
  /// Letters: n name, # private, 0 number, B bigint, s string, t template, h m l template pieces, r regex, p other.
  private static func describe(_ text: String) throws -> String {
    let bytes = Array(text.utf8)
    return try Scanner.scan(bytes).dropLast().map { token in
      let letter =
        switch token.kind {
        case .name: "n"
        case .privateName: "#"
        case .number: "0"
        case .bigint: "B"
        case .string: "s"
        case .template: "t"
        case .templateHead: "h"
        case .templateMiddle: "m"
        case .templateTail: "l"
        case .regex: "r"
        case .punctuator: "p"
        case .end: "e"
        }
      return letter + String(decoding: bytes[token.start..<token.end], as: UTF8.self)
    }.joined(separator: " ")
  }

  @Test(
    "tokens",
    arguments: [
      TokenCase("", ""), TokenCase(" \t\u{B}\u{C}\u{A0}\u{FEFF}\u{3000}\u{2003}\n\r\n\u{2028}\u{2029}", ""),
      TokenCase("a // b\nc", "na nc"), TokenCase("a /* b\n * c */ d", "na nd"),
      TokenCase("a /**/ d", "na nd"),
      TokenCase("/* // */ a // */", "na"), TokenCase("a // b\u{2028}c", "na nc"),
      TokenCase("a // b\rc", "na nc"),
      TokenCase("a <!-- b", "na p< p! p-- nb"), TokenCase("a --> b", "na p-- p> nb"),
      TokenCase("'a\\'b' \"c\\\"d\"", "s'a\\'b' s\"c\\\"d\""), TokenCase("'//' \"/*\"", "s'//' s\"/*\""),
      TokenCase("'a\\\nb' 'a\\\r\nb'", "s'a\\\nb' s'a\\\r\nb'"), TokenCase("'\u{2028}'", "s'\u{2028}'"),
      TokenCase("'\\\\' a", "s'\\\\' na"), TokenCase("`a\nb`", "t`a\nb`"), TokenCase("`\\``", "t`\\``"),
      TokenCase("`$` `$$` `\\${`", "t`$` t`$$` t`\\${`"), TokenCase("`a${b}c`", "h`a${ nb l}c`"),
      TokenCase("`a${b}c${d}e`", "h`a${ nb m}c${ nd l}e`"),
      TokenCase("`${`${a}`}`", "h`${ h`${ na l}` l}`"), TokenCase("`${{a:1}}`", "h`${ p{ na p: 01 p} l}`"),
      TokenCase("`${'}'}`", "h`${ s'}' l}`"), TokenCase("`${/}/}`", "h`${ r/}/ l}`"),
      TokenCase("`${a/* } */}`", "h`${ na l}`"), TokenCase("a`b`", "na t`b`"),
      TokenCase(
        "0 1.5 .5 5. 1e3 1E-3 1_000 0xFf 0o17 0b1_0", "00 01.5 0.5 05. 01e3 01E-3 01_000 00xFf 00o17 00b1_0"),
      TokenCase("1n 0xFn 0n", "B1n B0xFn B0n"), TokenCase("1..a", "01. p. na"),
      TokenCase("1.0.a", "01.0 p. na"),
      TokenCase("a?.5:b", "na p? 0.5 p: nb"), TokenCase("a?.b?.[c]", "na p?. nb p?. p[ nc p]"),
      TokenCase("$ _ a1 é 日本 \u{10400}", "n$ n_ na1 né n日本 n\u{10400}"),
      TokenCase("\\u0061b a\\u{62}", "n\\u0061b na\\u{62}"), TokenCase("#a #\\u0061", "##a ##\\u0061"),
      TokenCase("a\u{200D}b", "na\u{200D}b"), TokenCase("a>>>=b", "na p> p> p> p= nb"),
      TokenCase("a=>b==c===d", "na p=> nb p== nc p=== nd"), TokenCase("...a", "p... na"),
      TokenCase("a??=b ?? c", "na p??= nb p?? nc"), TokenCase("a**b**=c", "na p** nb p**= nc"),
      TokenCase("@a", "p@ na"), TokenCase("a&&=b||=c", "na p&&= nb p||= nc"),
    ])
  func tokens(example: TokenCase) throws {
    #expect(try Self.describe(example.text) == example.tokens)
  }

  @Test(
    "a regular expression or a division",
    arguments: [
      ("a / b / c", 0), ("/a/", 1), ("x = /a/g", 1), ("(/a/)", 1), ("[/a/, /b/]", 2), ("f(/a/)", 1),
      ("a = b / /c/", 1), ("a++ / 2", 0), ("a\n++/b/.c", 1), ("(a) / 2", 0), ("a[0] / 2", 0), ("1 / 2", 0),
      ("'a' / 2", 0), ("`a` / 2", 0), ("`${a}` / 2", 0), ("this / 2", 0), ("return_ / 2", 0),
      ("if (a) /b/.test(c)", 1), ("while (a) /b/.test(c)", 1), ("for (;;) /b/.test(c)", 1),
      ("for (const a of /b/g.x) {}", 1), ("for (const of of a) of / 2", 0), ("a.if(b) / 2", 0),
      ("do {} while (a) /b/.test(c)", 1), ("if (a) {} /b/.test(c)", 1), ("else_\n/ 2", 0),
      ("{}\n/a/.test(b)", 1), ("({}) / 2", 0), ("a = {} / 2", 0), ("a = {\n}\n/ 2", 0),
      ("(function () {}) / 2", 0),
      ("a = function () {} / 2", 0), ("function f() {}\n/a/.test(b)", 1),
      ("async function f() {} /a/.test(b)", 1),
      ("a = async function () {} / 2", 0), ("class A {}\n/a/.test(b)", 1), ("a = class {} / 2", 0),
      ("class A extends f({ a: 1 }) { m() {} } /a/.test(b)", 1),
      ("class A { x = /a/; if(b) {} static {} }", 1),
      ("x => {}\n/a/.test(b)", 1), ("x => /a/", 1), ("typeof /a/", 1), ("void /a/", 1), ("a.typeof / 2", 0),
      ("switch (a) { case /b/: {} /c/.test(d); default: /e/ }", 3), ("case_ / 2", 0), ("a ? /b/ : /c/", 2),
      ("l: {} /a/.test(b)", 1), ("l: /a/.test(b)", 1), ("a ? {} / 2 : {} / 2", 0), ("a! / b", 0), ("!/a/", 1),
      ("a !== /b/", 1), ("throw /a/", 1), ("yield /a/", 1), ("await /a/", 1), ("a in /b/", 1),
      ("a instanceof /b/", 1),
      ("new.target / 2", 0), ("x?.y / 2", 0), ("a > /b/", 1), ("a < /b/", 1), ("a <= /b/", 1),
      ("a >> /b/", 1),
      ("let a\n/b/.test(c)", 1), ("let a = b\n/ 2", 0), ("type A = B\n/c/.test(d)", 1), ("type / 2", 0),
      ("type A = B\n(c)\n/ 2", 0), ("let a: B<C>\n/d/.test(e)", 1), ("let a\n/b/\n/ 2", 1),
      ("a as number / 2", 0), ("a as { b: 1 } / 2", 0), ("[1] as const / 2", 0), ("a satisfies B / 2", 0),
      ("function f(): { a: 1 } {}\n/b/.test(c)", 1), ("function f(): void {} /b/.test(c)", 1),
      ("a = function (): B<C> {} / 2", 0), ("interface A { b: { c: 1 } }\n/d/.test(e)", 1),
      ("(a: B): { c: 1 } => /d/", 1), ("catch_ / 2", 0), ("try {} catch {} /a/.test(b)", 1),
      ("try {} catch (e) {} finally {} /a/.test(b)", 1), ("return\n/a/.test(b)", 1),
      ("({ return: 1, if() {} }) / 2", 0),
      ("({ a: /b/, get c() { return /d/ } })", 2), ("/[/]/", 1), ("/\\//", 1), ("/[\\]/]/", 1),
      ("/a/dgimsuvy / 2", 1),
      ("`${{ a: 1 }.a / 2}` / 2", 0), ("a = b\n{}\n/c/.test(d)", 1),
      ("a = b\nfunction f() {}\n/c/.test(d)", 1),
    ])
  func slashes(text: String, count: Int) throws {
    #expect(try Scanner.scan(Array(text.utf8)).count { $0.kind == .regex } == count)
  }

  @Test(
    "what is refused, and where",
    arguments: [
      ("a 'b", "1:3", "unterminated string"), ("a\n  \"b\n\"", "2:3", "unterminated string"),
      ("'a\\", "1:1", "unterminated string"), ("'a\\\n", "1:1", "unterminated string"),
      ("a `b", "1:3", "unterminated template"), ("`a${b", "1:1", "unterminated template"),
      ("`a${b}c", "1:1", "unterminated template"), ("`${`${", "1:4", "unterminated template"),
      ("a /* b", "1:3", "unterminated comment"), ("x = /a", "1:5", "unterminated regular"),
      ("x = /a\n/", "1:5", "unterminated regular"), ("x = /[/]", "1:5", "unterminated regular"),
      ("x = /a\\\n/", "1:5", "unterminated regular"), ("(", "1:1", "never closed"),
      ("a\n {", "2:2", "never closed"),
      (")", "1:1", "closes nothing"), ("}", "1:1", "closes nothing"), ("(]", "1:2", "do not match"),
      ("{\n)", "2:1", "opened at 1:1"), ("`${(}`", "1:5", "do not match"), ("017", "1:1", "bad number"),
      ("08", "1:1", "bad number"), ("1__0", "1:1", "bad number"), ("1_", "1:1", "bad number"),
      ("0x", "1:1", "bad number"), ("0b2", "1:1", "bad number"), ("1e", "1:1", "bad number"),
      ("3in", "1:1", "bad number"),
      ("1.5n", "1:1", "bad number"), ("0_1", "1:1", "bad number"), ("1é", "1:1", "bad number"),
      ("é\\u0020", "1:2", "bad escape"), ("\\x61", "1:1", "bad escape"), ("\\u{110000}", "1:1", "bad escape"),
      ("# a", "1:1", "stray `#`"), ("a \u{0}", "1:3", "character that no token"),
      ("“a”", "1:1", "character that no token"),
      ("😀", "1:1", "character that no token"), ("'😀' 1_", "1:6", "bad number"),
      ("\r\n1_", "2:1", "bad number"),
      ("\r1_", "2:1", "bad number"), ("\u{2028}1_", "2:1", "bad number"),
      ("a as B<C> / 2", "1:11", "cannot tell"),
      ("x => {} / 2", "1:9", "cannot tell"), ("a as void / 2", "1:11", "cannot tell"),
    ])
  func refused(text: String, place: String, words: String) {
    let source = SourceText(bytes: Array(text.utf8), file: "w.ts")
    do throws(Refusal) {
      _ = try Scanner.scan(source.bytes)
      Issue.record("taken: \(text)")
    } catch {
      let message = source.error(error).message
      #expect(message.hasPrefix("w.ts:\(place): "), "\(message)")
      #expect(message.contains(words), "\(message)")
      #expect(message.contains(", expected ") && message.contains(", found "), "\(message)")
    }
  }

  @Test(
    "nesting is capped, whatever it is made of",
    arguments: [("(", ")"), ("[", "]"), ("{", "}"), ("`${", "}`"), ("([", "])")])
  func nesting(opener: String, closer: String) throws {
    let count = Scanner.maxNesting / (opener == "([" ? 2 : 1)
    let inside = String(repeating: opener, count: count) + "a" + String(repeating: closer, count: count)
    _ = try Scanner.scan(Array(inside.utf8))
    for text in [opener + inside + closer, String(repeating: opener, count: 200_000)] {
      do throws(Refusal) {
        _ = try Scanner.scan(Array(text.utf8))
        Issue.record("taken: \(text.utf8.count) bytes")
      } catch {
        #expect(error.what.contains("too deep"))
      }
    }
  }

  @Test(
    "operators that nest are capped, and count with the brackets",
    arguments: [
      "!", "- ", "typeof ", "a => ", "a ? a : ", "a = ", "let a: A<", "() => ", "[-", "(a ? b : !",
      "while (0) ",
      "a: ", "if (0) ", "do ", "if (0) {} else ", "for (;;)\n",
    ])
  func chains(piece: String) {
    do throws(Refusal) {
      _ = try Scanner.scan(Array(String(repeating: piece, count: 5_000).utf8))
      Issue.record("taken")
    } catch {
      #expect(error.what.contains("too deep") && error.offset <= 1_001 * piece.utf8.count)
    }
  }

  @Test(
    "operators that hold what stands before them are capped far higher, through brackets too",
    arguments: ["+ a ", ".a ", "?.a ", "() ", "[0] ", "`` ", "&& a ", "as A ", "! ", ") + (a "])
  func links(piece: String) throws {
    func text(_ count: Int) -> [UInt8] {
      let opened = piece.hasPrefix(")") ? String(repeating: "(", count: 900) : ""
      let pieces = piece.hasPrefix(")") ? String(repeating: "+ a ", count: count / 900) + ") " : piece
      return Array((opened + "a " + String(repeating: pieces, count: opened.isEmpty ? count : 900)).utf8)
    }
    do throws(Refusal) {
      _ = try Scanner.scan(text(200_000))
      Issue.record("taken")
    } catch {
      #expect(error.what == "expression is too long" && error.offset < 150_000, "\(error)")
    }
    _ = try Scanner.scan(text(Scanner.maxLinks / 2) + Array(";".utf8))
    let short = Array("a + b, f(c.d); ".utf8)
    _ = try Scanner.scan(Array(repeatElement(short, count: 20_000).joined()))
  }

  @Test(
    "what is only long is no chain",
    arguments: [
      "a = -1;", "a ? b : c,", "a + ", "a.b", "f(!a) || ", "if (!a) b = 1\n", "[a => b]\n;",
      "{ a: -1, b: c < d }\n", "f()\n",
      "a\n", "if (a) b\n", "while (0) { }\n", "case 1: ", "if (a) { } else { }\n", "x: for (;;) { }\n",
    ])
  func length(piece: String) throws {
    _ = try Scanner.scan(Array(String(repeating: piece, count: 5_000).utf8))
  }

  @Test(
    "values of literals",
    arguments: [
      (#"'\n\t\r\b\f\v\0\'\"\\\a'"#, "\n\t\r\u{8}\u{C}\u{B}\u{0}'\"\\a"),
      (#"'\x41\u0042\u{43}\u{1F600}'"#, "ABC😀"),
      (#"'\ud83d\ude00'"#, "😀"), (#"'\u{d83d}\u{de00}'"#, "😀"), ("'a\\\nb\\\r\nc\\\u{2028}d'", "abcd"),
      ("`a\r\nb\rc\nd`", "a\nb\nc\nd"), (#"`\`\${}`"#, "`${}"), (#"'é\é😀\😀'"#, "éé😀😀"),
      ("'\u{2028}'", "\u{2028}"),
      ("`$`", "$"), ("''", ""),
    ])
  func cooked(text: String, value: String) throws {
    let bytes = Array(text.utf8)
    let token = try #require(try Scanner.scan(bytes).first)
    #expect(Array(try LiteralValue.text(token, bytes).utf8) == Array(value.utf8))
  }

  @Test(
    "strings that no JSON text can hold, or no module",
    arguments: [
      (#"'a\ud83d'"#, 2), (#"'\ude00'"#, 1), (#"'\ud83d\ud83d\ude00'"#, 1), (#"'\ud83dx'"#, 1), (#"'\1'"#, 1),
      (#"'\01'"#, 1), (#"'\8'"#, 1), (#"'\x4'"#, 1), (#"'\u12'"#, 1), (#"'\u{}'"#, 1), (#"'a\u{110000}'"#, 2),
      (#"`\u`"#, 1),
    ])
  func uncookable(text: String, offset: Int) throws {
    let bytes = Array(text.utf8)
    let token = try #require(try Scanner.scan(bytes).first)
    do throws(Refusal) {
      _ = try LiteralValue.text(token, bytes)
      Issue.record("taken: \(text)")
    } catch {
      #expect(error.offset == offset)
    }
  }

  @Test(
    "values of numbers",
    arguments: [
      ("0", 0), ("5.", 5), (".5", 0.5), ("1_000.2_5", 1000.25), ("1e3", 1000), ("5.e1", 50), ("0xff", 255),
      ("0o17", 15),
      ("0b101", 5), ("0XFF", 255), ("9007199254740993", 9_007_199_254_740_992),
      ("0x20000000000001", 9_007_199_254_740_992),
      ("0x20000000000003", 9_007_199_254_740_996), ("0x1000000000000080000000000001", 0x1p108 + 0x1p56),
      ("0x10000000000000800000000000", 0x1p100), ("1e400", .infinity), ("1e-400", 0),
    ] as [(String, Double)])
  func numbers(text: String, value: Double) throws {
    let bytes = Array(text.utf8)
    let token = try #require(try Scanner.scan(bytes).first)
    #expect(LiteralValue.number(token, bytes) == value)
  }
}
