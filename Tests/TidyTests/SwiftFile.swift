/// A Swift file taken apart into what the rules look at: code without comments and without what stands in string
/// literals, the literals themselves, and the comments. Positions are kept: every part has the file's lines.
struct SwiftFile {
  /// One string literal; an interpolation in it stands as `\()`, and its inside is code.
  struct Literal: Equatable {
    let line: Int
    let text: String
  }

  let path: String
  let text: String
  /// The lines of the file, from 1 on at index 0, with comments and literals blanked out; quotes stay.
  let code: [String]
  let literals: [Literal]
  let comments: [Literal]

  /// As `wc -l` counts, and one more where the last line has no line feed.
  var lineCount: Int { ProjectTree.lineCount(text) }

  init(path: String, text: String) {
    self.path = path
    self.text = text
    var splitter = Splitter(Array(text.utf8))
    splitter.run()
    code = String(decoding: splitter.code, as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    literals = splitter.literals
    comments = splitter.comments
  }

  /// Line numbers at which a word stands in code.
  func lines(withWord word: String) -> [Int] {
    code.enumerated().compactMap { at, line in Self.words(line).contains(word) ? at + 1 : nil }
  }

  /// Runs of letters, digits and underscores.
  static func words(_ text: String) -> [String] {
    text.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
  }

  private static let importModifiers: Set<String> = [
    "testable", "public", "package", "internal", "private", "fileprivate",
  ]

  /// The modules that the file imports.
  var imports: [(line: Int, module: String)] {
    code.enumerated().compactMap { at, line in
      let words = Self.words(line)
      guard let word = words.firstIndex(of: "import"), word + 1 < words.count,
        words[..<word].allSatisfy(Self.importModifiers.contains)
      else { return nil }
      return (at + 1, words[word + 1])
    }
  }
}

/// The state machine behind `SwiftFile`: knows line and nested block comments, one-line, multi-line and raw
/// strings, and interpolations with strings in them. Regular-expression literals are taken for code.
private struct Splitter {
  private enum Mode {
    /// With the number of open parentheses: an interpolation ends at its own.
    case code(parentheses: Int)
    case literal(Open)
  }

  private struct Open {
    let hashes: Int
    let isMultiline: Bool
    let line: Int
    var text: [UInt8] = []
  }

  private let bytes: [UInt8]
  private var at = 0
  private var line = 1
  private var modes: [Mode] = [.code(parentheses: 0)]
  var code: [UInt8] = []
  var literals: [SwiftFile.Literal] = []
  var comments: [SwiftFile.Literal] = []

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func run() {
    while at < bytes.count {
      switch modes[modes.count - 1] {
      case .code(let parentheses): stepInCode(parentheses)
      case .literal(let open): stepInLiteral(open)
      }
    }
  }

  private func sees(_ text: String, at place: Int) -> Bool {
    bytes[min(place, bytes.count)...].starts(with: text.utf8)
  }

  private mutating func keep() {
    if bytes[at] == UInt8(ascii: "\n") { line += 1 }
    code.append(bytes[at])
    at += 1
  }

  private mutating func blank(_ count: Int = 1) {
    for _ in 0..<count where at < bytes.count {
      let isLineEnd = bytes[at] == UInt8(ascii: "\n")
      if isLineEnd { line += 1 }
      code.append(isLineEnd ? bytes[at] : UInt8(ascii: " "))
      at += 1
    }
  }

  private mutating func stepInCode(_ parentheses: Int) {
    if sees("//", at: at) { return lineComment() }
    if sees("/*", at: at) { return blockComment() }
    var hashes = 0
    while at + hashes < bytes.count, bytes[at + hashes] == UInt8(ascii: "#") { hashes += 1 }
    if sees("\"", at: at + hashes) { return begin(hashes) }
    switch bytes[at] {
    case UInt8(ascii: "("): modes[modes.count - 1] = .code(parentheses: parentheses + 1)
    case UInt8(ascii: ")"):
      if parentheses == 0, modes.count > 1 {
        modes.removeLast()
        return blank()
      }
      modes[modes.count - 1] = .code(parentheses: parentheses - 1)
    default: break
    }
    keep()
  }

  private mutating func begin(_ hashes: Int) {
    let isMultiline = sees("\"\"\"", at: at + hashes)
    modes.append(.literal(Open(hashes: hashes, isMultiline: isMultiline, line: line)))
    blank(hashes)
    for _ in 0..<(isMultiline ? 3 : 1) { keep() }
  }

  private mutating func stepInLiteral(_ open: Open) {
    let marks = String(repeating: "#", count: open.hashes)
    let end = (open.isMultiline ? "\"\"\"" : "\"") + marks
    let isBroken = !open.isMultiline && bytes[at] == UInt8(ascii: "\n")
    if sees(end, at: at) || isBroken {
      modes.removeLast()
      literals.append(SwiftFile.Literal(line: open.line, text: String(decoding: open.text, as: UTF8.self)))
      if isBroken { return }
      for _ in 0..<(open.isMultiline ? 3 : 1) { keep() }
      return blank(open.hashes)
    }
    var open = open
    var count = 1
    if sees("\\\(marks)(", at: at) {
      open.text += Array("\\()".utf8)
      modes[modes.count - 1] = .literal(open)
      modes.append(.code(parentheses: 0))
      return blank(2 + open.hashes)
    }
    if sees("\\\(marks)", at: at) { count = min(2 + open.hashes, bytes.count - at) }
    open.text += bytes[at..<at + count]
    modes[modes.count - 1] = .literal(open)
    blank(count)
  }

  private mutating func lineComment() {
    let start = at
    while at < bytes.count, bytes[at] != UInt8(ascii: "\n") { blank() }
    comments.append(SwiftFile.Literal(line: line, text: String(decoding: bytes[start..<at], as: UTF8.self)))
  }

  private mutating func blockComment() {
    let (start, first) = (at, line)
    var depth = 0
    repeat {
      if sees("/*", at: at) {
        depth += 1
        blank(2)
      } else if sees("*/", at: at) {
        depth -= 1
        blank(2)
      } else {
        blank()
      }
    } while depth > 0 && at < bytes.count
    comments.append(SwiftFile.Literal(line: first, text: String(decoding: bytes[start..<at], as: UTF8.self)))
  }
}
