// The changes of one file: hunks of lines, or a binary patch.

extension PatchParser {
  /// At least one hunk, in the order of the file and without overlap.
  mutating func hunks() throws(PatchProblem) -> [PatchHunk] {
    var hunks: [PatchHunk] = []
    var reached = 0
    while let line = cursor.peek(), line.starts(with: "@@ ") {
      let hunk = try hunk()
      // A hunk without old lines stands after its line, one with old lines at it.
      let first = hunk.old.isEmpty ? hunk.oldStart + 1 : hunk.oldStart
      guard first > reached else {
        throw PatchProblem("the hunk of line \(hunk.line) overlaps the one before it, or comes too late")
      }
      reached = first + hunk.old.count - 1
      hunks.append(hunk)
    }
    guard !hunks.isEmpty else { throw PatchProblem("no hunk after the lines `---` and `+++`") }
    return hunks
  }

  private mutating func hunk() throws(PatchProblem) -> PatchHunk {
    let start = cursor.line
    guard let head = cursor.next(), let ranges = HunkRanges(head) else {
      throw PatchProblem("expected `@@ -l,n +l,n @@` with lines and counts below a thousand million")
    }
    var body = HunkBody()
    while body.oldCount < ranges.oldCount || body.newCount < ranges.newCount {
      guard let line = cursor.next() else {
        throw PatchProblem("the hunk of line \(start) ends before its counts are reached")
      }
      // White space at the end of lines is often lost on the way: an empty line is an empty context line.
      let sign = line.first ?? 32
      let text = cursor.withLineFeed(line, from: line.startIndex + (line.isEmpty ? 0 : 1))
      guard try body.take(sign, text, ranges) else {
        throw PatchProblem(
          "the hunk of line \(start) has fewer lines than its counts say, or more on one side")
      }
    }
    if let line = cursor.peek(), line.starts(with: "\\ ") {
      _ = cursor.next()
      _ = try body.take(UInt8(ascii: "\\"), [], ranges)
    }
    guard body.changes > 0 else { throw PatchProblem("the hunk of line \(start) changes nothing") }
    return PatchHunk(
      line: start, oldStart: ranges.oldStart, old: body.old, new: body.new,
      hasTrailingContext: body.lastSign == 32)
  }

  /// A binary patch, if there is one here.
  mutating func binary() throws(PatchProblem) -> PatchFile.Change {
    guard let line = cursor.peek() else { return .none }
    if line.starts(with: "Binary files ") {
      throw PatchProblem("a binary file whose content is left out; write the patch with `git diff --binary`")
    }
    guard line.isExactly("GIT binary patch") else { return .none }
    _ = cursor.next()
    guard let forward = try binaryHalf(isUsed: true) else {
      throw PatchProblem("expected `literal` or `delta` after `GIT binary patch`")
    }
    // The way back, which only undoing needs.
    _ = try binaryHalf(isUsed: false)
    return .binary(forward)
  }

  private mutating func binaryHalf(isUsed: Bool) throws(PatchProblem) -> PatchBinary? {
    guard let line = cursor.peek() else { return nil }
    let literal = line.after("literal ")
    guard let sizeText = literal ?? line.after("delta ") else { return nil }
    _ = cursor.next()
    guard let size = HunkRanges.number(sizeText), size <= budgetBytes else {
      throw PatchProblem("a binary patch that unpacks to more than \(PatchLimits.bytes) bytes")
    }
    if isUsed { budgetBytes -= size }
    var packed: [UInt8] = []
    while let data = cursor.next(), !data.isEmpty {
      if isUsed { try Base85.decode(line: data, into: &packed) }
      if cursor.isAtEnd { throw PatchProblem("a binary patch without the empty line at its end") }
    }
    guard isUsed else { return .literal([]) }
    let bytes = try Inflate.zlib(packed, size: size)
    return literal != nil ? .literal(bytes) : .delta(bytes)
  }
}

/// The line that opens a hunk.
struct HunkRanges {
  let oldStart: Int
  let oldCount: Int
  let newCount: Int

  init?(_ line: ArraySlice<UInt8>) {
    guard let rest = line.after("@@ -") else { return nil }
    let parts = rest.split(separator: 32, maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, parts[1].first == 43, parts[2].isExactly("@@") || parts[2].starts(with: "@@ "),
      let old = Self.range(parts[0]), let new = Self.range(parts[1].dropFirst())
    else { return nil }
    // Only an empty side may begin at line 0.
    guard old.start > 0 || old.count == 0, new.start > 0 || new.count == 0 else { return nil }
    (oldStart, oldCount, newCount) = (old.start, old.count, new.count)
  }

  private static func range(_ text: ArraySlice<UInt8>) -> (start: Int, count: Int)? {
    let parts = text.split(separator: 44, omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let start = number(parts[0]) else { return nil }
    if parts.count == 1 { return (start, 1) }
    return number(parts[1]).map { (start, $0) }
  }

  /// One to nine digits.
  static func number(_ text: ArraySlice<UInt8>) -> Int? {
    guard (1...9).contains(text.count), text.allSatisfy({ (48...57).contains($0) }) else { return nil }
    return text.reduce(0) { $0 * 10 + Int($1) - 48 }
  }
}

/// The lines of a hunk as they come in.
private struct HunkBody {
  var old: [ArraySlice<UInt8>] = []
  var new: [ArraySlice<UInt8>] = []
  var lastSign: UInt8 = 0
  var changes = 0
  private var isOldClosed = false
  private var isNewClosed = false
  private var isMarked = false

  var oldCount: Int { old.count }
  var newCount: Int { new.count }

  /// False for a line that has no place in the hunk.
  mutating func take(
    _ sign: UInt8, _ text: ArraySlice<UInt8>, _ ranges: HunkRanges
  ) throws(PatchProblem) -> Bool {
    let isOld = sign == 32 || sign == 45
    let isNew = sign == 32 || sign == 43
    if isOld || isNew {
      guard !isOld || old.count < ranges.oldCount, !isNew || new.count < ranges.newCount else { return false }
      guard !(isOld && isOldClosed), !(isNew && isNewClosed) else {
        throw PatchProblem("a line follows one that has no line feed at the end of the file")
      }
      if isOld { old.append(text) }
      if isNew { new.append(text) }
      if sign != 32 { changes += 1 }
      lastSign = sign
      isMarked = false
      return true
    }
    guard sign == UInt8(ascii: "\\"), !isMarked, lastSign != 0 else { return false }
    isMarked = true
    if lastSign != 43, let last = old.popLast() {
      old.append(last.dropLast())
      isOldClosed = true
    }
    if lastSign != 45, let last = new.popLast() {
      new.append(last.dropLast())
      isNewClosed = true
    }
    return true
  }
}
