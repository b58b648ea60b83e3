/// The members or items of one value that rules have evaluated, by their position.
struct SchemaMarks: Sendable, Equatable {
  private var words: [UInt64] = []

  var isEmpty: Bool { words.isEmpty }

  func contains(_ position: Int) -> Bool {
    let word = position >> 6
    return word < words.count && words[word] >> UInt64(position & 63) & 1 == 1
  }

  mutating func insert(_ position: Int) {
    let word = position >> 6
    if word >= words.count { words += repeatElement(0, count: word + 1 - words.count) }
    words[word] |= 1 << UInt64(position & 63)
  }

  /// Adds the other's; lowers `steps` by the work.
  mutating func formUnion(_ other: SchemaMarks, steps: inout Int) {
    if other.isEmpty { return }
    if isEmpty {
      words = other.words
      return
    }
    steps -= other.words.count / 8
    if other.words.count > words.count { words += repeatElement(0, count: other.words.count - words.count) }
    for at in other.words.indices { words[at] |= other.words[at] }
  }
}
