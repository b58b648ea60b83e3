// How a state can be read where its folder may not be written to: in a project that is mounted read-only, or another
// user's. SQLite reads a log by its index, and makes the index where there is none; where it may not, it refuses the state.
// Without a log that holds anything the file itself is all of the state, and can be read as one that nobody changes.
//
// A log that cannot be read is never passed over: what it holds was acknowledged.

import Glibc

/// The way in which a connection reads the state.
enum StateAccess: Equatable {
  /// With others, by the index of the log.
  case shared
  /// The file alone, which nobody changes.
  case still
  /// Not at all: the log holds commits, and has no index.
  case unindexed

  /// - Parameter logBytes: nil where there is no log.
  static func judge(mayWriteFolder: Bool, logBytes: Int64?, hasIndex: Bool) -> StateAccess {
    if mayWriteFolder { return .shared }
    guard let logBytes else { return .still }
    if hasIndex { return .shared }
    return logBytes == 0 ? .still : .unindexed
  }

  /// - Throws: a `FlowdexError` where log or index cannot be looked at.
  static func of(_ layout: RunLayout) throws -> StateAccess {
    let log = try FileSystem.entry(layout.databaseLog)
    let hasIndex = try FileSystem.isThere(layout.databaseIndex)
    // The usual case, decided by two looks.
    if log != nil, hasIndex { return .shared }
    return judge(mayWriteFolder: mayWrite(layout.root), logBytes: log?.size, hasIndex: hasIndex)
  }

  /// Whether neither permissions nor the mount forbid to change a run's state.
  static func mayWrite(_ layout: RunLayout) -> Bool { mayWrite(layout.root) && mayWrite(layout.database) }

  private static func mayWrite(_ path: String) -> Bool {
    access(path, W_OK) == 0 || ![EROFS, EACCES].contains(errno)
  }

  /// What SQLite is given: for a file that nobody changes, a URI that says so (sqlite.org/uri.html).
  static func name(_ path: String, isStill: Bool) -> String {
    guard isStill else { return path }
    let escaped = path.unicodeScalars.reduce(into: "") { text, scalar in
      switch scalar {
      case "%": text += "%25"
      case "?": text += "%3f"
      case "#": text += "%23"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return "file:\(escaped)?immutable=1"
  }

  private static func asWriter(_ layout: RunLayout) -> String {
    "run `flowdex status \(layout.runId)` once as a user who may write there, or on a copy of the project"
  }

  /// Says why the state of an older flowdex cannot be read.
  static func olderState(_ layout: RunLayout) -> FlowdexError {
    .machine(
      "older-state",
      "run `\(layout.runId)` was written by an older flowdex, and its tables cannot be brought up to date: "
        + "`\(layout.database)` cannot be written to",
      next: asWriter(layout))
  }

  /// Says why a state cannot be read.
  static func refusal(_ layout: RunLayout) -> FlowdexError {
    .machine(
      "state-unindexed",
      "`\(layout.databaseLog)` holds commits that cannot be read: its index is gone, and would have to be made "
        + "in a folder that cannot be written to",
      next: asWriter(layout))
  }
}
