/// Finds the name that somebody meant who wrote another.
enum NearestName {
  /// The known name that is at most a third of its letters away; nil if none is.
  ///
  /// The word comes from outside: a long one is no slip of the pen, and is not compared.
  static func of(_ word: String, in names: [String]) -> String? {
    let letters = lowercased(word)
    guard (1...40).contains(letters.count) else { return nil }
    let near = names.map { (name: $0, far: distance(letters, lowercased($0))) }.min { $0.far < $1.far }
    guard let near, near.far <= max(1, near.name.utf8.count / 3) else { return nil }
    return near.name
  }

  private static func lowercased(_ text: String) -> [UInt8] {
    text.utf8.prefix(41).map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }
  }

  /// How many bytes must be added, dropped, replaced or swapped with their neighbour (optimal string alignment).
  private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var older: [Int] = []
    var previous = Array(0...b.count)
    for (row, left) in a.enumerated() {
      var current = [row + 1]
      for (column, right) in b.enumerated() {
        var best = min(previous[column + 1], current[column]) + 1
        best = min(best, previous[column] + (left == right ? 0 : 1))
        if row > 0, column > 0, left == b[column - 1], a[row - 1] == right {
          best = min(best, older[column - 1] + 1)
        }
        current.append(best)
      }
      older = previous
      previous = current
    }
    return previous[b.count]
  }
}
