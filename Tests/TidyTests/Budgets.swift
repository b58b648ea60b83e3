/// How long files and functions may be. A function is counted from the line of its name to that of its last brace.
enum Budgets {
  static let fileLines = 350
  static let functionLines = 70

  static func problems(in file: SwiftFile) -> [String] {
    problems(path: file.path, lineCount: file.lineCount)
      + functions(in: file).filter { $0.lines > functionLines }.map {
        "\(file.path):\($0.line): `\($0.name)` is \($0.lines) lines; at most \(functionLines)"
      }
  }

  static func problems(path: String, lineCount: Int) -> [String] {
    lineCount > fileLines ? ["\(path): \(lineCount) lines; at most \(fileLines)"] : []
  }

  struct Function: Equatable {
    let name: String
    let line: Int
    let lines: Int
  }

  /// Every function, initialiser and deinitialiser that has a body, nested ones too.
  static func functions(in file: SwiftFile) -> [Function] {
    let tokens = Self.tokens(file.code)
    return tokens.indices.compactMap { at in
      guard let name = declared(tokens, at) else { return nil }
      guard let open = body(tokens, at), let close = matching(tokens, open, "{", "}") else { return nil }
      return Function(name: name, line: tokens[at].line, lines: tokens[close].line - tokens[at].line + 1)
    }
  }

  private struct Token {
    let text: String
    let line: Int
  }

  /// Words, and every other visible character by itself.
  private static func tokens(_ code: [String]) -> [Token] {
    code.enumerated().flatMap { at, line in
      var found: [Token] = []
      var word = ""
      for character in line + " " {
        if character.isLetter || character.isNumber || character == "_" {
          word.append(character)
          continue
        }
        if !word.isEmpty { found.append(Token(text: word, line: at + 1)) }
        word = ""
        if !character.isWhitespace { found.append(Token(text: String(character), line: at + 1)) }
      }
      return found
    }
  }

  /// The name, if a declaration begins at this token.
  private static func declared(_ tokens: [Token], _ at: Int) -> String? {
    let next = at + 1 < tokens.count ? tokens[at + 1].text : ""
    let isMember = at > 0 && [".", "`"].contains(tokens[at - 1].text)
    switch tokens[at].text {
    case "func" where !isMember: return next
    case "init" where !isMember && ["(", "?", "!", "<"].contains(next): return "init"
    case "deinit" where !isMember && next == "{": return "deinit"
    default: return nil
    }
  }

  /// The brace that opens the body; nil for a requirement of a protocol.
  private static func body(_ tokens: [Token], _ start: Int) -> Int? {
    guard tokens[start].text != "deinit" else { return start + 1 }
    guard let open = tokens[start...].firstIndex(where: { $0.text == "(" }),
      let close = matching(tokens, open, "(", ")")
    else { return nil }
    let ends: Set<String> = [
      "func", "init", "deinit", "var", "let", "case", "static", "class", "mutating", "public", "private",
      "internal",
      "associatedtype", "typealias", "subscript", "}", "@",
    ]
    for at in tokens.indices[(close + 1)...] {
      if tokens[at].text == "{" { return at }
      if ends.contains(tokens[at].text), tokens[at].line > tokens[close].line { return nil }
    }
    return nil
  }

  private static func matching(_ tokens: [Token], _ open: Int, _ opening: String, _ closing: String) -> Int? {
    var depth = 0
    for at in tokens.indices[open...] {
      if tokens[at].text == opening { depth += 1 }
      if tokens[at].text == closing { depth -= 1 }
      if depth == 0 { return at }
    }
    return nil
  }
}
