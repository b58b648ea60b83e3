// The parts of a pass that are about leases rather than results: claims, heartbeats, expiry, refusals, what is
// too late.

import Glibc

extension RunLayout {
  func package(_ lease: LeaseRecord) -> PackageLayout { package(lease.childKey, lease.token) }
}

extension RunLayout {
  /// Tells a worker that its result is safe, and clears its queue entry. Best effort: the commit has happened; the first
  /// pass of a later process makes up for what a crash leaves out.
  ///
  /// Linked or moved into place, for a worker may have laid something there: a FIFO would block whoever opens it,
  /// and what is written into a hard link is written elsewhere.
  ///
  /// - Returns: false where it may succeed later, so that the worker waits for a word that has not come.
  @discardableResult
  func acknowledge(_ lease: LeaseRecord, _ package: PackageLayout) -> Bool {
    defer { if lease.via == .queue { unlinkEntries([lease.token]) } }
    guard lease.hasPackage else { return true }
    do {
      guard try ResultFile.isFolder(package.root) else { return true }
      try AcceptanceMark.shared.put(at: package.accepted)
    } catch {
      if (error as? FlowdexError)?.isOfTheEntry != true { return false }
    }
    Glibc.unlink(package.rejected)
    return true
  }

  /// Removes the queue entries of leases that have ended. Best effort: the first pass of a later process removes
  /// what is left.
  func unlinkEntries(_ tokens: [String]) {
    for token in tokens {
      Glibc.unlink(ready(token))
      Glibc.unlink(claimed(token))
    }
  }
}

extension WorkQueue {
  /// Tells the workers of these leases that their results are safe; those that could not be told yet.
  @discardableResult
  func acknowledge(_ leases: [LeaseRecord]) -> [LeaseRecord] {
    leases.filter { !layout.acknowledge($0, layout.package($0)) }
  }
}

extension Collector {
  /// What a look at a lease's queue entry and heartbeat came to.
  enum Attention { case nothing, look, claimed, held }

  /// Follows what workers did in `queue/`; `nothing` if there is no more to see of this lease now, `held` where its
  /// worker may be alive without having delivered.
  func attendQueue(_ lease: LeaseRecord, _ package: PackageLayout) throws -> Attention {
    switch (lease.state, lease.via) {
    case (.offered, _): return try attendOffer(lease, package)
    case (.live, .queue):
      if try FileSystem.isThere(queue.layout.ready(lease.token)) {
        _ = try queue.release(
          childKey: lease.childKey, token: lease.token, reason: "the worker moved it back to ready")
        return .nothing
      }
      return .held
    case (.live, .hand): return .held
    case (.expired, _), (.collected, _), (.released, _), (.replaced, _), (.withdrawn, _): break
    }
    return .look
  }

  /// In `ready`: nobody has it. In `claimed`: its clock is to start. In neither: somebody deleted the entry, and
  /// it is put back. `ready` is looked at first: a rename between the two looks then shows in `claimed`.
  private func attendOffer(_ lease: LeaseRecord, _ package: PackageLayout) throws -> Attention {
    if lease.taskState.isFinal {
      queue.unlink([lease.token])
      return .nothing
    }
    // An entry that cannot be looked at is not one that is gone: shown again, it would be on offer twice.
    let isReady = try FileSystem.isThere(queue.layout.ready(lease.token))
    if !isReady, try FileSystem.isThere(queue.layout.claimed(lease.token)) { return .claimed }
    if !isReady { try queue.showAgain(lease) }
    return try ResultFile.stamp(package: package.root) == nil ? .nothing : .look
  }

  /// Starts the clocks of packages that workers have claimed and not yet answered, all in one transaction: a
  /// result that is there already starts and ends its lease in the transaction that takes it.
  func start(_ claimed: [LeaseRecord]) throws {
    if claimed.isEmpty { return }
    try queue.database.transition { tx in
      for lease in claimed {
        if let now = try LeaseStore.find(tx.db, token: lease.token), now.state == .offered {
          _ = try queue.claim(tx, now)
        }
      }
    }
  }

  /// A touched heartbeat starts the lease's time anew; only a change counts, never the time that it says.
  func attendHeartbeat(_ lease: LeaseRecord, _ package: PackageLayout) throws {
    guard lease.hasPackage,
      let beat = try WorkQueue.orNoneIfWrecked({ try FileSystem.entry(package.heartbeat)?.modifiedNs })
        ?? nil,
      beat != lease.heartbeatNs, isWorthRenewing(lease)
    else { return }
    try queue.database.transition { tx in
      let deadline = Deadline(queue.clock, inMs: lease.durationMs)
      _ = try LeaseStore.renew(tx, token: lease.token, deadline, heartbeatNs: beat)
    }
  }

  /// A worker that touches its heartbeat all the time costs a commit for a tenth of its lease, no more.
  private func isWorthRenewing(_ lease: LeaseRecord) -> Bool {
    guard let deadline = lease.bootDeadlineMs, lease.bootId == queue.clock.bootId() else { return true }
    return deadline - queue.clock.bootMs() <= lease.durationMs * 9 / 10
  }

