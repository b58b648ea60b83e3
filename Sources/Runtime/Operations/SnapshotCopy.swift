// A snapshot of another run, taken over with the results of the workers that read it: without it nothing that they
// say of a file could be checked. Copied, so that the other run can be deleted.

import Glibc
import QueueRunner

/// Copies snapshots between runs.
enum SnapshotCopy {
  /// Copies the snapshot and its manifest into `folder`; false if it is gone. Whether it is sound is found out when
  /// it is read (`Snapshot`).
  static func make(of path: String, digest: String, in folder: String) throws -> Bool {
    let place = "\(folder)/\(digest)"
    let manifest = Snapshot.manifestPath(of: path)
    guard try FileSystem.entry(path)?.kind == .directory, try FileSystem.isThere(manifest) else {
      return false
    }
    if try FileSystem.isThere(place) { return true }
    try WorkCopy.make(snapshot: path, at: place)
    try seal(place)
    try FileSystem.write(
      try FileSystem.read(manifest), to: Snapshot.manifestPath(of: place), mode: 0o444, sync: true)
    return true
  }

  /// Takes the write permission of all that was copied, as of every snapshot.
  private static func seal(_ folder: String) throws {
    for name in try FileSystem.names(in: folder) {
      let path = "\(folder)/\(name)"
      guard let entry = try FileSystem.entry(path) else { continue }
      if entry.kind == .directory {
        try seal(path)
      } else if chmod(path, entry.mode & 0o111 != 0 ? 0o555 : 0o444) != 0 {
        throw FileSystem.failure("protect", path)
      }
    }
    if chmod(folder, 0o555) != 0 { throw FileSystem.failure("protect", folder) }
  }
}
