// Checks evidence against the run's facts. Nothing is believed because a worker said it: every check ends at a
// row that flowdex wrote or at bytes that it hashes here.

import QueueRunner

/// What a check came to; the text says in a sentence what was checked, or why it did not pass.
public enum EvidenceOutcome: Sendable, Equatable {
  case passed(how: String)
  case failed(reason: String)
}

/// How far a claim is proved.
public enum Standing: String, Sendable, CaseIterable {
  /// Every piece of evidence passes and one at least shows more than that an agent said so.
  case verified
  /// Every piece passes and all show what an agent said.
  case attested
  /// There is no evidence, or a piece does not pass.
  case unverified
}

/// A claim, its standing and the outcome of each piece of evidence, in order.
public struct VerifiedClaim: Sendable, Equatable {
  /// What was claimed.
  public let claim: Claim
  /// How far it is proved.
  public let standing: Standing
  /// One for each piece of evidence, in order.
  public let outcomes: [EvidenceOutcome]

  init(_ claim: Claim, _ outcomes: [EvidenceOutcome]) {
    self.claim = claim
    self.outcomes = outcomes
    let allPass = outcomes.allSatisfy { if case .passed = $0 { true } else { false } }
    let allAreWords = claim.evidence.allSatisfy { if case .agentResult = $0.content { true } else { false } }
    standing = claim.evidence.isEmpty || !allPass ? .unverified : allAreWords ? .attested : .verified
  }

  /// `{id, text, kind, confidence, standing, evidence: [{…, how}]}`; evidence that failed has `reason` for `how`.
  public var json: JSONValue {
    let evidence = zip(claim.evidence, outcomes).map { piece, outcome in
      var object = piece.json
      switch outcome {
      case .passed(let how): object["how"] = .string(how)
      case .failed(let reason): object["reason"] = .string(reason)
      }
      return JSONValue.object(object)
    }
    return .object(
      JSONObject([
        ("id", .string(claim.id)), ("text", .string(claim.text)), ("kind", .string(claim.kind.rawValue)),
        ("confidence", .string(claim.confidence.rawValue)), ("standing", .string(standing.rawValue)),
        ("evidence", .array(evidence)),
      ]))
  }
}

/// Checks claims; keeps the manifests of snapshots that it has read. Used by one thread.
public final class EvidenceVerifier<Facts: EvidenceFacts> {
  private let facts: Facts
  private var snapshots: [String: Result<Snapshot, FlowdexError>] = [:]

  /// - Parameter facts: what the run's state says.
  public init(_ facts: Facts) { self.facts = facts }

  /// Checks every piece of a claim's evidence.
  ///
  /// - Throws: only what keeps the facts from being read.
  public func verify(_ claim: Claim) throws -> VerifiedClaim {
    VerifiedClaim(claim, try claim.evidence.map(check))
  }

  /// Checks one piece of evidence.
  public func check(_ evidence: Evidence) throws -> EvidenceOutcome {
    switch evidence.content {
    case .command(let command): try check(command, note: "")
    case .test(let command):
      try check(
        command,
        note: evidence.json["passed"] == nil && evidence.json["failed"] == nil
          ? "" : "; the numbers of tests are the worker's words")
    case .fileRange(let range): try check(range)
    case .diffHunk(let artifactId, let file, let hunkHash):
      try check(hunk: hunkHash, of: file, in: artifactId)
    case .schemaValidation(let schema, let artifactId, let isValid):
      try check(schema: schema, on: artifactId, isValid: isValid)
    case .agentResult(let childKey, let taskId, let artifactId):
      try check(result: artifactId, childKey: childKey, taskId: taskId)
    }
  }

  private func check(_ command: Evidence.CommandEvidence, note: String) throws -> EvidenceOutcome {
    let id = command.artifactId
    let runs = try facts.commandRuns(withArtifact: id)
    if runs.isEmpty {
      return .failed(reason: "no host command of this run has \(EvidenceText.quote(id)) as its output")
    }
    let asked = command.argv.map { Array($0.utf8) }
    let same = runs.filter { $0.argv.map { Array($0.utf8) } == asked }
    guard !same.isEmpty else {
      let ran = EvidenceText.argv(runs[0].argv)
      return .failed(reason: "that output is of \(ran), not of \(EvidenceText.argv(command.argv))")
    }
    guard let run = same.first(where: { $0.exitCode == command.exitCode }) else {
      let found = same[0].exitCode.map { "exited with \($0)" } ?? "did not exit by itself"
      return .failed(reason: "\(EvidenceText.argv(command.argv)) \(found), not with \(command.exitCode)")
    }
    let stream = run.stdoutArtifactId == id ? "stdout" : "stderr"
    return .passed(
      how:
        "flowdex ran \(EvidenceText.argv(run.argv)), which exited with \(command.exitCode), and the artifact "
        + "is its \(stream)\(note)")
  }

