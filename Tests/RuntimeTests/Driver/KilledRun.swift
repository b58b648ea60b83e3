import Glibc
import QueueRunner

@testable import Runtime

/// A run of a random workflow in processes of its own, beside a worker: `run`, then `watch`. It may be disturbed: then
/// flowdex and its Deno are killed again and again before they may bring it to its end.
struct KilledRun {
  /// How often it was killed, and what it came to.
  struct Story: Sendable {
    var flowdexKills = 0
    var denoKills = 0
    var problems: [String] = []
    var outcome: Outcome?
  }

  static let id = "r"
  private let folder: String
  private let layout: RunLayout
  private var random: SeededGenerator
  private(set) var story = Story()

  init(_ source: String, seed: UInt64, in folder: String) throws {
    self.folder = folder
    layout = ProjectLayout(projectRoot: folder).run(Self.id)
    random = SeededGenerator(seed ^ 0xD1E)
    try FileSystem.makeDirectories("\(folder)/src")
    try FileSystem.write(Array(source.utf8), to: "\(folder)/w.ts")
  }

  /// Lives through it, then looks at what is there; the run is given to the body.
  mutating func live(isDisturbed: Bool, _ body: (Run) throws -> Void) throws {
    let worker = try RandomWorker(layout, seed: random.next(), pauseMs: isDisturbed ? 30 : 0)
    defer { worker.stop() }
    if isDisturbed { try disturb(worker) } else { try finish(run()) }
    try finish(watch())
    let run = try Project(layout: ProjectLayout(projectRoot: folder)).open(Self.id)
    let outcome = try Outcome(run)
    story.outcome = outcome
    if !outcome.status.hasEnded { story.problems.append("the run is \(outcome.status): \(said())") }
    for word in ["Fatal error", "internal error", "bug of flowdex"] where said().contains(word) {
      story.problems.append(said())
    }
    try body(run)
  }

  private func run() throws -> FlowdexProcess {
    try FlowdexProcess(["run", "w.ts", "--yes", "--run-id", Self.id], in: folder)
  }

  private func watch() throws -> FlowdexProcess {
    try FlowdexProcess(["watch", Self.id, "--dispatch"], in: folder)
  }

  private mutating func disturb(_ worker: RandomWorker) throws {
    let first = try run()
    if random.below(2) == 0 {
      pause(250)
      kill(first)
    } else {
      try finish(first)
    }
    if !FileSystem.exists(layout.root) { try finish(run()) }
    for _ in 0..<random.below(3) + 2 {
      let process = try watch()
      if random.below(2) == 0 {
        // At one of its commits, behind which something begins.
        waitForCommits(random.below(12), of: process)
        pause(4)
      } else {
        // So many answers on, or somewhere on the way there.
        let goal = worker.answers + random.below(4)
        for _ in 0..<1000 where worker.answers < goal && !process.hasEnded { usleep(2000) }
        pause(random.below(2) == 0 ? 15 : 150)
      }
      if random.below(3) == 0, let deno = process.deno {
        Glibc.kill(deno, SIGKILL)
        story.denoKills += 1
        pause(60)
      }
      kill(process)
    }
  }

  /// Each rewrites `wake`.
  private func waitForCommits(_ count: Int, of process: FlowdexProcess) {
    var (last, seen) = (try? FileSystem.read(layout.wake), 0)
    for _ in 0..<5000 where seen < count && !process.hasEnded {
      usleep(300)
      let now = try? FileSystem.read(layout.wake)
      if now != last { (last, seen) = (now, seen + 1) }
    }
  }

  private mutating func pause(_ mostMs: Int) { usleep(UInt32(random.below(mostMs * 1000))) }

  private mutating func kill(_ process: FlowdexProcess) {
    if process.kill() { story.flowdexKills += 1 }
  }

  /// Waits until it has ended by itself: with 0, or with 1 where the run has failed.
  private mutating func finish(_ process: FlowdexProcess) throws {
    guard let status = process.wait(ms: 300_000) else {
      _ = process.kill()
      story.problems.append("flowdex hung: \(said())")
      return
    }
    if status != 0 && status != 1 { story.problems.append("flowdex ended with \(status): \(said())") }
  }

  private func said() -> String {
    let bytes = (try? FileSystem.read(FlowdexProcess.log(in: folder))) ?? []
    return String(decoding: bytes.suffix(600), as: UTF8.self)
  }
}

/// The built binary, running in a project. Of one thread.
final class FlowdexProcess {
  private let pid: Int32
  private var status: Int32?

  /// What all of them have said in this folder.
  static func log(in folder: String) -> String { "\(folder)/said" }

