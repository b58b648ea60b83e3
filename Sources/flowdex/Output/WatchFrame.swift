// A view as lines of text for a terminal of a given size. Pure, so that it can be tested at every size.

import QueueRunner
import Runtime

/// One picture of a run.
struct WatchFrame {
  let view: WatchView
  let recent: [String]
  let nowMs: Int64

  func lines(width: Int, height: Int) -> [String] {
    var lines = [head, ""]
    lines += view.phases.map { bar($0, width: width) }
    lines.append("")
    let room = max(1, height - lines.count - recent.count - 4)
    lines += workers(room)
    if !recent.isEmpty { lines += [""] + recent }
    return lines.prefix(max(1, height - 1)).map { cut($0, width) }
  }

  private var head: String {
    let elapsed = Self.duration(nowMs - view.createdAtMs)
    let operations = "\(view.operations.done)/\(view.operations.total) operations"
    let waiting = view.offered > 0 ? ", \(view.offered) packages in queue/ready" : ""
    let error = view.error.map { ": \($0)" } ?? ""
    return "\(view.name)  \(view.status.rawValue)\(error)  \(elapsed)  \(operations)\(waiting)"
  }

  /// `audit     ████████░░░░  12/20  3 working  1 failed`
  private func bar(_ phase: WatchView.Phase, width: Int) -> String {
    let name = pad(phase.id, 14)
    let cells = max(8, min(40, width - 62))
    let total = max(1, phase.total)
    let done = cells * (phase.done + phase.failed) / total
    let working = min(cells - done, (cells * phase.working + total - 1) / total)
    let drawn =
      String(repeating: "█", count: done) + String(repeating: "▒", count: working)
      + String(repeating: "░", count: cells - done - working)
    var text = "\(name) \(drawn) \(phase.done + phase.failed)/\(phase.total)"
    if phase.working > 0 { text += "  \(phase.working) working" }
    if phase.waiting > 0 { text += "  \(phase.waiting) waiting" }
    if phase.failed > 0 { text += "  \(phase.failed) failed" }
    return text
  }

  private func workers(_ room: Int) -> [String] {
    if view.workers.isEmpty { return ["nobody holds a task"] }
    let shown = view.workers.prefix(view.workers.count > room ? max(1, room - 1) : room)
    var lines = shown.map { worker -> String in
      let left = worker.expiresAtMs.map { "\(Self.duration($0 - nowMs)) left" } ?? ""
      let who = worker.agentRef.map { "  \($0)" } ?? ""
      let refusal = worker.refusal.map { "  refused: \($0)" } ?? ""
      return "  \(pad(worker.childKey, 34)) \(Self.duration(nowMs - worker.sinceMs))  \(left)\(who)\(refusal)"
    }
    if view.workers.count > shown.count { lines.append("  … and \(view.workers.count - shown.count) more") }
    return lines
  }

  /// `1h02m`, `3m07s`, `12s`.
  static func duration(_ ms: Int64) -> String {
    let seconds = max(0, ms / 1000)
    func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
    if seconds >= 3600 { return "\(seconds / 3600)h\(two(seconds / 60 % 60))m" }
    return seconds >= 60 ? "\(seconds / 60)m\(two(seconds % 60))s" : "\(seconds)s"
  }

  private func pad(_ text: String, _ width: Int) -> String {
    text.count >= width ? text : text + String(repeating: " ", count: width - text.count)
  }

  private func cut(_ text: String, _ width: Int) -> String {
    let clean = Console.oneLine(text)
    return clean.count <= width ? clean : String(clean.prefix(max(1, width - 1))) + "…"
  }
}
