/// Rules over the tests themselves.
enum TestRules {
  /// The least that a test may be given, in minutes. A limit is there to end a hang. The tests share as many threads as
  /// there are cores, so it also counts while a test waits for its turn behind others: a minute has been too little on a
  /// slow machine for tests that take a second by themselves.
  static let leastMinutes = 15

  static func timeLimits(_ file: SwiftFile) -> [String] {
    file.code.enumerated().flatMap { at, line in
      let words = SwiftFile.words(line)
      return words.indices.compactMap { word -> String? in
        guard words[word] == "timeLimit", word + 2 < words.count, words[word + 1] == "minutes",
          let minutes = Int(words[word + 2]), minutes < leastMinutes
        else { return nil }
        return "\(file.path):\(at + 1): a limit of \(minutes) min; at least \(leastMinutes)"
      }
    }
  }
}
