// What the callback asked for in its turns becomes rows, tasks and host commands, in one transaction for all
// the turns that have come back together.

import QueueRunner

extension Driver {
  /// Compares replayed turns with what is recorded, and records new ones.
  func recordTurns() throws {
    let turns = replay.takeFresh()
    try compare(turns.filter { replay.isRecorded($0.index) })
    let new = turns.filter {
      !replay.isRecorded($0.index) && !($0.turn.scheduled.isEmpty && $0.turn.logs.isEmpty)
    }
    guard let last = new.last?.index else { return }
    let recordings = try plan(new)
    let recorder = OperationRecorder(layout: run.layout, generation: replay.generation)
    if replay.operations + recordings.count > manifest.limits.operations {
      recordings.forEach { $0.prepared?.abandon() }
      throw RunFailure(
        reason: SessionFailure.text(
          limit: "operations", value: manifest.limits.operations,
          message: "it has scheduled \(replay.operations + recordings.count)"))
    }
    let starts = recordings.compactMap { one in one.prepared.map { (key: one.operation.key, command: $0) } }
    var unbegun: [(key: String, error: any Error)] = []
    do {
      try transition({ tx in
        for (_, turn) in new {
          for text in turn.logs { try tx.emit(.workflowLog, ["text": .string(text)]) }
        }
        for recording in recordings { try recorder.record(tx, recording) }
        try RunStore.setTurns(tx, last)
        if !recordings.isEmpty { _ = try RunStore.move(tx, .advance) }
      }) { unbegun = self.begin(starts) }
    } catch {
      recordings.forEach { $0.prepared?.abandon() }
      throw error
    }
    replay.didRecord(through: last, operations: recordings.count)
    try putBack(unbegun)
  }

  private func compare(_ turns: [(index: Int, turn: Turn)]) throws {
    for (index, turn) in turns {
      let difference = try replay.difference(index, turn.scheduled) { operation, digest in
        let before = try run.database.read { try ArtifactStore.get($0, digest, layout: run.layout) }
        guard let before else { return "/" }
        return JSONDifference.firstPath(
          try JSONValue(parsing: before, limits: .arguments),
          try JSONValue(parsing: operation.argsText, limits: .arguments)) ?? "/"
      }
      if let difference {
        throw RunFailure(reason: "the workflow is not deterministic: \(difference)")
      }
    }
  }

  private func plan(_ turns: [(index: Int, turn: Turn)]) throws -> [Recording] {
    var counts = replay.counts
    var free = trouble == nil ? board.freeSlots : 0
    var recordings: [Recording] = []
    for (index, turn) in turns {
      for operation in turn.scheduled {
        let args = try JSONValue(parsing: operation.argsText, limits: .arguments)
        let plan = planner.plan(
          key: operation.key, kind: operation.kind, id: operation.id, args: args, counts: counts)
        var prepared: PreparedCommand?
        switch plan {
        case .tasks(let tasks): counts.add(tasks)
        case .hostCommand(let commandId) where free > 0:
          prepared = try prepare(operation.key, commandId)
          free = prepared == nil ? 0 : free - 1
        case .hostCommand, .integrate, .needsApproval, .rejected: break
        }
        recordings.append(
          Recording(
            turn: index, operation: operation, plan: plan, phase: args["phase"]?.string ?? "",
            prepared: prepared))
      }
    }
    replay.counts = counts
    return recordings
  }
}
