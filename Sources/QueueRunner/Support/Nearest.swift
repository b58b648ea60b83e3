// "Did you mean": the known word nearest to a mistyped one.

/// Finds near words by the edits between them.
public enum Nearest {
  /// The known word that the fewest edits make of `word`; nil if none is near.
  ///
  /// An edit inserts, drops or changes one character or swaps two neighbours (optimal string alignment). Near is
  /// at most two edits, or a third of the word's length if that is more, and never a wholly different word. Case
  /// counts for nothing. Of two that are as near the first is taken.
  public static func of(_ word: String, in known: [String]) -> String? {
    let letters = Array(word.lowercased().unicodeScalars)
    // What is longer than any key is no mistyped key, and comparing takes time by its length.
    guard (1...200).contains(letters.count) else { return nil }
    let limit = max(2, letters.count / 3)
    var best: (word: String, edits: Int)?
    for candidate in known {
      let other = Array(candidate.lowercased().unicodeScalars)
      guard abs(other.count - letters.count) <= limit else { continue }
      let edits = distance(letters, other)
      if edits <= limit, edits < max(letters.count, other.count), edits < best?.edits ?? .max {
        best = (candidate, edits)
      }
    }
    return best?.word
  }

  private static func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in 0..<a.count {
      var row = [i + 1]
      row.reserveCapacity(b.count + 1)
      for j in 0..<b.count {
        var edits = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { edits = min(edits, beforeLast[j - 1] + 1) }
        row.append(edits)
      }
      beforeLast = last
      last = row
    }
    return last[b.count]
  }
}
