// Where patches are tried: a folder of flowdex's own that holds nothing but the files that the patches name and
// the globs allow. No git runs there or anywhere, so no configuration, filter or attribute has a say.

import Glibc
import QueueRunner

/// The project's files on which patches work, and what they became.
struct PatchScratch {
  /// A file before the first patch.
  struct Original {
    /// nil: there was none.
    let state: PatchFileState?
    /// Where its bytes are kept, to undo.
    let keptAs: String
  }

  let project: PatchProject
  let globs: GlobSet
  /// The files as the patches leave them, at their paths.
  let tree: String
  /// The files as they were, by number.
  let kept: String
  /// Bytes of all files after the patches.
  var limitBytes = PatchLimits.bytes
  private(set) var originals: [PatchPath: Original] = [:]
  private var present: Set<PatchPath> = []
  /// How many files are below a folder.
  private var population: [PatchPath: Int] = [:]
  private var beforeBytes = 0
  private var sizes: [PatchPath: Int] = [:]
  private var afterBytes = 0

  /// Makes the folders, empty.
  init(project: PatchProject, globs: GlobSet, tree: String, kept: String) throws {
    (self.project, self.globs, self.tree, self.kept) = (project, globs, tree, kept)
    for folder in [tree, kept] {
      try FileSystem.removeTree(folder)
      try FileSystem.makeDirectories(folder)
    }
  }

  /// Applies one patch whole.
  ///
  /// Every section speaks of the files as they were before the patch, as in git's format: so files can change
  /// places, and none is named twice.
  mutating func apply(_ files: [PatchFile]) throws {
    for file in files {
      for path in [file.source, file.target] { if let path { try load(path) } }
    }
    var removed: Set<PatchPath> = []
    var written: [PatchPath: (bytes: [UInt8], isExecutable: Bool)] = [:]
    // Copies and deltas make much of little, so it is counted before it is all in memory.
    var writtenBytes = 0
    for file in files {
      if let source = file.source, file.kind != .copy, !removed.insert(source).inserted {
        throw PatchProblem("\(source.shown) is named twice in one patch")
      }
      guard let target = file.target else {
        _ = try result(of: file)
        continue
      }
      guard written[target] == nil else { throw PatchProblem("\(target.shown) is named twice in one patch") }
      let result = try result(of: file)
      writtenBytes += result.bytes.count
      guard writtenBytes <= limitBytes else { throw tooLarge }
      written[target] = result
    }
    for path in written.keys.sorted() where present.contains(path) && !removed.contains(path) {
      throw PatchProblem("\(path.shown) already exists")
    }
    for path in removed.sorted() { try delete(path) }
    for (path, result) in written.sorted(by: { $0.key < $1.key }) {
      try write(path, result.bytes, isExecutable: result.isExecutable)
    }
  }

  // MARK: files

  /// Copies a file of the project in, once.
  private mutating func load(_ path: PatchPath) throws {
    guard originals[path] == nil else { return }
    if let problem = path.problem(globs) { throw PatchProblem("\(path.shown) \(problem)") }
    guard originals.count < PatchLimits.files else {
      throw PatchProblem("the patches name more than \(PatchLimits.files) files")
    }
    let keptAs = "\(kept)/\(originals.count)"
    switch try project.look(path) {
    case .absent, .underFile, .folder: originals[path] = Original(state: nil, keptAs: keptAs)
    case .link(let link): throw PatchProblem("\(path.shown): \(link.shown) is a symbolic link")
    case .special: throw PatchProblem("\(path.shown) is not a plain file that can be read")
    case .file(let entry, in: _, name: _):
      guard entry.size <= Int64(PatchLimits.bytes - beforeBytes) else {
        throw PatchProblem("the files that the patches change hold more than \(PatchLimits.bytes) bytes")
      }
      guard let (bytes, state) = try project.read(path, limitBytes: PatchLimits.bytes) else {
        throw PatchProblem("\(path.shown) is not a plain file that can be read")
      }
      beforeBytes += bytes.count
      try FileSystem.write(bytes, to: keptAs, mode: 0o600)
      originals[path] = Original(state: state, keptAs: keptAs)
      try write(path, bytes, isExecutable: state.mode & 0o100 != 0)
    }
  }

