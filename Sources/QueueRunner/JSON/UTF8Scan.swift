/// Well-formed UTF-8 as Unicode's table 3-7 has it: no overlong forms, no surrogates, nothing past U+10FFFF.
enum UTF8Scan {
  /// The length of the well-formed sequence that starts at `at`, 1 to 4; 0 if there is none.
  static func sequenceLength(_ bytes: some RandomAccessCollection<UInt8>, at: Int) -> Int {
    bytes.withContiguousStorageIfAvailable { sequenceLength($0, at: at) } ?? 0
  }

  @inline(__always)
  static func sequenceLength(_ bytes: UnsafeBufferPointer<UInt8>, at: Int) -> Int {
    let lead = bytes[at]
    if lead < 0x80 { return 1 }
    let left = bytes.count - at
    guard lead >= 0xC2, lead <= 0xF4, left >= 2 else { return 0 }
    let second = bytes[at + 1]
    if lead < 0xE0 { return isContinuation(second) ? 2 : 0 }
    let range: ClosedRange<UInt8> =
      switch lead {
      case 0xE0: 0xA0...0xBF
      case 0xED: 0x80...0x9F
      case 0xF0: 0x90...0xBF
      case 0xF4: 0x80...0x8F
      default: 0x80...0xBF
      }
    guard range.contains(second), left >= 3, isContinuation(bytes[at + 2]) else { return 0 }
    if lead < 0xF0 { return 3 }
    return left >= 4 && isContinuation(bytes[at + 3]) ? 4 : 0
  }

  @inline(__always)
  private static func isContinuation(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }
}
