// What a worker's command printed: the envelope in its standard output, where that is where results come from, and
// the end of its standard error, which mostly says what went wrong. Pure.

import QueueRunner

/// Reads the streams of a command that has ended.
enum WorkerOutput {
  /// The envelope in a standard output: all of it, else what stands in its last fence of backticks, else its last
  /// line. nil where none of these is a JSON object with a `status`; whether it is a right one, the intake judges.
  static func envelope(in bytes: [UInt8]) -> [UInt8]? {
    let text = String(decoding: bytes, as: UTF8.self)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let last = lines.last { !$0.allSatisfy(\.isWhitespace) }.map(String.init)
    return [text, fenced(lines), last].compactMap { $0 }.map { trimmed($0) }.first { candidate in
      guard candidate.first == UInt8(ascii: "{"), candidate.count <= ResultFile.limitBytes else {
        return false
      }
      return (try? JSONValue(parsing: candidate))?["status"] != nil
    }
  }

  private static func fenced(_ lines: [Substring]) -> String? {
    func isFence(_ line: Substring) -> Bool { line.drop { $0 == " " }.hasPrefix("```") }
    guard let end = lines.lastIndex(where: isFence), let start = lines[..<end].lastIndex(where: isFence)
    else {
      return nil
    }
    return lines[(start + 1)..<end].joined(separator: "\n")
  }

  private static func trimmed(_ text: String) -> [UInt8] {
    let isSpace: (UInt8) -> Bool = { [9, 10, 13, 32].contains($0) }
    let bytes = Array(text.utf8).drop(while: isSpace)
    return Array(bytes[..<(bytes.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? bytes.startIndex)])
  }

  /// The last bytes of a stream as text, from the beginning of a line where that is possible.
  static func tail(_ bytes: [UInt8], limitBytes: Int = 4096) -> String {
    guard bytes.count > limitBytes else { return String(decoding: bytes, as: UTF8.self) }
    let cut = bytes.suffix(limitBytes)
    let line = cut.firstIndex(of: 10).map { cut[($0 + 1)...] } ?? []
    return String(decoding: line.isEmpty ? cut : line, as: UTF8.self)
  }

  /// The last line that says something, without what would move a cursor, cut to 200 characters.
  static func lastLine(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isNewline).last { !$0.allSatisfy(\.isWhitespace) } ?? ""
    let clean = String.UnicodeScalarView(
      line.unicodeScalars.filter { $0.properties.generalCategory != .control })
    let cut = String(String(clean).drop { $0 == " " }.prefix(200))
    return cut.replacing("`", with: "'")
  }
}
