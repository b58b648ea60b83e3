import GRDB
import QueueRunner

/// The snapshots that workers of a run were given, those of reused results included.
enum SnapshotStore {
  static func given(_ db: Database, layout: RunLayout) throws -> [SnapshotFact] {
    let own = try LeaseStore.workspaces(db).map { SnapshotFact(digest: FileSystem.split($0).name, path: $0) }
    let reused = try String.fetchAll(db, sql: "SELECT digest FROM reused_snapshots ORDER BY digest")
    return own + reused.map { SnapshotFact(digest: $0, path: layout.snapshot($0)) }
  }

  static func reuse(_ tx: Transaction, digest: String, origin: String) throws {
    try tx.db.cachedStatement(sql: "INSERT OR IGNORE INTO reused_snapshots VALUES (?, ?)")
      .execute(arguments: [digest, origin])
  }
}
