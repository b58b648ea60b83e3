// A view as lines of text for a terminal of a given size. Pure, so that it can be tested at every size. Each part has
// its place and its height for as long as the run has the same phases, so that nothing jumps while it is watched.

import QueueRunner
import Runtime

/// One picture of a run.
struct WatchFrame {
  /// How a piece of a line looks on a terminal with colour (ECMA-48 SGR).
  enum Style: String {
    case plain = "", bold = "1", dim = "2", good = "32", busy = "34", warn = "33", bad = "31"
  }

  /// Pieces of one line.
  struct Line: Equatable {
    var pieces: [(style: Style, text: String)] = []

    init(_ pieces: (Style, String)...) { self.pieces = pieces }
    var plain: String { pieces.map(\.text).joined() }
    static func == (a: Line, b: Line) -> Bool { a.coloured == b.coloured }
    var coloured: String {
      pieces.map { $0.style == .plain ? $0.text : "\u{1B}[\($0.style.rawValue)m\($0.text)\u{1B}[0m" }.joined()
    }

    /// At most so many columns.
    func cut(_ width: Int) -> Line {
      var left = width
      var line = Line()
      for (style, text) in pieces where left > 0 {
        let cut = TextWidth.cut(text, left)
        left -= TextWidth.columns(cut)
        line.pieces.append((style, cut))
      }
      return line
    }
  }

  let view: WatchView
  let usage: [(name: String, sum: Double)]
  /// The last events in words, oldest first.
  let recent: [String]
  let nowMs: Int64

  /// Narrower terminals are written for as if they had this width, and cut.
  static let leastWidth = 60

  func lines(width: Int, height: Int) -> [Line] {
    let room = max(6, height - 1)
    let layout = Layout(view, recent: recent.count, room: room)
    var lines = head
    lines.append(Line())
    lines += phases(layout.phases, width: max(width, Self.leastWidth))
    lines.append(Line())
    lines += workers(layout.workers)
    if layout.refusals > 0 {
      lines.append(Line((.dim, "last refused")))
      lines += view.refusals.prefix(layout.refusals).map { refusal in
        Line(
          (.dim, "  \(Self.clock(refusal.atMs))  "), (.warn, "\(refusal.childKey)  "), (.plain, refusal.text))
      }
    }
    if layout.recent > 0 {
      lines.append(Line())
      lines += recent.suffix(layout.recent).map { Line((.dim, $0)) }
    }
    return lines.prefix(room).map { $0.cut(width) }
  }

  /// Two lines: how it stands, and what it has cost.
  private var head: [Line] {
    var first = Line((.bold, view.name), (.plain, "  "), (statusStyle, view.status.rawValue))
    if let error = view.error { first.pieces.append((.bad, ": \(error)")) }
    first.pieces.append((.plain, "  \(Self.duration(nowMs - view.createdAtMs))"))
    if let left = remaining { first.pieces.append((.dim, "  about \(Self.duration(left)) left")) }
    var second = "\(view.operations.done)/\(view.operations.total) operations"
    if view.offered > 0 { second += "  \(view.offered) in queue/ready" }
    for (name, sum) in usage { second += "  \(name) \(Self.number(sum))" }
    return [first, Line((.dim, second))]
  }

  private var statusStyle: Style {
    switch view.status {
    case .completed: .good
    case .failed: .bad
    case .paused, .stopped, .needsDispatch: .warn
    case .running: .busy
    }
  }

  private var remaining: Int64? {
    guard view.status.isLive else { return nil }
    let open = view.phases.reduce(0) { $0 + $1.working + $1.waiting }
    return Estimate.remainingMs(ends: view.endsInWindow, windowMs: view.windowMs, open: open)
  }

  // MARK: phases

  private func phases(_ room: Int, width: Int) -> [Line] {
    let hidden = view.phases.count - room
    if hidden <= 0 { return view.phases.map { bar($0, width: width) } }
    // Those that something happens in come first; the order among them stays.
    let busy = view.phases.filter { $0.working > 0 || ($0.total > 0 && $0.waiting > 0) }
    let other = view.phases.filter { phase in !busy.contains { $0.id == phase.id } }
    let shown = (busy + other).prefix(max(0, room - 1))
    return shown.map { bar($0, width: width) } + [
      Line((.dim, "… and \(view.phases.count - shown.count) more phases"))
    ]
  }

