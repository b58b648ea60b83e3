import Glibc
import QueueRunner
import Testing

/// The workers in examples/, run for real on packages made by hand: both must find the same, in the same words.
@Suite struct ExampleWorkersTests {
  private struct Package {
    let run: String
    let folder: String
    var result: String { "\(folder)/adapter-result.json" }
  }

  @Test func theyDeliverTheSame() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    try scratch.write("tree/Sources/A/Long \"quoted\".swift", Self.sourceWithEverything)
    try scratch.write("tree/Sources/A/Tested.swift", "struct Tested {}\n")
    try scratch.write(
      "tree/Sources/C/a.c",
      "int main(void) {\n  char *s = \"strcpy(\"; // sprintf(\n  strcpy(s, \"\\\"\");\n}\n")
    try scratch.write("tree/Tests/ATests/TestedTests.swift", "func testTested() { try! Tested() }\n")
    try scratch.write("tree/Sources/A/Empty.swift", "")
    var results: [[JSONValue]] = []
    for worker in ["audit.sh", "audit.py"] {
      results.append(
        try (0..<2).map { shard in
          let package = try package(scratch, "\(worker)-\(shard)", shard: shard, of: 2)
          let status = Self.spawn(["\(ProjectTree.root)/examples/workers/\(worker)", package.run, "--once"])
          #expect(status == 0, "\(worker) ended with \(status)")
          return try scratch.json(package.result)
        })
    }
    #expect(results[0].map(\.canonicalText) == results[1].map(\.canonicalText))
    let all = results[0].map(\.canonicalText).joined()
    for rule in [
      "forced-try", "forced-cast", "unchecked", "trap", "no-test", "marker", "long-line", "unsafe-c",
    ] {
      #expect(all.contains("\"\(rule)\""), "no finding of \(rule)")
    }
    #expect(!all.contains("mentions Tested"))
    #expect(all.contains("looked at 3 files") && all.contains("looked at 2 files"))
  }

  @Test(arguments: ["audit.sh", "audit.py"])
  func theyLeaveWhenTheRunHasEnded(_ worker: String) throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    try scratch.write("run/queue/ready/.keep", "")
    try scratch.write(
      "run/events.jsonl",
      "{\"seq\":1,\"runId\":\"r\",\"type\":\"run.status\",\"payload\":{\"status\":\"completed\"},\"createdAt\":\"x\"}\n"
    )
    #expect(Self.spawn(["\(ProjectTree.root)/examples/workers/\(worker)", "\(scratch.root)/run"]) == 0)
  }

  @Test(arguments: ["audit.sh", "audit.py"])
  func theyRefuseWhatIsNoRun(_ worker: String) {
    #expect(Self.spawn(["\(ProjectTree.root)/examples/workers/\(worker)", "/nonexistent"]) == 1)
  }

  @Test(arguments: ["audit.sh", "audit.py"])
  func theyDeliverAFailureWhenTheyCannotAudit(_ worker: String) throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let package = try package(scratch, "run", shard: 0, of: 1, tree: "gone")
    #expect(Self.spawn(["\(ProjectTree.root)/examples/workers/\(worker)", package.run, "--once"]) == 0)
    let result = try scratch.json(package.result)
    #expect(result["status"]?.string == "failed" && result["error"]?.string?.isEmpty == false)
    #expect(result.object?.keys.count == 8)
  }

  static let sourceWithEverything = """
    // TODO: write this
    final class Box: @unchecked Sendable {
      let a = try! load("try! in text")
      /* FIXME
         as! */ let b = a as! Int
      func f() { fatalError("TODO in text is none") }
      let wide = "\(String(repeating: "x", count: 120))"
    }
    """

  /// A run's directory with one package in `ready`. Its verdict lies there already, so that nobody waits.
  private func package(
    _ scratch: Scratch, _ name: String, shard: Int, of: Int, tree: String = "tree"
  ) throws -> Package {
    let run = "\(scratch.root)/\(name)"
    let folder = "\(run)/dispatches/child/token"
    try scratch.write("\(name)/queue/claimed/.keep", "")
    try scratch.write("\(name)/queue/ready/.keep", "")
    try scratch.write("\(name)/dispatches/child/token/scratch/.keep", "")
    try scratch.write("\(name)/dispatches/child/token/adapter-result.accepted", "accepted\n")
    let paths = [
      ("cwd", "\(scratch.root)/\(tree)"), ("resultPath", "\(folder)/adapter-result.json"),
      ("scratchPath", "\(folder)/scratch"), ("heartbeatPath", "\(folder)/heartbeat"),
      ("acceptedPath", "\(folder)/adapter-result.accepted"),
      ("rejectedPath", "\(folder)/adapter-result.rejected.txt"),
    ].map { "  \"\($0.0)\": \"\($0.1)\"," }.joined(separator: "\n")
    try scratch.write(
      "\(name)/dispatches/child/token/task.json",
      """
      {
        "taskId": "shard", "prompt": "a \\"cwd\\": \\"x\\" \\n {[,:", "list": [1, {"cwd": null}, "data"],
      \(paths)
        "data": { "shard": \(shard), "of": \(of), "root": "", "maxFindings": 200,
          "maxFunctionLines": 70, "maxFileLines": 350, "maxLineBytes": 120 }
      }
      """)
    guard symlink("../../dispatches/child/token", "\(run)/queue/ready/token") == 0 else {
      throw FileSystem.failure("link", run)
    }
    return Package(run: run, folder: folder)
  }

  /// Runs a program to its end; its exit status, or -1.
  private static func spawn(_ arguments: [String]) -> Int32 {
    var pid: pid_t = 0
    var pointers = arguments.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    guard posix_spawn(&pid, arguments[0], nil, nil, &pointers, environ) == 0 else { return -1 }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) == -1, errno == EINTR {}
    return status & 0x7f == 0 ? status >> 8 & 0xff : -1
  }
}

/// A folder that a test may fill; `FLOWDEX_KEEP_SCRATCH` in the environment keeps it for a look.
struct Scratch {
  let root: String

  init() throws {
    let place = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = "\(place)/flowdex-tidy-XXXXXX".utf8CString.map { $0 }
    guard let made = mkdtemp(&template) else { throw FileSystem.failure("make a folder in", place) }
    root = String(cString: made)
  }

  func write(_ path: String, _ text: String) throws {
    try FileSystem.makeDirectories(FileSystem.split("\(root)/\(path)").parent)
    try FileSystem.write(Array(text.utf8), to: "\(root)/\(path)")
  }

  func json(_ path: String) throws -> JSONValue { try JSONValue(parsing: try FileSystem.read(path)) }

  func remove() {
    if getenv("FLOWDEX_KEEP_SCRATCH") == nil { try? FileSystem.removeTree(root) }
  }
}
