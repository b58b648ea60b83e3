import Glibc
import QueueRunner
import Testing

@Suite("the worker's loop", .timeLimit(.minutes(15)))
struct WorkerLoopTests {
  static let fanout = """
    const tasks = Array.from({ length: ctx.input.n }, (_, i) =>
      ({ id: "t" + i, mode: "read-only", prompt: "do " + i, data: { i } }));
    const results = await ctx.fanout({ id: "f", phase: "one", tasks });
    ctx.report({ ids: results.map((r) => r.data.task ?? null), statuses: results.map((r) => r.status) });
    """

  static func start(_ scratch: Scratch, n: Int, body: String = fanout) async throws -> Cli.Output {
    try scratch.file("src/a.txt", "alpha\nbeta\n")
    try scratch.workflow(body)
    return try await Cli.run(
      ["run", "workflow.ts", "--yes", "--run-id", "r1", "--input", "{\"n\":\(n)}"], in: scratch.path)
  }

  @Test("next, a result by file, collect --continue: the run ends with its report")
  func byHand() async throws {
    let scratch = try Scratch()
    let begun = try await Self.start(scratch, n: 2)
    #expect(try begun.status == 0 && begun.json()["status"] == "needs-dispatch", "\(begun)")
    let next = try await Cli.run(["next", "r1", "--json", "--files"], in: scratch.path)
    let leases = try #require(try next.json().array)
    #expect(leases.count == 2, "\(next)")
    for lease in leases {
      let keys = lease.object?.keys ?? []
      for key in [
        "runId", "childKey", "parentOpKey", "taskId", "phase", "adapter", "mode", "cwd", "leaseToken",
        "leaseExpiresAt", "instructionPath", "taskPath", "resultPath", "agentPrompt", "network",
      ] { #expect(keys.contains(key), "\(key)") }
      let cwd = try #require(lease["cwd"]?.string)
      #expect(try String(decoding: FileSystem.read("\(cwd)/src/a.txt"), as: UTF8.self) == "alpha\nbeta\n")
      let task = try JSONValue(parsing: FileSystem.read(try #require(lease["taskPath"]?.string)))
      let instructions = try FileSystem.read(try #require(lease["instructionPath"]?.string))
      #expect(String(decoding: instructions, as: UTF8.self).contains(task["prompt"]?.string ?? "?"))
      try FileSystem.write(Envelope.completed(task), to: try #require(lease["resultPath"]?.string))
    }
    #expect(Set(leases.map { $0["cwd"]?.string ?? "" }).count == 1, "one snapshot for all")
    let again = try await Cli.run(["next", "r1", "--json", "--files"], in: scratch.path)
    let collected = try await Cli.run(["collect-results", "r1", "--continue", "--json"], in: scratch.path)
    #expect(collected.status == 0, "\(collected)")
    #expect(try again.json() == [])
    let json = try collected.json()
    #expect(json["continued"]?["status"] == "completed")
    #expect(json["continued"]?["report"]?["ids"] == ["t0", "t1"])
    for lease in leases {
      let result = try #require(lease["resultPath"]?.string)
      #expect(FileSystem.exists(FileSystem.split(result).parent + "/adapter-result.accepted"))
    }
  }

  @Test("a refused result says why beside the file and keeps the lease; mended, it is taken")
  func refused() async throws {
    let scratch = try Scratch()
    _ = try await Self.start(scratch, n: 1)
    let lease = try #require(
      try await Cli.run(["next", "r1", "--json", "--files"], in: scratch.path).json().array?.first)
    let result = try #require(lease["resultPath"]?.string)
    let folder = FileSystem.split(result).parent
    try FileSystem.write(Array("{\"status\":\"done\"}".utf8), to: result)
    let bad = try await Cli.run(["collect-results", "r1", "--json"], in: scratch.path)
    #expect(bad.status == 0, "\(bad)")
    let item = try #require(try bad.json()["results"]?.array?.first)
    #expect(item["status"] == "invalid" && item["taskStatus"] == "leased", "\(bad)")
    let rejected = String(
      decoding: try FileSystem.read("\(folder)/adapter-result.rejected.txt"), as: UTF8.self)
    #expect(rejected.contains("/status") && rejected.contains("check-result"), "\(rejected)")
    #expect(try FileSystem.read(result) == Array("{\"status\":\"done\"}".utf8))
    let status = try await Cli.run(["status", "r1", "--json"], in: scratch.path).json()
    #expect(status["tasks"]?.array?.first?["error"]?.string?.contains("/status") == true)
    try FileSystem.write(Envelope.json().canonicalBytes, to: result)
    let good = try await Cli.run(["collect-results", "r1", "--continue", "--json"], in: scratch.path)
    #expect(try good.json()["continued"]?["status"] == "completed", "\(good)")
    #expect(!FileSystem.exists("\(folder)/adapter-result.rejected.txt"))
    let late = try await Cli.run(
      [
        "complete-agent", "r1", "fanout:f#t0", "--lease-token", lease["leaseToken"]?.string ?? "", "--result",
        Envelope.json(summary: "other").compactText,
      ], in: scratch.path)
    #expect(late.status == 1 && late.stderr.contains("nothing was taken"), "\(late)")
  }

  @Test("complete-agent from an argument, a file and stdin; attach-agent before it")
  func complete() async throws {
    let scratch = try Scratch()
    _ = try await Self.start(scratch, n: 3)
    let leases = try await Cli.run(["next", "r1", "--json"], in: scratch.path).json().array ?? []
    try #require(leases.count == 3)
    #expect(leases[0]["prompt"] == "do 0" && leases[0]["resultPath"] == nil)
    let text = Envelope.json().compactText
    try scratch.file("result.json", text)
    for (lease, result) in zip(leases, [text, "@result.json", "-"]) {
      let key = try #require(lease["childKey"]?.string)
      let token = try #require(lease["leaseToken"]?.string)
      let attached = try await Cli.run(
        ["attach-agent", "r1", key, "--lease-token", token, "--agent-ref", "me", "--json"], in: scratch.path)
      #expect(try attached.json()["taskStatus"] == "dispatched", "\(attached)")
      let done = try await Cli.run(
        ["complete-agent", "r1", key, "--lease-token", token, "--result", result, "--json"], in: scratch.path,
        stdin: text)
      #expect(try done.json()["taskStatus"] == "completed", "\(done)")
      let twice = try await Cli.run(
        ["complete-agent", "r1", key, "--lease-token", token, "--result", text], in: scratch.path)
      #expect(twice.status == 0, "the same result again is a no-op: \(twice)")
    }
    let end = try await Cli.run(["continue", "r1"], in: scratch.path)
    #expect(try end.json()["report"]?["statuses"] == ["completed", "completed", "completed"], "\(end)")
  }

  @Test("watch --dispatch brings the run home while workers claim from queue/ready")
  func handsOff() async throws {
    let scratch = try Scratch()
    _ = try await Self.start(scratch, n: 400)
    let run = scratch.layout.run("r1")
    let workers = try (0..<3).map { _ in try TestWorker(run) }
    let watch = try await Cli.run(["watch", "r1", "--dispatch", "--limit", "40", "--json"], in: scratch.path)
    for worker in workers { worker.stop() }
    #expect(watch.status == 0, "\(watch)")
    #expect(workers.map(\.answered).reduce(0, +) == 400)
    let events = try watch.stdout.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
    #expect(events.filter { $0["type"] == "agent.completed" }.count == 400)
    #expect(events.last { $0["type"] == "run.status" }?["payload"]?["status"] == "completed")
    let stored = try scratch.text(".flowdex/runs/r1/events.jsonl")
    #expect(stored.hasSuffix(watch.stdout), "what was shown is what is stored")
    #expect(try FileSystem.names(in: run.ready).isEmpty && FileSystem.names(in: run.claimed).isEmpty)
    let report = try await Cli.run(["report", "r1", "--path", "ids.399", "--raw"], in: scratch.path)
    #expect(report.stdout == "t399\n", "\(report)")
  }

  @Test("watch takes what is dropped by every way of writing")
  func waysOfWriting() async throws {
    let scratch = try Scratch()
    _ = try await Self.start(scratch, n: 4)
    let leases = try await Cli.run(["next", "r1", "--json", "--files"], in: scratch.path).json().array ?? []
    try #require(leases.count == 4)
    let watch = try await Cli.start(["watch", "r1"], in: scratch.path)
    for (way, lease) in leases.enumerated() {
      let path = try #require(lease["resultPath"]?.string)
      let folder = FileSystem.split(path).parent
      let bytes = Envelope.json(data: ["task": lease["taskId"] ?? nil]).canonicalBytes
      switch way {
      case 0: try FileSystem.write(bytes, to: path)
      case 1:
        try FileSystem.write(bytes, to: "\(folder)/scratch/x")
        try FileSystem.rename("\(folder)/scratch/x", path)
      case 2:
        try FileSystem.write(bytes, to: "\(folder)/scratch/x")
        #expect(link("\(folder)/scratch/x", path) == 0)
      default:
        let descriptor = try FileSystem.open(path, O_WRONLY | O_CREAT, mode: 0o644)
        for chunk in stride(from: 0, to: bytes.count, by: 40) {
          let piece = Array(bytes[chunk..<min(bytes.count, chunk + 40)])
          try piece.withUnsafeBytes { try FileSystem.writeAll(descriptor, $0, path) }
          fsync(descriptor)
        }
        close(descriptor)
      }
    }
    let output = try await watch.output()
    #expect(output.status == 0, "\(output)")
    let report = try await Cli.run(["report", "r1", "--path", "ids"], in: scratch.path)
    #expect(try report.json() == ["t0", "t1", "t2", "t3"], "\(report)")
  }

  @Test("watch --once and --poll; interrupted, it leaves the run in order")
  func onceAndInterrupt() async throws {
    let scratch = try Scratch()
    _ = try await Self.start(scratch, n: 1)
    let once = try await Cli.run(["watch", "r1", "--once"], in: scratch.path)
    #expect(once.status == 0 && once.stdout.contains("needs-dispatch"), "\(once)")
    let watch = try await Cli.start(["watch", "r1", "--dispatch", "--poll", "--json"], in: scratch.path)
    let worker = try TestWorker(scratch.layout.run("r1"), answer: { _ in nil })
    while try FileSystem.names(in: scratch.layout.run("r1").claimed).isEmpty, kill(watch.pid, 0) == 0 {
      await Task.yield()
    }
    worker.stop()
    watch.signal(SIGINT)
    let output = try await watch.output()
    #expect(output.status == 130 && output.stderr.contains("flowdex watch r1 --dispatch"), "\(output)")
    let status = try await Cli.run(["status", "r1", "--json"], in: scratch.path).json()
    #expect(status["run"]?["driver"]?["alive"] == false)
    let polled = try await Cli.start(["watch", "r1", "--dispatch", "--poll"], in: scratch.path)
    let token = try #require(try FileSystem.names(in: scratch.layout.run("r1").claimed).first)
    try FileSystem.write(
      Envelope.json(data: ["task": "t0"]).canonicalBytes,
      to: PackageLayout(root: scratch.layout.run("r1").claimed(token)).result)
    let end = try await polled.output()
    #expect(end.status == 0 && end.stdout.contains("completed"), "\(end)")
  }

  @Test("watching a run that has ended removes what a killed process left on offer")
  func leftOnOffer() async throws {
    let scratch = try Scratch()
    let (run, token) = try await Self.oneByHand(scratch)
    let lay = { try FileSystem.write([], to: $0) }
    try FileSystem.write(
      Envelope.json(data: ["task": "t0"]).canonicalBytes, to: run.package("fanout:f#t0", token).result)
    #expect(try await Cli.run(["watch", "r1"], in: scratch.path).status == 0)
    // An entry of its lease, and one that is not ours.
    for path in [run.ready(token), run.claimed(token), run.ready("mine")] { try lay(path) }
    let again = try await Cli.run(["watch", "r1"], in: scratch.path)
    #expect(again.status == 0 && again.stdout.contains("completed"), "\(again)")
    #expect(try FileSystem.names(in: run.ready) == ["mine"] && FileSystem.names(in: run.claimed).isEmpty)
  }

  @Test(
    "a run that has ended is told to its end, also where the process was killed that had just ended it",
    arguments: [["watch"], ["continue"], ["collect-results", "--continue"], ["work", "--", "true"]])
  func endOfLog(command: [String]) async throws {
    let scratch = try Scratch()
    let (run, token) = try await Self.oneByHand(scratch)
    try FileSystem.write(
      Envelope.json(data: ["task": "t0"]).canonicalBytes, to: run.package("fanout:f#t0", token).result)
    #expect(try await Cli.run(["watch", "r1"], in: scratch.path).status == 0)
    let whole = try FileSystem.read(run.events)
    let cut = try #require(whole.dropLast().lastIndex(of: 10))
    try FileSystem.write(Array(whole[...(cut + 7)]), to: run.events)
    let words = [command[0], "r1"] + command.dropFirst()
    let again = try await Cli.run(words, in: scratch.path)
    #expect(try FileSystem.read(run.events) == whole, "\(again)")
  }

  /// A run of one task, and the lease under which somebody has it.
  private static func oneByHand(_ scratch: Scratch) async throws -> (run: RunLayout, token: String) {
    _ = try await start(scratch, n: 1)
    let leases = try await Cli.run(["next", "r1", "--files", "--json"], in: scratch.path).json()
    return (scratch.layout.run("r1"), try #require(leases.array?.first?["leaseToken"]?.string))
  }

  @Test("a run whose directory is moved away is no longer watched, and watch says so")
  func gone() async throws {
    let scratch = try Scratch()
    _ = try await Self.start(scratch, n: 1)
    let run = scratch.layout.run("r1")
    let watch = try await Cli.start(["watch", "r1", "--dispatch"], in: scratch.path)
    while try FileSystem.names(in: run.ready).isEmpty, kill(watch.pid, 0) == 0 { await Task.yield() }
    try FileSystem.rename(run.root, "\(scratch.path)/away")
    let output = try await watch.output()
    #expect(output.status == 1 && output.stderr.contains("run `r1` is no longer in"), "\(output)")
    // What the watcher was writing at that very moment may stand at the old place.
    try FileSystem.removeTree(run.root)
    try FileSystem.rename("\(scratch.path)/away", run.root)
    let status = try await Cli.run(["status", "r1", "--json"], in: scratch.path).json()
    #expect(status["run"]?["status"] == "needs-dispatch")
  }

  @Test("a run whose directory is removed is no longer watched, and watch says so")
  func removed() async throws {
    let scratch = try Scratch()
    _ = try await Self.start(scratch, n: 1)
    let run = scratch.layout.run("r1")
    let watch = try await Cli.start(["watch", "r1", "--dispatch"], in: scratch.path)
    while try FileSystem.names(in: run.ready).isEmpty, kill(watch.pid, 0) == 0 { await Task.yield() }
    // At once, as it were: what the watcher finds is the whole run or nothing.
    try FileSystem.rename(run.root, "\(scratch.path)/away")
    try FileSystem.removeTree("\(scratch.path)/away")
    let output = try await watch.output()
    #expect(output.status == 1 && output.stderr.contains("run `r1` is no longer in"), "\(output)")
  }

  @Test("a result of which the kernel tells nobody is found by the look on the timer")
  func untold() async throws {
    let scratch = try Scratch()
    let (run, token) = try await Self.oneByHand(scratch)
    // Under two names, of which the watcher knows one: what is written through the other is no event in its folder.
    let (inside, outside) = (run.package("fanout:f#t0", token).result, "\(scratch.path)/outside.json")
    try FileSystem.write(Array("{".utf8), to: outside)
    try #require(link(outside, inside) == 0)
    let watch = try await Cli.start(["watch", "r1"], in: scratch.path)
    while !FileSystem.exists(run.package("fanout:f#t0", token).rejected), kill(watch.pid, 0) == 0 {
      await Task.yield()
    }
    try FileSystem.write(Envelope.json(data: ["task": "t0"]).canonicalBytes, to: outside)
    let output = try await watch.output()
    #expect(output.status == 0, "\(output)")
  }

  @Test("without an id, watch brings every live run home")
  func everyRun() async throws {
    let scratch = try Scratch()
    try scratch.workflow(Self.fanout)
    for id in ["r1", "r2", "r3"] {
      _ = try await Cli.run(
        ["run", "workflow.ts", "--yes", "--run-id", id, "--input", "{\"n\":5}"], in: scratch.path)
    }
    let workers = try ["r1", "r2", "r3"].map { try TestWorker(scratch.layout.run($0)) }
    let watch = try await Cli.run(["watch", "--dispatch"], in: scratch.path)
    for worker in workers { worker.stop() }
    #expect(watch.status == 0, "\(watch)")
    let list = try await Cli.run(["list", "--json"], in: scratch.path).json()
    #expect(list.array?.map { $0["status"] ?? nil } == ["completed", "completed", "completed"])
  }
}
