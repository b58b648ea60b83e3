// Why a run is where it is, and what to do about it. The facts come from one consistent read; what they mean is
// worked out here, purely, for the JSON and for the words alike.

import QueueRunner

/// What is known of a run at one moment.
public struct ExplanationFacts: Sendable, Equatable {
  /// An operation that has not ended.
  public struct Waiting: Sendable, Equatable {
    let key: String
    let kind: OperationKind
    let openTasks: Int
    let tasks: Int
    /// A host command or an integration that has begun.
    let hasBegun: Bool
  }

  /// A task that is held, was refused, or ended otherwise than completed.
  public struct Task: Sendable, Equatable {
    let childKey: String
    let state: TaskState
    let attempt: Int
    let agentRef: String?
    let leaseLeftMs: Int64?
    let error: String?
  }

  let runId: String
  let name: String
  let status: RunStatus
  let error: String?
  let generation: Int
  let deliveries: Int
  /// The pid of the process that drives it now.
  let driver: Int32?
  let waiting: [Waiting]
  let tasks: [Task]
  /// Packages in `queue/ready`.
  let offered: Int
  let counts: [TaskState: Int]
}

/// The facts, explained.
public struct Explanation: Sendable {
  let facts: ExplanationFacts

  /// One consistent look at the state.
  public static func of(_ run: Run) throws -> Explanation {
    let driver = try run.driver()
    return try run.database.read { db in
      let record = try RunStore.get(db)
      let tasks = try TaskStore.all(db, generation: record.generation)
      let leases = try LeaseStore.newestByTask(db, generation: record.generation)
      let groups = Dictionary(grouping: tasks, by: \.groupKey)
      let waiting = try OperationStore.all(db, generation: record.generation).filter { !$0.isFinal }.map {
        let group = groups[$0.key] ?? []
        return ExplanationFacts.Waiting(
          key: $0.key, kind: $0.kind, openTasks: group.count { !$0.state.isFinal }, tasks: group.count,
          hasBegun: $0.intent != nil)
      }
      return Explanation(
        facts: ExplanationFacts(
          runId: record.runId, name: record.name, status: record.status, error: record.error,
          generation: record.generation,
          deliveries: try HistoryStore.keys(db, generation: record.generation).count,
          driver: driver.flatMap { $0.isAlive ? $0.pid : nil }, waiting: waiting,
          tasks: tasks.filter { $0.state.isHeld || $0.error != nil || $0.state == .blocked }.map { task in
            ExplanationFacts.Task(
              childKey: task.childKey, state: task.state, attempt: task.attempt,
              agentRef: task.state.isHeld ? leases[task.id]?.agentRef : nil,
              leaseLeftMs: task.state.isHeld ? leases[task.id]?.leftMs(run.clock) : nil, error: task.error)
          }, offered: try LeaseStore.offeredCount(db),
          counts: try TaskStore.counts(db, generation: record.generation)))
    }
  }

  private var held: [ExplanationFacts.Task] { facts.tasks.filter(\.state.isHeld) }
  private var late: [ExplanationFacts.Task] { held.filter { $0.leaseLeftMs.map { $0 <= 0 } ?? false } }
  private var refused: [ExplanationFacts.Task] { facts.tasks.filter { !$0.state.isFinal && $0.error != nil } }
  private var unhappy: [ExplanationFacts.Task] { facts.tasks.filter { $0.state.isFinal } }
  private var free: Int { facts.counts[.dispatchable, default: 0] }

  /// One sentence, without its full stop.
  public var why: String {
    switch facts.status {
    case .completed: return "it has completed; its report is there"
    case .failed: return "it failed: \(facts.error ?? "no reason was recorded")"
    case .stopped: return "it was stopped; results are kept, and it goes on from here if it is resumed"
    case .paused:
      let reason = facts.error.map { ": \($0)" } ?? " by a person or a script"
      return "it was paused\(reason)"
    case .running, .needsDispatch: return whyLive
    }
  }

  private var whyLive: String {
    let commands = facts.waiting.filter { $0.kind == .hostCommand || $0.kind == .integrate }
    if let command = commands.first {
      let what = command.kind == .hostCommand ? "host command" : "integration"
      if facts.driver == nil { return "nobody drives it, and the \(what) `\(command.key)` is to be run" }
      return "the \(what) `\(command.key)` is running"
    }
    if !late.isEmpty {
      return "\(Self.count(late.count, "worker is", "workers are")) late, and nobody has looked since"
    }
    if !held.isEmpty { return "\(Self.count(held.count, "worker holds a task", "workers hold a task each"))" }
    if facts.offered > 0 {
      return "\(Self.count(facts.offered, "package waits", "packages wait")) in `queue/ready` for a worker"
    }
    if free > 0 {
      return "\(Self.count(free, "task is", "tasks are")) to be handed out, and nobody takes them"
    }
    return facts.driver == nil ? "nobody drives it on" : "process \(facts.driver ?? 0) is driving it on"
  }

