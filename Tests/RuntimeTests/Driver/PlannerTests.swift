import QueueRunner
import Testing

@testable import Runtime

/// What becomes of an operation, by the rules of contract §4.
@Suite("operation planner") struct PlannerTests {
  static let manifest = """
    { name: "n", maxAgents: 4, maxConcurrency: 2, defaultAdapter: "best",
      adapters: { best: { type: "codex-native", model: "m", reasoningEffort: "high" }, plain: { type: "x" } },
      permissions: { read: ["src/**"], write: [WRITE], network: "web",
        hostCommands: [{ id: "unit", argv: ["make", "test"] }] },
      phases: [{ id: "one" }, { id: "small", maxAgents: 2 }] }
    """

  static func planner(write: String = "") throws -> OperationPlanner {
    let text = """
      import { workflow } from "@flowdex/runtime";
      export default workflow(\(manifest.replacing("WRITE", with: write)), async () => {});
      """
    return OperationPlanner(
      manifest: try WorkflowDocument.read(text: Array(text.utf8), file: "w.ts").manifest)
  }

  static func plan(
    _ kind: OperationKind, _ args: JSONValue, counts: AgentCounts = AgentCounts(), write: String = ""
  ) throws -> OperationPlan {
    let id = args["id"]?.string ?? ""
    return try planner(write: write).plan(
      key: "\(kind.rawValue):\(id)", kind: kind, id: id, args: args, counts: counts)
  }

  static func task(_ id: String, _ changes: JSONObject = JSONObject()) -> JSONValue {
    var object = JSONObject([("id", .string(id)), ("mode", "read-only"), ("prompt", "look")])
    for (key, value) in changes.members { object[key] = value.isNull ? nil : value }
    return .object(object)
  }

  static func agent(_ changes: JSONObject) -> JSONValue {
    var all = JSONObject([("phase", "one")])
    for (key, value) in changes.members { all[key] = value }
    return task(changes["id"]?.string ?? "a", all)
  }

  /// Arguments that break a rule, and what the rejection must name: the rule, the number, the id.
  static let broken: [(JSONObject, [String])] = [
    (JSONObject([("phase", "nowhere")]), ["`agent:a`", "phase `nowhere`", "`one`, `small`"]),
    (JSONObject([("id", "a b")]), ["id `a b`", "1 to 120"]),
    (JSONObject([("id", .string(String(repeating: "a", count: 121)))]), ["1 to 120"]),
    (JSONObject([("mode", "read")]), ["`agent:a`", "mode is `read`"]),
    (JSONObject([("mode", "write")]), ["`agent:a`", "`permissions.write` is empty"]),
    (JSONObject([("prompt", " \n")]), ["`agent:a`", "prompt is empty"]),
    (JSONObject([("adapter", "worst")]), ["adapter `worst`", "`best`, `plain`"]),
    (JSONObject([("schema", ["type": "nonsense"])]), ["`agent:a`", "schema"]),
    (JSONObject([("schemaAttempts", 0)]), ["`schemaAttempts`", "1 to 1000"]),
    (JSONObject([("schemaAttempts", 1.5)]), ["`schemaAttempts`", "whole number"]),
    (JSONObject([("maxAttempts", 1001)]), ["`maxAttempts`", "1 to 1000"]),
    (JSONObject([("leaseMinutes", 0)]), ["`leaseMinutes`", "0.001 to 525600"]),
    (JSONObject([("leaseMinute", 5)]), ["unknown field `leaseMinute`", "did you mean `leaseMinutes`?"]),
  ]

  @Test("a broken rule is named, with the number and the id", arguments: broken)
  func rejections(changes: JSONObject, words: [String]) throws {
    guard case .rejected(let reason) = try Self.plan(.agent, Self.agent(changes)) else {
      Issue.record("not rejected")
      return
    }
    for word in words { #expect(reason.contains(word), "\(reason)") }
  }

  @Test("maxAgents counts distinct tasks of the run and of each phase")
  func counts() throws {
    func fanout(_ ids: [String], phase: String) -> JSONValue {
      ["id": "f", "phase": .string(phase), "tasks": .array(ids.map { Self.task($0) })]
    }
    let three = AgentCounts(total: 3, byPhase: ["one": 3])
    guard case .tasks(let fits) = try Self.plan(.fanout, fanout(["a"], phase: "one"), counts: three) else {
      Issue.record("one more fits")
      return
    }
    #expect(fits.map(\.childKey) == ["fanout:f#a"])
    #expect(
      try Self.plan(.fanout, fanout(["a", "b"], phase: "one"), counts: three)
        == .rejected("`fanout:f`: the run would have 5 tasks, and `maxAgents` is 4"))
    #expect(
      try Self.plan(.fanout, fanout(["a", "b", "c"], phase: "small"))
        == .rejected("`fanout:f`: phase `small` would have 3 tasks, and its `maxAgents` is 2"))
    #expect(
      try Self.plan(.fanout, fanout(["a", "a"], phase: "one"))
        == .rejected("`fanout:f`: task id `a` occurs twice"))
  }

  @Test("a task has the defaults of the contract, its adapter's model, and the fanout's phase")
  func defaults() throws {
    let args: JSONValue = [
      "id": "f", "phase": "one",
      "tasks": [Self.task("a"), Self.task("b", JSONObject([("phase", "small"), ("model", "other")]))],
    ]
    guard case .tasks(let tasks) = try Self.plan(.fanout, args) else {
      Issue.record("rejected")
      return
    }
    #expect(tasks.map(\.spec.phase) == ["one", "small"])
    #expect(tasks.map(\.spec.model) == ["m", "other"])
    let spec = tasks[0].spec
    #expect(spec.adapter == "best" && spec.reasoningEffort == "high" && spec.network == "web")
    #expect(spec.leaseMinutes == 30 && spec.maxAttempts == 3 && spec.schemaAttempts == 3)
  }

  @Test("a command that is not allow-listed needs approval and runs nothing; a known one runs")
  func commands() throws {
    #expect(
      try Self.plan(.hostCommand, ["id": "a", "phase": "one", "commandId": "rm"])
        == .needsApproval(commandId: "rm"))
    #expect(
      try Self.plan(.hostCommand, ["id": "a", "phase": "one", "commandId": "unit"])
        == .hostCommand(commandId: "unit"))
  }

  @Test("a writing task is admitted where something may be written; patches are taken in order")
  func writing() throws {
    guard
      case .tasks = try Self.plan(.agent, Self.agent(JSONObject([("mode", "write")])), write: "\"src/**\"")
    else {
      Issue.record("rejected")
      return
    }
    #expect(
      try Self.plan(.integrate, ["id": "m", "phase": "one", "patches": [["patch": "x"], ["patch": "y"]]])
        == .integrate(["x", "y"]))
  }
}
