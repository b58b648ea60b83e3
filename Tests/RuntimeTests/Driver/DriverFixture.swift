import Glibc
import QueueRunner

@testable import Runtime

/// A session that runs no Deno: a script says what each delivery brings about.
final class ScriptedSession: WorkflowSession {
  typealias Script = @Sendable (_ delivery: String?) -> Turn

  private let script: Script
  private let onClose: @Sendable () -> Void
  private var turns: [Turn] = []

  init(_ script: @escaping Script, onClose: @escaping @Sendable () -> Void) {
    self.script = script
    self.onClose = onClose
  }

  func start(_ start: SessionStart) throws { turns.append(script(nil)) }
  func deliver(part: String) throws {}
  func deliver(_ delivery: SessionDelivery) throws { turns.append(script(delivery.key)) }
  func receive(wakeups: [Int32]) throws -> Turn? { turns.removeFirst() }
  func close() { onClose() }
}

/// A clock that stands still.
struct StoppedClock: WallClock {
  func nowMs() -> Int64 { 1_790_000_000_000 }
  func bootMs() -> Int64 { 1_000_000 }
  func bootId() -> String { "boot" }
}

/// A project with one run, driven without Deno.
final class DriverFixture: Sendable {
  let root: String
  let project: Project

  init(clock: any WallClock = SystemClock()) throws {
    var template = Array("/tmp/flowdex-driver-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw FileSystem.failure("make", "a scratch folder") }
    root = String(cString: made)
    project = try Project.findOrCreate(from: root, clock: clock)
    try FileSystem.makeDirectories("\(root)/src")
  }

  deinit { try? FileSystem.removeTree(root) }

  static let source = """
    import { workflow } from "@flowdex/runtime";
    export default workflow({
      name: "test", maxAgents: 100, maxConcurrency: 100,
      permissions: { read: ["src/**"], write: ["src/**"], hostCommands: [
        { id: "sleep", argv: ["sleep", "600"] }, { id: "true", argv: ["true"] },
      ] },
      phases: [{ id: "one" }],
    }, async (ctx) => {});
    """

  func create(id: String? = "r1") throws -> Run {
    let source = Array(Self.source.utf8)
    return try project.create(
      Project.NewRun(
        document: WorkflowDocument.read(text: source, file: "w.ts"), source: source, input: Array("{}".utf8),
        id: id))
  }

  func environment(
    onClose: @escaping @Sendable () -> Void = {}, _ script: @escaping ScriptedSession.Script
  ) -> DriverEnvironment {
    DriverEnvironment(
      makeSession: { _, _ in ScriptedSession(script, onClose: onClose) }, interrupts: [], cores: 4)
  }

  static func agent(_ id: String, mode: String = "read-only") -> ScheduledOperation {
    let args: JSONValue = [
      "id": .string(id), "mode": .string(mode), "phase": "one", "prompt": "do",
    ]
    return ScheduledOperation(kind: .agent, id: id, argsText: args.canonicalText)
  }

  static func integrate(_ id: String, _ patch: String) -> ScheduledOperation {
    let args: JSONValue = ["id": .string(id), "patches": [["patch": .string(patch)]], "phase": "one"]
    return ScheduledOperation(kind: .integrate, id: id, argsText: args.canonicalText)
  }

  static let result: [UInt8] = {
    let envelope: JSONValue = [
      "status": "completed", "summary": "s", "data": [:], "claims": [], "artifacts": [], "diff": nil,
      "usage": [:], "error": nil,
    ]
    return envelope.canonicalBytes
  }()

  /// Leases everything and answers the tasks of these keys.
  static func answer(_ run: Run, _ keys: [String]) throws {
    for lease in try run.queue.lease(limit: 100, files: false, workspace: { nil })
    where keys.contains(lease.childKey) {
      _ = try run.queue.complete(childKey: lease.childKey, token: lease.token, result: result)
    }
  }
}
