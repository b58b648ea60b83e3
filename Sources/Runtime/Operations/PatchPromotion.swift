// Carries a journal out in the project, or takes it back. Every step first looks at what is there, so either
// direction can be begun again from anywhere: what is done already is passed over, what is neither as before nor
// as after is somebody else's and is left alone.
//
// Forward: delete, remove folders that files take the place of, make folders, write. Back: the reverse.

import Glibc
import QueueRunner

/// The moments of a promotion, named for tests that stop at each of them.
public enum PatchStep: Sendable, Equatable {
  case journaled
  case deleting, deleted, removedFolder, madeFolder, staged, placed
  case restoring, restored
  case decided, pruned
}

/// One promotion.
struct PatchPromotion {
  let project: PatchProject
  let journal: PatchJournal
  /// The operation's folder, which holds the bytes before and after.
  let folder: String
  /// What is thrown here passes through untouched: for tests, the death of the process.
  let step: (PatchStep) throws -> Void

  private var files: [PatchChange] { journal.changes.files }

  // MARK: forward

  /// - Throws: `PatchConflict` for a path that is neither as before nor as after.
  func carryOut() throws {
    try sweepTemporaries()
    for change in files where change.after == nil { try delete(change) }
    for removed in journal.changes.removedFolders {
      guard case .folder = try project.look(removed.path) else { continue }
      guard try project.removeFolderIfEmpty(removed.path) else { throw PatchConflict(removed.path) }
      try step(.removedFolder)
    }
    for path in journal.changes.madeFolders {
      try project.makeFolder(path, mode: nil)
      try step(.madeFolder)
    }
    for (at, change) in files.enumerated() {
      guard let after = change.after else { continue }
      let now = try project.state(change.path)
      if now == .file(after) { continue }
      guard now == PatchProject.State(change.before) else { throw PatchConflict(change.path) }
      try put(change.afterAs, after, change.path, over: change.before, at)
      try step(.placed)
    }
  }

  private func delete(_ change: PatchChange) throws {
    let now = try project.state(change.path)
    // A folder may stand there by now, with a file of these patches in it.
    if now == .absent || now == .other && isMadeFolder(change.path) { return }
    guard now == PatchProject.State(change.before) else { throw PatchConflict(change.path) }
    try step(.deleting)
    let parent = try project.folder(of: change.path)
    guard try project.state(change.path) == now else { throw PatchConflict(change.path) }
    try project.remove(change.path.split.name, in: parent)
    try project.sync(parent)
    try step(.deleted)
  }

  private func isMadeFolder(_ path: PatchPath) -> Bool { journal.changes.madeFolders.contains(path) }

  private func put(
    _ source: String, _ state: PatchFileState, _ path: PatchPath, over expected: PatchFileState?, _ at: Int
  ) throws {
    let bytes = try FileSystem.read("\(folder)/\(source)", limitBytes: PatchLimits.bytes)
    guard Digest.sha256Hex(bytes) == state.sha256 else {
      throw FlowdexError.machine(
        "patch-journal-damaged",
        "what is kept of \(path.shown) in `\(folder)` no longer hashes as it was written")
    }
    let parent = try project.folder(of: path)
    let temporary = journal.temporary(at)
    try project.stage(bytes, mode: state.mode, as: temporary, in: parent)
    try step(.staged)
    do {
      try project.place(temporary, at: path, in: parent, over: expected)
    } catch {
      try? project.remove(temporary, in: parent)
      throw error
    }
  }

  /// Removes what a drive left that died between staging and placing.
  private func sweepTemporaries() throws {
    for (at, change) in files.enumerated() {
      guard case .folder(let parent, mode: _) = try project.look(change.path.split.folder) else { continue }
      try project.remove(journal.temporary(at), in: parent)
    }
  }

  // MARK: back

  /// Puts everything back as it was, but for paths that others have changed meanwhile: those are returned.
  func takeBack() throws -> [PatchPath] {
    try sweepTemporaries()
    var strangers: [PatchPath] = []
    func each(_ change: PatchChange, _ restore: () throws -> Bool) throws {
      do {
        if try restore() { return }
      } catch is PatchConflict {}
      strangers.append(change.path)
    }
    for (at, change) in files.enumerated().reversed() {
      guard let after = change.after else { continue }
      try each(change) { try unwrite(change, after, at) }
    }
    try takeBackFolders()
    for (at, change) in files.enumerated() where change.after == nil {
      guard let before = change.before else { continue }
      try each(change) { try undelete(change, before, at) }
    }
    return strangers.sorted()
  }

  /// False if what stands there is neither as before nor as after.
  private func unwrite(_ change: PatchChange, _ after: PatchFileState, _ at: Int) throws -> Bool {
    let now = try project.state(change.path)
    if now == PatchProject.State(change.before) || now == .other && isRemovedFolder(change.path) {
      return true
    }
    guard now == .file(after) else { return false }
    try step(.restoring)
    if let before = change.before {
      try put(change.beforeAs, before, change.path, over: after, at)
    } else {
      let parent = try project.folder(of: change.path)
      guard try project.state(change.path) == now else { return false }
      try project.remove(change.path.split.name, in: parent)
      try project.sync(parent)
    }
    try step(.restored)
    return true
  }

  /// False if something else has come in the deleted file's place.
  private func undelete(_ change: PatchChange, _ before: PatchFileState, _ at: Int) throws -> Bool {
    let now = try project.state(change.path)
    if now == .file(before) { return true }
    guard now == .absent, case .folder = try project.look(change.path.split.folder) else { return false }
    try step(.restoring)
    try put(change.beforeAs, before, change.path, over: nil, at)
    try step(.restored)
    return true
  }

  private func isRemovedFolder(_ path: PatchPath) -> Bool {
    journal.changes.removedFolders.contains { $0.path == path }
  }

  private func takeBackFolders() throws {
    for path in journal.changes.madeFolders.reversed() { try project.removeFolderIfEmpty(path) }
    for removed in journal.changes.removedFolders.reversed() {
      guard case .absent = try project.look(removed.path) else { continue }
      // What is in the way is found again when the files inside are put back.
      do { try project.makeFolder(removed.path, mode: removed.mode) } catch is PatchConflict {}
    }
  }

  /// Removes the folders that the deletions left empty, as git does. Only once there is no way back.
  func prune() throws {
    for folder in Set(files.filter { $0.after == nil }.flatMap(\.path.folders)).sorted().reversed() {
      try project.removeFolderIfEmpty(folder)
    }
    try step(.pruned)
  }

  /// Whether everything is as before or as after, so that the promotion can be finished.
  func canFinish() throws -> Bool {
    for change in files {
      let now = try project.state(change.path)
      let isOurs =
        now == PatchProject.State(change.before) || now == PatchProject.State(change.after)
        || now == .other && (isMadeFolder(change.path) || isRemovedFolder(change.path))
      if !isOurs { return false }
    }
    return true
  }
}
