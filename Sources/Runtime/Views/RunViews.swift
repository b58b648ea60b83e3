// The JSON of contract §8, made from the state in one consistent read each.

import GRDB
import QueueRunner

/// What `status`, `list` and `inspect` show.
public enum RunViews {
  /// `{runId, run, counts, usage, usageByPhase, tasks}`; compact tasks leave out the specification.
  public static func status(_ run: Run, isCompact: Bool) throws -> JSONValue {
    let driver = try run.driver()
    return try run.database.read { db in
      let record = try RunStore.get(db)
      let tasks = try TaskStore.all(db, generation: record.generation)
      let leases = try LeaseStore.newestByTask(db, generation: record.generation)
      return [
        "runId": .string(record.runId),
        "run": runJSON(record, driver: driver),
        "counts": counts(tasks),
        "usage": Usage.of(tasks),
        "usageByPhase": Usage.byPhase(tasks),
        "tasks": .array(
          try tasks.map { try task($0, leases[$0.id], run.layout, run.clock, isCompact: isCompact) }),
      ]
    }
  }

  static func runJSON(_ record: RunRecord, driver: (pid: Int32, isAlive: Bool, polling: String?)?)
    -> JSONValue
  {
    [
      "name": .string(record.name),
      "status": .string(record.status.rawValue),
      "generation": JSONValue(record.generation),
      "createdAt": .string(Timestamp.text(record.createdAtMs)),
      "updatedAt": .string(Timestamp.text(record.updatedAtMs)),
      "sourceHash": .string(record.sourceHash),
      "manifestHash": .string(record.manifestHash),
      "inputHash": .string(record.inputHash),
      "approvalHash": .string(record.approvalHash),
      "error": JSONValue(record.error),
      "driver": driver.map {
        ["pid": JSONValue(Int($0.pid)), "alive": .bool($0.isAlive), "polling": JSONValue($0.polling)]
      } ?? .null,
    ]
  }

  /// Every task state with its count, zeros included.
  public static func counts(_ tasks: [TaskRecord]) -> JSONValue {
    var object = JSONObject()
    for state in TaskState.allCases { object[state.rawValue] = 0 }
    for task in tasks { object[task.state.rawValue] = JSONValue((object[task.state.rawValue]?.int ?? 0) + 1) }
    return .object(object)
  }

  private static func task(
    _ task: TaskRecord, _ lease: LeaseRecord?, _ layout: RunLayout, _ clock: any WallClock, isCompact: Bool
  ) throws -> JSONValue {
    let spec = try task.spec()
    let package = lease.flatMap { $0.hasPackage ? layout.package(task.childKey, $0.token) : nil }
    let isHeld = task.lease != nil
    var object = JSONObject([
      ("childKey", .string(task.childKey)), ("taskId", .string(task.taskId)), ("phase", .string(task.phase)),
      ("adapter", .string(spec.adapter)), ("mode", .string(spec.mode)),
      ("status", .string(task.state.rawValue)),
      ("cwd", JSONValue(spec.isWrite ? package?.work ?? lease?.cwd : lease?.cwd)),
      ("leaseToken", JSONValue(task.lease)),
      ("leaseExpiresAt", isHeld ? JSONValue(lease?.expiresAtMs.map(Timestamp.text)) : .null),
      ("leaseLeftMs", isHeld ? lease?.leftMs(clock).map { JSONValue($0) } ?? .null : .null),
      ("agentRef", JSONValue(lease?.agentRef)), ("resultPath", JSONValue(package?.result)),
      ("instructionPath", JSONValue(package?.instructions)), ("taskPath", JSONValue(package?.task)),
      ("attempt", JSONValue(task.attempt)), ("adapterStatus", JSONValue(task.resultStatus)),
      ("summary", JSONValue(task.summary)), ("error", JSONValue(task.error)),
    ])
    if !isCompact {
      object["parentOpKey"] = .string(task.groupKey)
      object["resultArtifactId"] = JSONValue(task.result)
      object["schemaRefusals"] = JSONValue(task.schemaRefusals)
      object["expiries"] = JSONValue(task.expiries)
      object["keptFrom"] = JSONValue(task.keptFrom)
      object["createdAt"] = .string(Timestamp.text(task.createdAtMs))
      object["updatedAt"] = .string(Timestamp.text(task.updatedAtMs))
      object["usage"] = try task.usage.map { try JSONValue(stored: $0) } ?? .null
      object["spec"] = spec.json
    }
    return .object(object)
  }