  /// Beside the tests' own.
  static let binary: String = {
    guard let own = realpath("/proc/self/exe", nil) else { return "flowdex" }
    defer { free(own) }
    return FileSystem.split(String(cString: own)).parent + "/flowdex"
  }()

  init(_ arguments: [String], in folder: String) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(
      &actions, 1, Self.log(in: folder), O_WRONLY | O_CREAT | O_APPEND, 0o644)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    let deno = "FLOWDEX_DENO=\(try TestDeno.path.get())"
    let kept: [String] = ["PATH", "HOME", "TMPDIR"].compactMap { (name: String) -> String? in
      getenv(name).map { "\(name)=\(String(cString: $0))" }
    }
    var made = pid_t()
    let code = Self.withCStrings([Self.binary, "-C", folder] + arguments) { words in
      Self.withCStrings(kept + [deno]) { posix_spawn(&made, Self.binary, &actions, nil, words, $0) }
    }
    guard code == 0 else { throw FileSystem.failure("start", Self.binary, code) }
    pid = made
  }

  deinit { _ = kill() }

  private static func withCStrings<Value>(
    _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Value
  ) -> Value {
    let pointers = texts.map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    return body(pointers + [nil])
  }

  var hasEnded: Bool {
    if status != nil { return true }
    var code: Int32 = 0
    guard waitpid(pid, &code, WNOHANG) == pid else { return false }
    status = code & 0x7F == 0 ? code >> 8 & 0xFF : 128 + code & 0x7F
    return true
  }

  /// How it ended; nil where it has not by then.
  func wait(ms: Int) -> Int32? {
    for _ in 0..<ms / 2 where !hasEnded { usleep(2000) }
    return status
  }

  /// Whether it was alive until now.
  func kill() -> Bool {
    if hasEnded { return false }
    Glibc.kill(pid, SIGKILL)
    var code: Int32 = 0
    FileSystem.retrying { waitpid(pid, &code, 0) }
    status = 128 + SIGKILL
    return true
  }

  /// The session's process, among all that descend from this one.
  var deno: Int32? {
    var parents: [Int32: Int32] = [:]
    var found: [Int32] = []
    for name in (try? FileSystem.names(in: "/proc")) ?? [] {
      guard let number = Int32(name), let bytes = try? FileSystem.read("/proc/\(name)/stat") else { continue }
      // `pid (name) state parent …`; the name may hold anything.
      let text = String(decoding: bytes, as: UTF8.self)
      guard let end = text.lastIndex(of: ")") else { continue }
      let rest = text[end...].split(separator: " ")
      guard rest.count > 2, let parent = Int32(rest[2]) else { continue }
      parents[number] = parent
      if text.contains("(deno") { found.append(number) }
    }
    return found.first { number in
      var at = number
      while let parent = parents[at], parent > 1 {
        if parent == pid { return true }
        at = parent
      }
      return false
    }
  }
}

/// Takes what is on offer in any order, and thinks a while. What it answers follows from the task alone.
final class RandomWorker: Sendable {
  private let isOver = Guarded(false)
  private let count: Guarded<Int>
  private let thread: PermanentThread

  /// How many it has given.
  var answers: Int { count.withLock { $0 } }

  init(_ layout: RunLayout, seed: UInt64, pauseMs: Int) throws {
    let (isOver, count) = (isOver, Guarded(0))
    self.count = count
    thread = try PermanentThread {
      var random = SeededGenerator(seed)
      while !isOver.withLock({ $0 }) {
        guard let token = ((try? FileSystem.names(in: layout.ready)) ?? []).randomElement(using: &random)
        else {
          usleep(1000)
          continue
        }
        usleep(UInt32(random.below(pauseMs * 1000 + 1)))
        // What was withdrawn meanwhile is nobody's.
        if (try? Self.answer(layout, token)) != nil { count.withLock { $0 += 1 } }
      }
    }
  }

  func stop() {
    isOver.withLock { $0 = true }
    thread.join()
  }

  private static func answer(_ layout: RunLayout, _ token: String) throws {
    try FileSystem.rename(layout.ready(token), layout.claimed(token))
    let task = try JSONValue(parsing: try FileSystem.read("\(layout.claimed(token))/task.json"))
    guard let key = task["childKey"]?.string, let result = task["resultPath"]?.string,
      let scratch = task["scratchPath"]?.string
    else { return }
    let chance = Digest.sha256(Array(key.utf8))
    // So a fan-out's `data` comes back in what the callback sees.
    let n = Int(chance[0] % 10) + (task["data"]?["n"]?.int ?? 0)
    let bytes = LivedRun.envelope(isFailed: chance[1] % 5 == 0, n: n)
    try FileSystem.write(bytes, to: "\(scratch)/result")
    try FileSystem.rename("\(scratch)/result", result)
  }
}
