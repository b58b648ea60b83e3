// A run as Markdown, for a pull request or an issue. Whatever a worker wrote is either in a fence that it cannot
// close or escaped sign by sign, so that it makes no heading, link, picture or element.

import QueueRunner

extension RunPage {
  /// The page in CommonMark with the tables of GitHub's dialect.
  public func markdown() -> String {
    var page = Markdown()
    page.line("# \(Markdown.escaped(name))")
    page.line("`\(runId)` · \(status.rawValue) · \(Timestamp.text(createdAtMs)) · \(elapsed)")
    if let error { page.line("**Failed:** \(Markdown.escaped(error))") }
    if !tally.isEmpty { page.line(tally) }
    report(&page)
    claims(&page)
    tasks(&page)
    usage(&page)
    page.line("## Approval")
    for name in ["approval", "source", "manifest", "input"] {
      page.item("\(name): `sha256 \(approval[name]?.string ?? "")`")
    }
    return page.text
  }

  private func report(_ page: inout Markdown) {
    page.line("## Report")
    guard let report else { return page.line("This run has no report: it is \(status.rawValue).") }
    page.fence(Self.limited((reportWithoutClaims ?? report).prettyText), "json")
  }

  private func claims(_ page: inout Markdown) {
    if claims.isEmpty { return }
    page.line("## Claims")
    for claim in claims {
      page.line("### \(Markdown.escaped(claim.text))")
      let cited = claim.isCited ? "" : ", not cited by the report"
      page.line(
        "**\(claim.standing.rawValue)** \(claim.kind), \(claim.confidence) confidence, `\(claim.id)`\(cited)")
      for piece in claim.evidence {
        page.item("`\(piece.kind)`: \(Markdown.escaped(piece.how))")
        let exhibit = piece.exhibit
        if !exhibit.text.isEmpty {
          page.line(Markdown.escaped(exhibit.title) + ":")
          page.fence(exhibit.text, exhibit.kind == .diff ? "diff" : exhibit.kind == .json ? "json" : "")
        }
        if let note = exhibit.note { page.line(Markdown.escaped(note)) }
      }
    }
  }

  private func tasks(_ page: inout Markdown) {
    if timeline.tracks.isEmpty { return }
    page.line("## Tasks")
    page.table(["task", "state", "time", "summary"]) { row in
      for track in timeline.tracks {
        let task = tasks[track.key]
        let refusals = track.marks.filter { $0.kind == .refused }.count
        let refused = refusals == 0 ? "" : " (refused \(Words.count(refusals, "time")))"
        let text = (task?.summary.flatMap { $0.isEmpty ? nil : $0 } ?? task?.error ?? "") + refused
        row([track.key, state(of: track), durations(track), Self.limited(text, 300)])
      }
    }
  }

  private func usage(_ page: inout Markdown) {
    if usage == [:] { return }
    let rows = usageRows
    page.line("## Usage")
    page.table(["phase"] + rows.names) { row in
      for line in rows.rows { row([line.phase] + line.numbers) }
    }
  }
}

/// Writes blocks with an empty line between them.
struct Markdown {
  private(set) var text = ""

  mutating func line(_ line: String) { text += (text.isEmpty ? "" : "\n") + line + "\n" }

  mutating func item(_ line: String) { text += (text.hasSuffix("\n- ") ? "" : "\n") + "- \(line)\n" }

  /// Text as it is, in a fence that is longer than any run of backticks in it.
  mutating func fence(_ body: String, _ language: String) {
    var longest = 2
    var run = 0
    for byte in body.utf8 {
      run = byte == UInt8(ascii: "`") ? run + 1 : 0
      longest = max(longest, run)
    }
    let fence = String(repeating: "`", count: longest + 1)
    line(
      "\(fence)\(language)\n\(Self.shown(body, keepingLines: true))\(body.hasSuffix("\n") ? "" : "\n")\(fence)"
    )
  }

  mutating func table(_ head: [String], _ rows: ((_ cells: [String]) -> Void) -> Void) {
    var lines = [head, head.map { _ in "---" }].map { "| \($0.joined(separator: " | ")) |" }
    rows { cells in lines.append("| \(cells.map(Self.escaped).joined(separator: " | ")) |") }
    line(lines.joined(separator: "\n"))
  }

  /// Text on one line in which no sign means anything to Markdown or HTML.
  static func escaped(_ text: String) -> String {
    var out = ""
    for scalar in shown(text, keepingLines: false).unicodeScalars {
      switch scalar {
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "&": out += "&amp;"
      case "\\", "`", "*", "_", "{", "}", "[", "]", "(", ")", "#", "!", "|", "~", "@":
        out += "\\"
        out.unicodeScalars.append(scalar)
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }

  private static func shown(_ text: String, keepingLines: Bool) -> String {
    var out = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n" where keepingLines, "\t" where keepingLines: out.append(scalar)
      case "\n", "\t", "\r": out.append(" ")
      default:
        if Html.isShown(scalar) {
          out.append(scalar)
        } else {
          let escape = String(scalar).utf16.map { "\\u" + SourceBytes.hex(UInt32($0), width: 4) }
          out.append(contentsOf: escape.joined().unicodeScalars)
        }
      }
    }
    return String(out)
  }
}
