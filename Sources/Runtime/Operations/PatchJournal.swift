// The journal of a promotion: written and synced, with all bytes before and after, before the first file of the
// project is touched. What is read back later was written by flowdex, so anything odd in it is damage.

import QueueRunner

/// What is needed to finish or to undo a promotion.
struct PatchJournal: Equatable {
  static let format = "flowdex.patch-journal.v1"
  /// Part of the names of temporary files in the project, so that a later drive finds those it left.
  let token: String
  /// How many patches these are.
  let applied: Int
  let changes: PatchChanges

  func temporary(_ at: Int) -> String { "\(ProjectLayout.folderName)-\(token)-\(at)" }

  // MARK: as JSON

  var json: JSONValue {
    [
      "format": .string(Self.format), "token": .string(token), "applied": JSONValue(applied),
      "files": .array(changes.files.map(Self.json)),
      "removedFolders": .array(
        changes.removedFolders.map { ["path": .string($0.path.text), "mode": JSONValue(Int($0.mode))] }),
      "madeFolders": .array(changes.madeFolders.map { .string($0.text) }),
    ]
  }

  private static func json(_ change: PatchChange) -> JSONValue {
    [
      "path": .string(change.path.text), "before": json(change.before), "after": json(change.after),
      "beforeAs": .string(change.beforeAs), "afterAs": .string(change.afterAs),
    ]
  }

  private static func json(_ state: PatchFileState?) -> JSONValue {
    guard let state else { return .null }
    return ["sha256": .string(state.sha256), "mode": JSONValue(Int(state.mode))]
  }

  init(token: String, applied: Int, changes: PatchChanges) {
    (self.token, self.applied, self.changes) = (token, applied, changes)
  }

  /// nil for what is no journal.
  init?(reading bytes: [UInt8]) {
    guard let json = try? JSONValue(parsing: bytes, limits: .unlimited),
      json["format"]?.string == Self.format, let token = json["token"]?.string,
      token.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }),
      let applied = json["applied"]?.int, let files = json["files"]?.array,
      let removed = json["removedFolders"]?.array, let made = json["madeFolders"]?.array
    else { return nil }
    var changes = PatchChanges()
    for item in files {
      guard let change = Self.change(item) else { return nil }
      changes.files.append(change)
    }
    for item in removed {
      guard let path = Self.path(item["path"]), let mode = Self.mode(item["mode"]) else { return nil }
      changes.removedFolders.append(PatchChanges.PatchFolder(path: path, mode: mode))
    }
    for item in made {
      guard let path = Self.path(item) else { return nil }
      changes.madeFolders.append(path)
    }
    self.init(token: token, applied: applied, changes: changes)
  }

  private static func change(_ json: JSONValue) -> PatchChange? {
    guard let path = path(json["path"]), let beforeJSON = json["before"], let afterJSON = json["after"],
      let beforeAs = json["beforeAs"]?.string, let afterAs = json["afterAs"]?.string
    else { return nil }
    let before = state(beforeJSON)
    let after = state(afterJSON)
    guard (before == nil) == beforeJSON.isNull, (after == nil) == afterJSON.isNull else { return nil }
    return PatchChange(path: path, before: before, after: after, beforeAs: beforeAs, afterAs: afterAs)
  }

  private static func state(_ json: JSONValue) -> PatchFileState? {
    guard let sha256 = json["sha256"]?.string, let mode = mode(json["mode"]) else { return nil }
    return PatchFileState(sha256: sha256, mode: mode)
  }

  private static func path(_ json: JSONValue?) -> PatchPath? {
    guard let path = json?.string.map({ PatchPath($0) }), path.problem == nil else { return nil }
    return path
  }

  private static func mode(_ json: JSONValue?) -> UInt32? {
    guard let mode = json?.int, (0...0o777).contains(mode) else { return nil }
    return UInt32(mode)
  }
}
