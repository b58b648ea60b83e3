// The paths of a patch. Compared by their bytes: Swift calls "é" and "e\u{301}" equal, a file system does not.

import QueueRunner

/// Why patches cannot be applied, or a work copy cannot be taken: a person's or a worker's to mend.
struct PatchProblem: Error, Equatable {
  let message: String
  init(_ message: String) { self.message = message }
}

/// A path relative to the project root, as bytes; not yet known to be a good one.
struct PatchPath: Hashable, Comparable, Sendable {
  static let limitBytes = 2000
  static let limitNameBytes = 255
  static let limitDepth = 200

  let bytes: [UInt8]

  init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }
  init(_ text: String) { bytes = Array(text.utf8) }

  static func < (a: PatchPath, b: PatchPath) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }

  /// The path as text; only meant for one without a `problem`.
  var text: String { String(decoding: bytes, as: UTF8.self) }

  var names: [ArraySlice<UInt8>] {
    bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
  }

  /// The folders above, the outermost first.
  var folders: [PatchPath] {
    bytes.indices.filter { bytes[$0] == UInt8(ascii: "/") }.map { PatchPath(bytes[..<$0]) }
  }

  /// The last name and the folder that holds it, which is empty at the root.
  var split: (folder: PatchPath, name: String) {
    guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return (PatchPath(""), text) }
    return (PatchPath(bytes[..<slash]), String(decoding: bytes[(slash + 1)...], as: UTF8.self))
  }

  /// For a message: in backticks, nothing hidden, at most some 200 characters.
  var shown: String {
    var out = ""
    var at = 0
    while at < bytes.count {
      if out.utf8.count > 200 { return "`\(out)…`" }
      let end = min(at + 24, bytes.count)
      // `Excerpt` shows 32 bytes; whole sequences only, so that no character is torn.
      var cut = end
      while cut > at + 1, cut < bytes.count, bytes[cut] & 0xC0 == 0x80 { cut -= 1 }
      out += Excerpt.plain(bytes[at..<cut])
      at = cut
    }
    return "`\(out)`"
  }

  /// The rule that the path breaks, as the end of a sentence; nil for a plain path inside the project.
  var problem: String? {
    if bytes.isEmpty { return "is empty" }
    if bytes[0] == UInt8(ascii: "/") { return "is absolute; paths are relative to the project root" }
    if bytes.count > Self.limitBytes { return "is longer than \(Self.limitBytes) bytes" }
    guard let text = String(validating: bytes, as: UTF8.self) else { return "is not valid UTF-8" }
    if text.unicodeScalars.contains(where: Self.isHidden) {
      return "holds a control, zero-width or other invisible character"
    }
    let names = names
    if names.count > Self.limitDepth { return "is more than \(Self.limitDepth) folders deep" }
    for name in names {
      if name.isEmpty { return "has an empty name in it" }
      if name.elementsEqual([46]) || name.elementsEqual([46, 46]) { return "has `.` or `..` in it" }
      if name.count > Self.limitNameBytes { return "has a name of more than \(Self.limitNameBytes) bytes" }
      // Whatever the case: the project may lie on a disk that ignores it.
      let folded = String(decoding: name, as: UTF8.self).lowercased()
      if folded == ".git" || folded == ProjectLayout.folderName {
        return "lies in `\(folded)`, which nothing may change"
      }
    }
    return nil
  }

  /// The rule that the path breaks, the write globs among them.
  func problem(_ globs: GlobSet) -> String? {
    if let problem { return problem }
    return globs.matches(text) ? nil : "matches no glob of `permissions.write`"
  }

  private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.properties.isDefaultIgnorableCodePoint { return true }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: return true
    default: return false
    }
  }
}

extension Excerpt {
  /// Up to 32 bytes, escaped, without the backticks of `quote`.
  fileprivate static func plain(_ bytes: ArraySlice<UInt8>) -> String {
    String(quote(bytes).dropFirst().dropLast())
  }
}