  private mutating func write(_ path: PatchPath, _ bytes: [UInt8], isExecutable: Bool) throws {
    if let above = path.folders.first(where: present.contains) {
      throw PatchProblem("\(path.shown) lies under \(above.shown), which is a file")
    }
    if population[path] ?? 0 > 0 { throw PatchProblem("\(path.shown) is a folder that holds files") }
    afterBytes += bytes.count - (sizes[path] ?? 0)
    guard afterBytes <= limitBytes else { throw tooLarge }
    sizes[path] = bytes.count
    let place = "\(tree)/\(path.text)"
    try FileSystem.makeDirectories(FileSystem.split(place).parent)
    try FileSystem.write(bytes, to: place, mode: 0o600)
    guard chmod(place, isExecutable ? 0o755 : 0o644) == 0 else { throw FileSystem.failure("write", place) }
    if present.insert(path).inserted { for folder in path.folders { population[folder, default: 0] += 1 } }
  }

  private var tooLarge: PatchProblem {
    PatchProblem(
      "the patches leave files of more than \(limitBytes) "
        + "bytes")
  }

  private mutating func delete(_ path: PatchPath) throws {
    try FileSystem.remove("\(tree)/\(path.text)")
    afterBytes -= sizes.removeValue(forKey: path) ?? 0
    guard present.remove(path) != nil else { return }
    for folder in path.folders.reversed() {
      population[folder, default: 1] -= 1
      // On a file system that folds case, a folder of another spelling may still hold something.
      if population[folder] == 0, FileSystem.retrying({ rmdir("\(tree)/\(folder.text)") }) != 0,
        ![ENOTEMPTY, EEXIST, ENOENT].contains(errno)
      {
        throw FileSystem.failure("remove", "\(tree)/\(folder.text)")
      }
    }
  }

  // MARK: content

  /// What a section makes of its source; for a deletion it must be nothing.
  private func result(of file: PatchFile) throws -> (bytes: [UInt8], isExecutable: Bool) {
    var old: [UInt8] = []
    var isExecutable = false
    if let source = file.source {
      if present.contains(source) {
        let place = "\(tree)/\(source.text)"
        old = try FileSystem.read(place, limitBytes: PatchLimits.bytes)
        isExecutable = (try FileSystem.entry(place)?.mode ?? 0) & 0o100 != 0
      } else if !file.mayCreate {
        throw PatchProblem("\(source.shown) does not exist")
      }
    }
    do throws(PatchProblem) {
      let new = try Self.content(file, old)
      if file.target == nil, !new.isEmpty {
        throw PatchProblem("the patch deletes the file, but does not remove all of its content")
      }
      return (new, file.isExecutable ?? isExecutable)
    } catch {
      throw PatchProblem("\(file.path.shown): \(error.message)")
    }
  }

  private static func content(_ file: PatchFile, _ old: [UInt8]) throws(PatchProblem) -> [UInt8] {
    switch file.change {
    case .none: return old
    case .hunks(let hunks):
      var lines = PatchLines(old)
      return try lines.apply(hunks, limitBytes: PatchLimits.bytes)
    case .binary(let binary):
      guard let id = file.kind == .create ? BlobId.of([]) : file.sourceId else {
        throw PatchProblem("a binary patch needs the full ids in its `index` line; use `git diff --binary`")
      }
      guard id == BlobId.of(old) else {
        throw PatchProblem("the binary patch is for another content than the file's")
      }
      switch binary {
      case .literal(let bytes): return bytes
      case .delta(let delta): return try PatchDelta.apply(delta, to: old, limitBytes: PatchLimits.bytes)
      }
    }
  }
}

extension PatchFile {
  /// A plain diff whose only hunk has no old lines creates the file where there is none, as with git.
  fileprivate var mayCreate: Bool {
    guard isPlain, kind == .modify, case .hunks(let hunks) = change else { return false }
    return hunks.count == 1 && hunks[0].old.isEmpty
  }
}
