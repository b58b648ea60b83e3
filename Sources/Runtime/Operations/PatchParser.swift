// Reads a patch: git's format and plain unified diffs, with git's one folder before each name (-p1).
//
// Stricter than git where git drops things without a word: after a file's changes no line may follow that looks
// like a piece of a patch (a hunk whose count is too small leaves such lines behind), a file may be named once,
// counts must be exact, and there is no fuzz. Text around the files (a mail's header, a commit message, git's
// signature) is passed over, as git does.

/// One reading of one patch.
struct PatchParser {
  var cursor: PatchCursor
  /// What binary patches may still unpack to.
  var budgetBytes: Int
  private var files: [PatchFile] = []

  private init(_ bytes: [UInt8], limitBytes: Int) throws(PatchProblem) {
    cursor = try PatchCursor(bytes)
    budgetBytes = limitBytes
  }

  /// The files of a patch, at least one.
  ///
  /// - Parameter limitBytes: what all its binary patches may unpack to.
  /// - Throws: a problem that names the line and the rule.
  static func parse(
    _ bytes: [UInt8], limitBytes: Int = PatchLimits.bytes
  ) throws(PatchProblem) -> [PatchFile] {
    var parser = try PatchParser(bytes, limitBytes: limitBytes)
    do throws(PatchProblem) {
      try parser.run()
    } catch {
      throw PatchProblem("line \(max(1, parser.cursor.line - 1)): \(error.message)")
    }
    guard !parser.files.isEmpty else {
      throw PatchProblem("changes no file: it has no `diff --git` or `---` line")
    }
    return parser.files
  }

  private mutating func run() throws(PatchProblem) {
    // Before the first file, and after a mail's signature, anything may stand.
    var isTalk = true
    while let line = cursor.peek() {
      if line.starts(with: "diff --git ") {
        try add(try gitFile())
        isTalk = false
      } else if line.starts(with: "--- "), let second = cursor.peekSecond(), second.starts(with: "+++ ") {
        try add(try plainFile())
        isTalk = false
      } else if line.isExactly("-- "), let version = cursor.peekSecond()?.first, (48...57).contains(version) {
        _ = cursor.next()
        isTalk = true
      } else {
        _ = cursor.next()
        try passOver(line, isTalk: isTalk)
      }
    }
  }

  private mutating func add(_ file: PatchFile) throws(PatchProblem) {
    files.append(file)
    guard files.count <= PatchLimits.files else {
      throw PatchProblem("names more than \(PatchLimits.files) files")
    }
  }

  private func passOver(_ line: ArraySlice<UInt8>, isTalk: Bool) throws(PatchProblem) {
    let isPiece =
      line.starts(with: "@@ ") || line.starts(with: "+++ ") || line.starts(with: "GIT binary patch")
      || line.starts(with: "literal ") && !isTalk || line.starts(with: "delta ") && !isTalk
    if isPiece { throw PatchProblem("a piece of a patch without the header of a file before it") }
    if line.starts(with: "Binary files ") {
      throw PatchProblem("a binary file whose content is left out; write the patch with `git diff --binary`")
    }
    guard !isTalk, let first = line.first else { return }
    if first == 32 || first == 43 || first == 45 || first == 92 {
      throw PatchProblem("a line of a hunk after the hunk's end: the counts after `@@` do not fit")
    }
    for word: StaticString in [
      "new mode ", "old mode ", "rename ", "copy ", "deleted file ", "new file mode ",
    ]
    where line.starts(with: word) {
      throw PatchProblem("a line of a header after the header's end")
    }
  }

  // MARK: one file

  private mutating func gitFile() throws(PatchProblem) -> PatchFile {
    guard let first = cursor.next() else { throw PatchProblem("expected a header") }
    guard first.count <= PatchLimits.headerBytes else {
      throw PatchProblem("the line of a header is too long")
    }
    let pairs = try PatchNames.pairs(first.dropFirst("diff --git ".utf8.count))
    var header = PatchHeader()
    while let line = cursor.peek() {
      guard line.count <= PatchLimits.headerBytes, try header.take(line) else { break }
      _ = cursor.next()
    }
    var kind = try header.kind()
    let sides = try sides()
    if sides == nil, cursor.peek()?.starts(with: "@@ ") == true {
      throw PatchProblem("a hunk without the lines `---` and `+++` before it")
    }
    if kind == .modify, sides?.old == PatchNames.Side.none { kind = .create }
    if kind == .modify, sides?.new == PatchNames.Side.none {
      // Git would leave an empty file. One patch must not have two meanings.
      throw PatchProblem("a file that becomes `/dev/null` needs the line `deleted file mode`")
    }
    let names = try names(kind, header, sides, pairs)
    let change = sides != nil ? PatchFile.Change.hunks(try hunks()) : try binary()
    if kind == .modify, header.newMode == nil, case .none = change {
      throw PatchProblem("\(names.new.shown): the header is followed by no change")
    }
    return PatchFile(
      kind: kind, source: kind == .create ? nil : names.old, target: kind == .delete ? nil : names.new,
      isExecutable: kind == .create ? header.newFileMode ?? false : header.newMode, change: change,
      sourceId: header.sourceId, isPlain: false)
  }

