// Compares a worker's copy with the snapshot that it was made from.

import Glibc
import QueueRunner

/// A file that differs.
struct WorkChange {
  let path: PatchPath
  /// nil: it is new.
  let before: WorkFile?
  /// nil: it is gone.
  let after: WorkFile?
}

/// One side of a change.
struct WorkFile: Equatable {
  let bytes: [UInt8]
  /// Of the mode only this counts: 755, else 644.
  let isExecutable: Bool
}

/// One comparison.
struct WorkComparison {
  private static let limitProblems = 20
  private static let chunkBytes = 1 << 16

  private let snapshot: OpenFolder
  private let work: OpenFolder
  private let globs: GlobSet
  private let limits: WorkLimits
  private var entries = 0
  private var bytes = 0
  private(set) var problems: [String] = []
  private var problemCount = 0

  init(snapshot: String, work: String, globs: GlobSet, limits: WorkLimits) throws {
    self.snapshot = try OpenFolder(root: snapshot)
    let entry = try FileSystem.entry(work)
    guard entry?.kind == .directory else {
      throw FlowdexError.failed("work-copy-gone", "the work copy `\(work)` is gone or no longer a folder")
    }
    self.work = try OpenFolder(root: work)
    (self.globs, self.limits) = (globs, limits)
  }

  /// The problems that are shown, and how many are not.
  var shownProblems: [String] {
    let more = problemCount - problems.count
    return more > 0 ? problems + ["and \(more) more"] : problems
  }

  /// What differs, sorted by path. Incomplete once there are problems.
  mutating func changes() throws -> [WorkChange] {
    var left: [PatchPath: FileSystem.Entry] = [:]
    var right: [PatchPath: FileSystem.Entry] = [:]
    try walk(snapshot, [], &left)
    try walk(work, [], &right)
    var changes: [WorkChange] = []
    for path in Set(left.keys).union(right.keys).sorted() {
      guard try differs(path, left[path], right[path]) else { continue }
      if let problem = path.problem(globs) {
        note("\(path.shown) was \(Self.verb(left[path], right[path])), but \(problem)")
        continue
      }
      guard problems.isEmpty else { continue }
      guard changes.count < limits.changedFiles else {
        note("more than \(limits.changedFiles) files were changed")
        break
      }
      guard case .read(let before) = try side(path, left[path], in: snapshot),
        case .read(let after) = try side(path, right[path], in: work)
      else { continue }
      // Another process may have put it back since it was compared: a change that changes nothing cannot be applied.
      if let before, before == after { continue }
      changes.append(WorkChange(path: path, before: before, after: after))
    }
    return changes
  }

  private static func verb(_ before: FileSystem.Entry?, _ after: FileSystem.Entry?) -> String {
    before == nil ? "created" : after == nil ? "deleted" : "changed"
  }

  private mutating func note(_ problem: String) {
    problemCount += 1
    if problems.count < Self.limitProblems { problems.append(problem) }
  }

  // MARK: walking

  private mutating func walk(
    _ folder: OpenFolder, _ above: [UInt8], _ found: inout [PatchPath: FileSystem.Entry]
  ) throws {
    for name in try folder.names() {
      let path = PatchPath(above + (above.isEmpty ? [] : [UInt8(ascii: "/")]) + name)
      entries += 1
      guard entries <= limits.entries else {
        if entries == limits.entries + 1 {
          note("the copy and its snapshot hold more than \(limits.entries) files and folders")
        }
        return
      }
      guard let text = String(validating: name, as: UTF8.self) else {
        note("\(path.shown): the name is not valid UTF-8")
        continue
      }
      guard let entry = try folder.entry(text) else { continue }
      switch entry.kind {
      case .file: found[path] = entry
      case .symlink: note("\(path.shown) is a symbolic link")
      case .other: note("\(path.shown) is not a plain file")
      case .directory:
        guard path.names.count < PatchPath.limitDepth else {
          note("\(path.shown) is more than \(PatchPath.limitDepth) folders deep")
          continue
        }
        do {
          try walk(try folder.folder(text), path.bytes, &found)
        } catch OpenFolder.Refusal.gone {
        } catch OpenFolder.Refusal.unusable(let reason) {
          note("\(path.shown): \(reason)")
        }
      }
    }
  }

  // MARK: reading

  private mutating func differs(
    _ path: PatchPath, _ left: FileSystem.Entry?, _ right: FileSystem.Entry?
  ) throws -> Bool {
    guard let left, let right else { return true }
    if left.size != right.size || left.mode & 0o100 != right.mode & 0o100 { return true }
    do {
      let a = try snapshot.file(path.text)
      defer { close(a.descriptor) }
      let b = try work.file(path.text)
      defer { close(b.descriptor) }
      return try Self.differ(a.descriptor, b.descriptor, path.text)
    } catch is OpenFolder.Refusal {
      // Whatever it has become is told when it is read.
      return true
    }
  }

  private static func differ(_ a: Int32, _ b: Int32, _ shown: String) throws -> Bool {
    try withUnsafeTemporaryAllocation(byteCount: 2 * chunkBytes, alignment: 16) { buffer in
      let left = UnsafeMutableRawBufferPointer(rebasing: buffer[..<chunkBytes])
      let right = UnsafeMutableRawBufferPointer(rebasing: buffer[chunkBytes...])
      while true {
        let leftCount = try fill(left, a, shown)
        let rightCount = try fill(right, b, shown)
        if leftCount != rightCount { return true }
        if leftCount == 0 { return false }
        guard let x = left.baseAddress, let y = right.baseAddress, memcmp(x, y, leftCount) == 0 else {
          return true
        }
      }
    }
  }

  /// Reads until the buffer is full or the file ends.
  private static func fill(_ buffer: UnsafeMutableRawBufferPointer, _ file: Int32, _ shown: String) throws
    -> Int
  {
    var filled = 0
    while filled < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
      let count = FileSystem.retrying { read(file, rest.baseAddress, rest.count) }
      if count < 0 { throw FileSystem.failure("read", shown) }
      if count == 0 { break }
      filled += count
    }
    return filled
  }

  private enum Side {
    case read(WorkFile?)
    /// There is a problem, and it has been noted.
    case problem
  }

  /// A file whole.
  private mutating func side(
    _ path: PatchPath, _ entry: FileSystem.Entry?, in folder: OpenFolder
  ) throws -> Side {
    guard let entry else { return .read(nil) }
    guard entry.size <= Int64(limits.changedBytes - bytes) else {
      note("the changed files hold more than \(limits.changedBytes) bytes")
      return .problem
    }
    do {
      let opened = try folder.file(path.text)
      defer { close(opened.descriptor) }
      let content = try FileSystem.readAll(opened.descriptor, path.text, limitBytes: limits.changedBytes)
      bytes += content.count
      return .read(WorkFile(bytes: content, isExecutable: opened.entry.mode & 0o100 != 0))
    } catch OpenFolder.Refusal.gone {
      note("\(path.shown) changed while the copy was taken")
    } catch OpenFolder.Refusal.unusable(let reason) {
      note("\(path.shown): \(reason)")
    }
    return .problem
  }
}
