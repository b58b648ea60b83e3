// `ctx.integrate` (contract §4): all patches or none, judged by what they really change.
//
// Patches are tried in a scratch folder, the differences judged, and only then promoted file by file under a
// journal. Once the journal is there the operation has begun: whoever comes next calls `recover`, which finishes
// it or takes it back. Once the outcome is there it is over, and stays what it was however often it is asked for.
//
// In the operation's folder:
//
//   scratch/       the files after the patches        before/        the files before, by number
//   journal.json   what is to be done                 outcome.json   how it ended
//
// Between the last look at a file and the rename that replaces it lie some microseconds in which another program
// could still write; what it wrote is then lost. New files have no such gap.

import Glibc
import QueueRunner

/// How an integration ended: what the callback is given.
public enum PatchOutcome: Equatable, Sendable {
  /// - Parameters:
  ///   - applied: how many patches.
  ///   - paths: every file that was created, changed or deleted, sorted by bytes.
  case completed(applied: Int, paths: [String])
  /// Nothing of the patches is in the project; the text says which path broke which rule.
  case failed(String)
}

/// What became of trying the patches.
public enum PatchPlan: Sendable {
  /// Nothing was touched; why, in a line.
  case refused(String)
  case ready(PreparedPatches)

  /// The files that a promotion will change, sorted by bytes; none for a refusal.
  public var paths: [String] {
    switch self {
    case .refused: []
    case .ready(let prepared): prepared.paths
    }
  }
}

/// Patches that may be promoted.
public struct PreparedPatches: Sendable {
  let applied: Int
  let changes: PatchChanges

  /// Every file that will be created, changed or deleted.
  public var paths: [String] { changes.files.map(\.path.text) }
}

/// One `integrate` operation. To be used by one process at a time: the driver's lock sees to that.
public struct PatchIntegration: Sendable {
  private let projectRoot: String
  private let writeGlobs: GlobSet
  private let folder: String

  /// - Parameters:
  ///   - writeGlobs: what `permissions.write` allows.
  ///   - folder: private to this operation, under the run's directory; made when it is needed.
  public init(projectRoot: String, writeGlobs: GlobSet, folder: String) {
    (self.projectRoot, self.writeGlobs, self.folder) = (projectRoot, writeGlobs, folder)
  }

  private var project: PatchProject { PatchProject(root: projectRoot) }
  private var tree: String { "\(folder)/scratch" }
  private var kept: String { "\(folder)/before" }
  private var journalPath: String { "\(folder)/journal.json" }
  private var outcomePath: String { "\(folder)/outcome.json" }

  /// The whole operation, from wherever an earlier process left it. Never applies anything twice.
  ///
  /// - Throws: what the machine refuses; the next call goes on from there.
  public func run(_ patches: [String]) throws -> PatchOutcome {
    if let outcome = try recover() { return outcome }
    switch try prepare(patches) {
    case .refused(let reason): return .failed(reason)
    case .ready(let prepared): return try promote(prepared)
    }
  }

  /// Tries the patches in order, without touching the project.
  public func prepare(_ patches: [String]) throws -> PatchPlan {
    // What a journal needs must not be swept away.
    guard try !FileSystem.isThere(journalPath) else {
      throw FlowdexError.bug("patch-journal", "patches are prepared though `\(folder)` holds a journal")
    }
    do {
      return .ready(try tried(patches))
    } catch let problem as PatchProblem {
      try discard()
      return .refused(problem.message)
    } catch let conflict as PatchConflict {
      try discard()
      return .refused("\(conflict.path.shown) changed while the patches were tried")
    } catch is OpenFolder.Refusal {
      try discard()
      return .refused("a folder of the project changed while the patches were tried, or cannot be read")
    }
  }

  private func tried(_ patches: [String]) throws -> PreparedPatches {
    guard patches.reduce(0, { $0 + $1.utf8.count }) <= PatchLimits.bytes else {
      throw PatchProblem("the patches are longer than \(PatchLimits.bytes) bytes together")
    }
    var scratch = try PatchScratch(project: project, globs: writeGlobs, tree: tree, kept: kept)
    for (at, patch) in patches.enumerated() {
      do {
        try scratch.apply(try PatchParser.parse(Array(patch.utf8)))
      } catch let problem as PatchProblem {
        throw PatchProblem("patch \(at + 1) of \(patches.count): \(problem.message)")
      }
    }
    var judge = PatchJudge(scratch, folder: folder)
    return PreparedPatches(applied: patches.count, changes: try judge.changes())
  }

  /// Changes the project: everything, or nothing.
  ///
  /// - Parameter step: called at every step; what it throws passes through at once, as if the process had died.
  public func promote(
    _ prepared: PreparedPatches, step: (PatchStep) throws -> Void = { _ in }
  ) throws -> PatchOutcome {
    let token = String(UInt64.random(in: 0...UInt64.max), radix: 16)
    let journal = PatchJournal(token: token, applied: prepared.applied, changes: prepared.changes)
    try syncBytes(prepared.changes)
    try FileSystem.writeAtomically(Array(journal.json.compactText.utf8), to: journalPath, sync: true)
    try step(.journaled)
    return try finish(journal, step)
  }

