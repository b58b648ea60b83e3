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
}
