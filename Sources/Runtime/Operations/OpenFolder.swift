// Folders and files reached name by name from an open descriptor, never through a symlink: one that is swapped
// in while a tree is walked leads nowhere (openat(2) with O_NOFOLLOW).

import Glibc
import QueueRunner

/// A folder that is held open, and its path for messages.
final class OpenFolder {
  let descriptor: Int32
  let path: String

  /// Why something could not be opened.
  enum Refusal: Error, Equatable {
    /// Removed meanwhile.
    case gone
    /// Left out, and why.
    case unusable(String)
  }

  /// Opens the folder that everything else is relative to; only here are symlinks followed.
  init(root path: String) throws {
    descriptor = try FileSystem.open(path, O_RDONLY | O_DIRECTORY)
    self.path = path
  }

  private init(descriptor: Int32, path: String) {
    self.descriptor = descriptor
    self.path = path
  }

  deinit { close(descriptor) }

  /// The folder's names as bytes, sorted, without `.` and `..`.
  func names() throws -> [[UInt8]] {
    // A second description, for closedir(3) closes the one that it is given.
    let own = FileSystem.retrying { openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard own >= 0 else { throw FileSystem.failure("list", path) }
    guard let listing = fdopendir(own) else {
      close(own)
      throw FileSystem.failure("list", path)
    }
    defer { closedir(listing) }
    var names: [[UInt8]] = []
    errno = 0
    while let next = readdir(listing) {
      let name = withUnsafeBytes(of: &next.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if name != [46], name != [46, 46] { names.append(name) }
      errno = 0
    }
    if errno != 0 { throw FileSystem.failure("list", path) }
    return names.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// What stands under a name; nil when it is gone.
  func entry(_ name: String) throws -> FileSystem.Entry? {
    var status = stat()
    if FileSystem.retrying({ fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) }) == 0 {
      return FileSystem.Entry(status)
    }
    if errno == ENOENT { return nil }
    throw FileSystem.failure("look at", "\(path)/\(name)")
  }

  func folder(_ name: String) throws -> OpenFolder {
    let opened = try open(name, O_DIRECTORY)
    return OpenFolder(descriptor: opened, path: "\(path)/\(name)")
  }

  /// Opens a regular file below this folder for reading; the caller closes the descriptor.
  func file(_ relative: String) throws -> (descriptor: Int32, entry: FileSystem.Entry) {
    let names = relative.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
    guard let last = names.last else { throw Refusal.gone }
    var folder = self
    for name in names.dropLast() { folder = try folder.folder(name) }
    // Without O_NONBLOCK the opening of a FIFO would wait for a writer.
    let opened = try folder.open(last, O_NONBLOCK)
    var status = stat()
    // That the disk cannot say what it is does not make it another kind of file.
    guard fstat(opened, &status) == 0 else {
      let failure = FileSystem.failure("look at", "\(path)/\(relative)")
      close(opened)
      throw failure
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(opened)
      throw Refusal.unusable("not a regular file")
    }
    return (opened, FileSystem.Entry(status))
  }

  private func open(_ name: String, _ flags: Int32) throws -> Int32 {
    let opened = FileSystem.retrying {
      openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | flags)
    }
    if opened >= 0 { return opened }
    switch errno {
    case ENOENT: throw Refusal.gone
    case ELOOP: throw Refusal.unusable("symbolic link")
    case ENOTDIR: throw Refusal.unusable("not a folder, or a symbolic link")
    case EACCES, EPERM: throw Refusal.unusable("permission denied")
    case ENXIO: throw Refusal.unusable("not a regular file")
    default: throw FileSystem.failure("read", "\(path)/\(name)")
    }
  }
}
