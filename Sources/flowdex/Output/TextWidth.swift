// How many columns of a terminal a text takes up. Wide are the scripts that UAX #11 calls so, and pictures; marks that
// combine take none. Terminals differ in the rest, so what is unsure counts as wide, and a line ends early at worst.

enum TextWidth {
  static func columns(_ text: some StringProtocol) -> Int {
    text.unicodeScalars.reduce(0) { $0 + columns($1) }
  }

  static func columns(_ scalar: Unicode.Scalar) -> Int {
    if scalar.isASCII { return 1 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: return isWide(scalar.value) ? 2 : 1
    }
  }

  private static func isWide(_ value: UInt32) -> Bool {
    switch value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
      0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F000...0x1FAFF, 0x20000...0x3FFFD:
      true
    default: false
    }
  }

  /// The text on one line of at most so many columns, with `…` where something is missing. What a terminal does not
  /// show, or what turns the direction of writing, is a blank.
  static func cut(_ text: String, _ limit: Int) -> String {
    var out = String.UnicodeScalarView()
    var taken = 0
    for scalar in text.unicodeScalars {
      let shown = isShown(scalar) ? scalar : " "
      let width = columns(shown)
      if taken + width > limit {
        while taken > limit - 1, let last = out.popLast() { taken -= columns(last) }
        return String(out) + (limit > 0 ? "…" : "")
      }
      out.append(shown)
      taken += width
    }
    return String(out)
  }

  /// Cut, and filled up with blanks.
  static func pad(_ text: String, _ width: Int) -> String {
    let cut = cut(text, width)
    return cut + String(repeating: " ", count: max(0, width - columns(cut)))
  }

  private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    default: true
    }
  }
}
