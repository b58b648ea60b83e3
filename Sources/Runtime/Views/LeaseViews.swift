// The JSON of leases and of what a look at the packages found (contract §8).

import QueueRunner

/// What `next` and `collect-results` print.
public enum LeaseViews {
  /// One new lease, with all that its worker must be told.
  public static func json(_ lease: IssuedLease, _ run: Run) -> JSONValue {
    let spec = lease.spec
    var object = JSONObject([
      ("runId", .string(run.layout.runId)), ("childKey", .string(lease.childKey)),
      ("parentOpKey", .string(lease.groupKey)), ("taskId", .string(spec.taskId)),
      ("phase", .string(spec.phase)), ("adapter", .string(spec.adapter)), ("mode", .string(spec.mode)),
      ("cwd", JSONValue(workingFolder(lease))), ("leaseToken", .string(lease.token)),
      ("leaseExpiresAt", JSONValue(lease.expiresAtMs.map(Timestamp.text))),
    ])
    if let package = lease.package {
      object["instructionPath"] = .string(package.instructions)
      object["taskPath"] = .string(package.task)
      object["resultPath"] = .string(package.result)
      object["agentPrompt"] = .string(agentPrompt(package))
    } else {
      object["prompt"] = .string(spec.prompt)
      object["schema"] = spec.schema
      object["data"] = spec.data
    }
    object["model"] = spec.model.map(JSONValue.string)
    object["reasoningEffort"] = spec.reasoningEffort.map(JSONValue.string)
    object["network"] = .string(spec.network)
    object["role"] = spec.role.map(JSONValue.string)
    object["nickname"] = spec.nickname.map(JSONValue.string)
    return .object(object)
  }

  /// A writing task is worked on in its private copy, any other in the snapshot.
  static func workingFolder(_ lease: IssuedLease) -> String? {
    lease.spec.isWrite ? lease.package?.work ?? lease.cwd : lease.cwd
  }

  /// What to tell an agent that can read files: everything else stands in the instructions.
  static func agentPrompt(_ package: PackageLayout) -> String {
    "Read \(package.instructions) and do exactly what it says. Write your result to \(package.result). "
      + "Do not start other agents and do not ask questions."
  }

  /// One line of `collect-results`.
  public static func json(_ item: CollectReport.Item) -> JSONValue {
    var object = JSONObject([
      ("childKey", .string(item.childKey)), ("taskId", .string(item.taskId)),
      ("status", .string(item.status.rawValue)), ("taskStatus", JSONValue(item.taskState?.rawValue)),
    ])
    object["resultPath"] = item.resultPath.map(JSONValue.string)
    object["adapterStatus"] = item.adapterStatus.map(JSONValue.string)
    object["error"] = item.error.map(JSONValue.string)
    return .object(object)
  }
}
