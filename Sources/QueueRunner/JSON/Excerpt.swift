// Quotes input in messages. What a worker wrote reaches a terminal, a log and another agent's prompt this way,
// so it is cut short and nothing in it can move a cursor, hide text or end the quotation.

/// Safe, short quotations of untrusted text.
public enum Excerpt {
  /// Bytes of the input that one quotation shows at most.
  public static let limitBytes = 32

  /// The first 32 bytes in backticks, escaped, with `…` where more follows.
  public static func quote(_ text: String) -> String {
    "`\(escape(Array(text.utf8.prefix(limitBytes + 4))))`"
  }

  /// The bytes as `quote` shows text; an ill-formed byte appears as `\xNN`.
  public static func quote(_ bytes: some Sequence<UInt8>) -> String {
    "`\(escape(Array(bytes.prefix(limitBytes + 4))))`"
  }

  /// The first 32 bytes, escaped, without backticks: for a place in a pointer.
  public static func plain(_ text: String) -> String {
    escape(Array(text.utf8.prefix(limitBytes + 4)))
  }

  private static func escape(_ bytes: [UInt8]) -> String {
    var out = ""
    var at = 0
    while at < bytes.count {
      let length = UTF8Scan.sequenceLength(bytes, at: at)
      if at + max(length, 1) > limitBytes { return out + "…" }
      if length == 0 {
        out += "\\x" + hex(UInt32(bytes[at]), width: 2)
        at += 1
      } else {
        for scalar in String(decoding: bytes[at..<at + length], as: UTF8.self).unicodeScalars {
          append(scalar, to: &out)
        }
        at += length
      }
    }
    return out
  }

  private static func append(_ scalar: Unicode.Scalar, to out: inout String) {
    switch scalar {
    case "\n": out += "\\n"
    case "\r": out += "\\r"
    case "\t": out += "\\t"
    case "`": out += "\\u0060"
    case " "..."~": out.unicodeScalars.append(scalar)
    default:
      if isVisible(scalar) {
        out.unicodeScalars.append(scalar)
      } else if scalar.value > 0xFFFF {
        out += "\\u{" + hex(scalar.value, width: 5) + "}"
      } else {
        out += "\\u" + hex(scalar.value, width: 4)
      }
    }
  }

  /// Letters, digits, punctuation and symbols; not controls, bidirectional marks, joiners or combining marks.
  private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .otherLetter, .decimalNumber, .letterNumber,
      .otherNumber, .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation, .mathSymbol, .currencySymbol, .otherSymbol:
      true
    default: false
    }
  }

  static func hex(_ value: UInt32, width: Int) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }
}
