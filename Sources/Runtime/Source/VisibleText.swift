// Text for a person who decides by what is seen: nothing in it may move the cursor, hide, or change places.

/// Escapes what a terminal would not show as itself.
enum VisibleText {
  /// The text with controls, bidirectional marks, blanks other than the space, joiners, combining marks and
  /// unassigned characters written as `\u202e`.
  static func escape(_ text: String) -> String {
    var out = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if isVisible(scalar) {
        out.append(scalar)
      } else {
        out.append(contentsOf: escaped(scalar).unicodeScalars)
      }
    }
    return String(out)
  }

  /// As `escape`, with line feeds left: for JSON text, whose own line feeds only lay it out.
  static func escapeKeepingLines(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { escape(String($0)) }.joined(
      separator: "\n")
  }

  /// A name as it is where it can be mistaken for nothing else; otherwise as a JSON string.
  static func name(_ text: String) -> String {
    let isPlain =
      !text.isEmpty && !text.hasPrefix(" ") && !text.hasSuffix(" ")
      && text.unicodeScalars.allSatisfy { isVisible($0) && $0 != "\"" && $0 != "\\" && $0 != "," }
    return isPlain ? text : quoted(text)
  }

  /// The text as a JSON string in which nothing can hide; it reads back as the same text.
  static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\t": out += "\\t"
      case "\r": out += "\\r"
      default: if isVisible(scalar) { out.unicodeScalars.append(scalar) } else { out += escaped(scalar) }
      }
    }
    return out + "\""
  }

  private static func escaped(_ scalar: Unicode.Scalar) -> String {
    String(scalar).utf16.map { "\\u" + SourceBytes.hex(UInt32($0), width: 4) }.joined()
  }

  /// Takes up a place of its own and shows ink, or is the space.
  static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
    if (" "..."~").contains(scalar) { return true }
    // U+2800 is a symbol without ink.
    if scalar.properties.isDefaultIgnorableCodePoint || scalar == "\u{2800}" { return false }
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
      .letterNumber, .otherNumber, .connectorPunctuation, .dashPunctuation, .openPunctuation,
      .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation, .mathSymbol, .currencySymbol,
      .modifierSymbol,
      .otherSymbol:
      return true
    case .nonspacingMark, .spacingMark, .enclosingMark, .spaceSeparator, .lineSeparator, .paragraphSeparator,
      .control, .format, .surrogate, .privateUse, .unassigned:
      return false
    @unknown default: return false
    }
  }
}
