/// Rules over text files of any kind.
enum TextRules {
  /// Links of a Markdown file to files of the project, without their anchors.
  static func localLinks(_ text: String) -> [String] {
    var links: [String] = []
    var rest = prose(text)[...]
    while let start = rest.firstRange(of: "](") {
      rest = rest[start.upperBound...]
      guard let end = rest.firstIndex(of: ")") else { break }
      let target =
        rest[..<end].split(separator: "#", omittingEmptySubsequences: false).first.map(String.init) ?? ""
      if !target.isEmpty, !target.contains("://"), !target.hasPrefix("mailto:") { links.append(target) }
    }
    return links
  }

  /// Markdown without what stands in fences and in code spans.
  private static func prose(_ text: String) -> String {
    var isFenced = false
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      if line.drop(while: { $0 == " " }).hasPrefix("```") {
        isFenced.toggle()
        return ""
      }
      if isFenced { return "" }
      return line.split(separator: "`", omittingEmptySubsequences: false).enumerated()
        .filter { $0.offset.isMultiple(of: 2) }.map { String($0.element) }.joined()
    }.joined(separator: "\n")
  }

  /// Links that lead nowhere.
  static func deadLinks(path: String, text: String, exists: (String) -> Bool) -> [String] {
    let folder = path.split(separator: "/").dropLast().map(String.init)
    return localLinks(text).compactMap { link in
      var parts = folder
      for part in link.split(separator: "/") {
        if part == ".." { _ = parts.popLast() } else if part != "." { parts.append(String(part)) }
      }
      return exists(parts.joined(separator: "/")) ? nil : "\(path): there is no `\(link)`"
    }
  }

  /// Paths whose file name occurs in none of the texts.
  static func unnamed(_ paths: [String], in texts: [String]) -> [String] {
    paths.filter { path in
      let name = path.split(separator: "/").last ?? ""
      return !texts.contains { $0.contains(name) }
    }
  }

  /// Absolute paths of the machine that somebody worked on. Spelled in two parts, so as not to find itself.
  static func machinePaths(path: String, text: String) -> [String] {
    let roots = ["work", "root"].map { "/" + $0 + "/" }
    return text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap { at, line in
      for root in roots {
        var rest = line[...]
        while let found = rest.firstRange(of: root) {
          let before = found.lowerBound == line.startIndex ? " " : line[line.index(before: found.lowerBound)]
          // Within a longer path (`…/package/work/a.txt`) it is an ordinary folder.
          if !before.isLetter, !before.isNumber, !")}>*._-~…".contains(before) {
            return "\(path):\(at + 1): names `\(root)` of somebody's machine"
          }
          rest = rest[found.upperBound...]
        }
      }
      return nil
    }
  }
}
