// A reader of `.gitignore` files (gitignore(5)): what a project calls generated is left out of snapshots.
//
// Read are the files of the project root and of every folder below it; not `.git/info/exclude`, not the user's
// own excludes and not files above the root. Unlike git, it also leaves out files that are tracked in spite of
// a pattern. Character classes such as `[[:alpha:]]` are not known: a pattern with one is ignored.

/// The patterns of one `.gitignore`.
struct GitIgnore: Sendable {
  /// What one line says.
  struct Rule: Sendable {
    /// Brings back what an earlier rule left out.
    let isNegated: Bool
    let isForFoldersOnly: Bool
    /// Anchored patterns match the path from the file's folder, others the last name only.
    let isAnchored: Bool
    let pattern: GlobPattern
  }

  static let fileName = ".gitignore"
  static let limitBytes = 1 << 20

  /// How many names of a path lead to the folder that holds the file.
  let depth: Int
  let rules: [Rule]

  init(_ bytes: [UInt8], depth: Int) {
    self.depth = depth
    let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
    rules = text.split(separator: UInt8(ascii: "\n")).compactMap(Self.rule)
  }

  /// Whether the innermost file with an opinion leaves the path out; `files` go from the root inwards.
  static func isIgnored(_ path: [ArraySlice<UInt8>], isFolder: Bool, by files: [GitIgnore]) -> Bool {
    for file in files.reversed() {
      let relative = Array(path.dropFirst(file.depth))
      guard let name = relative.last else { continue }
      for rule in file.rules.reversed() where isFolder || !rule.isForFoldersOnly {
        if rule.pattern.matches(rule.isAnchored ? relative : [name]) { return !rule.isNegated }
      }
    }
    return false
  }

  private static func rule(_ line: ArraySlice<UInt8>) -> Rule? {
    var text = line
    if text.last == UInt8(ascii: "\r") { text.removeLast() }
    while text.last == UInt8(ascii: " "), !endsEscaped(text.dropLast()) { text.removeLast() }
    if text.first == UInt8(ascii: "#") { return nil }
    let isNegated = text.first == UInt8(ascii: "!")
    if isNegated { text.removeFirst() }
    let isForFoldersOnly = text.last == UInt8(ascii: "/")
    if isForFoldersOnly { text.removeLast() }
    let isAnchored = text.contains(UInt8(ascii: "/"))
    if text.first == UInt8(ascii: "/") { text.removeFirst() }
    guard let pattern = GlobPattern(gitignore: text) else { return nil }
    return Rule(
      isNegated: isNegated, isForFoldersOnly: isForFoldersOnly, isAnchored: isAnchored, pattern: pattern)
  }

  /// Whether an odd number of backslashes stands at the end.
  private static func endsEscaped(_ text: ArraySlice<UInt8>) -> Bool {
    text.reversed().prefix { $0 == UInt8(ascii: "\\") }.count % 2 == 1
  }
}
