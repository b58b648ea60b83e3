// Sets of code points: what one place of a pattern accepts.

/// Ranges and general categories together, perhaps turned into their complement.
///
/// Every code point has exactly one general category, so `\P{L}` is the other bits of `\p{L}`.
struct PatternSet: Sendable {
  private(set) var ranges: [ClosedRange<UInt32>] = []
  private(set) var categories: PatternCategories = []
  var isNegated = false
  /// Membership of U+0000 to U+007F, filled by `seal`.
  private var ascii: (UInt64, UInt64) = (0, 0)

  init() {}

  init(_ ranges: [ClosedRange<UInt32>], isNegated: Bool = false) {
    self.ranges = ranges
    self.isNegated = isNegated
  }

  init(_ categories: PatternCategories) { self.categories = categories }

  mutating func insert(_ range: ClosedRange<UInt32>) { ranges.append(range) }

  /// Adds all of another set that is not negated.
  mutating func insert(_ other: PatternSet) {
    categories.formUnion(other.categories)
    ranges += other.ranges
  }

  /// Ready for `contains`: the ranges sorted and joined, the answers for ASCII prepared.
  func sealed() -> PatternSet {
    var set = self
    set.ranges = Self.normal(ranges)
    for code in UInt32(0)..<128 where set.search(code) != isNegated {
      if code < 64 { set.ascii.0 |= 1 << UInt64(code) } else { set.ascii.1 |= 1 << UInt64(code - 64) }
    }
    return set
  }

  /// Whether a sealed set holds the code point.
  @inline(__always)
  func contains(_ code: UInt32) -> Bool {
    if code < 64 { return ascii.0 >> UInt64(code) & 1 == 1 }
    if code < 128 { return ascii.1 >> UInt64(code - 64) & 1 == 1 }
    return search(code) != isNegated
  }

  private func search(_ code: UInt32) -> Bool {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < code { low = middle + 1 } else { high = middle }
    }
    if low < ranges.count, ranges[low].contains(code) { return true }
    guard !categories.isEmpty, let scalar = Unicode.Scalar(code) else { return false }
    return categories.contains(PatternCategories(scalar.properties.generalCategory))
  }

  private static func normal(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
    var joined: [ClosedRange<UInt32>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = joined.last, range.lowerBound <= last.upperBound &+ 1 {
        joined[joined.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
      } else {
        joined.append(range)
      }
    }
    return joined
  }

  private static func complement(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
    var gaps: [ClosedRange<UInt32>] = []
    var next: UInt32 = 0
    for range in normal(ranges) {
      if range.lowerBound > next { gaps.append(next...(range.lowerBound - 1)) }
      next = range.upperBound + 1
    }
    if next <= lastCode { gaps.append(next...lastCode) }
    return gaps
  }

  static let lastCode: UInt32 = 0x10FFFF
  static let any = PatternSet([0...lastCode])
  /// `.`: all but the line terminators of ECMA-262.
  static let dot = PatternSet([0x0A...0x0A, 0x0D...0x0D, 0x2028...0x2029], isNegated: true)
  /// `\d`.
  static let digits = PatternSet([0x30...0x39])
  /// `\w` without the flag `i`.
  static let word = PatternSet([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
  /// `\w` ready for `contains`.
  static let asciiWord = word.sealed()
  /// `\s`: WhiteSpace and LineTerminator of ECMA-262.
  static let space = PatternSet([
    0x09...0x0D, 0x20...0x20, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029, 0x202F...0x202F,
    0x205F...0x205F, 0x3000...0x3000, 0xFEFF...0xFEFF,
  ])

  /// The complement of a set of ranges alone or of categories alone, for `\D`, `\W`, `\S` and `\P`.
  var inverted: PatternSet {
    categories.isEmpty
      ? PatternSet(Self.complement(ranges)) : PatternSet(PatternCategories.all.subtracting(categories))
  }
}
