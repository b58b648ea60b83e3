// The project's files as patches see and change them: reached name by name from the root, never through a
// symlink, and put in place by one rename each.

import Glibc
import QueueRunner

/// What a file is, as far as patches know it.
struct PatchFileState: Equatable, Sendable {
  /// Lowercase hex.
  let sha256: String
  /// Permission bits (0777).
  let mode: UInt32
}

/// A project under patches.
struct PatchProject {
  let root: String

  /// What stands at a path.
  enum Look {
    case absent
    /// A folder above it is a file.
    case underFile(PatchPath)
    /// It is one, or a folder above it is.
    case link(PatchPath)
    /// A FIFO, a device, a socket, or something that may not be read.
    case special
    case folder(OpenFolder, mode: UInt32)
    case file(FileSystem.Entry, in: OpenFolder, name: String)
  }

  /// What a path holds, in short: what is compared before something is changed.
  enum State: Equatable {
    case absent
    case file(PatchFileState)
    case other

    init(_ state: PatchFileState?) { self = state.map(State.file) ?? .absent }
  }

  /// Looks at a path without a problem (`PatchPath.problem`), or at the root (the empty path).
  func look(_ path: PatchPath) throws -> Look {
    var folder = try OpenFolder(root: root)
    if path.bytes.isEmpty { return .folder(folder, mode: 0o755) }
    var walked: [UInt8] = []
    let names = path.names
    for (at, bytes) in names.enumerated() {
      let name = String(decoding: bytes, as: UTF8.self)
      walked += (at == 0 ? [] : [UInt8(ascii: "/")]) + bytes
      guard let entry = try folder.entry(name) else { return .absent }
      let isLast = at == names.count - 1
      switch entry.kind {
      case .file: return isLast ? .file(entry, in: folder, name: name) : .underFile(PatchPath(walked))
      case .symlink: return .link(PatchPath(walked))
      case .other: return .special
      case .directory:
        do {
          folder = try folder.folder(name)
        } catch OpenFolder.Refusal.gone {
          return .absent
        } catch OpenFolder.Refusal.unusable {
          return .special
        }
        if isLast { return .folder(folder, mode: entry.mode & 0o777) }
      }
    }
    return .absent
  }

  /// The bytes of a file and what it is; nil if it is gone or no plain file that can be read.
  func read(_ path: PatchPath, limitBytes: Int) throws -> (bytes: [UInt8], state: PatchFileState)? {
    guard case .file(_, in: let folder, name: let name) = try look(path) else { return nil }
    do {
      let opened = try folder.file(name)
      defer { close(opened.descriptor) }
      let bytes = try FileSystem.readAll(opened.descriptor, path.text, limitBytes: limitBytes)
      return (bytes, PatchFileState(sha256: Digest.sha256Hex(bytes), mode: opened.entry.mode & 0o777))
    } catch is OpenFolder.Refusal {
      return nil
    }
  }

  /// What a path holds now.
  func state(_ path: PatchPath) throws -> State {
    switch try look(path) {
    case .absent, .underFile: return .absent
    case .link, .special, .folder: return .other
    case .file(let entry, in: _, name: _):
      // Whatever has become longer than any patch may is not what it was.
      guard entry.size <= Int64(PatchLimits.bytes),
        let read = try read(path, limitBytes: PatchLimits.bytes + 1)
      else { return .other }
      return .file(read.state)
    }
  }

  /// The folder that holds a path, opened.
  ///
  /// - Throws: `PatchConflict` if there is none.
  func folder(of path: PatchPath) throws -> OpenFolder {
    guard case .folder(let folder, mode: _) = try look(path.split.folder) else { throw PatchConflict(path) }
    return folder
  }

