// A snapshot that is there, read with suspicion: its folder is only protected by permissions, which do not stop
// root, and by nothing at all once it lies on another disk. So whatever is taken from it is hashed first.

import Glibc
import QueueRunner

/// A snapshot's folder and the manifest that its name proves.
public struct Snapshot: Sendable {
  /// The folder that holds the files.
  public let path: String
  /// The SHA-256 that names the folder and that the manifest hashes to.
  public let digest: String
  /// What the folder should hold.
  public let manifest: SnapshotManifest
  private let index: [[UInt8]: Int]

  /// The text that lists a snapshot's files: `<digest>.manifest.json` beside the folder `<digest>`.
  public static func manifestPath(of folder: String) -> String { "\(folder).manifest.json" }

  /// Reads and checks the manifest.
  ///
  /// - Throws: `snapshot-damaged` if the manifest is gone or does not hash to the digest.
  public init(path: String, digest: String) throws {
    let place = Self.manifestPath(of: path)
    guard let bytes = try Self.unlessGone({ try FileSystem.read(place) }),
      let manifest = SnapshotManifest(reading: bytes),
      manifest.digest == digest
    else {
      throw Self.damaged("the manifest of snapshot `\(digest)` is gone or does not hash to that digest")
    }
    self.path = path
    self.digest = digest
    self.manifest = manifest
    index = Dictionary(
      manifest.files.enumerated().map { (Array($1.path.utf8), $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The manifest's entry of a file; nil if the snapshot does not hold it.
  public func entry(of file: String) -> SnapshotFile? {
    index[Array(file.utf8)].map { manifest.files[$0] }
  }

  /// The bytes of a file, if they are those that the manifest names.
  ///
  /// - Throws: `snapshot-damaged` if the file is gone, is a link, or does not hash so; `not-in-snapshot` if the
  ///   manifest does not name it.
  public func bytes(of file: String) throws -> [UInt8] {
    guard let entry = entry(of: file) else {
      throw FlowdexError.failed("not-in-snapshot", "snapshot `\(digest)` holds no file `\(file)`")
    }
    let bytes = try Self.unlessGone {
      let opened = try OpenFolder(root: path).file(file)
      defer { close(opened.descriptor) }
      guard opened.entry.size == entry.size else { throw OpenFolder.Refusal.unusable("another size") }
      return try FileSystem.readAll(opened.descriptor, file, limitBytes: Int(entry.size))
    }
    guard let bytes else {
      throw Self.damaged("`\(file)` in snapshot `\(digest)` is gone or no longer what the manifest says")
    }
    guard Digest.sha256Hex(bytes) == entry.sha256 else {
      throw Self.damaged("`\(file)` in snapshot `\(digest)` no longer hashes to what the manifest says")
    }
    return bytes
  }

  /// The bytes of one file of a snapshot, checked against its manifest, and the manifest against the digest.
  public static func verify(file: String, in folder: String, digest: String) throws -> [UInt8] {
    try Snapshot(path: folder, digest: digest).bytes(of: file)
  }

  /// nil for what is not there or grew while it was read; a machine that cannot read is another matter.
  private static func unlessGone(_ read: () throws -> [UInt8]) throws -> [UInt8]? {
    do {
      return try read()
    } catch is OpenFolder.Refusal {
      return nil
    } catch let error as FlowdexError {
      if ["errno-\(ENOENT)", "errno-\(ENOTDIR)", FileSystem.tooLarge].contains(error.code) { return nil }
      throw error
    }
  }

  private static func damaged(_ message: String) -> FlowdexError { .failed("snapshot-damaged", message) }
}