  /// How an operation ended that an earlier process began, finishing it or taking it back first; nil if none has
  /// begun, so that nothing has been touched.
  public func recover(step: (PatchStep) throws -> Void = { _ in }) throws -> PatchOutcome? {
    guard try FileSystem.isThere(journalPath) else { return nil }
    guard let journal = PatchJournal(reading: try FileSystem.read(journalPath)) else {
      throw damaged("journal")
    }
    if try FileSystem.isThere(outcomePath) {
      // That it cannot be read says nothing of what is in it.
      let bytes = try FileSystem.read(outcomePath)
      let json = try? JSONValue(parsing: bytes, limits: .unlimited)
      guard let json, let outcome = IntegrationValue.read(json) else { throw damaged("outcome") }
      // What is still there says that the end was not reached.
      if case .completed = outcome, try FileSystem.isThere(tree) { try conclude(journal, step) }
      return outcome
    }
    return try finish(journal, step)
  }

  private func damaged(_ what: String) -> FlowdexError {
    .machine(
      "patch-journal-damaged", "the \(what) of an integration in `\(folder)` is not what flowdex wrote")
  }

  // MARK: the end

  private func finish(
    _ journal: PatchJournal, _ step: (PatchStep) throws -> Void
  ) throws -> PatchOutcome {
    try withoutActuallyEscaping(step) { step in
      let promotion = PatchPromotion(project: project, journal: journal, folder: folder, step: step)
      do {
        // Before anything is done: a file that somebody changed since must not be found half-way.
        guard try promotion.canFinish() else { return try takeBack(promotion) }
        try promotion.carryOut()
      } catch is PatchConflict {
        return try takeBack(promotion)
      } catch let error as FlowdexError {
        return try giveUp(promotion, because: error)
      }
      let paths = journal.changes.files.map(\.path.text)
      let outcome = PatchOutcome.completed(applied: journal.applied, paths: paths)
      try record(outcome)
      try step(.decided)
      try conclude(journal, step)
      return outcome
    }
  }

  private func takeBack(_ promotion: PatchPromotion) throws -> PatchOutcome {
    try failed(promotion, try promotion.takeBack())
  }

  /// The machine's fault is no answer to the patches: nothing is decided, and the next call begins anew. Only where
  /// somebody else's change stands in the way of the way back is there nothing to begin anew from.
  private func giveUp(_ promotion: PatchPromotion, because error: FlowdexError) throws -> PatchOutcome {
    let strangers = try promotion.takeBack()
    guard strangers.isEmpty else { return try failed(promotion, strangers) }
    try FileSystem.remove(journalPath)
    try FileSystem.syncDirectory(folder)
    throw error
  }

  private func failed(_ promotion: PatchPromotion, _ strangers: [PatchPath]) throws -> PatchOutcome {
    let outcome = PatchOutcome.failed(message(strangers))
    try record(outcome)
    try promotion.step(.decided)
    // Where somebody else's change stands in the way, both versions stay to be looked at.
    if strangers.isEmpty { try discard() }
    return outcome
  }

  private func message(_ strangers: [PatchPath]) -> String {
    if strangers.isEmpty {
      return "a file of the project changed while the patches were promoted; everything is as it was before"
    }
    let shown = strangers.prefix(20).map(\.shown).joined(separator: ", ")
    let more = strangers.count > 20 ? " and \(strangers.count - 20) more" : ""
    return
      "\(shown)\(more) changed while the patches were promoted and was left alone; every other file is as it "
      + "was before, and both versions, before and after the patches, are kept in `\(folder)`"
  }

  private func record(_ outcome: PatchOutcome) throws {
    let bytes = Array(IntegrationValue.of(outcome).compactText.utf8)
    try FileSystem.writeAtomically(bytes, to: outcomePath, sync: true)
  }

  private func conclude(_ journal: PatchJournal, _ step: (PatchStep) throws -> Void) throws {
    try withoutActuallyEscaping(step) { step in
      try PatchPromotion(project: project, journal: journal, folder: folder, step: step).prune()
    }
    try discard()
  }

  private func discard() throws {
    try FileSystem.removeTree(kept)
    try FileSystem.removeTree(tree)
  }

  /// Makes durable what the journal refers to.
  private func syncBytes(_ changes: PatchChanges) throws {
    var folders: Set<String> = [folder, tree, kept]
    for change in changes.files {
      if change.before != nil { try sync("\(folder)/\(change.beforeAs)") }
      guard change.after != nil else { continue }
      try sync("\(folder)/\(change.afterAs)")
      for above in change.path.folders { folders.insert("\(tree)/\(above.text)") }
    }
    for folder in folders { try FileSystem.syncDirectory(folder) }
    try FileSystem.syncDirectory(FileSystem.split(folder).parent)
  }

  private func sync(_ path: String) throws {
    let descriptor = try FileSystem.open(path, O_RDONLY)
    defer { close(descriptor) }
    if FileSystem.retrying({ fsync(descriptor) }) != 0 { throw FileSystem.failure("sync", path) }
  }
}