  /// Writes bytes beside the path under a name of flowdex's own, synced and with their mode.
  func stage(_ bytes: [UInt8], mode: UInt32, as temporary: String, in folder: OpenFolder) throws {
    try remove(temporary, in: folder)
    let shown = "\(folder.path)/\(temporary)"
    let descriptor = FileSystem.retrying {
      openat(folder.descriptor, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    }
    guard descriptor >= 0 else { throw FileSystem.failure("write", shown) }
    defer { close(descriptor) }
    try bytes.withUnsafeBytes { try FileSystem.writeAll(descriptor, $0, shown) }
    guard FileSystem.retrying({ fchmod(descriptor, mode) }) == 0,
      FileSystem.retrying({ fsync(descriptor) }) == 0
    else { throw FileSystem.failure("sync", shown) }
  }

  /// Moves what was staged to its place: over the file that `expected` describes, or where there is none.
  ///
  /// - Throws: `PatchConflict` if something else is there; it is left alone.
  func place(
    _ temporary: String, at path: PatchPath, in folder: OpenFolder, over expected: PatchFileState?
  ) throws {
    let name = path.split.name
    guard try state(path) == State(expected) else { throw PatchConflict(path) }
    if expected == nil {
      // link(2) does what rename(2) does not: it fails if something has come meanwhile.
      if FileSystem.retrying({ linkat(folder.descriptor, temporary, folder.descriptor, name, 0) }) == 0 {
        try remove(temporary, in: folder)
        return try sync(folder)
      }
      let code = errno
      if code == EEXIST { throw PatchConflict(path) }
      guard Self.knowsNoLinks(code) else { throw FileSystem.failure("move into place", path.text, code) }
    }
    guard FileSystem.retrying({ renameat(folder.descriptor, temporary, folder.descriptor, name) }) == 0 else {
      throw FileSystem.failure("move into place", path.text)
    }
    try sync(folder)
  }

  /// Whether that is what a file system says that knows no links, or no more of them. Only there a new file is put in
  /// place by a rename, which would replace what came meanwhile: a full or broken disk is waited for.
  static func knowsNoLinks(_ code: Int32) -> Bool { [EPERM, EOPNOTSUPP, ENOSYS, EMLINK].contains(code) }

  /// Removes a file of that name in the folder, if there is one.
  func remove(_ name: String, in folder: OpenFolder) throws {
    guard FileSystem.retrying({ unlinkat(folder.descriptor, name, 0) }) != 0, errno != ENOENT else { return }
    throw FileSystem.failure("remove", "\(folder.path)/\(name)")
  }

  /// Makes a folder; one that is there already is kept.
  ///
  /// - Throws: `PatchConflict` where something else is in the way, or nothing is above it any more; that a disk is full
  ///   or broken is nobody's change, and is thrown as the machine's.
  func makeFolder(_ path: PatchPath, mode: UInt32?) throws {
    let parent = try folder(of: path)
    let name = path.split.name
    if FileSystem.retrying({ mkdirat(parent.descriptor, name, mode ?? 0o777) }) == 0 {
      if let mode { try setMode(mode, name, in: parent) }
      return try sync(parent)
    }
    let code = errno
    if code == EEXIST, case .folder = try look(path) { return }
    if [EEXIST, ENOENT, ENOTDIR, ELOOP].contains(code) { throw PatchConflict(path) }
    throw FileSystem.failure("make the folder", path.text, code)
  }

  /// Gives a folder that has just been made its mode, whatever the umask; where that fails it goes again, for one that is
  /// found there later is taken for as it should be.
  private func setMode(_ mode: UInt32, _ name: String, in parent: OpenFolder) throws {
    if FileSystem.retrying({ fchmodat(parent.descriptor, name, mode, 0) }) == 0 { return }
    let code = errno
    // Some file systems know no modes.
    if [EPERM, EOPNOTSUPP, ENOSYS].contains(code) { return }
    FileSystem.retrying { unlinkat(parent.descriptor, name, AT_REMOVEDIR) }
    throw FileSystem.failure("make the folder", "\(parent.path)/\(name)", code)
  }

  /// Removes a folder if it is empty; false if it is not.
  @discardableResult
  func removeFolderIfEmpty(_ path: PatchPath) throws -> Bool {
    guard case .folder(_, mode: _) = try look(path) else { return true }
    let parent = try folder(of: path)
    if FileSystem.retrying({ unlinkat(parent.descriptor, path.split.name, AT_REMOVEDIR) }) == 0 {
      try sync(parent)
      return true
    }
    let code = errno
    if code == ENOENT { return true }
    if [ENOTEMPTY, EEXIST, EBUSY, ENOTDIR].contains(code) { return false }
    throw FileSystem.failure("remove", path.text, code)
  }

  func sync(_ folder: OpenFolder) throws {
    if FileSystem.retrying({ fsync(folder.descriptor) }) != 0 {
      throw FileSystem.failure("sync", folder.path)
    }
  }
}

/// Something in the project is no longer as it was when the patches were judged.
struct PatchConflict: Error {
  let path: PatchPath
  init(_ path: PatchPath) { self.path = path }
}
