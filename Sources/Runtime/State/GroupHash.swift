import QueueRunner

/// What the history keeps of the results that an operation's tasks came to: of an agent the hash of its one result, of
/// a fan-out the SHA-256 of all their hashes, one a line. Computed as they pass.
struct GroupHash {
  private let isOne: Bool
  private var first: String?
  private var stream = Digest.Stream()

  init(isOne: Bool) { self.isOne = isOne }

  mutating func add(_ hash: String) {
    var line = (first == nil ? "" : "\n") + hash
    line.withUTF8 { stream.update(UnsafeRawBufferPointer($0)) }
    if first == nil { first = hash }
  }

  /// Of what was added so far.
  var hex: String { isOne ? first ?? "" : stream.finalHex() }
}
