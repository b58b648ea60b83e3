import QueueRunner
import Testing

@testable import Runtime

/// Makes source text in which the word `import(` stands where it means nothing.
private struct HarmlessText {
  var random: SeededGenerator

  mutating func pick<T>(_ choices: [T]) -> T { choices[Int.random(in: 0..<choices.count, using: &random)] }

  /// What looks like an import, a bracket or the end of whatever it stands in.
  private mutating func bait() -> String {
    pick([
      "import('x')", "import.meta", "import(", "`", "'", "\"", "}", "{", ")", "*/", "//", "${",
      "import a from 'b'",
    ])
  }

  private mutating func blank() -> String {
    switch Int.random(in: 0..<5, using: &random) {
    case 0: "/* \(bait().replacing("*/", with: "* /")) */"
    case 1: "// \(bait())\n"
    case 2: "\n"
    default: " "
    }
  }

  /// An expression that nests others.
  mutating func expression(_ depth: Int) -> String {
    guard depth > 0 else { return pick(["a", "1", "this", literal(), literal(), regex()]) }
    let inner = expression(depth - 1)
    switch Int.random(in: 0..<12, using: &random) {
    case 0: return "`\(literalBody("`"))${\(inner)}\(literalBody("`"))`"
    case 1: return "(\(inner))"
    case 2: return "[\(inner), \(regex())]"
    case 3: return "({ import: \(inner), 'import(': \(literal()) }).import"
    case 4: return "(\(inner)) / \(blank())\(expression(depth - 1))"
    case 5: return "f(\(inner))\(blank())/ 2"
    case 6: return "(() => {\(statement(depth - 1))})"
    case 7: return "a\(blank())? \(inner) : \(regex())"
    case 8: return "a.import(\(inner))"
    case 9: return "(function () {\(statement(depth - 1))} / 2)"
    case 10: return "a++ / \(expression(0)) / 2"
    default: return "!\(inner)"
    }
  }

  mutating func statement(_ depth: Int) -> String {
    guard depth > 0 else { return pick([";", "a;", "{}", "\(regex()).test(a);"]) }
    switch Int.random(in: 0..<8, using: &random) {
    case 0: return "if (\(expression(depth - 1))) \(regex()).test(a);"
    case 1: return "if (a) {\(statement(depth - 1))}\(blank())\(regex()).test(a);"
    case 2: return "for (const x of \(regex()).exec(a)) {\(statement(depth - 1))}"
    case 3: return "{\(statement(depth - 1))}\(blank())\(statement(depth - 1))"
    case 4: return "function f() {\(statement(depth - 1))}\n\(regex()).test(a);"
    case 5: return "switch (a) { case \(regex()): \(statement(depth - 1)) default: {} }"
    case 6: return "return \(regex());"
    default: return "a = \(expression(depth - 1));"
    }
  }

  /// Bait that does not end the literal it stands in.
  private mutating func literalBody(_ quote: String) -> String {
    bait().replacing(quote, with: "\\" + quote).replacing("${", with: "\\${")
  }

  private mutating func literal() -> String {
    let quote = pick(["'", "\"", "`"])
    return quote + literalBody(quote) + quote
  }

  private mutating func regex() -> String {
    pick(["/import\\('x'\\)/", "/[/'`\"{(]/g", "/\\/\\*/", "/\\`import\\(/u", "/[}\\]/]/", "/'/"])
  }
}

@Suite("workflows at random")
struct WorkflowPropertyTests {
  private typealias Texts = WorkflowTexts

  @Test("what looks like an import in a literal never fools the scanner", arguments: 0..<20)
  func nesting(round: Int) {
    let seed = UInt64.random(in: 0...UInt64.max)
    var text = HarmlessText(random: SeededGenerator(seed))
    for _ in 0..<20 {
      let body = text.statement(4)
      let source = Texts.whole(Texts.manifest, "(ctx) => { \(body) }")
      do { _ = try Texts.read(source) } catch {
        Issue.record("seed \(seed): \(error)\n\(source)")
        return
      }
      // The same with one import that is meant: found, and at its place.
      let lines = body.split(separator: "\n", omittingEmptySubsequences: false)
      let hidden = "(ctx) => { \(body)\n;import('x') }"
      BadWorkflow(Texts.whole(Texts.manifest, hidden), "\(2 + lines.count):2", "dynamic import").check()
    }
  }

  @Test("every prefix of a workflow is refused")
  func prefixes() throws {
    let source = Array(
      Texts.whole(
        "{ 'a': `b`, "
          + Texts.manifest.dropFirst().replacing("maxAgents: 1", with: "maxAgents: (1 as number)"),
        "async function (ctx: A<B>): Promise<void> { const a = /[/]/.test(`${b / 2}é😀`) ? 'x' : { y: 0x1F } }"
      ).replacing("'a': `b`, ", with: "").utf8)
    _ = try WorkflowDocument.read(text: source, file: "w.ts")
    let end = try #require(source.lastIndex(of: UInt8(ascii: ")")))
    for length in 0...end {
      #expect(throws: FlowdexError.self, "prefix of \(length)") {
        try WorkflowDocument.read(text: Array(source[..<length]), file: "w.ts")
      }
    }
  }

  @Test("changed bytes never trap, and what is taken is as it was", arguments: 0..<8)
  func mutations(round: Int) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed)
    var text = HarmlessText(random: SeededGenerator(seed &+ 1))
    let pieces = [
      "`", "${", "}", "{", "(", ")", "/", "\\", "'", "\"", "/*", "*/", "import(", "\u{2028}", "0x", "é", "<",
      ">", "=>", "#",
    ]
    for _ in 0..<60 {
      var source = Array(Texts.whole(Texts.manifest, "(ctx) => { \(text.statement(3)) }").utf8)
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let at = Int.random(in: 0..<source.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: source[at] = UInt8.random(in: 0...255, using: &random)
        case 1: source.remove(at: at)
        default:
          source.insert(
            contentsOf: Array(pieces[Int.random(in: 0..<pieces.count, using: &random)].utf8), at: at)
        }
      }
      do {
        let document = try WorkflowDocument.read(text: source, file: "w.ts")
        #expect(
          try Manifest(reading: JSONValue(parsing: document.manifestText)) == document.manifest,
          "seed \(seed)")
      } catch let error as FlowdexError {
        #expect(
          error.code == "workflow-invalid" && error.message.hasPrefix("w.ts:"), "seed \(seed): \(error)")
      }
    }
  }

  @Test("random bytes never trap", arguments: 0..<8)
  func noise(round: Int) {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed)
    let alphabet = Array("`${}()[]/\\'\"*<>=!+-.,:;?#@ \n\r09xena_import if function class".utf8)
    for _ in 0..<400 {
      let count = Int.random(in: 0...60, using: &random)
      let bytes = (0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] }
      for text in [bytes, Array((Texts.importLine + "export default workflow({").utf8) + bytes] {
        if (try? WorkflowDocument.read(text: text, file: "w.ts")) != nil {
          Issue.record("seed \(seed): taken: \(String(decoding: text, as: UTF8.self))")
        }
      }
    }
  }
}
