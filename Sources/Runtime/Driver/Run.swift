// One run, opened: its directory, its state, its queue, and the check that what was approved is still what
// lies there.

import Glibc
import QueueRunner

/// An opened run. Confined to the thread that opened it.
public final class Run {
  /// The project that the run belongs to.
  public let project: ProjectLayout
  /// This thread's connection to the run's state.
  public let database: StateDatabase
  /// Over the same connection.
  public let queue: WorkQueue
  var lastSnapshot: LastSnapshot?
  /// Where the run lies.
  public var layout: RunLayout { database.layout }
  /// What everything the run does is dated with.
  public var clock: any WallClock { database.clock }

  init(_ project: ProjectLayout, _ database: StateDatabase) throws {
    self.project = project
    self.database = database
    let record = try database.read(RunStore.get)
    queue = try WorkQueue(database, workCopies: Self.copies(record.manifestText)) { tx, ended in
      try OperationStore.tasksEnded(
        tx, generation: ended.generation, key: ended.groupKey, count: ended.childKeys.count)
    }
  }

  /// Private copies, judged by the write globs that were approved.
  private static func copies(_ manifestText: String) -> WorkCopies {
    WorkCopies(
      make: { workspace, folder in
        if let workspace {
          try WorkCopy.make(snapshot: workspace, at: folder)
        } else {
          try FileSystem.makeDirectories(folder)
        }
      },
      judge: { workspace, folder in
        guard let workspace else { return .unchanged }
        let manifest = try Manifest(reading: JSONValue(stored: manifestText))
        let globs = GlobSet(manifest.permissions.write)
        do {
          switch try WorkCopy.diff(snapshot: workspace, work: folder, writeGlobs: globs) {
          case .unchanged: return .unchanged
          case .diff(let text, _): return .diff(text)
          case .refused(let problems): return .refused(problems)
          }
        } catch let error as FlowdexError where error.code == "work-copy-gone" {
          // A worker did that, and it stops nobody else's result.
          return .refused([error.message])
        }
      }, sync: { try FileSystemSync.all(of: $0) })
  }

  /// Opens a run by its id.
  ///
  /// - Throws: `run-id`, `run-not-found`, or what is wrong with its state.
  public static func open(_ project: ProjectLayout, id: String, clock: any WallClock = SystemClock()) throws
    -> Run
  {
    try RunId.check(id)
    let layout = project.run(id)
    guard try FileSystem.entry(layout.root)?.kind == .directory else {
      let nearest = Nearest.run(id, in: try Project(layout: project).runIds())
      throw FlowdexError.failed(
        "run-not-found", "there is no run `\(id)`",
        next: nearest.map { "did you mean `\($0)`?" } ?? "run `flowdex list` to see the runs")
    }
    return try Run(
      project, StateDatabase.open(layout, clock: clock, migrations: RuntimeSchema.register))
  }

  /// Makes up for what the process that ended the run left undone if it was killed just then: an end of `events.jsonl` that
  /// nobody's next commit would bring, and packages that a worker would find on offer.
  func healEnded() throws {
    try database.healEvents()
    try queue.sweepEntries()
  }

  /// The run's row.
  public func record() throws -> RunRecord { try database.read(RunStore.get) }

  /// The workflow as stored, after checking that source, manifest and input still hash as approved.
  func approvedDocument() throws -> WorkflowDocument {
    let record = try record()
    let document = try WorkflowDocument.read(text: try approvedTexts(record).source, file: "workflow.ts")
    try check("the manifest", document.manifestHash, record.manifestHash)
    return document
  }

  /// The workflow and the input as stored, after checking that they still hash as approved.
  func approvedTexts(_ record: RunRecord) throws -> (source: [UInt8], input: [UInt8]) {
    let source = try FileSystem.read(layout.workflow)
    try check("workflow.ts", Digest.sha256Hex(source), record.sourceHash)
    let input = try FileSystem.read(layout.input)
    try check("input.json", Digest.sha256Hex(input), record.inputHash)
    return (source, input)
  }

  private func check(_ what: String, _ found: String, _ approved: String) throws {
    if found == approved { return }
    throw FlowdexError.failed(
      "approval-changed",
      "run `\(layout.runId)`: \(what) is not what was approved: expected sha256 \(approved), found \(found)",
      next: "start a new run")
  }

  /// The report's JSON text, of a run that has one.
  public func reportText() throws -> String? {
    try database.read { db in
      guard let digest = try RunStore.get(db).report,
        let bytes = try ArtifactStore.get(db, digest, layout: layout)
      else { return nil }
      return String(decoding: bytes, as: UTF8.self)
    }
  }
}

/// Ids of runs.
public enum RunId {
  /// Refuses what could leave the runs' folder or hide in it.
  public static func check(_ id: String) throws {
    let isSafe = OperationNames.isId(id, limit: 200) && id != "." && id != ".." && !id.hasPrefix(".")
    if isSafe { return }
    let shown = id.count > 80 ? "\(id.prefix(80))…` of \(id.count) characters" : "\(id)`"
    throw FlowdexError.usage(
      "run-id",
      "`\(shown) is not a run id: expected 1 to 200 of `A-Z a-z 0-9 _ . -`, not beginning with a dot",
      next: "run `flowdex list` to see the runs")
  }

  /// `2026-11-23T15-36-01-123Z-code-audit`.
  public static func make(nowMs: Int64, name: String) -> String {
    let time = Timestamp.text(nowMs).map { $0 == ":" || $0 == "." ? "-" : $0 }
    let slug = String(time) + "-" + slug(name)
    return slug
  }

  /// A name as lower-case words joined by `-`, at most 80 characters.
  static func slug(_ name: String) -> String {
    var words = ""
    for scalar in name.lowercased().unicodeScalars {
      switch scalar {
      case "a"..."z", "0"..."9": words.unicodeScalars.append(scalar)
      default: if !words.hasSuffix("-"), !words.isEmpty { words += "-" }
      }
    }
    let cut = String(words.prefix(80))
    let trimmed = cut.hasSuffix("-") ? String(cut.dropLast()) : cut
    return trimmed.isEmpty ? "run" : trimmed
  }
}

extension Nearest {
  /// The run that was meant: one with a near id, else the newest whose id holds the word, such as the
  /// workflow's name.
  ///
  /// - Parameter known: ids, newest first.
  static func run(_ word: String, in known: [String]) -> String? {
    of(word, in: known) ?? (word.isEmpty ? nil : known.first { $0.contains(word) })
  }
}
