// The file that tells a worker that its result is safe is the same for every worker, so it is one inode under many
// names: a link costs a quarter of what a new file does, and nothing can be half written.
//
// What a worker laid in its place stops nobody: link(2) neither follows nor opens it, it fails.

import Glibc

/// Makes `adapter-result.accepted` appear in packages. Usable from any thread.
final class AcceptanceMark: Sendable {
  /// For the whole process.
  static let shared = AcceptanceMark()

  private static let text = Array("accepted\n".utf8)
  /// asm-generic/fcntl.h; the macro is not seen from Swift.
  private static let unnamed: Int32 = 0o20_000_000 | O_DIRECTORY
  /// A file without a name of its own (`O_TMPFILE`, open(2)), until the process ends; nil before the first.
  private let source = Guarded<Int32?>(nil)

  /// Puts the mark at `path`, in place of whatever lies there but a folder.
  ///
  /// - Throws: where the file system takes it in no way.
  func put(at path: String) throws {
    if source.withLock({ Self.link(&$0, path) }) { return }
    // Something lies there, or the file system knows no such files.
    try FileSystem.writeAtomically(Self.text, to: path, sync: false)
  }

  private static func link(_ source: inout Int32?, _ path: String) -> Bool {
    if let known = source {
      let code = link(known, path)
      if code == 0 { return true }
      if code == EEXIST || (code == ENOENT && hasNames(known)) { return false }
      // It has as many names as a file can have or has lost them all, or it lies on another file system.
      close(known)
    }
    source = make(beside: path)
    return source.map { link($0, path) == 0 } ?? false
  }

  deinit { if let descriptor = source.withLock({ $0 }) { close(descriptor) } }

  /// By the way of open(2)'s `O_TMPFILE` that needs no privilege.
  private static func link(_ descriptor: Int32, _ path: String) -> Int32 {
    let from = "/proc/self/fd/\(descriptor)"
    let result = FileSystem.retrying { linkat(AT_FDCWD, from, AT_FDCWD, path, AT_SYMLINK_FOLLOW) }
    return result == 0 ? 0 : errno
  }

  private static func hasNames(_ descriptor: Int32) -> Bool {
    var status = stat()
    return fstat(descriptor, &status) == 0 && status.st_nlink > 0
  }

  private static func make(beside path: String) -> Int32? {
    let folder = FileSystem.split(path).parent
    guard let made = try? FileSystem.open(folder, O_WRONLY | unnamed, mode: 0o444) else { return nil }
    do {
      try text.withUnsafeBytes { try FileSystem.writeAll(made, $0, path) }
      return made
    } catch {
      close(made)
      return nil
    }
  }
}
