// Puts hunks into a file: exactly, or not at all. As with git, a hunk that begins at the first line belongs to
// the beginning of the file, one without context at its end to the end; any other stands where it says (moved as
// the hunk before it was), or else at the one place where its lines occur. There is no fuzz.

/// The lines of a file.
struct PatchLines {
  /// Comparisons of lines that the search for displaced hunks of one file may take.
  private static let limitComparisons = 20_000_000

  private let lines: [ArraySlice<UInt8>]
  private var comparisons = 0

  init(_ bytes: [UInt8]) { lines = Self.split(bytes) }

  /// Lines with their line feeds, but for a last one that has none.
  static func split(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    var lines: [ArraySlice<UInt8>] = []
    var start = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: 10).map { $0 + 1 } ?? bytes.count
      lines.append(bytes[start..<end])
      start = end
    }
    return lines
  }

  /// The content with all hunks applied.
  mutating func apply(_ hunks: [PatchHunk], limitBytes: Int) throws(PatchProblem) -> [UInt8] {
    var out: [UInt8] = []
    var reached = 0
    var displacement = 0
    for hunk in hunks {
      let declared = hunk.old.isEmpty ? hunk.oldStart : hunk.oldStart - 1
      let place = try find(hunk, expected: declared + displacement, from: reached)
      displacement = place - declared
      for line in lines[reached..<place] { out += line }
      for line in hunk.new { out += line }
      reached = place + hunk.old.count
      if let last = hunk.new.last, last.last != 10, reached < lines.count {
        throw PatchProblem(
          "the hunk of line \(hunk.line) ends the file without a line feed, but more lines follow")
      }
      guard out.count <= limitBytes else {
        throw PatchProblem("the result is larger than \(limitBytes) bytes")
      }
    }
    for line in lines[reached...] { out += line }
    return out
  }

  private mutating func find(
    _ hunk: PatchHunk, expected: Int, from reached: Int
  ) throws(PatchProblem) -> Int {
    if hunk.old.isEmpty, !lines.isEmpty {
      throw PatchProblem("the hunk of line \(hunk.line) has no context to place it by")
    }
    let last = lines.count - hunk.old.count
    let isAtStart = hunk.oldStart <= 1
    let isAtEnd = !hunk.hasTrailingContext
    if isAtStart || isAtEnd {
      let place = isAtStart ? 0 : last
      guard place >= reached, place <= last, !isAtEnd || place == last, try matches(hunk, place) else {
        let where_ =
          isAtStart ? isAtEnd ? "are not the whole file" : "are not at its beginning" : "are not at its end"
        throw PatchProblem("the hunk of line \(hunk.line) does not fit: its old lines \(where_)")
      }
      return place
    }
    if expected >= reached, expected <= last, try matches(hunk, expected) { return expected }
    var found: Int?
    for place in stride(from: reached, through: last, by: 1) where try matches(hunk, place) {
      if let found {
        throw PatchProblem(
          "the hunk of line \(hunk.line) is not at line \(hunk.oldStart), and its old lines occur more than once: "
            + "at lines \(found + 1) and \(place + 1)")
      }
      found = place
    }
    guard let found else {
      throw PatchProblem("the hunk of line \(hunk.line) does not fit: its old lines do not occur in the file")
    }
    return found
  }

  private mutating func matches(_ hunk: PatchHunk, _ place: Int) throws(PatchProblem) -> Bool {
    for (at, line) in hunk.old.enumerated() {
      comparisons += 1
      guard comparisons <= Self.limitComparisons + lines.count else {
        throw PatchProblem("the hunk of line \(hunk.line) is too hard to place in so many equal lines")
      }
      guard lines[place + at].count == line.count, lines[place + at].elementsEqual(line) else { return false }
    }
    return true
  }
}
