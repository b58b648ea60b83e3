// What a scheduled operation comes to, decided from its arguments, the manifest and the counts so far. Pure.
// The session is taken for hostile: nothing it says is used before it has been checked here.

import QueueRunner

/// One task that an operation makes.
struct PlannedTask: Sendable, Equatable {
  let childKey: String
  let position: Int
  let spec: TaskSpec
}

/// What is to be done for an operation.
enum OperationPlan: Sendable, Equatable {
  case hostCommand(commandId: String)
  /// A command that the manifest does not allow: it resolves so, and runs nothing.
  case needsApproval(commandId: String)
  case tasks([PlannedTask])
  /// Unified diffs to apply to the project, in order.
  case integrate([String])
  /// A broken rule: the promise is rejected with this.
  case rejected(String)
}

/// How many distinct tasks the generation has.
struct AgentCounts: Sendable, Equatable {
  var total = 0
  var byPhase: [String: Int] = [:]

  mutating func add(_ tasks: [PlannedTask]) {
    total += tasks.count
    for task in tasks { byPhase[task.spec.phase, default: 0] += 1 }
  }
}

/// Decides; see the file's header.
struct OperationPlanner: Sendable {
  let manifest: Manifest

  func plan(key: String, kind: OperationKind, id: String, args: JSONValue, counts: AgentCounts)
    -> OperationPlan
  {
    do throws(BrokenRule) {
      let fields = try Fields(args, at: key, allowed: Self.allowedFields(kind))
      guard OperationNames.isId(id), key == "\(kind.rawValue):\(id)", try fields.text("id") == id else {
        throw BrokenRule("id `\(id)` of `\(kind.rawValue)` is not made of 1 to 120 of `A-Z a-z 0-9 _ . -`")
      }
      let phase = try self.phase(fields.text("phase"), of: key)
      switch kind {
      case .hostCommand:
        let commandId = try fields.text("commandId")
        let isAllowed = manifest.permissions.hostCommands.contains { $0.id == commandId }
        return isAllowed ? .hostCommand(commandId: commandId) : .needsApproval(commandId: commandId)
      case .agent:
        let spec = try task(fields, id: id, phase: phase, at: key)
        return try admit([PlannedTask(childKey: key, position: 0, spec: spec)], counts, key)
      case .fanout:
        return try admit(fanout(fields, id: id, phase: phase, key: key), counts, key)
      case .integrate:
        return .integrate(try patches(fields, key))
      }
    } catch {
      return .rejected(error.text)
    }
  }

  private static func allowedFields(_ kind: OperationKind) -> [String] {
    switch kind {
    case .hostCommand: ["id", "phase", "commandId"]
    case .agent: taskFields
    case .fanout: ["id", "phase", "tasks"]
    case .integrate: ["id", "phase", "patches"]
    }
  }

  private static let taskFields = [
    "id", "phase", "mode", "prompt", "role", "nickname", "adapter", "model", "reasoningEffort", "schema",
    "schemaAttempts", "data", "leaseMinutes", "maxAttempts",
  ]

  private func phase(_ id: String, of key: String) throws(BrokenRule) -> String {
    if manifest.phases.contains(where: { $0.id == id }) { return id }
    let known = manifest.phases.map { "`\($0.id)`" }.joined(separator: ", ")
    throw BrokenRule("`\(key)`: phase `\(id)` is not one of the manifest's: \(known)")
  }

  private func fanout(
    _ fields: Fields, id: String, phase: String, key: String
  ) throws(BrokenRule) -> [PlannedTask] {
    guard let entries = fields["tasks"]?.array else {
      throw BrokenRule("`\(key)`: `tasks` is not an array")
    }
    var seen: Set<String> = []
    var tasks: [PlannedTask] = []
    tasks.reserveCapacity(entries.count)
    for (position, entry) in entries.enumerated() {
      let at = "\(key)` task \(position) `"
      let task = try Fields(entry, at: at, allowed: Self.taskFields)
      let taskId = try task.text("id")
      guard OperationNames.isId(taskId) else {
        throw BrokenRule("`\(key)`: task id `\(taskId)` is not made of 1 to 120 of `A-Z a-z 0-9 _ . -`")
      }
      guard seen.insert(taskId).inserted else {
        throw BrokenRule("`\(key)`: task id `\(taskId)` occurs twice")
      }
      let childKey = "fanout:\(id)#\(taskId)"
      let taskPhase = try task["phase"] == nil ? phase : self.phase(task.text("phase"), of: childKey)
      tasks.append(
        PlannedTask(
          childKey: childKey, position: position,
          spec: try self.task(task, id: taskId, phase: taskPhase, at: childKey)))
    }
    return tasks
  }

  private func patches(_ fields: Fields, _ key: String) throws(BrokenRule) -> [String] {
    guard let entries = fields["patches"]?.array else {
      throw BrokenRule("`\(key)`: `patches` is not an array")
    }
    var patches: [String] = []
    for (position, entry) in entries.enumerated() {
      patches.append(try Fields(entry, at: "\(key)` patch \(position) `", allowed: ["patch"]).text("patch"))
    }
    return patches
  }

