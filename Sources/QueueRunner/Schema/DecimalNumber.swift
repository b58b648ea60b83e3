/// A double as the shortest decimal that reads back as it: `digits × 10^exponent`, without its sign.
///
/// `multipleOf` asks about the numbers that people wrote: 0.0075 is a multiple of 0.0001, though the doubles
/// nearest to them divide unevenly. On the decimals the answer is exact, without a tolerance.
struct DecimalNumber {
  /// At most 17 digits, without zeros at the end.
  private var digits: UInt64 = 0
  private var exponent = 0

  /// The magnitude of a finite double.
  init(_ number: Double) {
    var afterPoint = 0
    var sawPoint = false
    let text = Array(number.magnitude.description.utf8)
    for (at, byte) in text.enumerated() {
      if byte == UInt8(ascii: ".") {
        sawPoint = true
      } else if byte == UInt8(ascii: "e") {
        exponent = Int(String(decoding: text[(at + 1)...], as: UTF8.self)) ?? 0
        break
      } else {
        digits = digits &* 10 &+ UInt64(byte &- UInt8(ascii: "0"))
        if sawPoint { afterPoint += 1 }
      }
    }
    exponent -= afterPoint
    while digits > 0, digits % 10 == 0 {
      digits /= 10
      exponent += 1
    }
  }

  /// Whether this number is a whole multiple of the divisor, which is not 0.
  func isMultiple(of divisor: DecimalNumber) -> Bool {
    if digits == 0 { return true }
    guard divisor.digits > 0 else { return false }
    let shift = exponent - divisor.exponent
    if shift >= 0 {
      let power = Self.powerOfTen(shift, modulo: divisor.digits)
      return Self.product(digits % divisor.digits, power, modulo: divisor.digits) == 0
    }
    // The digits end in no zero, so a divisor with zeros after its own digits is hit by none but 0.
    return false
  }

  private static func powerOfTen(_ exponent: Int, modulo: UInt64) -> UInt64 {
    var result = 1 % modulo
    var base = 10 % modulo
    var left = exponent
    while left > 0 {
      if left & 1 == 1 { result = product(result, base, modulo: modulo) }
      base = product(base, base, modulo: modulo)
      left >>= 1
    }
    return result
  }

  private static func product(_ a: UInt64, _ b: UInt64, modulo: UInt64) -> UInt64 {
    // Both are below the modulus, so the high half is too and the quotient fits.
    modulo.dividingFullWidth(a.multipliedFullWidth(by: b)).remainder
  }
}
