// Reads a patch line by line. Only the line feed ends a line: a carriage return is content.

/// A place in a patch.
struct PatchCursor {
  static let lineFeed = UInt8(ascii: "\n")

  let bytes: [UInt8]
  private(set) var at = 0
  /// The number of the line that `peek` sees, from 1.
  private(set) var line = 1

  /// The text must end in a line feed, so that a line that was cut is never taken for a whole one.
  init(_ bytes: [UInt8]) throws(PatchProblem) {
    guard bytes.count <= PatchLimits.patchBytes else {
      throw PatchProblem("is \(bytes.count) bytes long; at most \(PatchLimits.patchBytes) are taken")
    }
    guard bytes.contains(where: { $0 != 32 && $0 != 9 && $0 != 10 && $0 != 13 }) else {
      throw PatchProblem("is empty")
    }
    guard bytes.last == Self.lineFeed else {
      throw PatchProblem("does not end in a line feed, so its last line may have been cut off")
    }
    self.bytes = bytes
  }

  var isAtEnd: Bool { at == bytes.count }

  /// The line here without its line feed; nil at the end.
  func peek() -> ArraySlice<UInt8>? {
    isAtEnd ? nil : bytes[at..<lineEnd(from: at)]
  }

  /// The line after the one here.
  func peekSecond() -> ArraySlice<UInt8>? {
    guard !isAtEnd else { return nil }
    let second = lineEnd(from: at) + 1
    return second < bytes.count ? bytes[second..<lineEnd(from: second)] : nil
  }

  /// The line here, and goes on to the next.
  mutating func next() -> ArraySlice<UInt8>? {
    guard let line = peek() else { return nil }
    at = line.endIndex + 1
    self.line += 1
    return line
  }

  /// The bytes of a line that `next` gave, from `start`, with the line feed.
  func withLineFeed(_ line: ArraySlice<UInt8>, from start: Int) -> ArraySlice<UInt8> {
    bytes[min(start, line.endIndex)...line.endIndex]
  }

  private func lineEnd(from start: Int) -> Int {
    // The last byte is a line feed, so there always is one.
    bytes[start...].firstIndex(of: Self.lineFeed) ?? bytes.count - 1
  }
}

extension ArraySlice<UInt8> {
  /// What follows a word that the bytes begin with.
  func after(_ word: StaticString) -> ArraySlice<UInt8>? {
    starts(with: word) ? dropFirst(word.utf8CodeUnitCount) : nil
  }

  func starts(with word: StaticString) -> Bool {
    count >= word.utf8CodeUnitCount
      && prefix(word.utf8CodeUnitCount).elementsEqual(
        UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
  }

  func isExactly(_ word: StaticString) -> Bool { count == word.utf8CodeUnitCount && starts(with: word) }
}
