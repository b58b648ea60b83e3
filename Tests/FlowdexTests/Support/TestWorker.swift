import Glibc
import QueueRunner

/// A worker as people write them: claims packages from `queue/ready` with rename(2), reads `task.json`, writes
/// its result. Runs on a thread of its own until it is stopped.
final class TestWorker: Sendable {
  private let isStopped = Guarded(false)
  private let count = Guarded(0)
  private let thread: PermanentThread

  /// - Parameter answer: the bytes to write for a task, or nil to leave it alone.
  init(_ run: RunLayout, answer: @escaping @Sendable (JSONValue) -> [UInt8]? = { Envelope.completed($0) })
    throws
  {
    let isStopped = isStopped
    let count = count
    thread = try PermanentThread {
      while !isStopped.withLock({ $0 }) {
        var worked = false
        for token in ((try? FileSystem.names(in: run.ready)) ?? []).sorted() {
          if isStopped.withLock({ $0 }) { return }
          guard rename(run.ready(token), run.claimed(token)) == 0 else { continue }
          worked = true
          if (try? Self.work(run, token, answer)) == true { count.withLock { $0 += 1 } }
        }
        if !worked { usleep(2000) }
      }
    }
  }

  var answered: Int { count.withLock { $0 } }

  func stop() {
    isStopped.withLock { $0 = true }
    thread.join()
  }

  private static func work(
    _ run: RunLayout, _ token: String, _ answer: (JSONValue) -> [UInt8]?
  ) throws -> Bool {
    let package = PackageLayout(root: run.claimed(token))
    let task = try JSONValue(parsing: FileSystem.read(package.task))
    guard let bytes = answer(task) else { return false }
    let temporary = "\(package.scratch)/result"
    try FileSystem.write(bytes, to: temporary)
    try FileSystem.rename(temporary, package.result)
    return true
  }
}

/// Envelopes for tests.
enum Envelope {
  static func json(
    status: String = "completed", summary: String = "done", data: JSONValue = [:], usage: JSONValue = [:],
    error: JSONValue = nil
  ) -> JSONValue {
    [
      "status": .string(status), "summary": .string(summary), "data": data, "claims": [], "artifacts": [],
      "diff": nil, "usage": usage, "error": error,
    ]
  }

  /// Answers with the task's own data and id.
  @Sendable static func completed(_ task: JSONValue) -> [UInt8] {
    let data: JSONValue = ["task": task["taskId"] ?? nil, "given": task["data"] ?? nil]
    return json(data: data).canonicalBytes
  }
}