  /// What to type next, most useful first.
  public var next: [String] {
    let id = facts.runId
    switch facts.status {
    case .completed: return ["flowdex report \(id)"]
    case .failed:
      return ["flowdex resume \(id)"] + unhappy.prefix(1).map { restart($0) } + ["flowdex inspect \(id)"]
    case .stopped, .paused: return ["flowdex resume \(id)"]
    case .running, .needsDispatch:
      var next: [String] = []
      if !late.isEmpty { next.append("flowdex collect-results \(id)") }
      if free > 0, held.isEmpty || facts.offered > 0 { next.append("flowdex work \(id) -- COMMAND") }
      if facts.driver == nil {
        next.append(held.isEmpty && free == 0 ? "flowdex continue \(id)" : "flowdex watch \(id)")
      }
      return next + refused.prefix(1).map { _ in "flowdex status \(id) --json" }
    }
  }

  private func restart(_ task: ExplanationFacts.Task) -> String {
    "flowdex restart-agent \(facts.runId) '\(task.childKey)' --dry-run"
  }

  private static func count(_ count: Int, _ one: String, _ many: String) -> String {
    "\(count) \(count == 1 ? one : many)"
  }

  /// `{runId, status, why, generation, deliveries, driver, waitsFor, held, refused, notCompleted, next}`.
  public var json: JSONValue {
    [
      "runId": .string(facts.runId), "name": .string(facts.name), "status": .string(facts.status.rawValue),
      "why": .string(why), "generation": JSONValue(facts.generation),
      "deliveries": JSONValue(facts.deliveries), "driver": facts.driver.map { JSONValue(Int($0)) } ?? .null,
      "waitsFor": .array(
        facts.waiting.map {
          [
            "opKey": .string($0.key), "kind": .string($0.kind.rawValue), "openTasks": JSONValue($0.openTasks),
            "tasks": JSONValue($0.tasks), "begun": .bool($0.hasBegun),
          ]
        }), "offered": JSONValue(facts.offered), "dispatchable": JSONValue(free),
      "held": .array(held.map(Self.json)), "refused": .array(refused.map(Self.json)),
      "notCompleted": .array(unhappy.map(Self.json)), "next": .array(next.map(JSONValue.string)),
    ]
  }

  private static func json(_ task: ExplanationFacts.Task) -> JSONValue {
    [
      "childKey": .string(task.childKey), "status": .string(task.state.rawValue),
      "attempt": JSONValue(task.attempt), "agentRef": JSONValue(task.agentRef),
      "leaseLeftMs": task.leaseLeftMs.map { JSONValue($0) } ?? .null,
      "late": task.leaseLeftMs.map { .bool($0 <= 0) } ?? .null, "error": JSONValue(task.error),
    ]
  }

  /// Rows for a person: what, which, more. At most `limit` of a kind.
  ///
  /// - Parameter left: puts what a lease has left into words.
  public func rows(limit: Int = 20, left: (Int64) -> String) -> [[String]] {
    func some(_ what: String, _ all: [[String]]) -> [[String]] {
      let shown = all.prefix(limit).map { [what] + $0 }
      return all.count > limit ? shown + [[what, "… and \(all.count - limit) more", ""]] : shown
    }
    let driven = facts.driver.map { "process \($0) drives it" } ?? "nobody drives it"
    return [
      ["run", facts.runId, "\(facts.name), \(facts.status.rawValue), generation \(facts.generation)"],
      ["why", why, ""],
      ["driver", driven, "a new drive replays \(Self.count(facts.deliveries, "delivery", "deliveries"))"],
    ]
      + some(
        "waits for",
        facts.waiting.map {
          [
            $0.key,
            $0.tasks > 0 ? "\($0.openTasks) of \($0.tasks) tasks are open" : ($0.hasBegun ? "begun" : ""),
          ]
        })
      + some(
        "held",
        held.map {
          [$0.childKey, "\($0.agentRef ?? "a worker"), try \($0.attempt), \($0.leaseLeftMs.map(left) ?? "")"]
        })
      + some("refused", refused.map { [$0.childKey, $0.error ?? ""] })
      + some("not completed", unhappy.map { [$0.childKey, "\($0.state.rawValue): \($0.error ?? "")"] })
      + next.map { ["next", $0, ""] }
  }
}
