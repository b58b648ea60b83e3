// Removing a tree that somebody else may have filled: names that are no UTF-8, folders nested deeper than a path may be
// long, symlinks swapped in meanwhile. Every step is relative to an open folder (openat(2), unlinkat(2)), and names
// stay the bytes that the kernel gave.

import Glibc

extension FileSystem {
  /// Removes a tree of any depth, never following a symlink; what is already gone is no error.
  ///
  /// - Parameter onRemoved: called after each entry that went.
  /// - Throws: what the machine refuses; a part of the tree may be gone then, and another call goes on.
  public static func removeTree(_ path: String, onRemoved: @escaping () -> Void = {}) throws {
    guard let entry = try entry(path) else { return }
    guard entry.kind == .directory else {
      try remove(path)
      return
    }
    if entry.mode & 0o700 != 0o700 { chmod(path, 0o700) }
    try TreeRemoval(path, onRemoved).run()
    if retrying({ rmdir(path) }) != 0, errno != ENOENT { throw failure("remove", path) }
  }
}

/// One removal. Holds at most `deepest` folders open: what lies deeper is first moved up into the root.
private final class TreeRemoval {
  private static let deepest = 16
  private let path: String
  private let root: Int32
  private let onRemoved: () -> Void
  private var moved = 0

  init(_ path: String, _ onRemoved: @escaping () -> Void) throws {
    self.path = path
    self.onRemoved = onRemoved
    root = FileSystem.retrying { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
    if root < 0 { throw FileSystem.failure("open", path) }
  }

  deinit { close(root) }

  func run() throws {
    // Until nothing is moved up any more: a folder that is being read need not show what came in meanwhile.
    var before: Int
    repeat {
      before = moved
      try empty(root, 1)
    } while moved != before
  }

  private func empty(_ folder: Int32, _ depth: Int) throws {
    for name in try names(folder) {
      try remove(name, in: folder, depth)
      onRemoved()
    }
  }

  private func remove(_ name: [CChar], in folder: Int32, _ depth: Int) throws {
    if FileSystem.retrying({ unlinkat(folder, name, 0) }) == 0 || errno == ENOENT { return }
    guard errno == EISDIR || errno == EPERM else { throw failure() }
    guard depth < Self.deepest else { return try moveUp(name, folder) }
    let inner = try open(name, in: folder)
    if inner >= 0 {
      defer { close(inner) }
      try empty(inner, depth + 1)
    }
    // What was moved up from below is gone from here.
    if FileSystem.retrying({ unlinkat(folder, name, AT_REMOVEDIR) }) != 0, errno != ENOENT { throw failure() }
  }

  private func moveUp(_ name: [CChar], _ folder: Int32) throws {
    // Moving a folder to another parent changes its `..`, which needs the right to write in it.
    fchmodat(folder, name, 0o700, 0)
    while true {
      moved += 1
      let up = ".removed-\(moved)"
      // An empty folder of that name is replaced, which removes it.
      if FileSystem.retrying({ renameat(folder, name, root, up) }) == 0 { return }
      guard errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR else { throw failure() }
    }
  }

  /// -1 if it is gone.
  private func open(_ name: [CChar], in folder: Int32) throws -> Int32 {
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    var inner = FileSystem.retrying { openat(folder, name, flags) }
    if inner < 0, errno == EACCES {
      fchmodat(folder, name, 0o700, 0)
      inner = FileSystem.retrying { openat(folder, name, flags) }
    } else if inner >= 0 {
      // Without the right to write here nothing inside could be removed.
      fchmod(inner, 0o700)
    }
    if inner < 0, errno != ENOENT { throw failure() }
    return inner
  }

  private func names(_ folder: Int32) throws -> [[CChar]] {
    let again = FileSystem.retrying { openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard again >= 0, let stream = fdopendir(again) else {
      let error = failure()
      if again >= 0 { close(again) }
      throw error
    }
    defer { closedir(stream) }
    var names: [[CChar]] = []
    errno = 0
    while let next = readdir(stream) {
      let name = withUnsafeBytes(of: &next.pointee.d_name) { bytes in
        Array(bytes.bindMemory(to: CChar.self).prefix { $0 != 0 }) + [0]
      }
      if name != [46, 0] && name != [46, 46, 0] { names.append(name) }
      errno = 0
    }
    if errno != 0 { throw failure() }
    return names
  }

  private func failure() -> FlowdexError { FileSystem.failure("remove", path) }
}
