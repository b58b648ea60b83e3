// Entries of `queue/ready` and `queue/claimed`. An entry is shown only under the dispatch lock and after its
// lease is committed, so that a package is never on offer twice; it goes when its lease ends.

import GRDB
import Glibc

extension WorkQueue {
  /// As `RunLayout.unlinkEntries`, for this queue.
  public func unlink(_ tokens: [String]) { layout.unlinkEntries(tokens) }

  /// Shows committed offers. The caller holds the dispatch lock.
  ///
  /// Whoever ended such a lease since its commit may have cleared the entry before it was there: so the state is
  /// asked once more behind it.
  func show(_ offers: [(childKey: String, token: String)]) throws {
    for offer in offers { try link(offer.childKey, offer.token) }
    let ended = try database.read { db in
      try offers.map(\.token).filter { try LeaseStore.find(db, token: $0)?.state.isActive != true }
    }
    unlink(ended)
  }

  /// Puts an entry back that is in neither folder: somebody deleted it, or who offered it died before it was
  /// shown. While another hands out it may be about to show it: then nothing is done, and a later look sees.
  func showAgain(_ lease: LeaseRecord) throws {
    guard try dispatchLock.tryLock() else { return }
    defer { dispatchLock.unlock() }
    let state = try database.read { try LeaseStore.find($0, token: lease.token)?.state }
    guard state == .offered, try !FileSystem.isThere(layout.ready(lease.token)),
      try !FileSystem.isThere(layout.claimed(lease.token))
    else { return }
    try show([(lease.childKey, lease.token)])
  }

  /// Takes packages from `queue/ready` as any worker does, by rename(2), and starts their time.
  ///
  /// - Parameter atMost: how many are taken.
  /// - Throws: what is in the way of the first. Once some are taken, they are given: their time runs.
  public func claim(atMost: Int) throws -> [IssuedLease] {
    var claimed: [IssuedLease] = []
    for token in try FileSystem.names(in: layout.ready).sorted() where claimed.count < atMost {
      do {
        if let issued = try claim(token) { claimed.append(issued) }
      } catch  where !claimed.isEmpty {
        return claimed
      }
    }
    return claimed
  }

  /// nil where it is not to be had any more.
  private func claim(_ token: String) throws -> IssuedLease? {
    let offered = try database.read { try LeaseStore.find($0, token: token) }
    guard let offered, offered.state == .offered, try moveToClaimed(token) else { return nil }
    do {
      if let issued = try database.transition({ try claimed($0, token) }) { return issued }
    } catch {
      // Or its time would run, and nobody would work on it.
      _ = FileSystem.retrying { rename(layout.claimed(token), layout.ready(token)) }
      throw error
    }
    unlink([token])
    return nil
  }

  /// False where somebody else was first, or something lies in the way.
  private func moveToClaimed(_ token: String) throws -> Bool {
    let (from, to) = (layout.ready(token), layout.claimed(token))
    if FileSystem.retrying({ rename(from, to) }) == 0 { return true }
    if errno == ENOENT, try FileSystem.isThere(from) {
      try FileSystem.makeDirectories(layout.claimed)
      if FileSystem.retrying({ rename(from, to) }) == 0 { return true }
    }
    if [ENOENT, EEXIST, EISDIR, ENOTDIR, ENOTEMPTY].contains(errno) { return false }
    throw FileSystem.failure("claim", from)
  }

  private func claimed(_ tx: Transaction, _ token: String) throws -> IssuedLease? {
    // A collector may have seen the claim and started its time.
    guard let lease = try LeaseStore.find(tx.db, token: token),
      try lease.state == .live || (lease.state == .offered && claim(tx, lease)),
      let task = try TaskStore.find(tx.db, id: lease.task)
    else { return nil }
    return IssuedLease(
      token: token, childKey: lease.childKey, groupKey: task.groupKey, spec: try task.spec(),
      attempt: lease.attempt, cwd: lease.cwd, expiresAtMs: clock.nowMs() + lease.durationMs,
      package: layout.package(lease))
  }

  /// Removes the entries of leases that ended together with the process that was to remove them. What flowdex
  /// did not put there is left alone.
  public func sweepEntries() throws {
    for folder in [layout.ready, layout.claimed] {
      for name in try FileSystem.names(in: folder) {
        let lease = try database.read { try LeaseStore.find($0, token: name) }
        if let lease, !lease.state.isActive { unlink([name]) }
      }
    }
  }

  private func link(_ childKey: String, _ token: String) throws {
    let path = layout.ready(token)
    if FileSystem.retrying({ symlink(layout.queueLink(childKey, token), path) }) == 0 || errno == EEXIST {
      return
    }
    guard errno == ENOENT else { throw FileSystem.failure("link", path) }
    try FileSystem.makeDirectories(layout.ready)
    try FileSystem.makeDirectories(layout.claimed)
    try link(childKey, token)
  }
}
