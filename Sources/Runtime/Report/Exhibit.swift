// What a piece of evidence points to, ready to be shown: the lines, the output, the hunk. Evidence was checked
// when the run ended; here it is only fetched, and hashed again, so that what is shown is what was checked.

import GRDB
import QueueRunner

/// A text that a claim rests on.
struct Exhibit: Sendable, Equatable {
  enum Kind: Sendable, Equatable { case plain, diff, json }
  let kind: Kind
  let title: String
  /// At most `ExhibitReader.limitLines` lines of `limitBytes`.
  let text: String
  /// The number of the first line, where lines have numbers.
  var firstLine: Int?
  /// What was left out, or why there is nothing to show.
  var note: String?
}

/// Fetches exhibits, as many as one page can bear.
final class ExhibitReader {
  static let limitLines = 200
  static let limitBytes = 32 << 10
  /// Together; what comes later is only named.
  static let limitTotalBytes = 8 << 20

  private let facts: RunFacts
  private let snapshots: [SnapshotFact]
  private var opened: [String: Snapshot] = [:]
  private var shownBytes = 0

  init(_ facts: RunFacts) throws {
    self.facts = facts
    snapshots = try facts.snapshots()
  }

  func exhibit(_ content: Evidence.Content) throws -> Exhibit {
    switch content {
    case .command(let command), .test(let command):
      return try artifact(command.artifactId, .plain, title: EvidenceText.argv(command.argv))
    case .fileRange(let range): return try lines(range)
    case .diffHunk(let artifactId, let file, let hash): return try hunk(artifactId, file, hash)
    case .schemaValidation(_, let artifactId, _): return try artifact(artifactId, .json, title: "the result")
    case .agentResult(_, _, let artifactId): return try artifact(artifactId, .json, title: "the result")
    }
  }

  private func artifact(_ id: String, _ kind: Exhibit.Kind, title: String) throws -> Exhibit {
    guard let bytes = try facts.artifact(id) else { return missing(kind, title) }
    if kind == .json, let value = try? JSONValue(parsing: bytes) {
      return cut(Array(value.prettyText.utf8)[...], kind, title)
    }
    return cut(bytes[...], kind, title)
  }

  private func lines(_ range: Evidence.FileRange) throws -> Exhibit {
    let title = "\(range.path), lines \(range.startLine) to \(range.endLine)"
    for fact in snapshots {
      guard let bytes = try bytes(of: range.path, in: fact),
        case .success(let lines) = FileLines.lines(bytes, range),
        Digest.sha256Hex(Array(lines)) == range.contentHash
      else { continue }
      var exhibit = cut(lines, .plain, title)
      exhibit.firstLine = range.startLine
      return exhibit
    }
    return missing(.plain, title)
  }

  /// nil for a snapshot that does not hold the file, or that is no longer what it was.
  private func bytes(of path: String, in fact: SnapshotFact) throws -> [UInt8]? {
    do {
      let snapshot = try opened[fact.path] ?? Snapshot(path: fact.path, digest: fact.digest)
      opened[fact.path] = snapshot
      return snapshot.entry(of: path) == nil ? nil : try snapshot.bytes(of: path)
    } catch let error as FlowdexError where error.kind == .failed {
      return nil
    }
  }

  private func hunk(_ artifactId: String, _ file: String, _ hash: String) throws -> Exhibit {
    let hunks = try facts.artifact(artifactId).map { DiffHunks.hunks(in: $0, of: file) } ?? []
    guard let hunk = hunks.first(where: { Digest.sha256Hex(Array($0)) == hash }) else {
      return missing(.diff, file)
    }
    return cut(hunk, .diff, file)
  }

  private func missing(_ kind: Exhibit.Kind, _ title: String) -> Exhibit {
    Exhibit(kind: kind, title: title, text: "", note: "it is no longer there, or no longer what was checked")
  }

  private func cut(_ bytes: ArraySlice<UInt8>, _ kind: Exhibit.Kind, _ title: String) -> Exhibit {
    if shownBytes >= Self.limitTotalBytes {
      return Exhibit(
        kind: kind, title: title, text: "",
        note: "left out: the page holds \(Self.limitTotalBytes >> 20) MiB of evidence already")
    }
    var kept = bytes.prefix(Self.limitBytes)
    let ends = kept.indices.filter { kept[$0] == 0x0A }
    if ends.count > Self.limitLines { kept = kept[...ends[Self.limitLines - 1]] }
    shownBytes += kept.count
    let left = bytes.count - kept.count
    return Exhibit(
      kind: kind, title: title, text: String(decoding: kept, as: UTF8.self),
      note: left > 0 ? "\(left) more bytes were left out" : bytes.isEmpty ? "it is empty" : nil)
  }
}
