// What others have committed and not synced. SQLite's commit is seen by everybody as soon as it is written; who is killed
// before its sync leaves one that a power cut would take back.

import GRDB
import Glibc

extension StateDatabase {
  /// Brings `events.jsonl` up to the table after a crash between a commit and its projection. A disk that has no room for it now
  /// ends nothing, as at a commit: the next one brings what it lacks.
  ///
  /// - Throws: what the disk says of the state itself, and where no file lies in the place of the log.
  public func healEvents() throws {
    try syncLog()
    try locked {
      try read { db in
        do { try log.catchUp(db) } catch let error as FlowdexError where error.isOfTheMachine {}
      }
    }
  }

  /// Makes durable what this connection has read, so that it may be told. Costs nothing where nothing was read since the
  /// connection's own last commit, which took everything before it along.
  ///
  /// - Throws: what the disk says.
  public func settle() throws {
    guard hasReadSinceSync, access == .shared else { return }
    try syncLog()
    hasReadSinceSync = false
  }

  /// Commits what is open; what has failed to be committed is not there, neither now nor later.
  ///
  /// SQLite writes a commit into its log and syncs that; where the sync fails it takes the commit back, but not out of the
  /// file, where whoever opens the state anew finds it whole. So another commit is written in its place, of nothing.
  func commit(_ db: Database) throws {
    do {
      try StateStatement.run(db, "COMMIT")
    } catch {
      try? db.rollback()
      do {
        try StateStatement.run(db, "BEGIN IMMEDIATE")
        try Transaction(db: db, wallMs: clock.nowMs()).finish()
        try StateStatement.run(db, "COMMIT")
      } catch { try? db.rollback() }
      throw error
    }
  }

  /// Makes durable what is in SQLite's log, whoever has committed it.
  func syncLog() throws {
    // SQLite locks the database and the index of the log, so closing a descriptor of the log itself drops no lock.
    guard !Sabotage.noHealSync.isOn, try FileSystem.entry(layout.databaseLog) != nil else { return }
    let descriptor = try FileSystem.open(layout.databaseLog, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    defer { Glibc.close(descriptor) }
    // On a file system that is mounted to be read only, nothing waits to be written.
    if !Sabotage.noSync.isOn, FileSystem.retrying({ fdatasync(descriptor) }) != 0, errno != EROFS {
      throw FileSystem.failure("sync", layout.databaseLog)
    }
  }
}
