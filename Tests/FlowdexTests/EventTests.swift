import Glibc
import QueueRunner
import Testing

/// Every event type of contract §7 occurs, with the payload that says what happened.
@Suite("events", .timeLimit(.minutes(15)))
struct EventTests {
  /// The members that each type's payload must have.
  static let members: [String: [String]] = [
    "run.created": ["name", "sourceHash", "manifestHash", "inputHash", "approvalHash"],
    "run.status": ["status", "error"],
    "operation.scheduled": ["opKey", "kind", "phase"],
    "operation.completed": ["opKey", "resultHash", "rejection"],
    "agent.task.created": ["childKey", "parentOpKey", "taskId", "phase"],
    "native.dispatch.leased": ["childKey", "leaseToken", "attempt", "leaseExpiresAt"],
    "native.dispatch.reclaimed": ["childKey", "leaseToken", "expiries", "maxAttempts"],
    "native.dispatch.released": ["childKey", "leaseToken", "reason"],
    "native.dispatch.attached": ["childKey", "leaseToken", "agentRef"],
    "native.dispatch.snapshot": ["digest", "path", "files", "bytes", "skipped"],
    "agent.completed": ["childKey", "attempt", "resultArtifactId", "adapterStatus", "summary"],
    "agent.failed": ["childKey", "attempt", "resultArtifactId", "adapterStatus", "error"],
    "agent.blocked": ["childKey", "attempt", "resultArtifactId", "adapterStatus"],
    "agent.cancelled": ["childKey", "reason"],
    "native.result.error": ["childKey", "leaseToken", "error"],
    "native.result.stale": ["childKey", "leaseToken", "error"],
    "artifact.written": ["artifactId", "sizeBytes"],
    "task.invalidated": ["childKey", "reason"],
    "workflow.log": ["text"],
    "workflow.completed": ["reportArtifactId"],
    "workflow.failed": ["error"],
    "workflow.suspended": ["deliveries"],
  ]

  static let body = """
    ctx.log("begun");
    const never = ctx.agent({ id: "never", phase: "two", mode: "read-only", prompt: "x" });
    const late = ctx.agent({ id: "late", phase: "two", mode: "read-only", prompt: "x",
      leaseMinutes: 0.001, maxAttempts: 1 });
    const rest = await ctx.fanout({ id: "f", phase: "one", tasks: ["completed", "failed", "blocked"].map((id) =>
      ({ id, mode: "read-only", prompt: "x" })) });
    await late;
    ctx.report(rest.map((result) => result.status));
    """

  static func leases(_ scratch: Scratch) async throws -> [JSONValue] {
    try await Cli.run(["next", "r1", "--json", "--files"], in: scratch.path).json().array ?? []
  }

  static func answer(_ lease: JSONValue, _ status: String) throws {
    try FileSystem.write(
      Envelope.json(status: status, error: status == "completed" ? nil : "why").canonicalBytes,
      to: try #require(lease["resultPath"]?.string))
  }

  /// One run in which nearly everything happens.
  static func story(_ scratch: Scratch) async throws {
    try scratch.file("src/a.txt", "alpha\n")
    try scratch.workflow(body)
    _ = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    let first = try await leases(scratch)
    let completed = try #require(first.first { $0["taskId"] == "completed" })
    let attached = try await Cli.run(
      [
        "attach-agent", "r1", "fanout:f#completed", "--lease-token", completed["leaseToken"]?.string ?? "",
        "--agent-ref", "me",
      ], in: scratch.path)
    #expect(attached.status == 0, "\(attached)")
    try FileSystem.write(Array("{}".utf8), to: try #require(completed["resultPath"]?.string))
    _ = try await Cli.run(["collect-results", "r1"], in: scratch.path)
    _ = try await Cli.run(["stop", "r1"], in: scratch.path)
    try answer(completed, "completed")
    _ = try await Cli.run(["resume", "r1"], in: scratch.path)
    let second = try await leases(scratch)
    for lease in second where lease["parentOpKey"] == "fanout:f" {
      try answer(lease, lease["taskId"]?.string ?? "")
    }
    var status: JSONValue?
    repeat {
      // Until the short lease has run out, whether a pass came before or after that.
      let output = try await Cli.run(["collect-results", "r1", "--continue", "--json"], in: scratch.path)
      status = try output.json()["continued"]?["status"]
      _ = try await leases(scratch)
    } while status == "needs-dispatch"
    #expect(status == "completed")
    _ = try await Cli.run(["restart-agent", "r1", "fanout:f#failed"], in: scratch.path)
  }

  @Test("each type occurs, is spelled so in events.jsonl, and has its payload")
  func every() async throws {
    let scratch = try Scratch()
    try await Self.story(scratch)
    try scratch.workflow("throw new Error('boom');", name: "bad.ts")
    _ = try await Cli.run(["run", "bad.ts", "--yes", "--run-id", "r2"], in: scratch.path)
    #expect(Set(Self.members.keys) == Set(EventType.allCases.map(\.rawValue)))
    var seen: Set<String> = []
    for run in ["r1", "r2"] {
      let lines = try scratch.text(".flowdex/runs/\(run)/events.jsonl").split(separator: "\n")
      for (at, line) in lines.enumerated() {
        let event = try JSONValue(parsing: String(line))
        #expect(event.object?.keys == ["seq", "runId", "type", "payload", "createdAt"])
        #expect(event["seq"] == JSONValue(at + 1) && event["runId"] == .string(run))
        let type = event["type"]?.string ?? ""
        seen.insert(type)
        for member in Self.members[type] ?? ["?"] {
          #expect(event["payload"]?.object?.keys.contains(member) == true, "\(type) lacks \(member): \(line)")
        }
      }
    }
    #expect(Set(Self.members.keys).subtracting(seen).sorted() == [])
  }
}
