import Glibc
import QueueRunner
import Testing

@Suite("several processes on one run", .serialized, .timeLimit(.minutes(15)))
struct ManyProcessTests {
  /// Every task's result once, in the events and in the report.
  static func checkEnd(_ scratch: Scratch, n: Int) async throws {
    let inspect = try await Cli.run(["inspect", "r1"], in: scratch.path).json()
    let events = inspect["events"]?.array ?? []
    let completed = events.filter { $0["type"] == "agent.completed" }.compactMap {
      $0["payload"]?["childKey"]?.string
    }
    #expect(completed.count == n && Set(completed).count == n, "\(completed.count) results of \(n)")
    #expect(events.compactMap { $0["seq"]?.int } == Array(1...events.count))
    #expect(events.filter { $0["type"] == "operation.completed" }.count == 1)
    let report = try await Cli.run(["report", "r1", "--path", "ids"], in: scratch.path).json()
    #expect(report.array?.count == n)
    let stored = try scratch.text(".flowdex/runs/r1/events.jsonl")
    _ = try await Cli.run(["repair-events", "r1"], in: scratch.path)
    #expect(try scratch.text(".flowdex/runs/r1/events.jsonl") == stored)
  }

  @Test("two watches, next and collect-results at once: every result once, one driver, the second takes over")
  func together() async throws {
    let n = 120
    let scratch = try Scratch()
    _ = try await WorkerLoopTests.start(scratch, n: n)
    let run = scratch.layout.run("r1")
    let first = try await Cli.start(["watch", "r1", "--dispatch", "--limit", "20"], in: scratch.path)
    let second = try await Cli.start(["watch", "r1", "--dispatch", "--limit", "20"], in: scratch.path)
    let workers = try (0..<2).map { _ in try TestWorker(run) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<2 {
        group.addTask {
          for _ in 0..<6 {
            let next = try await Cli.run(
              ["next", "r1", "--json", "--files", "--limit", "30"], in: scratch.path)
            #expect(next.status == 0, "\(next)")
            for lease in try next.json().array ?? [] {
              let task = try JSONValue(parsing: FileSystem.read(lease["taskPath"]?.string ?? ""))
              try FileSystem.write(Envelope.completed(task), to: lease["resultPath"]?.string ?? "")
            }
          }
        }
        group.addTask {
          for _ in 0..<4 {
            let collected = try await Cli.run(
              ["collect-results", "r1", "--continue", "--json"], in: scratch.path)
            #expect(collected.status == 0, "\(collected)")
          }
        }
      }
      try await group.waitForAll()
    }
    first.signal(SIGKILL)
    let killed = try await first.output()
    let output = try await second.output()
    for worker in workers { worker.stop() }
    #expect(killed.status == 137 || killed.status == 0, "\(killed)")
    #expect(output.status == 0, "\(output)")
    try await Self.checkEnd(scratch, n: n)
  }

  @Test("watch killed at twenty random moments of a run of 200 tasks: it ends with every result, once")
  func killed() async throws {
    let n = 200
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed)
    let scratch = try Scratch()
    _ = try await WorkerLoopTests.start(scratch, n: n)
    let run = scratch.layout.run("r1")
    for round in 0..<20 {
      let watch = try await Cli.start(["watch", "r1", "--dispatch", "--limit", "16"], in: scratch.path)
      let worker = try TestWorker(run)
      let goal = Int.random(in: 0...(n / 24), using: &random)
      // A moment of the run's own progress, then a little further: never the same place twice.
      while worker.answered < goal, kill(watch.pid, 0) == 0 { usleep(500) }
      usleep(UInt32.random(in: 0...20_000, using: &random))
      watch.signal(SIGKILL)
      worker.stop()
      let output = try await watch.output()
      #expect(output.status == 137 || output.status == 0, "seed \(seed), round \(round): \(output)")
    }
    let worker = try TestWorker(run)
    let end = try await Cli.run(["watch", "r1", "--dispatch"], in: scratch.path)
    worker.stop()
    #expect(end.status == 0, "seed \(seed): \(end)")
    try await Self.checkEnd(scratch, n: n)
  }
}
