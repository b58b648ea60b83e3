// Finds the hunks of one file in a unified diff, as git and diff(1) write them. A hunk is measured by the counts
// in its header, so a removed line that looks like a header stays part of it. In a shell, for a diff of one hunk:
//
//     printf -- '--- a/f\n+++ b/f\n@@ -1 +1 @@\n-x\n+y\n' > one.diff
//     sed -n '/^@@/,$p' one.diff | sha256sum
//     adcd4d20cd69088fedd021f33d8163a324be3e845c9414bb6288ee557b5b61d0

import QueueRunner

/// Reads unified diffs.
enum DiffHunks {
  /// The SHA-256 of each hunk of a file: the bytes from `@@` through the line feed of the hunk's last line
  /// (`\ No newline at end of file` included), in order.
  ///
  /// - Parameter file: the path before or after, without the `a/` and `b/` that git puts before it.
  static func hashes(in bytes: [UInt8], of file: String) -> [String] {
    hunks(in: bytes, of: file).map { Digest.sha256Hex(Array($0)) }
  }

  /// The bytes that `hashes` hashes.
  static func hunks(in bytes: [UInt8], of file: String) -> [ArraySlice<UInt8>] {
    var hunks: [ArraySlice<UInt8>] = []
    var reader = LineReader(bytes: bytes)
    var names: [[UInt8]] = []
    let wanted = Array(file.utf8)
    while let line = reader.next() {
      if line.starts(with: "--- ".utf8) {
        names = [name(line)]
      } else if line.starts(with: "+++ ".utf8) {
        names.append(name(line))
      } else if line.starts(with: "diff ".utf8) {
        names = []
      } else if let counts = counts(line) {
        let end = reader.endOfHunk(counts.old, counts.new)
        if paths(names).contains(wanted) {
          hunks.append(bytes[line.startIndex..<end])
        }
      }
    }
    return hunks
  }

  /// The path in a `---` or `+++` line: without a time after a tab, and out of git's quotes.
  private static func name(_ line: ArraySlice<UInt8>) -> [UInt8] {
    var text = line.dropFirst(4)
    if text.last == UInt8(ascii: "\n") { text.removeLast() }
    if text.last == UInt8(ascii: "\r") { text.removeLast() }
    if text.first == UInt8(ascii: "\"") { return unquoted(text.dropFirst()) }
    return Array(text.prefix { $0 != UInt8(ascii: "\t") })
  }

  /// The paths of the two names of a file, without `a/` and `b/` where both have them.
  private static func paths(_ names: [[UInt8]]) -> [[UInt8]] {
    let isPrefixed = zip(names, ["a/", "b/"]).allSatisfy { $0 == nothing || $0.starts(with: $1.utf8) }
    return names.filter { $0 != nothing }.map { isPrefixed ? Array($0.dropFirst(2)) : $0 }
  }

  /// What stands for a file that is not there.
  private static let nothing = Array("/dev/null".utf8)

  /// Undoes C quoting: `\"`, `\\`, `\t`, `\n` and their like, and bytes as three octal digits.
  private static func unquoted(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var out: [UInt8] = []
    var rest = text
    while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
      guard byte == UInt8(ascii: "\\"), let escape = rest.popFirst() else {
        out.append(byte)
        continue
      }
      let digits = [escape] + rest.prefix(2)
      if digits.count == 3, digits.allSatisfy({ (0x30...0x37).contains($0) }) {
        rest = rest.dropFirst(2)
        out.append(digits.reduce(0) { $0 &* 8 &+ ($1 - 0x30) })
      } else {
        out.append(plain[escape] ?? escape)
      }
    }
    return out
  }

  private static let plain: [UInt8: UInt8] = [
    UInt8(ascii: "a"): 7, UInt8(ascii: "b"): 8, UInt8(ascii: "t"): 9, UInt8(ascii: "n"): 10,
    UInt8(ascii: "v"): 11, UInt8(ascii: "f"): 12, UInt8(ascii: "r"): 13,
  ]

  /// The numbers of lines in `@@ -1,2 +3,4 @@ …`; a number that is left out is 1.
  private static func counts(_ line: ArraySlice<UInt8>) -> (old: Int, new: Int)? {
    guard line.starts(with: "@@ -".utf8) else { return nil }
    let words = line.split(separator: UInt8(ascii: " "), maxSplits: 4)
    guard words.count >= 4, words[2].first == UInt8(ascii: "+"), words[3].starts(with: "@@".utf8),
      let old = count(words[1].dropFirst()), let new = count(words[2].dropFirst())
    else { return nil }
    return (old, new)
  }

  private static func count(_ range: ArraySlice<UInt8>) -> Int? {
    let parts = range.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    let numbers = parts.map { part in
      part.allSatisfy { (0x30...0x39).contains($0) } ? Int(String(decoding: part, as: UTF8.self)) : nil
    }
    switch numbers.count {
    case 1: return numbers[0].map { _ in 1 }
    case 2: return numbers[0] == nil ? nil : numbers[1]
    default: return nil
    }
  }
}

/// Lines with their line feeds.
private struct LineReader {
  let bytes: [UInt8]
  private var at = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func next() -> ArraySlice<UInt8>? {
    guard at < bytes.count else { return nil }
    let end = bytes[at...].firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? bytes.count
    defer { at = end }
    return bytes[at..<end]
  }

  /// Passes the lines of a hunk and says where it ends: at its counts, or where a line cannot belong to it.
  mutating func endOfHunk(_ old: Int, _ new: Int) -> Int {
    var old = old
    var new = new
    while at < bytes.count {
      switch bytes[at] {
      case UInt8(ascii: "\\"): break
      case _ where old <= 0 && new <= 0: return at
      // An empty line is a context line whose only space some tool has trimmed.
      case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"):
        old -= 1
        new -= 1
      case UInt8(ascii: "-"): old -= 1
      case UInt8(ascii: "+"): new -= 1
      default: return at
      }
      _ = next()
    }
    return at
  }
}
