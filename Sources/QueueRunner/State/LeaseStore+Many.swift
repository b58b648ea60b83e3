// Questions that are asked of every lease of a run at once: what they read of each, and in which order, is what a fan-out
// of a hundred thousand tasks feels.

import GRDB

extension LeaseStore {
  /// Where the package of an unsettled lease lies: all that watching needs of it.
  public struct Place {
    /// The row id: a lease that is committed later has a higher one.
    public let row: Int64
    /// The name of the package's folder.
    public let token: String
    /// What the folder above it is named by.
    public let childKey: String
  }

  /// The places of unsettled leases that have packages and were committed after the lease of that row id, one after
  /// the other: there may be too many to hold.
  public static func eachPlace(_ db: Database, after row: Int64 = 0, _ body: (Place) throws -> Void) throws {
    // By the partial index for all of them, by row for the newest: each is the shorter way.
    let newest = row == 0 ? "" : "leases.rowid > ? AND "
    let sql = """
      SELECT leases.rowid, leases.token, tasks.child_key FROM leases CROSS JOIN tasks ON tasks.id = leases.task
      WHERE \(newest)\(isUnsettled) AND has_package = 1 ORDER BY leases.rowid
      """
    try StateStatement.each(db, sql, row == 0 ? [] : [row]) {
      try body(Place(row: $0.int64(0), token: $0.text(1), childKey: $0.text(2)))
    }
  }

  /// One state, by the partial index, which holds the rows of each state in their order.
  static let ofState = """
    SELECT \(LeaseRecord.columns) FROM leases CROSS JOIN tasks ON tasks.id = leases.task
    WHERE \(isUnsettled) AND leases.state = ? AND leases.rowid > ? ORDER BY leases.rowid LIMIT ?
    """

  /// CROSS JOIN keeps the order: left to itself SQLite tries every newest lease for every task, and a fan-out of 30,000
  /// took a minute and a half to show.
  static let newestFirst = """
    SELECT \(LeaseRecord.columns) FROM leases CROSS JOIN tasks ON tasks.id = leases.task
    WHERE leases.rowid IN (SELECT max(rowid) FROM leases GROUP BY task) AND tasks.generation = ?
    """

  /// The newest lease of each task of a generation, by the task's row id.
  public static func newestByTask(_ db: Database, generation: Int) throws -> [Int64: LeaseRecord] {
    var newest: [Int64: LeaseRecord] = [:]
    for lease in try records(db, newestFirst, [generation]) { newest[lease.task] = lease }
    return newest
  }
}

/// Reads in parts what can be far too much to hold: every lease whose package may still bring a result.
///
/// In the order of the states that a lease goes through, each from its oldest: one that moves on between two parts is met
/// twice, and never missed.
struct UnsettledWalk {
  private var states: [LeaseState] = [.offered, .live, .expired]
  private var row: Int64 = 0

  /// At most so many more; nil when there are no more.
  mutating func next(_ db: Database, limit: Int) throws -> [LeaseRecord]? {
    var leases: [LeaseRecord] = []
    while let state = states.first, leases.count < limit {
      let asked = limit - leases.count
      let more = try LeaseStore.records(db, LeaseStore.ofState, [state.rawValue, row, asked])
      leases += more
      row = more.last?.row ?? row
      if more.count < asked {
        states.removeFirst()
        row = 0
      }
    }
    return leases.isEmpty ? nil : leases
  }
}
