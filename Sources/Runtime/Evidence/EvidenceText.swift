import QueueRunner

/// Wording that several checks share. What it quotes came from a workflow or a worker and reaches a terminal:
/// nothing in it may move a cursor, turn the direction of writing or end the quotation.
enum EvidenceText {
  /// Characters that one quotation shows at most: a path fits, an essay does not.
  static let limitCharacters = 200

  static func quote(_ text: String) -> String {
    var out = ""
    var count = 0
    for scalar in text.unicodeScalars {
      if count == limitCharacters { return "`\(out)…`" }
      count += 1
      if isPlain(scalar) {
        out.unicodeScalars.append(scalar)
      } else {
        out += "\\u{\(String(scalar.value, radix: 16))}"
      }
    }
    return "`\(out)`"
  }

  /// A command as one would type it; arguments with spaces, quotes or nothing in them stand in JSON quotes.
  static func argv(_ argv: [String]) -> String {
    let words = argv.map { word in
      let isPlain = !word.isEmpty && !word.utf8.contains { $0 <= 0x20 || $0 == 0x22 || $0 == 0x5C }
      return isPlain ? word : JSONValue.string(word).compactText
    }
    return quote(words.joined(separator: " "))
  }

  static func flowdexError(_ error: any Error) -> FlowdexError {
    error as? FlowdexError ?? .machine("snapshot", "a snapshot cannot be read: \(error)")
  }

  private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return (0x20...0x7E).contains(scalar.value) && scalar != "`" }
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
      .spaceSeparator, .nonspacingMark, .spacingMark, .enclosingMark:
      return false
    default: return true
    }
  }
}
