// The names in the headers of a patch, as git writes them: with one folder before them (`a/`, `b/`), in double
// quotes with escapes where they need it, and ended by a tab where a time may follow.

/// Reading names.
enum PatchNames {
  /// What git puts before names: `a`, `b`, or with `diff.mnemonicPrefix` `c`, `i`, `o`, `w`, `1`, `2`.
  private static let prefixes = Set("abciow12".utf8)

  /// A name of a `---` or `+++` line.
  enum Side: Equatable {
    /// `/dev/null`: there is no file on this side.
    case none
    /// - Parameter isEpoch: it carries the time 0, with which diff(1) says that there is none.
    case file(prefix: UInt8, PatchPath, isEpoch: Bool)

    var path: PatchPath? { if case .file(_, let path, _) = self { path } else { nil } }
  }

  static func side(_ text: ArraySlice<UInt8>) throws(PatchProblem) -> Side {
    let name: [UInt8]
    let rest: ArraySlice<UInt8>
    if text.first == quote {
      (name, rest) = try unquote(text)
      guard rest.isEmpty || rest.first == tab else { throw PatchProblem("a quoted name is followed by text") }
    } else {
      let end = text.firstIndex(of: tab) ?? text.endIndex
      (name, rest) = (Array(text[..<end]), text[end...])
    }
    if name.elementsEqual("/dev/null".utf8) { return .none }
    let (prefix, path) = try strip(name)
    let time = rest.dropFirst()
    return .file(
      prefix: prefix, path, isEpoch: time.starts(with: "1970-01-01 ") || time.starts(with: "1969-12-31 "))
  }

  /// A name that stands alone and has nothing before it, as in `rename from`.
  static func bare(_ text: ArraySlice<UInt8>) throws(PatchProblem) -> PatchPath {
    guard text.first == quote else { return PatchPath(text) }
    let (name, rest) = try unquote(text)
    guard rest.isEmpty else { throw PatchProblem("a quoted name is followed by text") }
    return PatchPath(name)
  }

  /// The pairs of names that a `diff --git` line may mean: unquoted names may hold spaces.
  static func pairs(_ text: ArraySlice<UInt8>) throws(PatchProblem) -> [(old: PatchPath, new: PatchPath)] {
    var found: [(old: PatchPath, new: PatchPath)] = []
    var problem: PatchProblem?
    var cuts = 0
    func add(_ old: [UInt8], _ new: [UInt8]) {
      do throws(PatchProblem) {
        let left = try strip(old)
        let right = try strip(new)
        try differ(left.prefix, right.prefix, right.path)
        found.append((left.path, right.path))
      } catch {
        problem = problem ?? error
      }
    }
    if text.first == quote {
      let (old, rest) = try unquote(text)
      guard rest.first == space else { throw PatchProblem("a `diff --git` line has one name") }
      add(old, try bare(rest.dropFirst()).bytes)
    } else {
      for at in text.indices where text[at] == space {
        let right = text[(at + 1)...]
        if right.first == quote {
          add(Array(text[..<at]), try bare(right).bytes)
          break
        }
        // A right name has its slash in second place; anything else is a space within a name.
        guard right.dropFirst().first == slash else { continue }
        cuts += 1
        if cuts > PatchLimits.cuts { throw PatchProblem("a `diff --git` line can be read in too many ways") }
        add(Array(text[..<at]), Array(right))
      }
    }
    if found.isEmpty { throw problem ?? PatchProblem(wanted(Array(text))) }
    return found
  }

  /// Both sides with the same folder before them were written without git's prefixes (`-p0`).
  static func differ(_ old: UInt8, _ new: UInt8, _ path: PatchPath) throws(PatchProblem) {
    guard old != new else { throw PatchProblem(wanted([new, slash] + path.bytes)) }
  }

  private static func strip(_ name: [UInt8]) throws(PatchProblem) -> (prefix: UInt8, path: PatchPath) {
    guard name.count > 2, prefixes.contains(name[0]), name[1] == slash else {
      let path = PatchPath(name)
      if name.first == slash {
        throw PatchProblem("\(path.shown): the path \(path.problem ?? "is absolute")")
      }
      throw PatchProblem(wanted(name))
    }
    return (name[0], PatchPath(name[2...]))
  }

  private static func wanted(_ name: [UInt8]) -> String {
    "expected names as git writes them, `a/…` for the old and `b/…` for the new; found \(PatchPath(name).shown)"
  }

  private static let quote = UInt8(ascii: "\"")
  private static let slash = UInt8(ascii: "/")
  private static let space = UInt8(ascii: " ")
  private static let tab = UInt8(ascii: "\t")

  /// Undoes git's quoting (the escapes of C, bytes in octal).
  private static func unquote(
    _ text: ArraySlice<UInt8>
  ) throws(PatchProblem) -> (name: [UInt8], rest: ArraySlice<UInt8>) {
    var name: [UInt8] = []
    var at = text.startIndex + 1
    while at < text.endIndex {
      let byte = text[at]
      at += 1
      if byte == quote { return (name, text[at...]) }
      guard byte == UInt8(ascii: "\\") else {
        name.append(byte)
        continue
      }
      guard at < text.endIndex else { break }
      if let plain = escapes[text[at]] {
        name.append(plain)
        at += 1
      } else if let octal = octal(text[at...].prefix(3)) {
        name.append(octal)
        at += 3
      } else {
        throw PatchProblem("a quoted name holds an escape that git does not write")
      }
    }
    throw PatchProblem("a quoted name has no end")
  }

  private static let escapes: [UInt8: UInt8] = [
    UInt8(ascii: "a"): 7, UInt8(ascii: "b"): 8, UInt8(ascii: "t"): 9, UInt8(ascii: "n"): 10,
    UInt8(ascii: "v"): 11, UInt8(ascii: "f"): 12, UInt8(ascii: "r"): 13,
    UInt8(ascii: "\""): UInt8(ascii: "\""), UInt8(ascii: "\\"): UInt8(ascii: "\\"),
  ]

  private static func octal(_ digits: ArraySlice<UInt8>) -> UInt8? {
    guard digits.count == 3, digits.allSatisfy({ (48...55).contains($0) }) else { return nil }
    return UInt8(exactly: digits.reduce(0) { $0 * 8 + Int($1) - 48 })
  }
}
