// Results that outlive their generation or their run: a task that is added later with an equal specification
// takes one over instead of being worked on again.

import GRDB

/// One kept result.
struct KeptResult {
  let attempt: Int
  let result: String
  let resultStatus: String
  let deliveredHash: String
  let diff: String?
  let summary: String?
  let usage: String?
  let error: String?
  let origin: String

  /// How the task stands that takes it over.
  var state: TaskState {
    switch AdapterResult.Status(rawValue: resultStatus) {
    case .completed: .completed
    case .failed, nil: .failed
    case .blocked, .needsApproval: .blocked
    }
  }
}

/// Finds and fills the kept results.
public enum KeptStore {
  static func find(_ db: Database, childKey: String, specHash: String) throws -> KeptResult? {
    let sql = "SELECT * FROM kept WHERE child_key = ? AND spec_hash = ?"
    return try Row.fetchOne(db.cachedStatement(sql: sql), arguments: [childKey, specHash]).map { row in
      KeptResult(
        attempt: row["attempt"], result: row["result"], resultStatus: row["result_status"],
        deliveredHash: row["delivered_hash"], diff: row["diff"], summary: row["summary"], usage: row["usage"],
        error: row["error"], origin: row["origin"])
    }
  }

  /// Keeps every result of a generation but those of the excluded tasks, which will be worked on anew.
  public static func keep(_ tx: Transaction, generation: Int, except excluded: [String]) throws {
    try tx.db.execute(
      sql: """
        INSERT OR REPLACE INTO kept SELECT child_key, spec_hash, attempt, result, result_status, delivered_hash,
          diff, summary, usage, error, coalesce(kept_from, 'generation ' || generation)
        FROM tasks WHERE generation = ? AND result IS NOT NULL
        """, arguments: [generation])
    for childKey in excluded {
      try tx.db.cachedStatement(sql: "DELETE FROM kept WHERE child_key = ?").execute(arguments: [childKey])
    }
  }

  /// Keeps the results of another run's current generation, with their bytes; how many.
  public static func adopt(
    _ tx: Transaction, from other: StateDatabase, runId: String, layout: RunLayout
  ) throws -> Int {
    try other.read { db in
      let settings = try QueueStore.settings(db)
      var count = 0
      for task in try TaskStore.all(db, generation: settings.generation) {
        guard let result = task.result, let status = task.resultStatus, let delivered = task.deliveredHash,
          let bytes = try ArtifactStore.get(db, result, layout: other.layout)
        else { continue }
        try ArtifactStore.put(tx, bytes, layout: layout, announce: false)
        if let diff = task.diff, let bytes = try ArtifactStore.get(db, diff, layout: other.layout) {
          try ArtifactStore.put(tx, bytes, layout: layout, announce: false)
        }
        try tx.db.execute(
          sql: "INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
          arguments: [
            task.childKey, Digest.sha256Hex(task.specText), task.attempt, result, status, delivered,
            task.diff, task.summary, task.usage, task.error, "run \(runId)",
          ])
        count += 1
      }
      return count
    }
  }
}