  private func check(_ range: Evidence.FileRange) throws -> EvidenceOutcome {
    guard range.startLine <= range.endLine else {
      return .failed(reason: "`startLine` \(range.startLine) comes after `endLine` \(range.endLine)")
    }
    let given = try facts.snapshots()
    if given.isEmpty { return .failed(reason: "no task of this run was given a snapshot") }
    var reason: String?
    for fact in given {
      do throws(FlowdexError) {
        let snapshot = try open(fact)
        guard snapshot.entry(of: range.path) != nil else { continue }
        let bytes = try Self.bytes(of: range.path, snapshot)
        switch FileLines.hash(bytes, range) {
        case .success(let hash) where hash == range.contentHash:
          return .passed(
            how:
              "lines \(range.startLine) to \(range.endLine) of \(EvidenceText.quote(range.path)) hash so in snapshot "
              + "`\(fact.digest)`, whose file still hashes to its manifest")
        case .success(let hash):
          reason =
            "lines \(range.startLine) to \(range.endLine) of \(EvidenceText.quote(range.path)) hash to `\(hash)`, not to "
            + "`\(range.contentHash)`"
        case .failure(let problem): reason = reason ?? problem.text
        }
      } catch {
        // A machine that cannot read says nothing about the claim.
        if error.kind == .machine { throw error }
        reason = reason ?? error.message
      }
    }
    return .failed(reason: reason ?? "no snapshot of this run holds \(EvidenceText.quote(range.path))")
  }

  private func open(_ fact: SnapshotFact) throws(FlowdexError) -> Snapshot {
    if let known = snapshots[fact.path] { return try known.get() }
    let opened: Result<Snapshot, FlowdexError>
    do {
      opened = .success(try Snapshot(path: fact.path, digest: fact.digest))
    } catch {
      opened = .failure(EvidenceText.flowdexError(error))
    }
    snapshots[fact.path] = opened
    return try opened.get()
  }

  private static func bytes(of path: String, _ snapshot: Snapshot) throws(FlowdexError) -> [UInt8] {
    do { return try snapshot.bytes(of: path) } catch { throw EvidenceText.flowdexError(error) }
  }

  private func check(hunk hash: String, of file: String, in artifactId: String) throws -> EvidenceOutcome {
    guard try facts.isDiff(artifactId) else {
      return .failed(reason: "\(EvidenceText.quote(artifactId)) is no diff of this run")
    }
    guard let bytes = try facts.artifact(artifactId) else {
      return .failed(reason: "the diff \(EvidenceText.quote(artifactId)) is gone")
    }
    let hunks = DiffHunks.hashes(in: bytes, of: file)
    if hunks.isEmpty { return .failed(reason: "the diff has no hunk for \(EvidenceText.quote(file))") }
    guard let at = hunks.firstIndex(of: hash) else {
      return .failed(
        reason: "none of the diff's \(hunks.count) hunks for \(EvidenceText.quote(file)) hashes to `\(hash)`")
    }
    return .passed(
      how:
        "hunk \(at + 1) of \(hunks.count) for \(EvidenceText.quote(file)) in that diff of this run hashes so")
  }

  private func check(schema: String, on artifactId: String, isValid: Bool) throws -> EvidenceOutcome {
    let runs = try facts.schemaValidations(ofResult: artifactId)
    if runs.isEmpty {
      return .failed(reason: "flowdex ran no schema on a result \(EvidenceText.quote(artifactId))")
    }
    let same = runs.filter { $0.schemaDigest == schema }
    if same.isEmpty { return .failed(reason: "that result was not validated with schema `\(schema)`") }
    guard same.contains(where: { $0.isValid == isValid }) else {
      return .failed(reason: "that result \(isValid ? "breaks" : "satisfies") the schema")
    }
    return .passed(
      how: "flowdex validated that result with schema `\(schema)` itself: \(isValid ? "valid" : "invalid")")
  }

  private func check(
    result artifactId: String, childKey: String?, taskId: String?
  ) throws -> EvidenceOutcome {
    let keys = try taskId.map(facts.childKeys) ?? []
    if let taskId, keys.isEmpty {
      return .failed(reason: "no task of this run has the id \(EvidenceText.quote(taskId))")
    }
    if let childKey, let taskId, !keys.contains(where: { $0.hasSameBytes(as: childKey) }) {
      return .failed(
        reason: "\(EvidenceText.quote(childKey)) is not a task with the id \(EvidenceText.quote(taskId))")
    }
    guard let key = childKey ?? (keys.count == 1 ? keys.first : nil) else {
      let names = keys.prefix(3).map { EvidenceText.quote($0) }.joined(separator: ", ")
      return .failed(
        reason:
          "\(keys.count) tasks have the id \(EvidenceText.quote(taskId ?? "")): name one by `childKey` (\(names))"
      )
    }
    guard let stored = try facts.result(childKey: key) else {
      return .failed(reason: "task \(EvidenceText.quote(key)) has no stored result in this run")
    }
    guard stored == artifactId else {
      return .failed(
        reason:
          "the result of \(EvidenceText.quote(key)) is `\(stored)`, not \(EvidenceText.quote(artifactId))")
    }
    return .passed(
      how:
        "that artifact is the stored result of \(EvidenceText.quote(key)): it shows what the agent said, and no more"
    )
  }
}
