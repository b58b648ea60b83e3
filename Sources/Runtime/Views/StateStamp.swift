// What the kernel says of a run's state: as long as it is the same, so is the state. To look costs two system calls, to
// open a state half a millisecond.
//
// A commit within the same tick of the file system's clock as the one before keeps the stamp. So what a stamp is to
// stand for must have been last written 2 s (the coarsest tick, FAT's) before it was read.

import QueueRunner

/// Changes whenever a run's state does: it is written through the log, and the log into the file.
///
/// Not the times of the last change to the entries: SQLite that runs as root gives the log to the state's owner
/// whenever it opens it (unixOpen, os_unix.c), so that each look would undo the one before.
struct StateStamp {
  static let racyMs: Int64 = 2000
  let text: String
  private let youngestMs: Int64

  /// nil for what is no state, or cannot be looked at.
  init?(_ run: RunLayout) {
    guard let file = try? FileSystem.entry(run.database), file.kind == .file else { return nil }
    let log = (try? FileSystem.entry(run.databaseLog)) ?? nil
    let entries = [file] + (log.map { [$0] } ?? [])
    text = entries.map { "\($0.device) \($0.inode) \($0.size) \($0.modifiedNs)" }.joined(separator: " ")
    youngestMs = (entries.map(\.modifiedNs).max() ?? 0) / 1_000_000
  }

  /// Whether what was read after it was taken may be remembered by it: it is the same now, and old enough.
  func holds(_ run: RunLayout, nowMs: Int64) -> Bool {
    youngestMs < nowMs - Self.racyMs && StateStamp(run)?.text == text
  }
}
