// The run's own row: status, hashes, epoch. One function per transition, each guarded.

import GRDB
import QueueRunner

/// A run as stored.
public struct RunRecord: Sendable {
  /// The name of its folder.
  public let runId: String
  /// The manifest's name for the workflow.
  public let name: String
  /// Moved only along the edges of `RunStatus`.
  public let status: RunStatus
  /// The SHA-256 of the approved source.
  public let sourceHash: String
  /// The SHA-256 of the manifest's canonical JSON.
  public let manifestHash: String
  /// The SHA-256 of the input, byte for byte.
  public let inputHash: String
  /// Covers source and manifest: what the person said yes to.
  public let approvalHash: String
  /// The approved manifest as JSON text.
  public let manifestText: String
  /// Counts the takings of the driver's seat, and the stops: a driver with an older number is fenced off.
  public let driverEpoch: Int64
  /// The last turn of the callback whose operations and logs are recorded; -1 before any.
  public let turns: Int
  /// The artifact of the report, once the run has completed.
  public let report: String?
  /// Why the run failed.
  public let error: String?
  /// Milliseconds since 1970: the logical time until the first delivery.
  public let createdAtMs: Int64
  /// Milliseconds since 1970: the commit that last moved it.
  public let updatedAtMs: Int64
  /// Read with the run, so that the two agree.
  public let queue: QueueSettings
  /// The life of the history that the run is in, from 1.
  public var generation: Int { queue.generation }
}

/// Reads and moves the run.
enum RunStore {
  static func insert(
    _ tx: Transaction, runId: String, document: WorkflowDocument, inputHash: String
  ) throws {
    try tx.db.execute(
      sql: """
        INSERT INTO run (id, run_id, name, status, source_hash, manifest_hash, input_hash, approval_hash,
          manifest, created_at, updated_at) VALUES (1, ?, ?, 'running', ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        runId, document.manifest.name, document.sourceHash, document.manifestHash, inputHash,
        document.approvalHash, document.manifestText, tx.nowMs, tx.nowMs,
      ])
    try tx.emit(
      .runCreated,
      [
        "name": .string(document.manifest.name), "sourceHash": .string(document.sourceHash),
        "manifestHash": .string(document.manifestHash), "inputHash": .string(inputHash),
        "approvalHash": .string(document.approvalHash),
      ])
  }

  static func get(_ db: Database) throws -> RunRecord {
    let settings = try QueueStore.settings(db)
    let found = try StateStatement.first(db, columns) { row in
      RunStatus(rawValue: row.text(0)).map { status in
        RunRecord(
          runId: row.text(1), name: row.text(2), status: status, sourceHash: row.text(3),
          manifestHash: row.text(4), inputHash: row.text(5), approvalHash: row.text(6),
          manifestText: row.text(7), driverEpoch: row.int64(8), turns: row.int(9),
          report: row.optionalText(10), error: row.optionalText(11), createdAtMs: row.int64(12),
          updatedAtMs: row.int64(13), queue: settings)
      }
    }
    guard let record = found ?? nil else {
      throw FlowdexError.machine(
        "state-corrupt", "the run's state is damaged: it holds no run",
        next: "restore it from a copy, or remove the run's folder")
    }
    return record
  }

  private static let columns = """
    SELECT status, run_id, name, source_hash, manifest_hash, input_hash, approval_hash, manifest, driver_epoch,
      turns, report, error, created_at, updated_at FROM run
    """

  /// A process has taken the driver lock, or the run is stopped: whoever drove before is fenced off from now on.
  static func takeEpoch(_ tx: Transaction) throws -> Int64 {
    try tx.db.execute(sql: "UPDATE run SET driver_epoch = driver_epoch + 1")
    return try Int64.fetchOne(tx.db, sql: "SELECT driver_epoch FROM run") ?? 0
  }

  /// The fence of every transition that only a driver may make, for what it knows of one generation.
  static func fence(_ tx: Transaction, epoch: Int64, generation: Int) throws {
    let find = "SELECT driver_epoch, generation FROM run, queue"
    let found = try StateStatement.first(tx.db, find) { (epoch: $0.int64(0), generation: $0.int(1)) }
    guard found?.epoch == epoch else { throw DriverFenced() }
    guard found?.generation == generation else { throw GenerationMoved() }
  }

  /// The last turn whose operations and logs are recorded.
  static func setTurns(_ tx: Transaction, _ turns: Int) throws {
    try StateStatement.run(tx.db, "UPDATE run SET turns = ?", [turns])
  }

  /// Moves the run along an edge, with its event; false where it stands elsewhere.
  static func move(
    _ tx: Transaction, _ event: RunEvent, report: String? = nil, error: String? = nil
  ) throws -> Bool {
    let edges = RunStatus.allCases.compactMap { status in status.next(event).map { (status, $0) } }
    guard let target = edges.first?.1 else { return false }
    let sources = edges.map { "'\($0.0.rawValue)'" }.joined(separator: ",")
    let moved = try tx.change(
      "UPDATE run SET status = ?, report = ?, error = ?, updated_at = ? WHERE status IN (\(sources))",
      [target.rawValue, report, error, tx.nowMs])
    if moved {
      try tx.emit(.runStatus, ["status": .string(target.rawValue), "error": JSONValue(error)])
    }
    return moved
  }
}

/// The run has gone on in another generation: what was being done belongs to the one before, and is dropped.
struct GenerationMoved: Error {}

/// This process's right to drive has passed to another, or ended with a stop: it must let go, and has changed nothing.
struct DriverFenced: Error {}
