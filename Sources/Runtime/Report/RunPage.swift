// A run as a document: everything that a person wants to see of it afterwards, as a value. It is read in one
// consistent look; `html` and `markdown` only write it down.

import GRDB
import QueueRunner

/// What one page tells of a run.
public struct RunPage: Sendable {
  /// A claim with what its evidence points to.
  struct Item: Sendable {
    let id: String
    let text: String
    let kind: String
    let confidence: String
    let standing: Standing
    /// Whether the report cites it.
    let isCited: Bool
    let evidence: [Piece]
  }

  /// One piece of evidence: its kind, what flowdex found, and the thing itself.
  struct Piece: Sendable {
    let kind: String
    let how: String
    let passed: Bool
    let exhibit: Exhibit
  }

  /// What a task's row adds to its line of time.
  struct Task: Sendable {
    let state: TaskState
    let attempt: Int
    let summary: String?
    let error: String?
    let usage: JSONValue?
  }

  /// The name of the run's folder.
  public let runId: String
  let name: String
  let status: RunStatus
  let generation: Int
  let createdAtMs: Int64
  let updatedAtMs: Int64
  /// When this page was made.
  let takenAtMs: Int64
  let error: String?
  let report: JSONValue?
  let claims: [Item]
  let timeline: Timeline
  /// The tasks of the current generation, by child key.
  let tasks: [String: Task]
  let usage: JSONValue
  let usageByPhase: JSONValue
  /// Hashes and manifest, as approved.
  let approval: JSONValue
  let inputText: String
  let source: String

  /// Whether the run has a report: one that has not ended, or failed, has none.
  public var hasReport: Bool { report != nil }

  /// One consistent look at a run, ended or not.
  public static func of(_ run: Run) throws -> RunPage {
    let source = try FileSystem.read(run.layout.workflow)
    let input = try FileSystem.read(run.layout.input)
    let document = try? WorkflowDocument.read(text: source, file: "workflow.ts")
    return try run.database.read { db in
      let record = try RunStore.get(db)
      let report = try record.report.flatMap { try ArtifactStore.get(db, $0, layout: run.layout) }
        .map { try JSONValue(parsing: $0, limits: .unlimited) }
      let rows = try TaskStore.all(db, generation: record.generation)
      let events = try EventStore.after(db, runId: record.runId, seq: 0, limit: Int(Int32.max))
      return RunPage(
        runId: record.runId, name: record.name, status: record.status, generation: record.generation,
        createdAtMs: record.createdAtMs, updatedAtMs: record.updatedAtMs, takenAtMs: run.clock.nowMs(),
        error: record.error, report: report,
        claims: try claims(db, record, run.layout, cited: report?["claimIds"]?.array?.compactMap(\.string)),
        timeline: try Timeline(events),
        tasks: Dictionary(
          try rows.map { ($0.childKey, try Task($0)) }, uniquingKeysWith: { first, _ in first }),
        usage: Usage.of(rows), usageByPhase: Usage.byPhase(rows),
        approval: try approved(record, document),
        inputText: String(decoding: input.prefix(64 << 10), as: UTF8.self),
        source: String(decoding: source, as: UTF8.self))
    }
  }

  /// What was approved: from the state, not from the file, which somebody may have changed since.
  private static func approved(_ record: RunRecord, _ document: WorkflowDocument?) throws -> JSONValue {
    [
      "approval": .string(record.approvalHash), "source": .string(record.sourceHash),
      "manifest": .string(record.manifestHash), "input": .string(record.inputHash),
      "sourceIsAsApproved": .bool(document?.sourceHash == record.sourceHash),
      "manifestValue": try JSONValue(stored: record.manifestText),
    ]
  }

  /// The cited ones in the report's order, then the others by id.
  private static func claims(
    _ db: Database, _ record: RunRecord, _ layout: RunLayout, cited: [String]?
  ) throws -> [Item] {
    let reader = try ExhibitReader(RunFacts(db: db, layout: layout, generation: record.generation))
    let order = Dictionary(
      (cited ?? []).enumerated().map { (Array($1.utf8), $0) }, uniquingKeysWith: { first, _ in first })
    let all = try ClaimStore.all(db, generation: record.generation).enumerated().map { at, claim in
      (claim, order[Array((claim["id"]?.string ?? "").utf8)], at)
    }
    let sorted = all.sorted { ($0.1 ?? Int.max, $0.2) < ($1.1 ?? Int.max, $1.2) }
    return try sorted.map { try Item($0.0, isCited: $0.1 != nil, reader) }
  }
}

extension RunPage.Item {
  init(_ claim: JSONValue, isCited: Bool, _ reader: ExhibitReader) throws {
    func text(_ key: String) -> String { claim[key]?.string ?? "" }
    id = text("id")
    self.text = text("text")
    kind = text("kind")
    confidence = text("confidence")
    standing = Standing(rawValue: text("standing")) ?? .unverified
    self.isCited = isCited
    evidence = try (claim["evidence"]?.array ?? []).map { try RunPage.Piece($0, reader) }
  }
}

extension RunPage.Piece {
  /// Kept claims are well-formed, but for the two members that the check has added.
  init(_ stored: JSONValue, _ reader: ExhibitReader) throws {
    var object = stored.object ?? JSONObject()
    let reason = object["reason"]?.string
    how = object["how"]?.string ?? reason ?? ""
    passed = reason == nil
    object["how"] = nil
    object["reason"] = nil
    kind = (object["type"] ?? object["kind"])?.string ?? ""
    do throws(ShapeProblem) {
      let evidence = try Evidence(.object(object), path: "")
      exhibit = try Self.fetch(evidence, reader)
    } catch {
      exhibit = Exhibit(kind: .plain, title: "", text: "", note: error.text)
    }
  }

  /// What cannot be read now is said in its place: the rest of the page is worth having.
  private static func fetch(_ evidence: Evidence, _ reader: ExhibitReader) throws(ShapeProblem) -> Exhibit {
    do { return try reader.exhibit(evidence.content) } catch { throw ShapeProblem(text: "\(error)") }
  }
}

extension RunPage.Task {
  init(_ row: TaskRecord) throws {
    state = row.state
    attempt = row.attempt
    summary = row.summary
    error = row.error
    usage = try row.usage.map { try JSONValue(stored: $0) }
  }
}
