// Writes a scheduled operation, and what its plan says, into the state: the same for what a callback has just
// asked for and for what a restart carries over into a new generation.

import QueueRunner

/// An operation with what is to become of it.
struct Recording {
  let turn: Int
  let operation: ScheduledOperation
  let plan: OperationPlan
  let phase: String
  /// The supervisor of a host command, waiting at its gate for the intent to be committed.
  let prepared: PreparedCommand?
}

/// Records operations of one generation.
struct OperationRecorder {
  let layout: RunLayout
  let generation: Int

  func record(_ tx: Transaction, _ recording: Recording) throws {
    let key = recording.operation.key
    var tasks: [PlannedTask] = []
    if case .tasks(let planned) = recording.plan { tasks = planned }
    try OperationStore.insert(
      tx, generation: generation, key: key, kind: recording.operation.kind, phase: recording.phase,
      turn: recording.turn, args: recording.operation.argsText, openTasks: tasks.count, layout: layout)
    switch recording.plan {
    case .tasks: try add(tx, tasks, key)
    case .integrate: break
    case .hostCommand:
      if let prepared = recording.prepared {
        _ = try OperationStore.start(
          tx, generation: generation, key: key, intent: prepared.identity.text, program: prepared.program)
      }
    case .needsApproval(let commandId):
      _ = try OperationStore.finish(
        tx, generation: generation, key: key, value: HostCommandValue.needsApproval(commandId).canonicalText,
        layout: layout)
    case .rejected(let reason):
      _ = try OperationStore.reject(tx, generation: generation, key: key, reason: reason)
    }
  }

  private func add(_ tx: Transaction, _ tasks: [PlannedTask], _ key: String) throws {
    var kept = 0
    for task in tasks {
      let isKept = try TaskStore.add(
        tx, task.spec, generation: generation, childKey: task.childKey, groupKey: key, position: task.position
      )
      if isKept { kept += 1 }
    }
    try OperationStore.tasksEnded(tx, generation: generation, key: key, count: kept)
  }
}