  private func task(_ fields: Fields, id: String, phase: String, at key: String) throws(BrokenRule)
    -> TaskSpec
  {
    let mode = try fields.text("mode")
    guard ["read-only", "write"].contains(mode) else {
      throw BrokenRule("`\(key)`: mode is `\(mode)`, not `read-only` or `write`")
    }
    if mode == TaskSpec.writeMode, manifest.permissions.write.isEmpty {
      throw BrokenRule("`\(key)`: mode is `write`, and the manifest's `permissions.write` is empty")
    }
    let prompt = try fields.text("prompt")
    if prompt.unicodeScalars.allSatisfy(\.properties.isWhitespace) {
      throw BrokenRule("`\(key)`: the prompt is empty")
    }
    let adapterId = try fields.optionalText("adapter") ?? manifest.defaultAdapter ?? "any"
    let adapter = manifest.adapters[adapterId]
    if fields["adapter"] != nil, adapter == nil, adapterId != manifest.defaultAdapter {
      let known = manifest.adapters.keys.sorted().map { "`\($0)`" }.joined(separator: ", ")
      throw BrokenRule(
        "`\(key)`: adapter `\(adapterId)` is not in the manifest"
          + (known.isEmpty ? ", which has none" : ": it has \(known)"))
    }
    if let schema = fields["schema"] {
      do { _ = try JSONSchema(compiling: schema) } catch {
        throw BrokenRule("`\(key)`: schema: \(error.message)")
      }
    }
    return TaskSpec(
      taskId: id, phase: phase, adapter: adapterId, mode: mode, prompt: prompt,
      role: try fields.optionalText("role"), nickname: try fields.optionalText("nickname"),
      model: try fields.optionalText("model") ?? adapter?.model,
      reasoningEffort: try fields.optionalText("reasoningEffort") ?? adapter?.reasoningEffort,
      network: manifest.permissions.network.rawValue, schema: fields["schema"],
      schemaAttempts: Int(try fields.number("schemaAttempts", 1...1000, whole: true) ?? 3),
      data: fields["data"], leaseMinutes: try fields.number("leaseMinutes", 0.001...525_600) ?? 30,
      maxAttempts: Int(try fields.number("maxAttempts", 1...1000, whole: true) ?? 3))
  }

  private func admit(
    _ tasks: [PlannedTask], _ counts: AgentCounts, _ key: String
  ) throws(BrokenRule) -> OperationPlan {
    var after = counts
    after.add(tasks)
    guard after.total <= manifest.maxAgents else {
      throw BrokenRule(
        "`\(key)`: the run would have \(after.total) tasks, and `maxAgents` is \(manifest.maxAgents)")
    }
    for phase in manifest.phases {
      if let limit = phase.maxAgents, let count = after.byPhase[phase.id], count > limit {
        throw BrokenRule(
          "`\(key)`: phase `\(phase.id)` would have \(count) tasks, and its `maxAgents` is \(limit)")
      }
    }
    return .tasks(tasks)
  }
}

/// A rule that an operation broke, in words for the workflow's author.
struct BrokenRule: Error, Equatable {
  let text: String
  init(_ text: String) { self.text = text }
}

/// The members of an argument object, checked as they are taken.
private struct Fields {
  let object: JSONObject
  let name: String

  init(_ value: JSONValue, at name: String, allowed: [String]) throws(BrokenRule) {
    guard let object = value.object else { throw BrokenRule("`\(name)`: the arguments are not an object") }
    if let extra = object.keys.first(where: { !allowed.contains($0) }) {
      let nearest = Nearest.of(extra, in: allowed).map { "; did you mean `\($0)`?" } ?? ""
      throw BrokenRule("`\(name)`: unknown field `\(extra)`\(nearest)")
    }
    self.object = object
    self.name = name
  }

  subscript(key: String) -> JSONValue? { object[key] }

  func text(_ key: String) throws(BrokenRule) -> String {
    guard let value = object[key] else { throw BrokenRule("`\(name)`: `\(key)` is missing") }
    guard let text = value.string else {
      throw BrokenRule("`\(name)`: `\(key)` is \(value.typeName), not a string")
    }
    return text
  }

  func optionalText(_ key: String) throws(BrokenRule) -> String? {
    object[key] == nil ? nil : try text(key)
  }

  func number(
    _ key: String, _ range: ClosedRange<Double>, whole: Bool = false
  ) throws(BrokenRule) -> Double? {
    guard let value = object[key] else { return nil }
    guard let number = value.number, range.contains(number), !whole || number == number.rounded() else {
      throw BrokenRule(
        "`\(name)`: `\(key)` is not a\(whole ? " whole" : "") number from \(JSONValue.number(range.lowerBound).compactText) to "
          + JSONValue.number(range.upperBound).compactText)
    }
    return number
  }
}
