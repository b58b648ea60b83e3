// What somebody who watches asks of the tasks, in a few small queries that stay quick with ten thousand of them.

import GRDB

/// Counts and last happenings of a generation's tasks.
public enum ProgressStore {
  /// A result that was refused.
  public struct Refusal: Sendable, Equatable {
    /// Whose result.
    public let childKey: String
    /// What was wrong with it.
    public let text: String
    /// Milliseconds since 1970.
    public let atMs: Int64
  }

  /// How many tasks of each phase are held by a worker whose last drop was refused.
  public static func refusedHeld(_ db: Database, generation: Int) throws -> [String: Int] {
    let sql = """
      SELECT phase, COUNT(*) AS count FROM tasks
      WHERE generation = ? AND state IN ('leased','dispatched') AND error IS NOT NULL GROUP BY phase
      """
    var counts: [String: Int] = [:]
    for row in try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [generation]) {
      counts[row["phase"]] = row["count"]
    }
    return counts
  }

  /// The newest refusals, newest first.
  public static func lastRefusals(_ db: Database, generation: Int, limit: Int) throws -> [Refusal] {
    let sql = """
      SELECT tasks.child_key, refusals.text, refusals.created_at FROM refusals
      JOIN tasks ON tasks.id = refusals.task WHERE tasks.generation = ?
      ORDER BY refusals.created_at DESC, tasks.id LIMIT ?
      """
    return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [generation, limit]).map {
      Refusal(childKey: $0["child_key"], text: $0["text"], atMs: $0["created_at"])
    }
  }

  /// How many tasks workers have ended since a moment, results that were only kept left out.
  public static func ends(_ db: Database, generation: Int, sinceMs: Int64) throws -> Int {
    let sql = """
      SELECT COUNT(*) FROM tasks WHERE generation = ? AND state IN ('completed','failed','blocked')
      AND kept_from IS NULL AND updated_at >= ?
      """
    return try Int.fetchOne(db.cachedStatement(sql: sql), arguments: [generation, sinceMs]) ?? 0
  }

  /// The sums of the plain numbers that results say they used, in the order in which they were first named.
  public static func usage(_ db: Database, generation: Int, limit: Int) throws -> [(
    name: String, sum: Double
  )] {
    let sql = """
      SELECT used.key AS name, sum(CAST(used.value AS REAL)) AS total FROM tasks, json_each(tasks.usage) AS used
      WHERE tasks.generation = ? AND used.type IN ('integer','real') GROUP BY used.key
      ORDER BY min(tasks.id) LIMIT ?
      """
    return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [generation, limit]).map {
      ($0["name"], $0["total"])
    }
  }
}
