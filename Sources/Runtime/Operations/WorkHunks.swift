// The hunks of a unified diff: runs of changed lines with three lines of context, runs close together in one.

/// The difference of two texts, as hunks.
struct WorkHunks {
  private static let context = 3

  private let old: [ArraySlice<UInt8>]
  private let new: [ArraySlice<UInt8>]
  private let changes: [LineChange]

  init(_ old: [UInt8], _ new: [UInt8]) {
    self.old = PatchLines.split(old)
    self.new = PatchLines.split(new)
    changes = LineDiff.changes(self.old, self.new)
  }

  func append(to out: inout [UInt8]) {
    var at = 0
    while at < changes.count {
      var end = at + 1
      while end < changes.count,
        changes[end].old.lowerBound - changes[end - 1].old.upperBound <= 2 * Self.context
      {
        end += 1
      }
      append(changes[at..<end], to: &out)
      at = end
    }
  }

  private func append(_ group: ArraySlice<LineChange>, to out: inout [UInt8]) {
    guard let first = group.first, let last = group.last else { return }
    let lead = min(Self.context, first.old.lowerBound)
    let trail = min(Self.context, old.count - last.old.upperBound)
    let oldRange = first.old.lowerBound - lead..<last.old.upperBound + trail
    let newRange = first.new.lowerBound - lead..<last.new.upperBound + trail
    out += "@@ -\(Self.text(oldRange)) +\(Self.text(newRange)) @@\n".utf8
    var at = oldRange.lowerBound
    for change in group {
      append(" ", old[at..<change.old.lowerBound], to: &out)
      append("-", old[change.old], to: &out)
      append("+", new[change.new], to: &out)
      at = change.old.upperBound
    }
    append(" ", old[at..<oldRange.upperBound], to: &out)
  }

  /// `start,count`, from 1; an empty range names the line before it; a count of 1 is left out.
  private static func text(_ range: Range<Int>) -> String {
    let start = range.isEmpty ? range.lowerBound : range.lowerBound + 1
    return range.count == 1 ? "\(start)" : "\(start),\(range.count)"
  }

  private func append(_ sign: Unicode.Scalar, _ lines: ArraySlice<ArraySlice<UInt8>>, to out: inout [UInt8]) {
    for line in lines {
      out.append(UInt8(ascii: sign))
      out += line
      if line.last != 10 { out += "\n\\ No newline at end of file\n".utf8 }
    }
  }
}
