// A run as one HTML file that needs nothing else: no script, no picture, no font, and a policy in its head that
// lets a browser load none, even if a worker's text should ever become markup. What opens and closes is the
// browser's own `<details>`, so that it works by keyboard and without a program.

import FoundationEssentials
import QueueRunner

extension RunPage {
  /// The page as UTF-8.
  public func html() -> [UInt8] {
    var html = Html()
    html.doctype()
    html.element("html", ["lang": "en"]) { html in
      html.element("head") { Self.head(&$0, "\(name): \(runId)") }
      html.element("body") { body(&$0) }
    }
    html.lineFeed()
    return html.bytes
  }

  private static func head(_ html: inout Html, _ title: String) {
    html.void("meta", ["charset": "utf-8"])
    html.void("meta", ["http-equiv": "Content-Security-Policy", "content": policy])
    html.void("meta", ["name": "referrer", "content": "no-referrer"])
    html.void("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"])
    html.element("title", text: title)
    html.style(PackageResources.report_css)
  }

  /// Nothing but this very style sheet (CSP level 3: its SHA-256 in base64).
  static let policy: String = {
    let digest = Data(Digest.sha256(PackageResources.report_css)).base64EncodedString()
    return "default-src 'none'; style-src 'sha256-\(digest)'; base-uri 'none'; form-action 'none'"
  }()

  private func body(_ html: inout Html) {
    html.element("a", ["class": "skip", "href": "#report"], text: "to the report")
    html.element("header") { header(&$0) }
    html.element("main") { html in
      section(&html, "report", "Report", reportSection)
      section(&html, "claims", "Claims", claimSection)
      section(&html, "timeline", "Timeline", timelineSection)
      section(&html, "usage", "Usage", usageSection)
      section(&html, "workflow", "Workflow", workflowSection)
      section(&html, "approval", "Approval", approvalSection)
    }
  }

  private func section(_ html: inout Html, _ id: String, _ title: String, _ body: (inout Html) -> Void) {
    html.element("section", ["id": id]) { html in
      html.element("h2", text: title)
      body(&html)
      html.lineFeed()
    }
  }

  private func header(_ html: inout Html) {
    html.element("h1") { html in
      html.text(name)
      html.text(" ")
      html.element("span", ["class": "tag \(status.rawValue)"], text: status.rawValue)
    }
    html.element("p", ["class": "soft"]) { html in
      html.element("code", text: runId)
      html.text(" · \(Timestamp.text(createdAtMs)) · \(elapsed) · generation \(generation)")
    }
    if let error { html.element("p", ["class": "failed text"], text: error) }
    html.element("p", text: tally)
    html.element("nav", ["aria-label": "Sections"]) { html in
      for (id, title) in [
        ("report", "Report"), ("claims", "Claims"), ("timeline", "Timeline"), ("usage", "Usage"),
        ("workflow", "Workflow"), ("approval", "Approval"),
      ] {
        html.element("a", ["href": "#\(id)"], text: title)
      }
    }
  }

  private func reportSection(_ html: inout Html) {
    guard let report else {
      return html.element("p", text: "This run has no report: it is \(status.rawValue).")
    }
    JSONHtml.write(reportWithoutClaims ?? report, &html)
    html.element("details") { html in
      html.element("summary", text: "as JSON")
      html.element("pre", text: RunPage.limited(report.prettyText))
    }
  }

  private func usageSection(_ html: inout Html) {
    if usage == [:] { return html.element("p", text: "No result says what it used.") }
    html.element("p", ["class": "soft"], text: "The numbers are the workers' own; flowdex only adds them up.")
    let rows = usageRows
    html.element("div", ["class": "wide"]) { html in
      html.element("table") { html in
        html.element("tr") { html in
          html.element("th", text: "phase")
          for name in rows.names { html.element("th", ["class": "number"], text: name) }
        }
        for row in rows.rows {
          html.element("tr") { html in
            html.element("td", text: row.phase)
            for number in row.numbers { html.element("td", ["class": "number"], text: number) }
          }
        }
      }
    }
  }

  private func workflowSection(_ html: inout Html) {
    html.element("details", ["class": "appendix"]) { html in
      html.element("summary", text: "workflow.ts")
      html.element("pre") { Self.numbered(source, from: 1, &$0) }
    }
    html.element("details", ["class": "appendix"]) { html in
      html.element("summary", text: "input.json")
      html.element("pre", text: inputText)
    }
  }

  private func approvalSection(_ html: inout Html) {
    if approval["sourceIsAsApproved"] == false {
      html.element("p", ["class": "failed"], text: "The workflow above is not the one that was approved.")
    }
    html.element("dl") { html in
      for name in ["approval", "source", "manifest", "input"] {
        html.element("dt", text: name)
        html.element("dd") { $0.element("code", text: "sha256 \(approval[name]?.string ?? "")") }
      }
    }
    JSONHtml.write(approval["manifestValue"]?["permissions"] ?? nil, &html)
    html.element("details", ["class": "appendix"]) { html in
      html.element("summary", text: "the whole manifest")
      html.element("pre", text: (approval["manifestValue"] ?? nil).prettyText)
    }
  }

  /// Lines with their numbers, which a copy of the text leaves out.
  static func numbered(_ text: String, from first: Int, _ html: inout Html) {
    for (at, line) in RunPage.lines(text).enumerated() {
      html.element("span", ["class": "n"], text: "\(first + at)")
      html.text("\(line)\n")
    }
  }
}
