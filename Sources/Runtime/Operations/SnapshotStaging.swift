// A snapshot under construction: a hidden folder beside its place, locked by the process that fills it, so that
// another can tell one that is being built from one whose builder was killed.

import Glibc
import QueueRunner

/// A folder that becomes a snapshot or goes away.
final class SnapshotStaging {
  private let root: String
  private let lock: Int32
  private var folders: Set<[UInt8]> = []
  private var paths: [String] = []

  private enum Hold {
    case held(Int32)
    case taken
    /// The file system knows no locks (some network ones): then nothing is swept either.
    case unknown(Int32)
  }

  /// Makes an empty folder and locks it (flock(2), released by the kernel when the process dies).
  init(in directory: String, prefix: String) throws {
    for _ in 0..<100 {
      let path = "\(directory)/\(prefix)\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
      guard mkdir(path, 0o700) == 0 else { throw FileSystem.failure("make the folder", path) }
      do {
        switch try Self.claim(path) {
        case .held(let lock), .unknown(let lock):
          (root, self.lock) = (path, lock)
          return
        case .taken: break
        }
      } catch {
        rmdir(path)
        throw error
      }
      // A sweeper was quicker and removes it.
      rmdir(path)
    }
    throw FlowdexError.bug("snapshot-staging", "no folder under `\(directory)` could be locked")
  }

  deinit { close(lock) }

  /// Where the manifest is written before it is renamed into its place; never without the folder beside it.
  var manifest: String { root + Self.manifestSuffix }
  static let manifestSuffix = ".json"

  /// Removes the folder, or the manifest of one that is gone, if no living process builds there.
  static func removeIfAbandoned(_ path: String) {
    if path.hasSuffix(manifestSuffix) {
      let folder = String(path.dropLast(manifestSuffix.count))
      // Only where it is certain that the folder is gone.
      if (try? FileSystem.isThere(folder)) == false { _ = try? FileSystem.remove(path) }
      return
    }
    // What cannot be looked at now is left to a later sweep.
    switch try? claim(path) {
    case .held(let lock):
      try? FileSystem.removeTree(path)
      _ = try? FileSystem.remove(path + manifestSuffix)
      close(lock)
    case .unknown(let lock): close(lock)
    case .taken, nil: break
    }
  }

  /// - Throws: a machine error where the folder is there and cannot be opened, or looked at.
  private static func claim(_ path: String) throws -> Hold {
    let descriptor: Int32
    do {
      descriptor = try FileSystem.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    } catch let error as FlowdexError where error.code == "errno-\(ENOENT)" {
      return .taken
    }
    if FileSystem.retrying({ flock(descriptor, LOCK_EX | LOCK_NB) }) != 0 {
      if errno != EWOULDBLOCK { return .unknown(descriptor) }
      close(descriptor)
      return .taken
    }
    do {
      var status = stat()
      guard fstat(descriptor, &status) == 0 else { throw FileSystem.failure("look at", path) }
      if try FileSystem.entry(path)?.inode == UInt64(status.st_ino) { return .held(descriptor) }
    } catch {
      close(descriptor)
      throw error
    }
    close(descriptor)
    return .taken
  }

  /// The path of a file inside, its folders made.
  func place(for relative: String) throws -> String {
    let names = relative.utf8.split(separator: UInt8(ascii: "/")).dropLast()
    var folder = root
    for name in names {
      folder += "/" + String(decoding: name, as: UTF8.self)
      guard folders.insert(Array(folder.utf8)).inserted else { continue }
      guard mkdir(folder, 0o700) == 0 else { throw FileSystem.failure("make the folder", folder) }
      paths.append(folder)
    }
    return "\(root)/\(relative)"
  }

  /// Takes the write permission of a finished file.
  func seal(_ path: String, isExecutable: Bool) throws {
    guard chmod(path, isExecutable ? 0o555 : 0o444) == 0 else { throw FileSystem.failure("protect", path) }
  }

  /// Removes folders whose files vanished while they were copied, and takes the write permission of the others.
  func sealFolders() throws {
    for path in paths.reversed() where rmdir(path) != 0 {
      guard chmod(path, 0o555) == 0 else { throw FileSystem.failure("protect", path) }
    }
    guard chmod(root, 0o555) == 0 else { throw FileSystem.failure("protect", root) }
  }

  /// Renames the folder into place; false if one of that name is there: it holds the same, so this one goes.
  func publish(as path: String) throws -> Bool {
    if FileSystem.retrying({ rename(root, path) }) == 0 { return true }
    if errno == EEXIST || errno == ENOTEMPTY { return false }
    throw FileSystem.failure("move into place", path)
  }

  /// Removes what was not published.
  func discard() {
    _ = try? FileSystem.remove(manifest)
    try? FileSystem.removeTree(root)
  }
}

/// Makes everything written so far durable.
enum FileSystemSync {
  private typealias SyncFileSystem = @convention(c) (Int32) -> Int32

  /// syncfs(2), which the imported headers hide behind `_GNU_SOURCE`.
  private static let syncFileSystem: SyncFileSystem? = {
    guard let program = dlopen(nil, RTLD_NOW), let symbol = dlsym(program, "syncfs") else { return nil }
    return unsafeBitCast(symbol, to: SyncFileSystem.self)
  }()

  /// Syncs the file system that holds the folder; where there is no syncfs, every file system (sync(2)).
  static func all(of folder: String) throws {
    guard let syncFileSystem else { return sync() }
    let descriptor = try FileSystem.open(folder, O_RDONLY | O_DIRECTORY)
    defer { close(descriptor) }
    if FileSystem.retrying({ syncFileSystem(descriptor) }) != 0 { throw FileSystem.failure("sync", folder) }
  }
}