  /// Ends the leases that have run out: the task can be handed out again, or has failed for good.
  func reclaim(
    _ late: LateLeases, except taken: some Sequence<String>, _ report: inout CollectReport
  ) throws {
    if late.leases.isEmpty { return }
    let taken = Set(taken)
    for lease in late.leases where !taken.contains(lease.token) {
      // It may have come since this pass looked: results are looked for before a lease is called expired.
      if late.unseen.contains(lease.token),
        try ResultFile.stamp(package: queue.layout.package(lease).root) != nil
      {
        report.settle(lease, 0)
        continue
      }
      let did = try queue.database.transition { tx -> Bool in
        guard let now = try LeaseStore.find(tx.db, token: lease.token), now.hasRunOut(queue.clock),
          let task = try TaskStore.find(tx.db, id: now.task)
        else { return false }
        let runs = task.expiries + 1
        let limit = try task.spec().maxAttempts
        try tx.emit(
          .reclaimed,
          [
            "childKey": .string(lease.childKey), "leaseToken": .string(lease.token),
            "expiries": JSONValue(runs), "maxAttempts": JSONValue(limit),
          ])
        if runs >= limit {
          try queue.fail(tx, now, "no result came in \(runs) lease\(runs == 1 ? "" : "s") of this task")
        } else {
          guard try LeaseStore.end(tx, token: lease.token, as: .expired),
            try TaskStore.release(tx, lease.task, token: lease.token, expired: true)
          else { return false }
        }
        return true
      }
      if did {
        report.reclaimed.append(lease.childKey)
        queue.unlink([lease.token])
      }
    }
  }

  /// Says what is wrong with a file, in the state, in the events, and beside the file.
  func refuse(_ lease: LeaseRecord, _ finding: Finding) throws -> CollectReport.Item {
    let path = queue.layout.package(lease)
    let isNews = looks[lease.token]?.isReported != true
    var state: TaskState? = lease.taskState
    if isNews {
      state = try queue.database.transition { tx in try queue.record(tx, lease, finding) }
      let text = Self.rejection(finding, task: path.task, result: path.result)
      if (try? ResultFile.isFolder(path.root)) == true {
        try? FileSystem.writeAtomically(Array(text.utf8), to: path.rejected, sync: false)
      }
      looks[lease.token]?.isReported = true
      if state?.isFinal == true { queue.unlink([lease.token]) }
    }
    return CollectReport.Item(
      childKey: lease.childKey, taskId: lease.taskId, token: lease.token, status: .invalid, taskState: state,
      resultPath: path.result, adapterStatus: nil, error: finding.text, isNews: isNews)
  }

  static func rejection(_ finding: Finding, task: String, result: String) -> String {
    let problems = finding.text.split(separator: "\n").map { "- \($0)" }.joined(separator: "\n")
    return """
      This result was not taken. The task is still yours.

      What is wrong:
      \(problems)

      To mend it, write \(PackageLayout.resultName) again, in the same place. To check it first:
      flowdex check-result --task '\(task)' '\(result)'

      """
  }

  /// Reports, once for each lease, what was dropped without a right to the task: under a lease that was
  /// replaced, released or withdrawn, or over a result that had been taken.
  func noteStale(into report: inout CollectReport) throws {
    for lease in try queue.database.read(LeaseStore.superseded) {
      guard case .bytes(let bytes, _) = try ResultFile.read(package: queue.layout.package(lease).root) else {
        continue
      }
      let why = "lease `\(lease.token)` was \(lease.state.rawValue) before this result came"
      try note(lease, bytes, why, into: &report)
    }
    let recent = try queue.database.read { try LeaseStore.recentlyCollected($0, limit: Self.batchSize) }
    for lease in recent {
      let package = queue.layout.package(lease)
      guard let stamp = try ResultFile.stamp(package: package.root), stamp.text != lease.resultStamp,
        case .bytes(let bytes, _) = try ResultFile.read(package: package.root),
        try queue.database.read({ try TaskStore.find($0, id: lease.task) })?.result != Digest.sha256Hex(bytes)
      else { continue }
      try note(
        lease, bytes, "the file was changed after its result had been taken: the first one stays",
        into: &report)
    }
  }

  private func note(
    _ lease: LeaseRecord, _ bytes: [UInt8], _ why: String, into report: inout CollectReport
  ) throws {
    let isNew = try queue.database.transition { tx -> Bool in
      guard try LeaseStore.note(tx, token: lease.token, digest: Digest.sha256Hex(bytes)) else { return false }
      try tx.emit(
        .resultStale,
        ["childKey": .string(lease.childKey), "leaseToken": .string(lease.token), "error": .string(why)])
      return true
    }
    guard isNew else { return }
    report.add(
      CollectReport.Item(
        childKey: lease.childKey, taskId: lease.taskId, token: lease.token, status: .stale,
        taskState: lease.taskState, resultPath: queue.layout.package(lease).result, adapterStatus: nil,
        error: why,
        isNews: true))
  }
}
