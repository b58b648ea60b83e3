// The extended header of a `diff --git` section, and what it means.

/// The lines of one header, none of them twice.
struct PatchHeader {
  private(set) var oldMode: Bool?
  private(set) var newMode: Bool?
  private(set) var newFileMode: Bool?
  private(set) var deletedFileMode: Bool?
  private(set) var renameFrom: PatchPath?
  private(set) var renameTo: PatchPath?
  private(set) var copyFrom: PatchPath?
  private(set) var copyTo: PatchPath?
  private(set) var sourceId: String?
  private(set) var hasIndex = false
  private var similarity: Void?
  private var dissimilarity: Void?

  /// Takes a line; false if it belongs to no header.
  mutating func take(_ line: ArraySlice<UInt8>) throws(PatchProblem) -> Bool {
    if let rest = line.after("old mode ") {
      try set(&oldMode, try Self.mode(rest), "old mode")
    } else if let rest = line.after("new mode ") {
      try set(&newMode, try Self.mode(rest), "new mode")
    } else if let rest = line.after("new file mode ") {
      try set(&newFileMode, try Self.mode(rest), "new file mode")
    } else if let rest = line.after("deleted file mode ") {
      try set(&deletedFileMode, try Self.mode(rest), "deleted file mode")
    } else if let rest = line.after("rename from ") {
      try set(&renameFrom, try PatchNames.bare(rest), "rename from")
    } else if let rest = line.after("rename to ") {
      try set(&renameTo, try PatchNames.bare(rest), "rename to")
    } else if let rest = line.after("copy from ") {
      try set(&copyFrom, try PatchNames.bare(rest), "copy from")
    } else if let rest = line.after("copy to ") {
      try set(&copyTo, try PatchNames.bare(rest), "copy to")
    } else if let rest = line.after("index ") {
      try index(rest)
    } else if line.starts(with: "similarity index ") {
      try set(&similarity, (), "similarity index")
    } else if line.starts(with: "dissimilarity index ") {
      try set(&dissimilarity, (), "dissimilarity index")
    } else {
      return false
    }
    return true
  }

  /// What the header says is done to the file.
  func kind() throws(PatchProblem) -> PatchFile.Kind {
    guard (renameFrom == nil) == (renameTo == nil), (copyFrom == nil) == (copyTo == nil) else {
      throw PatchProblem("a rename or a copy needs both `from` and `to`")
    }
    var kinds: [PatchFile.Kind] = []
    if newFileMode != nil { kinds.append(.create) }
    if deletedFileMode != nil { kinds.append(.delete) }
    if renameFrom != nil { kinds.append(.rename) }
    if copyFrom != nil { kinds.append(.copy) }
    guard kinds.count < 2 else {
      throw PatchProblem(
        "a file cannot be created, deleted, renamed or copied at one time: two of these are asked for")
    }
    guard (oldMode == nil) == (newMode == nil) else {
      throw PatchProblem("a mode change needs both `old mode` and `new mode`")
    }
    if let kind = kinds.first, kind == .create || kind == .delete, newMode != nil {
      throw PatchProblem("a file that is created or deleted cannot change its mode")
    }
    return kinds.first ?? .modify
  }

  private func set<Value>(
    _ field: inout Value?, _ value: @autoclosure () throws(PatchProblem) -> Value, _ name: String
  ) throws(PatchProblem) {
    guard field == nil else { throw PatchProblem("a header has two lines `\(name)`") }
    field = try value()
  }

  private mutating func index(_ text: ArraySlice<UInt8>) throws(PatchProblem) {
    guard !hasIndex else { throw PatchProblem("a header has two lines `index`") }
    hasIndex = true
    let parts = text.split(separator: UInt8(ascii: " "), maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count == 2 { _ = try Self.mode(parts[1]) }
    let ids = parts.first ?? []
    guard let dots = ids.indices.first(where: { ids[$0...].starts(with: "..") }) else {
      throw PatchProblem("an `index` line does not name two blobs")
    }
    let isHex = ids.allSatisfy { (48...57).contains($0) || (97...102).contains($0) || $0 == 46 }
    guard isHex else { throw PatchProblem("an `index` line does not name two blobs") }
    if ids[..<dots].count == 40 { sourceId = String(decoding: ids[..<dots], as: UTF8.self) }
  }

  /// True for 755, false for 644; every other mode is refused.
  static func mode(_ text: ArraySlice<UInt8>) throws(PatchProblem) -> Bool {
    if text.isExactly("100644") { return false }
    if text.isExactly("100755") { return true }
    let found = PatchPath(text.prefix(24)).shown
    if text.isExactly("120000") {
      throw PatchProblem("mode \(found) is a symbolic link; only plain files are taken")
    }
    if text.isExactly("160000") {
      throw PatchProblem("mode \(found) is a submodule; only plain files are taken")
    }
    throw PatchProblem("mode \(found) is neither `100644` nor `100755`")
  }
}
