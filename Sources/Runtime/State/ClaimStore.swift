import GRDB
import QueueRunner

/// Keeps the claims of a run that has ended, each with what became of its evidence.
enum ClaimStore {
  static func insert(_ tx: Transaction, generation: Int, _ claims: [VerifiedClaim]) throws {
    for claim in claims {
      try tx.db.cachedStatement(sql: "INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?)")
        .execute(arguments: [
          generation, claim.claim.id, claim.standing.rawValue, claim.json.canonicalText,
        ])
    }
  }

  /// Every claim of a generation as it was kept, by id.
  static func all(_ db: Database, generation: Int) throws -> [JSONValue] {
    let sql = "SELECT claim FROM claims WHERE generation = ? ORDER BY id"
    return try String.fetchAll(db.cachedStatement(sql: sql), arguments: [generation]).map {
      try JSONValue(parsing: Array($0.utf8), limits: .unlimited)
    }
  }
}
