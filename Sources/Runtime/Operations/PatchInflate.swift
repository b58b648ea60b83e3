// Unpacks zlib streams (RFC 1950 around RFC 1951), which binary patches hold. The size is known beforehand, so
// nothing grows past it. Also packs, without compressing: what flowdex writes is read by git all the same.

/// Reading a stream whose unpacked size is known.
struct Inflate {
  private let input: [UInt8]
  private var at = 0
  private var bits: UInt32 = 0
  private var bitCount: UInt32 = 0
  private var out: [UInt8] = []
  private let size: Int

  private init(_ input: [UInt8], size: Int) {
    self.input = input
    self.size = size
    out.reserveCapacity(size)
  }

  /// The bytes of a zlib stream, exactly `size` of them and nothing after it.
  static func zlib(_ input: [UInt8], size: Int) throws(PatchProblem) -> [UInt8] {
    guard input.count >= 6, input[0] & 15 == 8, input[0] >> 4 <= 7, input[1] & 32 == 0,
      (Int(input[0]) << 8 | Int(input[1])) % 31 == 0
    else { throw damaged }
    var inflate = Inflate(input, size: size)
    inflate.at = 2
    while try !inflate.block() {}
    // Whole bytes that were taken too early do not occur: bits are read one byte at a time.
    guard inflate.at + 4 == input.count, inflate.out.count == size else { throw damaged }
    let sum = input[inflate.at...].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    guard sum == Adler32.of(inflate.out) else { throw damaged }
    return inflate.out
  }

  private static let damaged = PatchProblem("the data of a binary patch is damaged")

  private mutating func take(_ count: UInt32) throws(PatchProblem) -> Int {
    while bitCount < count {
      guard at < input.count else { throw Self.damaged }
      bits |= UInt32(input[at]) << bitCount
      at += 1
      bitCount += 8
    }
    let value = bits & ((1 << count) - 1)
    bits >>= count
    bitCount -= count
    return Int(value)
  }

  /// Reads one block; true if it was the last.
  private mutating func block() throws(PatchProblem) -> Bool {
    let isLast = try take(1) == 1
    switch try take(2) {
    case 0: try stored()
    case 1: try packed(Self.fixedLengths, Self.fixedDistances)
    case 2:
      let (lengths, distances) = try dynamicCodes()
      try packed(lengths, distances)
    default: throw Self.damaged
    }
    return isLast
  }

  private mutating func stored() throws(PatchProblem) {
    (bits, bitCount) = (0, 0)
    guard at + 4 <= input.count else { throw Self.damaged }
    let count = Int(input[at]) | Int(input[at + 1]) << 8
    let check = Int(input[at + 2]) | Int(input[at + 3]) << 8
    at += 4
    guard count ^ check == 0xFFFF, at + count <= input.count, out.count + count <= size else {
      throw Self.damaged
    }
    out += input[at..<at + count]
    at += count
  }

  private mutating func packed(_ lengths: Huffman, _ distances: Huffman) throws(PatchProblem) {
    while true {
      let symbol = try next(lengths)
      if symbol < 256 {
        guard out.count < size else { throw Self.damaged }
        out.append(UInt8(symbol))
      } else if symbol == 256 {
        return
      } else {
        guard symbol - 257 < Self.lengthBases.count else { throw Self.damaged }
        let length = Self.lengthBases[symbol - 257] + (try take(Self.lengthBits[symbol - 257]))
        let code = try next(distances)
        guard code < Self.distanceBases.count else { throw Self.damaged }
        let distance = Self.distanceBases[code] + (try take(Self.distanceBits[code]))
        guard distance <= out.count, out.count + length <= size else { throw Self.damaged }
        for _ in 0..<length { out.append(out[out.count - distance]) }
      }
    }
  }

  private mutating func next(_ code: Huffman) throws(PatchProblem) -> Int {
    // Codes of one length are consecutive numbers, so a code is found by counting up through the lengths.
    var value = 0
    var first = 0
    var index = 0
    for length in 1...15 {
      value |= try take(1)
      let count = code.counts[length]
      if value - first < count { return code.symbols[index + value - first] }
      index += count
      first = (first + count) << 1
      value <<= 1
    }
    throw Self.damaged
  }