  /// The old and the new name, on which all lines of the header must agree.
  private func names(
    _ kind: PatchFile.Kind, _ header: PatchHeader, _ sides: Sides?,
    _ pairs: [(old: PatchPath, new: PatchPath)]
  ) throws(PatchProblem) -> (old: PatchPath, new: PatchPath) {
    let old = header.renameFrom ?? header.copyFrom ?? sides?.old.path
    let new = header.renameTo ?? header.copyTo ?? sides?.new.path
    var left = old ?? new
    var right = new ?? old
    if left == nil {
      // Where only the first line tells, both names are the same, so there is one way to cut it.
      left = pairs.first { $0.old == $0.new }?.old
      right = left
    }
    guard let left, let right, pairs.contains(where: { $0.old == left && $0.new == right }) else {
      throw PatchProblem("the lines of a header do not agree on the names, `diff --git` among them")
    }
    if kind != .rename, kind != .copy, left != right {
      throw PatchProblem("\(left.shown) and \(right.shown) are two files, but nothing says rename or copy")
    }
    if let sides {
      let isRight =
        switch kind {
        case .create: sides.old.path == nil && sides.new.path == right
        case .delete: sides.old.path == left && sides.new.path == nil
        case .modify, .rename, .copy: sides.old.path == left && sides.new.path == right
        }
      guard isRight else {
        throw PatchProblem("\(right.shown): the lines `---` and `+++` do not fit the rest of the header")
      }
    }
    return (left, right)
  }

  private mutating func plainFile() throws(PatchProblem) -> PatchFile {
    guard let sides = try sides() else { throw PatchProblem("expected `---` and `+++`") }
    guard let path = sides.new.path ?? sides.old.path else {
      throw PatchProblem("both names are `/dev/null`")
    }
    if let old = sides.old.path, old != path {
      throw PatchProblem("\(old.shown) and \(path.shown) are two files, but nothing says rename or copy")
    }
    let hunks = try hunks()
    var kind = PatchFile.Kind.modify
    if sides.old.isAbsent, hunks.count == 1, hunks[0].old.isEmpty { kind = .create }
    if sides.new.isAbsent, hunks.count == 1, hunks[0].new.isEmpty { kind = .delete }
    if kind == .modify, sides.old == .none || sides.new == .none {
      throw PatchProblem("\(path.shown): a side that is `/dev/null` has lines")
    }
    return PatchFile(
      kind: kind, source: kind == .create ? nil : path, target: kind == .delete ? nil : path,
      isExecutable: kind == .create ? false : nil, change: .hunks(hunks), sourceId: nil, isPlain: true)
  }

  typealias Sides = (old: PatchNames.Side, new: PatchNames.Side)

  /// The lines `---` and `+++`, if they are here.
  private mutating func sides() throws(PatchProblem) -> Sides? {
    guard let first = cursor.peek()?.after("--- ") else { return nil }
    guard let second = cursor.peekSecond()?.after("+++ ") else {
      throw PatchProblem("a line `---` without a line `+++` after it")
    }
    guard max(first.count, second.count) <= PatchLimits.headerBytes else {
      throw PatchProblem("the line of a header is too long")
    }
    _ = cursor.next()
    let old = try PatchNames.side(first)
    _ = cursor.next()
    let new = try PatchNames.side(second)
    if case .file(let left, _, _) = old, case .file(let right, let path, _) = new {
      try PatchNames.differ(left, right, path)
    }
    return (old, new)
  }
}

extension PatchNames.Side {
  /// `/dev/null`, or what diff(1) writes for a file that is not there.
  fileprivate var isAbsent: Bool {
    switch self {
    case .none: true
    case .file(_, _, let isEpoch): isEpoch
    }
  }
}
