// Judges what patches really did, not what they said: walks the scratch tree, compares it with the project's
// files as they were, and holds every difference to the rules. What it lets through is the plan of the promotion.

import Glibc
import QueueRunner

/// One file that changes.
struct PatchChange: Equatable, Sendable {
  let path: PatchPath
  /// nil: the file is created.
  let before: PatchFileState?
  /// nil: the file is deleted.
  let after: PatchFileState?
  /// The files that hold the bytes before and after, relative to the operation's folder.
  let beforeAs: String
  let afterAs: String
}

/// Everything that a promotion does.
struct PatchChanges: Equatable, Sendable {
  /// Sorted by path.
  var files: [PatchChange] = []
  /// Folders that files take the place of, and their modes, the innermost first.
  var removedFolders: [PatchFolder] = []
  /// Folders that are made, the outermost first.
  var madeFolders: [PatchPath] = []

  struct PatchFolder: Equatable, Sendable {
    let path: PatchPath
    let mode: UInt32
  }
}

/// One judgement.
struct PatchJudge {
  let scratch: PatchScratch
  /// The operation's folder.
  let folder: String
  private var after: [PatchPath: PatchFileState] = [:]

  init(_ scratch: PatchScratch, folder: String) {
    self.scratch = scratch
    self.folder = folder
  }

  /// - Throws: `PatchProblem` that names the path and the rule.
  mutating func changes() throws -> PatchChanges {
    try walk(try OpenFolder(root: scratch.tree), [])
    var changes = PatchChanges()
    for path in Set(after.keys).union(scratch.originals.keys).sorted() {
      guard let original = scratch.originals[path] else {
        throw PatchProblem("\(path.shown) was changed, though no patch names it")
      }
      let change = PatchChange(
        path: path, before: original.state, after: mode(after[path], original.state),
        beforeAs: relative(original.keptAs), afterAs: relative("\(scratch.tree)/\(path.text)"))
      if change.before == change.after { continue }
      if let problem = path.problem(scratch.globs) { throw PatchProblem("\(path.shown) \(problem)") }
      changes.files.append(change)
    }
    try planFolders(&changes)
    return changes
  }

  /// A path in the operation's folder, without that folder.
  private func relative(_ path: String) -> String {
    String(decoding: path.utf8.dropFirst(folder.utf8.count + 1), as: UTF8.self)
  }

  private mutating func walk(_ folder: OpenFolder, _ names: [UInt8]) throws {
    for name in try folder.names() {
      let path = PatchPath(names + (names.isEmpty ? [] : [UInt8(ascii: "/")]) + name)
      if let problem = path.problem { throw PatchProblem("\(path.shown) \(problem)") }
      let text = String(decoding: name, as: UTF8.self)
      guard let entry = try folder.entry(text) else { continue }
      switch entry.kind {
      case .directory: try walk(try folder.folder(text), path.bytes)
      case .symlink, .other: throw PatchProblem("\(path.shown) would not be a plain file")
      case .file:
        guard entry.mode == 0o644 || entry.mode == 0o755 else {
          throw PatchProblem("\(path.shown) would have a mode other than 644 or 755")
        }
        let opened = try folder.file(text)
        defer { close(opened.descriptor) }
        let bytes = try FileSystem.readAll(opened.descriptor, path.text, limitBytes: PatchLimits.bytes)
        after[path] = PatchFileState(sha256: Digest.sha256Hex(bytes), mode: entry.mode)
      }
    }
  }

  /// The mode that the project's file gets: only the right to execute is the patch's to change.
  private func mode(_ after: PatchFileState?, _ before: PatchFileState?) -> PatchFileState? {
    guard let after, let before else { return after }
    var mode = before.mode
    let isExecutable = after.mode & 0o100 != 0
    if isExecutable != (before.mode & 0o100 != 0) {
      // Who may read may then execute.
      mode = isExecutable ? mode | (mode & 0o444) >> 2 : mode & ~0o111
      if isExecutable { mode |= 0o100 }
    }
    return PatchFileState(sha256: after.sha256, mode: mode)
  }

  /// Which folders go and which come, and that nothing else stands in the way.
  private func planFolders(_ changes: inout PatchChanges) throws {
    let deleted = Set(changes.files.filter { $0.after == nil }.map(\.path))
    var made: Set<PatchPath> = []
    for change in changes.files where change.after != nil && change.before == nil {
      switch try scratch.project.look(change.path) {
      case .absent: break
      case .underFile(let above):
        guard deleted.contains(above) else {
          throw PatchProblem("\(change.path.shown) lies under \(above.shown), which is a file")
        }
      case .folder(let folder, let mode):
        try planRemoval(of: change.path, folder, mode, deleted, &changes)
      case .link(let link): throw PatchProblem("\(change.path.shown): \(link.shown) is a symbolic link")
      case .special, .file: throw PatchConflict(change.path)
      }
      for folder in change.path.folders where !made.contains(folder) {
        if case .folder = try scratch.project.look(folder) { continue }
        made.insert(folder)
      }
    }
    changes.madeFolders = made.sorted()
  }

  private func planRemoval(
    of path: PatchPath, _ folder: OpenFolder, _ mode: UInt32, _ deleted: Set<PatchPath>,
    _ changes: inout PatchChanges
  ) throws {
    for name in try folder.names() {
      let inner = PatchPath(path.bytes + [UInt8(ascii: "/")] + name)
      if deleted.contains(inner) { continue }
      let text = String(decoding: name, as: UTF8.self)
      guard inner.problem == nil, let entry = try folder.entry(text), entry.kind == .directory else {
        throw PatchProblem("\(path.shown) is a folder that holds other things, \(inner.shown) among them")
      }
      try planRemoval(of: inner, try folder.folder(text), entry.mode & 0o777, deleted, &changes)
    }
    changes.removedFolders.append(PatchChanges.PatchFolder(path: path, mode: mode))
  }
}
