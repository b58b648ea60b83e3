// Artifacts: bytes by their SHA-256. Small ones live in the database, where the commit that names them makes
// them durable at no further cost; larger ones are files that are synced before the row that names them.

import GRDB

/// Keeps and finds a run's artifacts.
public enum ArtifactStore {
  /// Bytes up to this many are a blob in `state.sqlite`; more are a file in `artifacts/sha256`.
  public static let inlineLimitBytes = 64 << 10

  /// Stores bytes under their digest, which it returns; storing them again is a no-op.
  ///
  /// - Parameters:
  ///   - known: their digest, where it has been computed already.
  ///   - announce: whether an event says so; not for values that are flowdex's own bookkeeping.
  @discardableResult
  public static func put(
    _ tx: Transaction, _ bytes: [UInt8], digest known: String? = nil, layout: RunLayout, announce: Bool = true
  ) throws -> String {
    let digest = known ?? Digest.sha256Hex(bytes)
    let isInline = bytes.count <= inlineLimitBytes
    if !isInline {
      if try contains(tx.db, digest) { return digest }
      try putFile(bytes, digest, layout)
    }
    try insert(tx, digest, size: bytes.count, bytes: isInline ? bytes : nil, announce: announce)
    return digest
  }

  /// Takes over a file that is complete and synced, under the digest of its bytes. Where that has been done in a
  /// transaction that was taken back, it can be done again: the file then lies in its place already.
  public static func adopt(
    _ tx: Transaction, file: String, digest: String, sizeBytes: Int, layout: RunLayout
  ) throws {
    if try contains(tx.db, digest) {
      try FileSystem.remove(file)
      return
    }
    try FileSystem.makeDirectories(layout.artifacts)
    let place = layout.artifact(digest)
    let isMoved = try !FileSystem.isThere(file) && FileSystem.entry(place)?.size == Int64(sizeBytes)
    if !isMoved { try FileSystem.rename(file, place) }
    try FileSystem.syncDirectory(layout.artifacts)
    try insert(tx, digest, size: sizeBytes, bytes: nil, announce: true)
  }

  /// The bytes, or nil for an id that this run does not have. A file whose bytes no longer hash to its name
  /// is an error.
  public static func get(_ db: Database, _ digest: String, layout: RunLayout) throws -> [UInt8]? {
    let found = try StateStatement.first(db, "SELECT bytes FROM artifacts WHERE digest = ?", [digest]) {
      $0.isNull(0) ? nil : $0.blob(0)
    }
    guard let inline = found else { return nil }
    if let inline { return inline }
    let path = layout.artifact(digest)
    let bytes = try FileSystem.readPlain(path)
    guard Digest.sha256Hex(bytes) == digest else {
      throw FlowdexError.machine("artifact-changed", "artifact `\(path)` no longer hashes to its name")
    }
    return bytes
  }

  /// Whether the run has an artifact of that id.
  public static func contains(_ db: Database, _ digest: String) throws -> Bool {
    try StateStatement.first(db, "SELECT 1 FROM artifacts WHERE digest = ?", [digest]) { _ in true } ?? false
  }

  private static func putFile(_ bytes: [UInt8], _ digest: String, _ layout: RunLayout) throws {
    for folder in [layout.artifacts, layout.temporary] { try FileSystem.makeDirectories(folder) }
    // One name is enough, for the write lock is held; what a killed process leaves there is overwritten or swept.
    let temporary = "\(layout.temporary)/artifact"
    try FileSystem.write(bytes, to: temporary, sync: true)
    try FileSystem.rename(temporary, layout.artifact(digest))
    try FileSystem.syncDirectory(layout.artifacts)
  }

  private static func insert(
    _ tx: Transaction, _ digest: String, size: Int, bytes: [UInt8]?, announce: Bool
  ) throws {
    let isNew = try tx.change(
      "INSERT INTO artifacts VALUES (?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING",
      [digest, size, bytes, tx.nowMs])
    guard isNew, announce else { return }
    try tx.emit(.artifactWritten, ["artifactId": .string(digest), "sizeBytes": JSONValue(size)])
  }
}
