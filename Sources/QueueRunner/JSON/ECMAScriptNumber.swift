// Glibc links libm, which `rounded` needs.
import Glibc

/// Numbers as ECMAScript writes them (ECMA-262 `Number::toString`, which RFC 8785 §3.2.2.3 requires).
enum ECMAScriptNumber {
  /// Appends the shortest text that reads back as this double; a number that is not finite becomes `null`.
  static func append(_ number: Double, to out: inout [UInt8]) {
    guard number.isFinite else {
      out += Array("null".utf8)
      return
    }
    // Below 2^53 neighbouring doubles are at most 1 apart, so an integer's own digits are the shortest.
    if number.rounded(.towardZero) == number, abs(number) < 9_007_199_254_740_992 {
      appendInteger(Int64(number), to: &out)
      return
    }
    if number < 0 { out.append(Byte.minus) }
    let (digits, pointAt) = decimal(abs(number))
    layOut(digits, pointAt, to: &out)
  }

  private static func appendInteger(_ value: Int64, to out: inout [UInt8]) {
    if value < 0 { out.append(Byte.minus) }
    var rest = value.magnitude
    let start = out.count
    repeat {
      out.append(Byte.zero + UInt8(rest % 10))
      rest /= 10
    } while rest > 0
    out[start...].reverse()
  }

  /// The shortest digits d1d2…dk without outer zeros and n, such that the value is 0.d1d2…dk × 10^n.
  ///
  /// Swift's description has the same digits (both are the shortest, nearest to the value) in another layout.
  private static func decimal(_ number: Double) -> (digits: [UInt8], pointAt: Int) {
    var digits: [UInt8] = []
    var pointAt: Int?
    var exponent = 0
    let text = Array(number.description.utf8)
    for (at, byte) in text.enumerated() {
      if byte == Byte.dot {
        pointAt = digits.count
      } else if byte == UInt8(ascii: "e") {
        exponent = Int(String(decoding: text[(at + 1)...], as: UTF8.self)) ?? 0
        break
      } else {
        digits.append(byte)
      }
    }
    var place = (pointAt ?? digits.count) + exponent
    let leading = digits.prefix { $0 == Byte.zero }.count
    digits.removeFirst(leading)
    place -= leading
    while digits.last == Byte.zero { digits.removeLast() }
    return (digits, place)
  }

  private static func layOut(_ digits: [UInt8], _ pointAt: Int, to out: inout [UInt8]) {
    let count = digits.count
    switch pointAt {
    case count...21 where count <= 21:
      out += digits
      out += repeatElement(Byte.zero, count: pointAt - count)
    case 1...21:
      out += digits[..<pointAt]
      out.append(Byte.dot)
      out += digits[pointAt...]
    case -5...0:
      out += [Byte.zero, Byte.dot]
      out += repeatElement(Byte.zero, count: -pointAt)
      out += digits
    default:
      out.append(digits[0])
      if count > 1 {
        out.append(Byte.dot)
        out += digits[1...]
      }
      out.append(UInt8(ascii: "e"))
      out.append(pointAt > 0 ? Byte.plus : Byte.minus)
      appendInteger(Int64(abs(pointAt - 1)), to: &out)
    }
  }
}
