import Glibc
import QueueRunner

/// stdout for data, stderr for everything else.
enum Console {
  static let isTerminal = isatty(1) == 1
  static let isInteractive = isatty(0) == 1 && isatty(2) == 1
  /// Colour and live display: only on a terminal that can, and that was not asked to be plain.
  static let isLive =
    isTerminal && getenv("NO_COLOR") == nil && String(cString: getenv("TERM") ?? dumb) != "dumb"
  nonisolated(unsafe) private static let dumb = strdup("dumb")!

  static func out(_ text: String) { put(1, text + "\n") }
  static func error(_ text: String) { put(2, text + "\n") }
  static func raw(_ text: String) { put(1, text) }
  static func prompt(_ text: String) { put(2, text) }

  static func json(_ value: JSONValue) { out(value.prettyText) }

  /// Tab-separated where nobody looks; aligned where somebody does.
  static func table(_ rows: [[String]]) {
    let clean = rows.map { $0.map(oneLine) }
    guard isTerminal, let columns = clean.first?.count else {
      for row in clean { out(row.joined(separator: "\t")) }
      return
    }
    let widths = (0..<columns).map { column in clean.map { $0[column].count }.max() ?? 0 }
    for row in clean {
      var line = ""
      for (column, cell) in row.enumerated() {
        let isLast = column == columns - 1
        line += cell + (isLast ? "" : String(repeating: " ", count: widths[column] - cell.count + 2))
      }
      out(line)
    }
  }

  /// What workers wrote must not move the cursor or break a row.
  static func oneLine(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
  }

  private static func put(_ descriptor: Int32, _ text: String) {
    var text = text
    text.withUTF8 { bytes in
      do {
        try FileSystem.writeAll(descriptor, UnsafeRawBufferPointer(bytes), "output")
      } catch {
        // Whoever read us is gone; a reader that had enough is no error of ours.
        exit(errno == EPIPE ? 0 : 1)
      }
    }
  }
}
