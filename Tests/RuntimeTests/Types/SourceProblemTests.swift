import Testing

@testable import Runtime

@Suite("problems with a place")
struct SourceProblemTests {
  private func text(_ line: Int, _ column: Int, _ source: String, isColoured: Bool = false) -> [String] {
    SourceProblem(line: line, column: column, code: "TS1", message: "no\u{1B}[2J")
      .text(file: "w.ts", source: source, isColoured: isColoured).split(separator: "\n").map(String.init)
  }

  @Test("the line is shown with a caret below the place, and nothing in it moves the cursor")
  func shown() {
    #expect(text(2, 5, "a\nlet x = 1;\n") == ["w.ts:2:5: no\\u001b[2J (TS1)", "  let x = 1;", "      ^"])
    #expect(
      text(1, 3, "\u{1B}\u{7}x") == ["w.ts:1:3: no\\u001b[2J (TS1)", "  \\u001b\\u0007x", "              ^"])
    #expect(text(9, 1, "a").count == 1 && text(1, 1, "") == ["w.ts:1:1: no\\u001b[2J (TS1)", "  ", "  ^"])
    #expect(text(1, 1, "a", isColoured: true)[0].hasPrefix("\u{1B}[1mw.ts:1:1:\u{1B}[0m"))
  }

  @Test("a long line is cut around the place", arguments: [1, 50, 500, 1000])
  func long(column: Int) {
    let lines = text(
      1, column, String(repeating: "a", count: column - 1) + String(repeating: "b", count: 1000))
    #expect(lines[1].count <= 2 + SourceProblem.shownColumns + 2)
    let caret = lines[2].count - 1
    #expect(Array(lines[1])[caret] == "b" && (column == 1 || "a…".contains(Array(lines[1])[caret - 1])))
  }

  @Test("the checker's words become problems, the overloads their shortest reason")
  func checker() {
    let said = """
      TS2769 [ERROR]: No overload matches this call.
        Overload 1 of 2, 'x', gave the following error.
          Type '"a"' is not assignable to type '"b"'.
        Overload 2 of 2, 'x', gave the following error.
          Something else.
      ctx.agent({})
          at file:///tmp/x/workflow.ts:7:42

          The expected type comes from property 'phase'
            at file:///tmp/x/runtime.d.ts:156:12

      TS2322 [ERROR]: Type 'Json' is not assignable to type 'number'.
        Type 'null' is not assignable to type 'number'.
          at file:///tmp/x/workflow.ts:13:9

      Found 2 errors.

      error: Type checking failed.
      """
    #expect(
      CheckerText.problems(said) == [
        SourceProblem(
          line: 7, column: 42, code: "TS2769", message: "Type '\"a\"' is not assignable to type '\"b\"'."),
        SourceProblem(
          line: 13, column: 9, code: "TS2322", message: "Type 'Json' is not assignable to type 'number'."),
      ])
    #expect(CheckerText.problems("error: out of memory\n").isEmpty)
  }

  @Test("what flowdex refuses has its place too")
  func shape() {
    let problem = WorkflowDocument.problem(
      in: Array("import { workflow } from \"@flowdex/runtime\";\nlet x;".utf8))
    #expect(problem?.line == 2 && problem?.column == 1 && problem?.code == nil)
    #expect(WorkflowDocument.problem(in: Templates.bytes("code-audit")!) == nil)
  }
}