  private mutating func dynamicCodes() throws(PatchProblem) -> (Huffman, Huffman) {
    let literalCount = try take(5) + 257
    let distanceCount = try take(5) + 1
    let lengthCount = try take(4) + 4
    guard literalCount <= 286, distanceCount <= 30 else { throw Self.damaged }
    var lengths = [Int](repeating: 0, count: 19)
    for place in Self.lengthOrder.prefix(lengthCount) { lengths[place] = try take(3) }
    guard let code = Huffman(lengths) else { throw Self.damaged }
    var all: [Int] = []
    while all.count < literalCount + distanceCount {
      let symbol = try next(code)
      switch symbol {
      case 0...15: all.append(symbol)
      case 16:
        guard let last = all.last else { throw Self.damaged }
        all += repeatElement(last, count: try take(2) + 3)
      case 17: all += repeatElement(0, count: try take(3) + 3)
      default: all += repeatElement(0, count: try take(7) + 11)
      }
    }
    guard all.count == literalCount + distanceCount, all[256] != 0,
      let literals = Huffman(Array(all[..<literalCount])),
      let distances = Huffman(Array(all[literalCount...]))
    else { throw Self.damaged }
    return (literals, distances)
  }

  private static let lengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
  private static let lengthBases = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
    227,
    258,
  ]
  private static let lengthBits: [UInt32] = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
  ]
  private static let distanceBases = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073,
    4097,
    6145, 8193, 12289, 16385, 24577,
  ]
  private static let distanceBits: [UInt32] = [
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
  ]
  private static let fixedLengths = Huffman(
    (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 }, mayBeIncomplete: true)!
  private static let fixedDistances = Huffman([Int](repeating: 5, count: 30), mayBeIncomplete: true)!
}

/// A canonical code: how many codes each length has, and the symbols in the order of their codes.
private struct Huffman {
  var counts = [Int](repeating: 0, count: 16)
  var symbols: [Int] = []

  /// nil if the lengths are no code; an incomplete one is only taken when it has a single symbol, or none.
  init?(_ lengths: [Int], mayBeIncomplete: Bool = false) {
    for length in lengths { counts[length] += 1 }
    let used = lengths.count - counts[0]
    counts[0] = 0
    var left = 1
    for length in 1...15 {
      left = left << 1 - counts[length]
      if left < 0 { return nil }
    }
    if left > 0, !mayBeIncomplete, used > 1 { return nil }
    for length in 1...15 {
      symbols += lengths.indices.filter { lengths[$0] == length }
    }
  }
}

/// The checksum of RFC 1950.
enum Adler32 {
  static func of(_ bytes: [UInt8]) -> UInt32 {
    var low: UInt32 = 1
    var high: UInt32 = 0
    // 5552 bytes are the most that fit before a sum passes 32 bits.
    for start in stride(from: 0, to: bytes.count, by: 5552) {
      for byte in bytes[start..<min(start + 5552, bytes.count)] {
        low &+= UInt32(byte)
        high &+= low
      }
      low %= 65521
      high %= 65521
    }
    return high << 16 | low
  }
}

/// Writing a stream.
enum ZlibStored {
  /// A zlib stream that holds the bytes as they are.
  static func pack(_ bytes: [UInt8]) -> [UInt8] {
    var out: [UInt8] = [0x78, 0x01]
    var start = 0
    repeat {
      let count = min(bytes.count - start, 0xFFFF)
      let isLast = start + count == bytes.count
      out.append(isLast ? 1 : 0)
      for half in [count, count ^ 0xFFFF] { out += [UInt8(half & 255), UInt8(half >> 8)] }
      out += bytes[start..<start + count]
      start += count
    } while start < bytes.count
    let sum = Adler32.of(bytes)
    for shift: UInt32 in [24, 16, 8, 0] { out.append(UInt8(truncatingIfNeeded: sum >> shift)) }
    return out
  }
}
