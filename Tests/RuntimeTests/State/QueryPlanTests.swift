import GRDB
import QueueRunner
import Testing

@testable import Runtime

@Suite("how the state of a run is searched", .timeLimit(.minutes(15)))
struct QueryPlanTests {
  /// What a drive asks at each of its steps, and how SQLite must go about it: over the few rows that it is about, not
  /// over every operation that the run has had.
  static let hot: [(sql: String, search: String)] = [
    (OperationStore.anyUnfinished, "SEARCH operations USING INDEX operations_unfinished (generation=?)"),
    (
      OperationStore.unfinishedOnes,
      "SEARCH operations USING INDEX operations_unfinished (generation=? AND kind=?)"
    ),
    (OperationStore.byKey, "SEARCH operations USING PRIMARY KEY (generation=? AND key=?)"),
    (HistoryStore.next, "SEARCH history USING PRIMARY KEY (generation=? AND n>?)"),
  ]

  @Test("what is asked at each step does not grow with what has ended", arguments: hot)
  func plans(sql: String, search: String) throws {
    try HistoryFixtureTests.with("v1-waiting") { run, _ in
      let plan = try run.database.read { db in
        let unknowns = StatementArguments(Array(repeating: 1, count: sql.count { $0 == "?" }))
        return try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN \(sql)", arguments: unknowns)
          .map { $0["detail"] as String }
      }
      #expect(plan == [search])
    }
  }

  @Test("counting a task down fills no table of SQLite's own")
  func countsDown() throws {
    try HistoryFixtureTests.with("v1-waiting") { run, _ in
      let steps = try run.database.read {
        try Row.fetchAll($0, sql: "EXPLAIN \(OperationStore.countDown)", arguments: [1, 1, "f", 1])
          .map { $0["opcode"] as String }
      }
      #expect(steps.contains("Transaction"))
      #expect(!steps.contains("OpenEphemeral"), "\(steps)")
    }
  }
}