  /// `audit     ██████▒▒░░  12/20  2 running  1 refused  5 waiting  1 failed`
  private func bar(_ phase: WatchView.Phase, width: Int) -> Line {
    let cells = max(10, min(40, width - 62))
    let total = max(1, phase.total)
    let done = cells * phase.done / total
    let failed = cells * (phase.done + phase.failed) / total - done
    let working = min(cells - done - failed, (cells * phase.working + total - 1) / total)
    let idle = cells - done - failed - working
    func run(_ sign: String, _ count: Int) -> String { String(repeating: sign, count: count) }
    var line = Line(
      (.plain, TextWidth.pad(phase.id, 12) + " "), (.good, run("█", done)), (.bad, run("▓", failed)),
      (.busy, run("▒", working)), (.dim, run("░", idle)),
      (.plain, " \(phase.done + phase.failed)/\(phase.total)"))
    let running = phase.working - phase.refused
    if running > 0 { line.pieces.append((.busy, "  \(running) running")) }
    if phase.refused > 0 { line.pieces.append((.warn, "  \(phase.refused) refused")) }
    if phase.waiting > 0 { line.pieces.append((.dim, "  \(phase.waiting) waiting")) }
    if phase.failed > 0 { line.pieces.append((.bad, "  \(phase.failed) failed")) }
    return line
  }

  // MARK: workers

  /// A head, and as many rows as have their place, empty ones too.
  private func workers(_ rows: Int) -> [Line] {
    if rows == 0 { return [] }
    let count = view.phases.reduce(0) { $0 + $1.working }
    if count == 0 { return padded([Line((.dim, "nobody holds a task"))], rows + 1) }
    let isWhole = count <= rows
    let shown = view.workers.prefix(isWhole ? rows : rows - 1)
    var lines = [Line((.dim, TextWidth.pad("worked on", 34) + " age      left"))] + shown.map(worker)
    if !isWhole { lines.append(Line((.dim, "  … and \(count - shown.count) more"))) }
    return padded(lines, rows + 1)
  }

  private func padded(_ lines: [Line], _ count: Int) -> [Line] {
    lines + Array(repeating: Line(), count: max(0, count - lines.count))
  }

  private func worker(_ worker: WatchView.Worker) -> Line {
    let left = worker.expiresAtMs.map { $0 - nowMs }
    let leftText = left.map { $0 < 0 ? "late" : Self.duration($0) } ?? ""
    var line = Line(
      (
        .plain,
        "  \(TextWidth.pad(worker.childKey, 32)) \(TextWidth.pad(Self.duration(nowMs - worker.sinceMs), 8)) "
      ),
      (left.map { $0 < 60_000 } ?? false ? .bad : .plain, TextWidth.pad(leftText, 8)))
    if let who = worker.agentRef { line.pieces.append((.dim, " \(who)")) }
    if let refusal = worker.refusal { line.pieces.append((.warn, " refused: \(refusal)")) }
    return line
  }

  // MARK: words

  /// `1h02m`, `3m07s`, `12s`.
  static func duration(_ ms: Int64) -> String {
    let seconds = max(0, ms / 1000)
    func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
    if seconds >= 3600 { return "\(seconds / 3600)h\(two(seconds / 60 % 60))m" }
    return seconds >= 60 ? "\(seconds / 60)m\(two(seconds % 60))s" : "\(seconds)s"
  }

  /// `12,345`; broken numbers with at most two places.
  static func number(_ value: Double) -> String {
    guard abs(value) < 1e15 else { return JSONValue.number(value).compactText }
    let hundredths = Int64((value * 100).rounded())
    var digits = String(abs(hundredths) / 100)
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    let whole = (hundredths < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
    let rest = abs(hundredths) % 100
    return rest == 0 ? whole : "\(whole).\(rest < 10 ? "0" : "")\(rest)"
  }

  private static func clock(_ ms: Int64) -> Substring { Timestamp.text(ms).dropFirst(11).prefix(8) }

  /// How many rows each part has. Phases come first, then two rows of workers at least, then what was refused.
  private struct Layout {
    let phases: Int
    let workers: Int
    let refusals: Int
    let recent: Int

    init(_ view: WatchView, recent: Int, room: Int) {
      // The head, the blanks around the phases, and the head of the workers.
      var left = room - 5
      phases = max(1, min(view.phases.count, left > 8 ? left / 2 : left - 2))
      left -= phases
      refusals = left >= 7 ? min(3, view.refusals.count) : 0
      left -= refusals > 0 ? refusals + 1 : 0
      self.recent = left >= 10 ? min(4, recent) : 0
      left -= self.recent > 0 ? self.recent + 1 : 0
      workers = max(0, min(left, max(2, view.maxConcurrency)))
    }
  }
}
