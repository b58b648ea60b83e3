// What becomes of a task whose result is refused, or never comes: the same whether the result was dropped as a
// file or handed over.

extension WorkQueue {
  /// Ends a task `failed` in flowdex's own words, so that it is never silently dropped.
  func fail(_ tx: Transaction, _ lease: LeaseRecord, _ why: String) throws {
    let result = AdapterResult(
      status: .failed, summary: why, data: .null, claims: [], artifacts: [], diff: nil, usage: [:], error: why
    )
    let right = RightResult(
      result, result.json.canonicalBytes, schema: try TaskStore.find(tx.db, id: lease.task)?.rules().schema,
      childKey: lease.childKey, attempt: lease.attempt)
    _ = try settle(tx, lease, right, stamp: nil)
  }

  /// Ends a task `failed` on behalf of a worker that has ended without a result that could be taken. Nothing of a
  /// private copy is delivered: what lies there is half done.
  ///
  /// - Returns: how the task stands afterwards; nil where the lease has no right to it any more.
  public func giveUp(childKey: String, token: String, summary: String, data: JSONValue) throws -> TaskState? {
    let result = AdapterResult(
      status: .failed, summary: summary, data: data, claims: [], artifacts: [], diff: nil, usage: [:],
      error: summary)
    let lease = try database.transition { tx -> LeaseRecord? in
      guard let lease = try LeaseStore.find(tx.db, token: token), lease.childKey == childKey else {
        return nil
      }
      let right = RightResult(
        result, result.json.canonicalBytes, schema: try TaskStore.find(tx.db, id: lease.task)?.rules().schema,
        childKey: lease.childKey, attempt: lease.attempt)
      return try settle(tx, lease, right, stamp: nil) == nil ? nil : lease
    }
    guard let lease else { return nil }
    // For whoever looks into the package; the commit above is what counts.
    if lease.hasPackage {
      try? FileSystem.writeAtomically(
        result.json.canonicalBytes, to: layout.package(lease).result, sync: false)
    }
    acknowledge([lease])
    return try database.read { try TaskStore.find($0, id: lease.task)?.state }
  }

  /// Notes a refusal: each distinct content once, and for the schema only up to `schemaAttempts`.
  ///
  /// - Returns: how the task stands afterwards.
  func record(_ tx: Transaction, _ lease: LeaseRecord, _ finding: Collector.Finding) throws -> TaskState? {
    // Since it was judged, the task may have ended, or another may have taken it over.
    guard let now = try LeaseStore.find(tx.db, token: lease.token), now.state.isUnsettled,
      !now.taskState.isFinal
    else { return try TaskStore.find(tx.db, id: lease.task)?.state }
    let isNew = try LeaseStore.recordRefusal(
      tx, task: lease.task, lease: lease.token, digest: finding.digest, forSchema: finding.isForSchema,
      text: finding.text)
    guard isNew else { return now.taskState }
    let counts = finding.isForSchema
    try TaskStore.refuse(tx, lease.task, error: finding.text, countsForSchema: counts)
    try tx.emit(
      .resultError,
      [
        "childKey": .string(lease.childKey), "leaseToken": .string(lease.token),
        "error": .string(finding.text), "countsForSchema": .bool(counts),
      ])
    guard let task = try TaskStore.find(tx.db, id: lease.task) else { return nil }
    let allowed = try task.spec().schemaAttempts
    if counts, task.schemaRefusals >= allowed {
      try fail(
        tx, now, "the result broke the task's schema \(task.schemaRefusals) times; at last: \(finding.text)")
      return try TaskStore.find(tx.db, id: lease.task)?.state
    }
    return task.state
  }
}
