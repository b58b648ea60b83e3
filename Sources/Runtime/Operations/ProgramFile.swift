// Which file a command's first word stands for, and its hash: shown in a preview, and recorded with every
// execution. Shown, not enforced: a tool that was updated since the approval still runs (contract §3).

import Glibc
import QueueRunner

/// A program as it lies on this machine now.
public struct ProgramFile: Sendable, Equatable {
  /// Absolute, as it was found; it may be a link.
  public let path: String
  /// Of the bytes that the path leads to; nil for a program that may be run but not read.
  public let sha256: String?

  /// What is recorded of an execution; nulls stand for a program that was not found.
  static func json(_ program: ProgramFile?, startedAtMs: Int64) -> JSONValue {
    [
      "program": JSONValue(program?.path), "sha256": JSONValue(program?.sha256),
      "startedAt": .string(Timestamp.text(startedAtMs)),
    ]
  }
}

/// Finds programs and remembers their hashes, for as long as the files stay what they were.
struct ProgramFinder {
  private struct Known {
    let entry: FileSystem.Entry
    let sha256: String?
  }

  private var known: [String: Known] = [:]

  /// The file that would be run; nil if there is none that may be.
  ///
  /// - Parameters:
  ///   - cwd: absolute; where a relative program, or a relative entry of `path`, begins.
  ///   - path: the command's PATH, walked once, as execvp(3) does.
  /// - Throws: a machine error where a place cannot be looked at: what lies further along PATH is another program.
  mutating func find(_ program: String, cwd: String, path: String) throws -> ProgramFile? {
    for candidate in HostCommandRunner.candidates(program, path: path) {
      let place = candidate.hasPrefix("/") ? candidate : "\(cwd)/\(Self.withoutDot(candidate))"
      if let entry = try Self.program(place) { return ProgramFile(path: place, sha256: hash(place, entry)) }
    }
    return nil
  }

  private static func withoutDot(_ path: String) -> String {
    path.hasPrefix("./") ? String(path.dropFirst(2)) : path
  }

  /// A regular file, at the end of any links, that this user may run.
  private static func program(_ path: String) throws -> FileSystem.Entry? {
    var status = stat()
    guard try isHere(path, FileSystem.retrying { stat(path, &status) }),
      status.st_mode & S_IFMT == S_IFREG, try isHere(path, FileSystem.retrying { access(path, X_OK) })
    else { return nil }
    return FileSystem.Entry(status)
  }

  private static func isHere(_ path: String, _ result: Int32) throws -> Bool {
    if result == 0 { return true }
    let code = errno
    if isNotHere(code) { return false }
    throw FileSystem.failure("look at", path, code)
  }

  /// Whether that says that there is no program for this user under a name, and not that the disk could not tell.
  static func isNotHere(_ code: Int32) -> Bool {
    [ENOENT, ENOTDIR, EACCES, EPERM, ELOOP, ENAMETOOLONG, ESTALE, ENODEV, ETIMEDOUT].contains(code)
  }

  private mutating func hash(_ path: String, _ entry: FileSystem.Entry) -> String? {
    if let known = known[path], known.entry == entry { return known.sha256 }
    let sha256 = try? Self.hash(path)
    known[path] = Known(entry: entry, sha256: sha256)
    return sha256
  }

  private static func hash(_ path: String) throws -> String {
    let descriptor = try FileSystem.open(path, O_RDONLY | O_NONBLOCK)
    defer { close(descriptor) }
    var hash = Digest.Stream()
    try withUnsafeTemporaryAllocation(byteCount: 1 << 18, alignment: 16) { buffer in
      while true {
        let count = FileSystem.retrying { read(descriptor, buffer.baseAddress, buffer.count) }
        if count < 0 { throw FileSystem.failure("read", path) }
        if count == 0 { return }
        hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      }
    }
    return hash.finalHex()
  }
}
