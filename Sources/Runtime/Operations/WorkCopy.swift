// A `write` task's private copy of its snapshot (contract §4), and what the worker made of it.
//
// The copy is writable whatever the snapshot's modes are, and shares nothing with it: a reflink where the file
// system can (FICLONE, ioctl_ficlone(2)), else a copy; never a hard link, which a worker that writes in place
// would reach the snapshot through.

import Glibc
import QueueRunner

/// Making and taking work copies.
public struct WorkCopy: Sendable {
  private static let clone: UInt = 0x4004_9409
  private static let chunkBytes = 1 << 18

  /// Makes the copy: files 0644 or 0755, folders 0755, whatever the umask.
  ///
  /// - Parameter at: must not be there yet; its parent must. Not synced: a package is written again after a
  ///   power cut.
  /// - Throws: an error that names the path; what was made so far stays, for the caller to remove.
  public static func make(snapshot: String, at destination: String) throws {
    try makeFolder(destination)
    try copy(try OpenFolder(root: snapshot), to: destination)
  }

  private static func makeFolder(_ path: String) throws {
    guard FileSystem.retrying({ mkdir(path, 0o755) }) == 0, chmod(path, 0o755) == 0 else {
      throw FileSystem.failure("make the folder", path)
    }
  }

  private static func copy(_ folder: OpenFolder, to destination: String) throws {
    for bytes in try folder.names() {
      guard let name = String(validating: bytes, as: UTF8.self), let entry = try folder.entry(name) else {
        throw strange(PatchPath(bytes).shown, in: folder)
      }
      let place = "\(destination)/\(name)"
      switch entry.kind {
      case .directory:
        try makeFolder(place)
        try copy(try opened(name, in: folder) { try folder.folder(name) }, to: place)
      case .file:
        let source = try opened(name, in: folder) { try folder.file(name) }
        defer { close(source.descriptor) }
        try copy(
          source.descriptor, "\(folder.path)/\(name)", to: place, isExecutable: entry.mode & 0o100 != 0)
      case .symlink, .other: throw strange("`\(name)`", in: folder)
      }
    }
  }

  private static func opened<Value>(
    _ name: String, in folder: OpenFolder, _ open: () throws -> Value
  ) throws -> Value {
    do { return try open() } catch is OpenFolder.Refusal { throw strange("`\(name)`", in: folder) }
  }

  private static func strange(_ name: String, in folder: OpenFolder) -> FlowdexError {
    .machine("snapshot-damaged", "\(name) in the snapshot's folder `\(folder.path)` is gone or no plain file")
  }

  private static func copy(
    _ source: Int32, _ shown: String, to place: String, isExecutable: Bool
  ) throws {
    let copy = try FileSystem.open(place, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
    defer { close(copy) }
    if ioctl(copy, clone, source) != 0 {
      try withUnsafeTemporaryAllocation(byteCount: chunkBytes, alignment: 16) { buffer in
        while true {
          let count = FileSystem.retrying { read(source, buffer.baseAddress, buffer.count) }
          if count < 0 { throw FileSystem.failure("read", shown) }
          if count == 0 { return }
          try FileSystem.writeAll(copy, UnsafeRawBufferPointer(rebasing: buffer[..<count]), place)
        }
      }
    }
    guard fchmod(copy, isExecutable ? 0o755 : 0o644) == 0 else { throw FileSystem.failure("write", place) }
  }

  /// The changes that a worker made, as a diff that `integrate` and `git apply` take.
  ///
  /// Reads what an untrusted worker left: nothing is followed, every name is judged. The same trees always give
  /// the same text.
  public static func diff(
    snapshot: String, work: String, writeGlobs: GlobSet, limits: WorkLimits = WorkLimits()
  ) throws -> WorkDiff {
    var comparison = try WorkComparison(snapshot: snapshot, work: work, globs: writeGlobs, limits: limits)
    let changes = try comparison.changes()
    if !comparison.problems.isEmpty { return .refused(comparison.shownProblems) }
    if changes.isEmpty { return .unchanged }
    var text: [UInt8] = []
    for change in changes {
      WorkDiffText.append(change, to: &text)
      if text.count > limits.diffBytes {
        return .refused(["the diff is longer than \(limits.diffBytes) bytes"])
      }
    }
    return .diff(text: String(decoding: text, as: UTF8.self), paths: changes.map(\.path.text))
  }
}

/// What a worker made of its copy.
public enum WorkDiff: Equatable, Sendable {
  case unchanged
  /// - Parameters:
  ///   - text: a unified diff in git's format; valid UTF-8, for binary files stand in it in base 85.
  ///   - paths: every file that was created, changed or deleted, sorted by bytes.
  case diff(text: String, paths: [String])
  /// Why the copy is not taken, a line for each problem, at most some twenty.
  case refused([String])
}

/// How much a worker may leave.
public struct WorkLimits: Sendable {
  /// Bytes of the changed files, before and after together.
  public var changedBytes: Int
  /// Bytes of the diff.
  public var diffBytes: Int
  /// Files that may be changed.
  public var changedFiles: Int
  /// Files and folders of the snapshot and the copy together.
  public var entries: Int

  /// Sizes that `integrate` takes too; the diff as long as an envelope may be (contract §6).
  public init(
    changedBytes: Int = 64 << 20, diffBytes: Int = 16 << 20, changedFiles: Int = 10_000,
    entries: Int = 1_000_000
  ) {
    self.changedBytes = changedBytes
    self.diffBytes = diffBytes
    self.changedFiles = changedFiles
    self.entries = entries
  }
}
