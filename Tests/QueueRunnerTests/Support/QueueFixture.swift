import GRDB
import Glibc

@testable import QueueRunner

/// A clock that a test owns.
final class TestClock: WallClock {
  private struct State {
    var wallMs: Int64 = 1_790_000_000_000
    var bootMs: Int64 = 1_000_000
    var boot = "boot-1"
  }
  private let state = Guarded(State())

  func nowMs() -> Int64 { state.withLock { $0.wallMs } }
  func bootMs() -> Int64 { state.withLock { $0.bootMs } }
  func bootId() -> String { state.withLock { $0.boot } }

  /// Time passes, on both clocks.
  func advance(ms: Int64) { state.withLock { ($0.wallMs, $0.bootMs) = ($0.wallMs + ms, $0.bootMs + ms) } }
  /// Somebody sets the wall clock.
  func jump(ms: Int64) { state.withLock { $0.wallMs += ms } }
  /// The machine starts anew after so long.
  func reboot(afterMs: Int64) {
    state.withLock { ($0.wallMs, $0.bootMs, $0.boot) = ($0.wallMs + afterMs, 5000, $0.boot + "'") }
  }
}

/// A queue over real files in a folder of its own, with tasks `t0`, `t1`, …
final class QueueFixture {
  let root: String
  let layout: RunLayout
  let clock = TestClock()
  let queue: WorkQueue
  let ended = Guarded<[String]>([])

  init(tasks: Int = 1, maxConcurrency: Int = 100, edit: (inout TaskSpec) -> Void = { _ in }) throws {
    var template = Array("/tmp/flowdex-queue-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw FileSystem.failure("make", "a scratch folder") }
    root = String(cString: made)
    layout = RunLayout(root: "\(root)/run", runId: "run")
    for folder in [layout.root, layout.ready, layout.claimed, layout.dispatches] {
      try FileSystem.makeDirectories(folder)
    }
    let specs = (0..<tasks).map { number in
      var spec = TaskSpec(
        taskId: "t\(number)", phase: "p", adapter: "any", mode: "read-only", prompt: "do \(number)")
      edit(&spec)
      return spec
    }
    let database = try StateDatabase.create(
      layout, maxConcurrency: maxConcurrency, clock: clock, migrations: { _ in }
    ) { tx in
      for (position, spec) in specs.enumerated() {
        try TaskStore.add(
          tx, spec, generation: 1, childKey: "fanout:f#\(spec.taskId)", groupKey: "fanout:f",
          position: position)
      }
    }
    let ended = ended
    queue = try WorkQueue(database) { _, tasks in ended.withLock { $0 += tasks.childKeys } }
  }

  deinit { try? FileSystem.removeTree(root) }

  /// A second opening of the same state, as another process has it.
  func reopened() throws -> WorkQueue {
    let database = try StateDatabase.open(layout, clock: clock, migrations: { _ in })
    return try WorkQueue(database) { _, _ in }
  }

  /// What a look at everything would look at.
  func unsettled() throws -> [LeaseRecord] {
    var walk = UnsettledWalk()
    return try queue.database.read { try walk.next($0, limit: 1000) ?? [] }
  }

  func lease(_ limit: Int = 1) throws -> [IssuedLease] {
    try queue.lease(limit: limit, files: true) { nil }
  }

  func task(_ number: Int = 0) throws -> TaskRecord {
    try queue.database.read { try TaskStore.find($0, generation: 1, childKey: "fanout:f#t\(number)") }!
  }

  func leaseState(_ token: String) throws -> LeaseState? {
    try queue.database.read { try LeaseStore.find($0, token: token)?.state }
  }

  func eventTypes() throws -> [String] {
    try queue.database.read { try EventStore.after($0, runId: "run", seq: 0, limit: 100_000) }.map(\.type)
  }

  static func envelope(_ status: String = "completed", data: JSONValue = [:], summary: String = "s")
    -> [UInt8]
  {
    let value: JSONValue = [
      "status": .string(status), "summary": .string(summary), "data": data, "claims": [], "artifacts": [],
      "diff": nil, "usage": [:], "error": nil,
    ]
    return value.canonicalBytes
  }

  func drop(_ lease: IssuedLease, _ bytes: [UInt8] = QueueFixture.envelope()) throws {
    try FileSystem.write(bytes, to: lease.package!.result)
  }
}