  /// What can be listed of every run of a project, newest first, and why the others cannot.
  public static func list(_ project: Project) throws -> (runs: [JSONValue], broken: [FlowdexError]) {
    var runs: [JSONValue] = []
    var broken: [FlowdexError] = []
    var cache = RunListCache(project.layout)
    for id in try project.runIds() {
      do {
        runs.append(try cache.listed(id, nowMs: project.clock.nowMs()) { try listed(try project.open(id)) })
      } catch let error as FlowdexError {
        broken.append(error)
      }
    }
    cache.save()
    return (runs, broken)
  }

  /// `{runId, name, status, createdAt, updatedAt, taskCounts}` of one run.
  public static func listed(_ run: Run) throws -> JSONValue {
    try run.database.read { db in
      let record = try RunStore.get(db)
      var counts = JSONObject()
      for (state, count) in try TaskStore.counts(db, generation: record.generation)
        .sorted(by: { $0.key.rawValue < $1.key.rawValue })
      { counts[state.rawValue] = JSONValue(count) }
      return [
        "runId": .string(record.runId), "name": .string(record.name),
        "status": .string(record.status.rawValue),
        "createdAt": .string(Timestamp.text(record.createdAtMs)),
        "updatedAt": .string(Timestamp.text(record.updatedAtMs)), "taskCounts": .object(counts),
      ]
    }
  }

  /// `{run, events}`: the run with its operations, and everything that happened.
  ///
  /// - Parameter all: also `generations`: the operations and tasks of every generation, oldest first.
  public static func inspect(_ run: Run, all: Bool = false) throws -> JSONValue {
    let driver = try run.driver()
    return try run.database.read { db in
      let record = try RunStore.get(db)
      var object = runJSON(record, driver: driver).object ?? JSONObject()
      object["runId"] = .string(record.runId)
      object["operations"] = try operations(db, record.generation)
      if all {
        object["generations"] = .array(try (1...record.generation).map { try generation(db, $0, run) })
      }
      let events = try EventStore.after(db, runId: record.runId, seq: 0, limit: Int(Int32.max))
      return [
        "run": .object(object),
        "events": .array(try events.map { try JSONValue(parsing: Array($0.line.utf8), limits: .unlimited) }),
      ]
    }
  }

  private static func operations(_ db: Database, _ generation: Int) throws -> JSONValue {
    .array(
      try OperationStore.all(db, generation: generation).map { operation in
        var object = JSONObject([
          ("opKey", .string(operation.key)), ("phase", .string(operation.phase)),
          ("final", .bool(operation.isFinal)), ("turn", JSONValue(operation.turn)),
          ("rejection", JSONValue(operation.rejection)),
          ("valueArtifactId", JSONValue(operation.valueDigest)),
        ])
        if let executions = operation.executions {
          object["executions"] = try JSONValue(stored: executions)
        }
        return .object(object)
      })
  }

  private static func generation(_ db: Database, _ generation: Int, _ run: Run) throws -> JSONValue {
    let leases = try LeaseStore.newestByTask(db, generation: generation)
    return [
      "generation": JSONValue(generation), "operations": try operations(db, generation),
      "tasks": .array(
        try TaskStore.all(db, generation: generation).map {
          try task($0, leases[$0.id], run.layout, run.clock, isCompact: false)
        }),
    ]
  }
}
