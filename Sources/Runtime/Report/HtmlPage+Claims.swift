// Claims and the timeline of the HTML page.

import QueueRunner

extension RunPage {
  func claimSection(_ html: inout Html) {
    if claims.isEmpty {
      return html.element("p", text: status.hasEnded ? "This run claims nothing." : claimsComeLater)
    }
    html.element(
      "p", ["class": "soft"],
      text:
        "Verified: flowdex checked the evidence itself. Attested: it shows what an agent said, and no more.")
    for claim in claims { write(claim, &html) }
  }

  private var claimsComeLater: String { "Claims are verified once, when the callback has returned." }

  private func write(_ claim: Item, _ html: inout Html) {
    html.element("article", ["class": "claim", "id": "claim-\(claim.id)"]) { html in
      html.element("h3", ["class": "text"], text: claim.text)
      html.element("p", ["class": "soft"]) { html in
        html.element("span", ["class": "tag \(claim.standing.rawValue)"], text: claim.standing.rawValue)
        let cited = claim.isCited ? "" : " · not cited by the report"
        html.text(" \(claim.kind) · \(claim.confidence) confidence · ")
        html.element("code", text: claim.id)
        html.text(cited)
      }
      if claim.evidence.isEmpty { html.element("p", text: "It has no evidence.") }
      for piece in claim.evidence { write(piece, &html) }
    }
    html.lineFeed()
  }

  private func write(_ piece: Piece, _ html: inout Html) {
    html.element("details") { html in
      html.element("summary") { html in
        html.element("code", text: piece.kind)
        html.text(" ")
        html.element(
          "span", ["class": piece.passed ? "text" : "text unverified"],
          text: piece.exhibit.title.isEmpty ? "evidence" : piece.exhibit.title)
      }
      html.element("p", ["class": "soft text"], text: piece.how)
      write(piece.exhibit, &html)
    }
  }

  private func write(_ exhibit: Exhibit, _ html: inout Html) {
    if !exhibit.text.isEmpty {
      html.element("pre") { html in
        switch exhibit.kind {
        case .diff:
          for line in Self.lines(exhibit.text) {
            html.element("span", ["class": Self.diffClass(line)], text: String(line))
            html.text("\n")
          }
        case .plain, .json:
          guard let first = exhibit.firstLine else { return html.text(exhibit.text) }
          Self.numbered(exhibit.text, from: first, &html)
        }
      }
    }
    if let note = exhibit.note { html.element("p", ["class": "soft text"], text: note) }
  }

  private static func diffClass(_ line: Substring) -> String {
    line.hasPrefix("+") ? "add" : line.hasPrefix("-") ? "del" : line.hasPrefix("@@") ? "soft" : "same"
  }

  // MARK: the timeline

  func timelineSection(_ html: inout Html) {
    if timeline.tracks.isEmpty { return html.element("p", text: "Nothing was handed out and nothing ran.") }
    legend(&html)
    for (id, label) in [
      ("only-all", "all"), ("only-open", "not completed"), ("only-marked", "refused or tried again"),
    ] {
      let checked = id == "only-all"
      if checked {
        html.void("input", ["class": "pick", "type": "radio", "name": "only", "id": id, "checked": ""])
      } else {
        html.void("input", ["class": "pick", "type": "radio", "name": "only", "id": id])
      }
      html.element("label", ["for": id], text: label)
    }
    html.element("div", ["class": "axis"]) { html in
      html.element("span", text: Timestamp.text(timeline.startMs))
      html.element("span", text: Timestamp.text(axisEndMs))
    }
    html.element("div", ["class": "tracks"]) { html in
      for track in timeline.tracks { write(track, &html) }
    }
  }

  private func legend(_ html: inout Html) {
    html.element("div", ["class": "legend"]) { html in
      for (name, text) in [
        ("waiting", "waiting"), ("working", "working"), ("mark-refused", "refused, expired"),
        ("mark-released", "given back, late, anew"), ("mark-kept", "kept"),
      ] {
        html.element("span") { html in
          html.element("svg", ["viewBox": "0 0 10 10", "aria-hidden": "true"]) {
            $0.element("rect", ["class": name, "width": "10", "height": "10"]) { _ in }
          }
          html.text(text)
        }
      }
    }
  }

  private func write(_ track: Timeline.Track, _ html: inout Html) {
    let state = self.state(of: track)
    let marked = track.marks.contains { $0.kind != .kept } ? " is-marked" : ""
    html.element("details", ["class": "track is-\(state)\(marked)"]) { html in
      html.element("summary") { html in
        html.element("span", ["class": "key", "title": track.key], text: track.key)
        bar(track, &html)
        html.element("span", ["class": state], text: state)
      }
      html.element("div", ["class": "body"]) { details(track, &$0) }
    }
    html.lineFeed()
  }

  private func bar(_ track: Timeline.Track, _ html: inout Html) {
    let label = durations(track)
    html.element(
      "svg", ["viewBox": "0 0 1000 14", "preserveAspectRatio": "none", "role": "img", "aria-label": label]
    ) { html in
      for span in track.spans {
        let start = place(span.startMs)
        let width = max(1, place(span.endMs ?? axisEndMs) - start)
        html.element(
          "rect",
          ["class": span.kind.rawValue, "x": "\(start)", "y": "3", "width": "\(width)", "height": "8"]
        ) { _ in }
      }
      for mark in track.marks {
        let at = min(996, place(mark.atMs))
        html.element(
          "rect",
          ["class": "mark-\(mark.kind.rawValue)", "x": "\(at)", "y": "0", "width": "4", "height": "14"]
        ) { _ in }
      }
    }
  }

  /// A moment as thousandths of the line.
  private func place(_ ms: Int64) -> Int {
    let length = max(1, axisEndMs - timeline.startMs)
    return Int(min(1000, max(0, (ms - timeline.startMs) * 1000 / length)))
  }

  private func details(_ track: Timeline.Track, _ html: inout Html) {
    html.element("dl") { html in
      for (name, text) in facts(track) {
        html.element("dt", text: name)
        html.element("dd", ["class": "text"], text: text)
      }
    }
    if track.marks.isEmpty { return }
    html.element("ul") { html in
      for mark in track.marks {
        html.element("li") { html in
          html.element("span", ["class": mark.kind.rawValue], text: mark.kind.rawValue)
          html.text(" after \(Words.duration(mark.atMs - timeline.startMs)): ")
          html.element("span", ["class": "text"], text: mark.text)
        }
      }
    }
  }
}
