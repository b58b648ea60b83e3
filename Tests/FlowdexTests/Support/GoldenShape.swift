/// Which fields a golden file has at a place: those promised to scripts, and those that are there besides and are
/// described in the command's help.
struct GoldenShape {
  let file: String
  let path: String
  let required: Set<String>
  var extra: Set<String> = []

  private static let drive: Set = ["runId", "status", "report"]
  private static let run: Set = [
    "name", "status", "generation", "createdAt", "updatedAt", "sourceHash", "manifestHash", "approvalHash",
    "driver",
  ]
  private static let task: Set = [
    "childKey", "taskId", "phase", "adapter", "mode", "status", "cwd", "leaseToken", "leaseExpiresAt",
    "agentRef",
    "resultPath", "instructionPath", "taskPath", "attempt", "adapterStatus", "summary", "error",
  ]
  private static let lease: Set = [
    "runId", "childKey", "parentOpKey", "taskId", "phase", "adapter", "mode", "cwd", "leaseToken",
    "leaseExpiresAt", "network",
  ]
  private static let packaged: Set = ["instructionPath", "taskPath", "resultPath", "agentPrompt"]
  private static let optional: Set = ["model", "reasoningEffort", "role", "nickname"]

  static let all: [GoldenShape] =
    ["run", "continue", "continue-paused", "resume"].map { GoldenShape(file: $0, path: "", required: drive) }
    + [
      GoldenShape(
        file: "preview", path: "",
        required: [
          "name", "format", "file", "sourceHash", "manifestHash", "approvalHash", "limits", "adapter",
          "adapters", "network", "read", "write", "hostCommands", "env", "phases", "manifest",
        ], extra: ["warnings", "files", "environment"]),
      GoldenShape(file: "init", path: "", required: ["template", "path"]),
      GoldenShape(file: "skill-install", path: "", required: ["skill", "destination", "filesCopied"]),
      GoldenShape(
        file: "list", path: "0",
        required: ["runId", "name", "status", "createdAt", "updatedAt", "taskCounts"]),
      GoldenShape(
        file: "next", path: "0", required: lease.union(["prompt", "schema", "data"]).union(optional)),
      GoldenShape(file: "next-files", path: "0", required: lease.union(packaged), extra: optional),
      GoldenShape(file: "attach-agent", path: "", required: ["runId", "childKey", "taskStatus"]),
      GoldenShape(file: "complete-agent", path: "", required: ["runId", "childKey", "taskStatus"]),
      GoldenShape(file: "check-result", path: "", required: ["valid", "errors"]),
      GoldenShape(file: "check-result-wrong", path: "", required: ["valid", "errors"]),
      GoldenShape(file: "collect-results", path: "", required: ["runId", "results", "continued"]),
      GoldenShape(
        file: "collect-results", path: "results/0",
        required: ["childKey", "taskId", "status", "taskStatus", "resultPath", "adapterStatus"]),
      GoldenShape(
        file: "collect-results-refused", path: "results/0",
        required: ["childKey", "taskId", "status", "taskStatus", "resultPath", "error"]),
      GoldenShape(file: "collect-results", path: "continued", required: drive),
      GoldenShape(
        file: "watch", path: "0", required: ["seq", "runId", "type", "payload", "createdAt"]),
      GoldenShape(
        file: "status", path: "", required: ["runId", "run", "counts", "usage", "tasks"],
        extra: ["usageByPhase"]),
      GoldenShape(file: "status", path: "run", required: run, extra: ["inputHash", "error"]),
      GoldenShape(
        file: "status", path: "tasks/0", required: task,
        extra: [
          "parentOpKey", "resultArtifactId", "schemaRefusals", "leaseLeftMs", "expiries", "keptFrom",
          "createdAt",
          "updatedAt",
          "usage", "spec",
        ]),
      GoldenShape(file: "status-compact", path: "tasks/0", required: task, extra: ["leaseLeftMs"]),
      GoldenShape(file: "inspect", path: "", required: ["run", "events"]),
      GoldenShape(
        file: "inspect", path: "run", required: run, extra: ["runId", "inputHash", "error", "operations"]),
      GoldenShape(
        file: "inspect", path: "events/0", required: ["seq", "runId", "type", "payload", "createdAt"]),
      GoldenShape(file: "report-usage", path: "", required: ["run", "phases", "tasks"]),
      GoldenShape(file: "pause", path: "", required: ["runId", "status"]),
      GoldenShape(file: "stop", path: "", required: ["runId", "status"]),
      GoldenShape(file: "restart-agent", path: "", required: drive.union(["invalidated"])),
      GoldenShape(file: "repair-events", path: "", required: ["runId", "events"]),
      GoldenShape(file: "save", path: "", required: ["name", "path"]),
      GoldenShape(file: "workflow-list", path: "0", required: ["name", "path"]),
    ]
}
