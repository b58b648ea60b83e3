// Git's base 85: each line begins with a letter that counts its bytes (A to Z for 1 to 26, a to z for 27 to 52),
// then five characters for every four bytes, the highest digit first, the last group filled with zeroes.

/// Binary data in patches.
enum Base85 {
  static let limitLineBytes = 52
  private static let alphabet = Array(
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~".utf8)

  private static let values: [UInt8?] = {
    var values = [UInt8?](repeating: nil, count: 256)
    for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
    return values
  }()

  /// Adds the bytes of one line.
  static func decode(line: ArraySlice<UInt8>, into out: inout [UInt8]) throws(PatchProblem) {
    let length: Int
    switch line.first {
    case .some(let letter) where (65...90).contains(letter): length = Int(letter) - 64
    case .some(let letter) where (97...122).contains(letter): length = Int(letter) - 70
    default: throw PatchProblem("a line of binary data does not begin with its length")
    }
    let digits = line.dropFirst()
    guard digits.count == (length + 3) / 4 * 5 else {
      throw PatchProblem("a line of binary data is not as long as its first letter says")
    }
    var left = length
    var at = digits.startIndex
    while at < digits.endIndex {
      var value: UInt64 = 0
      for character in digits[at..<at + 5] {
        guard let digit = values[Int(character)] else {
          throw PatchProblem("a line of binary data holds a character that is not base 85")
        }
        value = value * 85 + UInt64(digit)
      }
      guard value <= UInt64(UInt32.max) else { throw PatchProblem("a group of binary data is too large") }
      for shift in [24, 16, 8, 0].prefix(left) {
        out.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
      }
      left -= min(4, left)
      at += 5
    }
  }

  /// Adds bytes as lines, each with its line feed.
  static func encode(_ bytes: [UInt8], into out: inout [UInt8]) {
    var start = 0
    while start < bytes.count {
      let end = min(start + limitLineBytes, bytes.count)
      let length = end - start
      out.append(UInt8(length <= 26 ? length + 64 : length + 70))
      for group in stride(from: start, to: end, by: 4) {
        var value: UInt32 = 0
        for at in group..<group + 4 { value = value << 8 | (at < end ? UInt32(bytes[at]) : 0) }
        var digits: [UInt8] = []
        for _ in 0..<5 {
          digits.append(alphabet[Int(value % 85)])
          value /= 85
        }
        out += digits.reversed()
      }
      out.append(UInt8(ascii: "\n"))
      start = end
    }
  }
}
