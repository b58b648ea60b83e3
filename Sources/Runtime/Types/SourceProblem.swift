// Something that is wrong at a place of a workflow, and the lines that show it to a person.

import QueueRunner

/// A problem with its place.
public struct SourceProblem: Sendable, Equatable {
  /// From 1.
  public let line: Int
  /// From 1, in UTF-16 code units.
  public let column: Int
  /// The checker's, such as `TS2322`; nil for what flowdex itself refuses.
  public let code: String?
  /// One line.
  public let message: String

  /// `{line, column, code, message}`.
  public var json: JSONValue {
    [
      "line": JSONValue(line), "column": JSONValue(column), "code": JSONValue(code),
      "message": .string(message),
    ]
  }

  /// How much of a source line is shown: long ones are cut around the place.
  static let shownColumns = 100

  /// `file:line:column: message`, the source line, and a caret below the place.
  ///
  /// - Parameter isColoured: the place in bold and the caret in red (ECMA-48 SGR), for a terminal.
  public func text(file: String, source: String, isColoured: Bool) -> String {
    func paint(_ text: String, _ code: String) -> String {
      isColoured ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
    let place = paint("\(VisibleText.escape(file)):\(line):\(column):", "1")
    let what = code.map { "\(VisibleText.escape(message)) (\($0))" } ?? VisibleText.escape(message)
    guard let shown = excerpt(source) else { return "\(place) \(what)" }
    return "\(place) \(what)\n  \(shown.line)\n  \(paint(shown.caret, "31"))"
  }

  /// The source line around the place, and blanks up to it with a caret; nil for a line that is not there.
  private func excerpt(_ source: String) -> (line: String, caret: String)? {
    let lines = source.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    guard (1...lines.count).contains(line), column >= 1 else { return nil }
    let text = String(lines[line - 1])
    let units = text.utf16.prefix(column - 1)
    let before = VisibleText.escape(String(units) ?? "").replacing("\\u0009", with: " ")
    let after = VisibleText.escape(String(text.utf16.dropFirst(column - 1)) ?? "").replacing(
      "\\u0009", with: " ")
    let indent = before.prefix { $0 == " " }.count
    let start = max(indent, before.count - Self.shownColumns / 2)
    let head = (start > indent ? "…" : "") + before.dropFirst(start)
    let room = max(10, Self.shownColumns - head.count)
    let tail = after.count > room ? after.prefix(room) + "…" : after[...]
    return (head + tail, String(repeating: " ", count: head.count) + "^")
  }
}
