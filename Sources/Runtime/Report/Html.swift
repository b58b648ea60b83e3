// HTML that is well-formed and escaped by construction. Names of elements and attributes are literals of this
// program; whatever else goes in is text and is written as text, so nothing that a worker wrote can become markup.
//
// Rejected: a template library. swift-mustache escapes whole characters, and so passes a quotation mark that a
// combining accent follows, which ends an attribute; it also needs all of Foundation. Stencil escapes nothing
// unless it is told to.

import QueueRunner

/// Writes elements one after the other.
struct Html {
  private(set) var bytes: [UInt8] = []

  /// A page begins with this; without it browsers fall back to the rules of old ones.
  mutating func doctype() { literal("<!doctype html>\n") }

  /// `<tag name="value" …>`, what `body` writes, `</tag>`.
  mutating func element(
    _ tag: StaticString, _ attributes: KeyValuePairs<StaticString, String> = [:],
    _ body: (inout Html) -> Void
  ) {
    open(tag, attributes)
    body(&self)
    literal("</")
    literal(tag)
    literal(">")
  }

  /// An element that holds a text alone.
  mutating func element(
    _ tag: StaticString, _ attributes: KeyValuePairs<StaticString, String> = [:], text: String
  ) {
    element(tag, attributes) { $0.text(text) }
  }

  /// An element without an end, such as `<meta>`.
  mutating func void(_ tag: StaticString, _ attributes: KeyValuePairs<StaticString, String>) {
    open(tag, attributes)
  }

  /// Text. What a browser would not show, or what turns the direction of writing, is written as `\u202e`.
  mutating func text(_ text: String) {
    for scalar in text.unicodeScalars { append(scalar) }
  }

  /// A style sheet of this program, as it is: a browser does not unescape within `<style>`.
  mutating func style(_ sheet: [UInt8]) {
    literal("<style>")
    bytes.append(contentsOf: sheet)
    literal("</style>")
  }

  mutating func lineFeed() { bytes.append(0x0A) }

  private mutating func open(_ tag: StaticString, _ attributes: KeyValuePairs<StaticString, String>) {
    literal("<")
    literal(tag)
    for (name, value) in attributes {
      literal(" ")
      literal(name)
      literal("=\"")
      text(value)
      literal("\"")
    }
    literal(">")
  }

  private mutating func literal(_ text: StaticString) {
    text.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  private mutating func append(_ scalar: Unicode.Scalar) {
    switch scalar {
    case "&": literal("&amp;")
    case "<": literal("&lt;")
    case ">": literal("&gt;")
    case "\"": literal("&quot;")
    case "'": literal("&#39;")
    case "\n", "\t", " "..."~": bytes.append(UInt8(truncatingIfNeeded: scalar.value))
    default:
      if Self.isShown(scalar) {
        bytes.append(contentsOf: UTF8.encode(scalar)!)
      } else {
        for unit in String(scalar).utf16 {
          literal("\\u")
          bytes.append(contentsOf: SourceBytes.hex(UInt32(unit), width: 4).utf8)
        }
      }
    }
  }

  /// Accents and the joiners of scripts stay: in a browser they hide nothing, and many languages need them.
  static func isShown(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    case .format: scalar == "\u{200C}" || scalar == "\u{200D}"
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
      .letterNumber, .otherNumber, .connectorPunctuation, .dashPunctuation, .openPunctuation,
      .closePunctuation, .initialPunctuation, .finalPunctuation, .otherPunctuation, .mathSymbol,
      .currencySymbol, .modifierSymbol, .otherSymbol, .nonspacingMark, .spacingMark, .enclosingMark,
      .spaceSeparator:
      true
    @unknown default: false
    }
  }
}
