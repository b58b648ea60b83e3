import Testing

/// docs/contract-coverage.md, held against the tests that there are and, where it is at hand, the contract.
@Suite struct CoverageTests {
  static let page = CoveragePage(ProjectTree.text("docs/contract-coverage.md"))

  /// The contract beside the project (`shared/contract.md`); nil where there is none.
  static let contract: String? = {
    var folder = ProjectTree.root[...]
    while let slash = folder.utf8.lastIndex(of: UInt8(ascii: "/")) {
      folder = folder[..<slash]
      let text = ProjectTree.text(absolute: "\(folder)/shared/contract.md")
      if !text.isEmpty { return text }
    }
    return nil
  }()

  @Test func everyRuleNamesTestsThatThereAre() {
    #expect(Self.page.sections.count == 9)
    #expect(Self.page.problems { ProjectTree.exists($0) ? ProjectTree.text($0) : nil } == [])
  }

  @Test(.enabled(if: contract != nil, "skipped: no `shared/contract.md` beside the project"))
  func everyRuleOfTheContractIsThere() throws {
    #expect(Self.page.missing(of: CoveragePage.rules(of: try #require(Self.contract))) == [])
  }

  @Test func theReadersCanFail() {
    let page = CoveragePage(
      """
      ## 1. Words
      | rule | shown by |
      | --- | --- |
      | `one` and more | `A/B.swift: works` |
      | two |  |
      | three | nothing |
      """)
    let file = "@Test func works() {}\n"
    #expect(
      page.problems { $0 == "Tests/A/B.swift" ? file : nil } == [
        "1. Words: `two` names no test", "1. Words: `three` names no test",
      ])
    #expect(page.problems { _ in nil }.first == "1. Words: there is no test `A/B.swift: works`")
    #expect(
      page.problems { _ in "func other() {}\n" }.first == "1. Words: there is no test `A/B.swift: works`")
    let rules = CoveragePage.rules(
      of:
        "## 1. Words\n| word | m |\n| --- | --- |\n| `one <x\\|y>` | m |\n| two, 2 | m |\n| four | m |\n- five\n- six\n## 2. More\n"
    )
    #expect(rules.map(\.keys) == [[], ["`one"], ["two"], ["four"], [], [], []])
    #expect(
      page.missing(of: rules) == [
        "1. Words: no row for `four`", "1. Words: fewer rows (3) than the contract has rules (5)",
        "2. More: no such heading",
      ])
  }
}

/// The page as sections of rows.
struct CoveragePage {
  struct Row: Equatable {
    let rule: String
    let tests: [String]
  }
  /// One rule of the contract: the words by which its row on the page is known; none for a bullet or a heading.
  struct Rule: Equatable {
    let section: String
    let keys: [String]
    let isHeading: Bool
  }

  private(set) var sections: [(title: String, rows: [Row])] = []

  init(_ text: String) {
    for line in text.split(separator: "\n") {
      if line.hasPrefix("## ") {
        sections.append((String(line.dropFirst(3)), []))
      } else if let cells = Self.cells(line), cells.count >= 2, cells[0] != "rule", !sections.isEmpty {
        let tests = Self.spans(cells[1]).filter { $0.contains(".swift: ") }
        sections[sections.count - 1].rows.append(Row(rule: cells[0], tests: tests))
      }
    }
  }

  /// What the page says of tests that is not so.
  func problems(text: (String) -> String?) -> [String] {
    sections.flatMap { section in
      section.rows.flatMap { row -> [String] in
        if row.tests.isEmpty { return ["\(section.title): `\(row.rule)` names no test"] }
        return row.tests.filter { !Self.exists($0, text) }.map {
          "\(section.title): there is no test `\($0)`"
        }
      }
    }
  }

  private static func exists(_ test: String, _ text: (String) -> String?) -> Bool {
    guard let colon = test.firstRange(of: ": ") else { return false }
    guard let source = text("Tests/\(test[..<colon.lowerBound])"), source.contains("@Test") else {
      return false
    }
    return source.contains("func \(test[colon.upperBound...])(")
  }

  /// Rules of the contract that have no row.
  func missing(of rules: [Rule]) -> [String] {
    var problems: [String] = []
    for title in rules.filter(\.isHeading).map(\.section) {
      guard let rows = sections.first(where: { $0.title == title })?.rows else {
        problems.append("\(title): no such heading")
        continue
      }
      let wanted = rules.filter { $0.section == title && !$0.isHeading }
      for key in wanted.flatMap(\.keys)
      where !rows.contains(where: { key.hasPrefix("`") ? $0.rule.contains(key) : $0.rule.hasPrefix(key) }) {
        problems.append("\(title): no row for `\(key)`")
      }
      if rows.count < wanted.count {
        problems.append("\(title): fewer rows (\(rows.count)) than the contract has rules (\(wanted.count))")
      }
    }
    return problems
  }

  /// Every heading, table row and bullet. A row is known by the code words of its first cell, or its first word.
  static func rules(of contract: String) -> [Rule] {
    var section = ""
    var rules: [Rule] = []
    var isHead = true
    for line in contract.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("## ") {
        section = String(line.dropFirst(3))
        rules.append(Rule(section: section, keys: [], isHeading: true))
      } else if line.hasPrefix("- ") {
        rules.append(Rule(section: section, keys: [], isHeading: false))
      } else if let cells = cells(line), let first = cells.first {
        if !isHead { rules.append(Rule(section: section, keys: keys(first), isHeading: false)) }
        isHead = false
        continue
      } else if line.hasPrefix("| ---") || line.hasPrefix("|---") {
        continue
      }
      isHead = true
    }
    return rules
  }

  private static func keys(_ cell: String) -> [String] {
    let spans = spans(cell).map { "`" + ($0.split(separator: " ").first.map(String.init) ?? $0) }
    if !spans.isEmpty { return spans }
    return [cell.split(whereSeparator: { ", ".contains($0) }).first.map(String.init) ?? cell]
  }

  /// The cells of a table's row, or nil for any other line and for the rule under a head.
  private static func cells(_ line: some StringProtocol) -> [String]? {
    guard line.hasPrefix("|"), !line.hasPrefix("| ---"), !line.hasPrefix("|---") else { return nil }
    var cells = [""]
    var isEscaped = false
    for character in line.dropFirst() {
      if character == "|", !isEscaped { cells.append("") } else { cells[cells.count - 1].append(character) }
      isEscaped = character == "\\"
    }
    return cells.map { $0.split(separator: " ").joined(separator: " ") }
  }

  /// What stands in backticks.
  private static func spans(_ text: String) -> [String] {
    text.split(separator: "`", omittingEmptySubsequences: false).enumerated()
      .filter { !$0.offset.isMultiple(of: 2) }.map { String($0.element) }
  }
}
