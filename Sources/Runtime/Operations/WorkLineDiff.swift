// Finds a shortest difference of two lists of lines (Myers, "An O(ND) difference algorithm and its variations",
// 1986), within bounds: a difference that is too large is given as one, of everything between the lines that both
// begin with and those that both end with. That is still right, only longer.

/// Lines of the old text that lines of the new one take the place of; either may be none.
struct LineChange: Equatable {
  let old: Range<Int>
  let new: Range<Int>
}

/// Comparing lines.
enum LineDiff {
  /// Lines that differ; the memory for the way back grows with its square.
  static let limitDifferences = 1500
  /// Steps of the search.
  static let limitSteps = 50_000_000

  static func changes(_ old: [ArraySlice<UInt8>], _ new: [ArraySlice<UInt8>]) -> [LineChange] {
    var ids: [LineKey: Int32] = [:]
    func number(_ line: ArraySlice<UInt8>) -> Int32 {
      let next = Int32(truncatingIfNeeded: ids.count)
      return ids[LineKey(line: line), default: next, insert: true]
    }
    let left = old.map(number)
    let right = new.map(number)
    var head = 0
    while head < left.count, head < right.count, left[head] == right[head] { head += 1 }
    var tail = 0
    while tail < left.count - head, tail < right.count - head,
      left[left.count - 1 - tail] == right[right.count - 1 - tail]
    { tail += 1 }
    let a = Array(left[head..<left.count - tail])
    let b = Array(right[head..<right.count - tail])
    if a.isEmpty, b.isEmpty { return [] }
    let whole = [LineChange(old: head..<head + a.count, new: head..<head + b.count)]
    if a.isEmpty || b.isEmpty { return whole }
    guard let matches = MyersSearch(a, b).matches() else { return whole }
    var changes: [LineChange] = []
    var (x, y) = (0, 0)
    for match in matches + [(a.count, b.count)] {
      if match.0 > x || match.1 > y {
        changes.append(LineChange(old: head + x..<head + match.0, new: head + y..<head + match.1))
      }
      (x, y) = (match.0 + 1, match.1 + 1)
    }
    return changes
  }
}

/// A line that hashes by its bytes.
private struct LineKey: Hashable {
  let line: ArraySlice<UInt8>

  static func == (a: LineKey, b: LineKey) -> Bool {
    a.line.count == b.line.count && a.line.elementsEqual(b.line)
  }
  func hash(into hasher: inout Hasher) { line.withUnsafeBytes { hasher.combine(bytes: $0) } }
}

extension Dictionary {
  /// The value of a key, which is stored first where there is none.
  fileprivate subscript(key: Key, default value: Value, insert _: Bool) -> Value {
    mutating get {
      if let found = self[key] { return found }
      self[key] = value
      return value
    }
  }
}

/// The search: for each number of differences, how far each diagonal (x - y) of the grid can be followed.
private struct MyersSearch {
  let a: [Int32]
  let b: [Int32]

  init(_ a: [Int32], _ b: [Int32]) { (self.a, self.b) = (a, b) }

  /// The pairs of equal lines on a shortest way, in order; nil past the bounds.
  func matches() -> [(Int, Int)]? {
    let most = min(a.count + b.count, LineDiff.limitDifferences)
    // Diagonals -most-1 … most+1.
    var furthest = [Int32](repeating: 0, count: 2 * most + 3)
    var trace: [[Int32]] = []
    var steps = 0
    for differences in 0...most {
      // What the way back needs is the state before this round, from diagonal -differences-1 on.
      trace.append(Array(furthest[most - differences...most + differences + 2]))
      for diagonal in stride(from: -differences, through: differences, by: 2) {
        let at = diagonal + most + 1
        let isDown =
          diagonal == -differences || diagonal != differences && furthest[at - 1] < furthest[at + 1]
        var x = Int(isDown ? furthest[at + 1] : furthest[at - 1] + 1)
        var y = x - diagonal
        while x < a.count, y < b.count, x >= 0, y >= 0, a[x] == b[y] {
          (x, y) = (x + 1, y + 1)
          steps += 1
        }
        furthest[at] = Int32(truncatingIfNeeded: x)
        if x >= a.count, y >= b.count { return wayBack(trace) }
      }
      steps += differences
      if steps > LineDiff.limitSteps { return nil }
    }
    return nil
  }

  private func wayBack(_ trace: [[Int32]]) -> [(Int, Int)] {
    var matches: [(Int, Int)] = []
    var (x, y) = (a.count, b.count)
    for differences in trace.indices.reversed() {
      let furthest = trace[differences]
      let diagonal = x - y
      let at = diagonal + differences + 1
      let isDown =
        diagonal == -differences || diagonal != differences && furthest[at - 1] < furthest[at + 1]
      let from = differences == 0 ? 0 : isDown ? diagonal + 1 : diagonal - 1
      let startX = differences == 0 ? 0 : Int(furthest[from + differences + 1])
      let startY = differences == 0 ? 0 : startX - from
      // Equal lines run from where the one step of this round ended.
      let endX = differences == 0 ? 0 : isDown ? startX : startX + 1
      while x > endX {
        (x, y) = (x - 1, y - 1)
        matches.append((x, y))
      }
      (x, y) = (startX, startY)
    }
    return matches.reversed()
  }
}
