// When a checkpoint is due. The log's file does not tell: once it has been checkpointed it is written over from its
// start and keeps its length, so by its size every later commit would checkpoint, for three syncs instead of one.

/// Counts the pages of one connection's write-ahead log.
final class LogLength: @unchecked Sendable {
  /// Two MiB: one checkpoint for some hundred commits.
  static let longPages: Int32 = 512

  /// Written by SQLite within a commit, so on the thread that reads it afterwards.
  let pages: UnsafeMutablePointer<Int32>
  private var triedAt: Int32 = 0

  init() {
    pages = .allocate(capacity: 1)
    pages.initialize(to: 0)
  }

  deinit { pages.deallocate() }

  /// Whether the log is long. Said again only when it has grown as much once more: a reader may keep a checkpoint
  /// from coming to its end, and it is not to be tried at every commit until then.
  func isDue() -> Bool {
    let now = pages.pointee
    if now < triedAt { triedAt = 0 }
    guard now - triedAt >= Self.longPages else { return false }
    triedAt = now
    return true
  }
}
