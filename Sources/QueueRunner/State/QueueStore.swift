// The queue's own row: its state, its generation, and the boot that its packages were last compared under.

import GRDB

/// What the queue is set to.
public struct QueueSettings: Sendable {
  /// Tasks are handed out only while it is `open`.
  public let state: QueueState
  /// How many leases may be held or on offer at a time.
  public let maxConcurrency: Int
  /// The life of the history that tasks are added to, from 1.
  public let generation: Int
}

/// Reads and moves the queue.
public enum QueueStore {
  /// The queue's state, its generation and how many leases may be live.
  public static func settings(_ db: Database) throws -> QueueSettings {
    let sql = "SELECT state, max_concurrency, generation FROM queue"
    let found = try StateStatement.first(db, sql) { row in
      QueueState(rawValue: row.text(0)).map {
        QueueSettings(state: $0, maxConcurrency: row.int(1), generation: row.int(2))
      }
    }
    guard let settings = found ?? nil else {
      throw FlowdexError.bug("queue-row", "the state has no queue row")
    }
    return settings
  }

  /// The row that every other one of a run's state refers to.
  static func insert(_ tx: Transaction, maxConcurrency: Int, bootId: String) throws {
    try tx.db.execute(
      sql: "INSERT INTO queue VALUES (1, 'open', ?, 1, ?, ?)", arguments: [maxConcurrency, tx.nowMs, bootId])
  }

  /// Moves the queue along an edge; false if it has no such edge from where it stands.
  public static func move(_ tx: Transaction, _ event: QueueEvent) throws -> Bool {
    let sources = event.sources.map { "'\($0.rawValue)'" }.joined(separator: ",")
    guard let target = event.sources.first?.next(event) else { return false }
    tx.hasFreedTasks = true
    return try tx.change(
      "UPDATE queue SET state = ? WHERE state IN (\(sources))", [target.rawValue])
  }

  /// Opens the next generation of the queue's tasks; its number.
  public static func beginGeneration(_ tx: Transaction) throws -> Int {
    try tx.db.execute(sql: "UPDATE queue SET generation = generation + 1")
    _ = try move(tx, .open)
    return try settings(tx.db).generation
  }

  /// The boot under which the packages were last known to be whole.
  static func bootId(_ db: Database) throws -> String? {
    try String.fetchOne(db.cachedStatement(sql: "SELECT boot_id FROM queue"))
  }

  /// The packages have been compared with the state under this boot.
  static func setBootId(_ tx: Transaction, _ bootId: String) throws {
    _ = try tx.change("UPDATE queue SET boot_id = ?", [bootId])
  }
}
