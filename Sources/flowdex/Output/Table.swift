// Rows as aligned lines, and times in words: for a terminal. Pure.

import QueueRunner

/// Aligned columns.
enum Table {
  /// Every cell but the last of its row padded to its column's width, for which last cells count nothing; lines of
  /// more than `width` columns are cut.
  static func lines(_ rows: [[String]], width: Int) -> [String] {
    let clean = rows.map { $0.map(Console.oneLine) }
    let columns = clean.map(\.count).max() ?? 0
    let widths = (0..<columns).map { at in
      clean.map { at < $0.count - 1 ? TextWidth.columns($0[at]) : 0 }.max() ?? 0
    }
    return clean.map { row in
      let cells = row.enumerated().map { at, cell in
        at == row.count - 1 ? cell : TextWidth.pad(cell, widths[at]) + "  "
      }
      return TextWidth.cut(cells.joined(), width)
    }
  }
}

/// Times as people say them.
enum TimeWords {
  /// `just now`, `3 min ago`, `2 h ago`, `5 days ago`.
  static func ago(ms: Int64) -> String { ms < 5000 ? "just now" : "\(span(ms)) ago" }

  /// What a lease has left: `29 min left`, or `3 min late`.
  static func left(ms: Int64) -> String { ms >= 0 ? "\(span(ms)) left" : "\(span(-ms)) late" }

  /// The largest unit of which there are at least two, rounded down.
  static func span(_ ms: Int64) -> String {
    let seconds = ms / 1000
    if seconds < 120 { return "\(seconds) s" }
    if seconds < 7200 { return "\(seconds / 60) min" }
    if seconds < 172_800 { return "\(seconds / 3600) h" }
    return "\(seconds / 86_400) days"
  }
}
