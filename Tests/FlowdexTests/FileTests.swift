import Glibc
import QueueRunner
import Testing

/// Where things lie (contract §2).
@Suite("files", .timeLimit(.minutes(15)))
struct FileTests {
  @Test("`.flowdex` is made where there is none, found by walking up, and chosen by -C; runs stay out of git")
  func found() async throws {
    let scratch = try Scratch()
    try FileSystem.removeTree("\(scratch.path)/.flowdex")
    try scratch.workflow("ctx.report(1);")
    try scratch.file("sub/deep/x", "")
    let lost = try await Cli.run(["list", "--json"], in: scratch.path)
    #expect(try lost.status == 0 && lost.json() == [], "\(lost)")
    let first = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    #expect(first.status == 0 && !first.stderr.contains("using the project"), "\(first)")
    #expect(try scratch.text(".flowdex/.gitignore") == "runs/\n")
    let below = try await Cli.run(
      ["run", "../../workflow.ts", "--yes", "--run-id", "r2"], in: "\(scratch.path)/sub/deep")
    #expect(below.status == 0, "\(below)")
    #expect(below.stderr.contains("using the project in \(scratch.path)\n"), "\(below)")
    #expect(!scratch.exists("sub/deep/.flowdex") && scratch.exists(".flowdex/runs/r2"))
    let chosen = try await Cli.run(["-C", scratch.path, "list", "--json"], in: "/")
    #expect(try chosen.json().array?.map { $0["runId"] ?? nil } == ["r2", "r1"], "\(chosen)")
  }

  @Test("source and input are kept byte for byte; wake and events.jsonl follow each commit")
  func layout() async throws {
    let scratch = try Scratch()
    let source = Scratch.source(
      "ctx.report((await ctx.agent({ id: 'a', phase: 'one', mode: 'read-only', prompt: 'é' })).status);")
    try scratch.file("w.ts", source)
    let input = "{ \"b\" : 1,\n  \"a\" : [ 1.0 ] }"
    let run = try await Cli.run(
      ["run", "w.ts", "--yes", "--run-id", "r1", "--input", "-"], in: scratch.path, stdin: input)
    #expect(run.status == 0, "\(run)")
    let place = ".flowdex/runs/r1"
    #expect(try scratch.text("\(place)/workflow.ts") == source)
    #expect(try scratch.text("\(place)/input.json") == input)
    var before = ""
    for command in [["next", "r1"], ["pause", "r1"], ["resume", "r1"], ["stop", "r1"]] {
      _ = try await Cli.run(command, in: scratch.path)
      let wake = try scratch.text("\(place)/wake")
      #expect(wake != before, "\(command)")
      before = wake
      let last = try #require(try scratch.text("\(place)/events.jsonl").split(separator: "\n").last)
      #expect(try JSONValue(parsing: String(last))["seq"]?.int.map { "\($0)\n" } == wake)
    }
  }

  @Test("run ids are the time and the workflow's name; unsafe ones are refused in one line, and make nothing")
  func ids() async throws {
    let scratch = try Scratch()
    try scratch.workflow("ctx.report(1);", manifest: "")
    let output = try await Cli.run(["run", "workflow.ts", "--yes"], in: scratch.path)
    let id = try #require(try output.json()["runId"]?.string)
    let created = try await Cli.run(["status", id, "--json"], in: scratch.path).json()["run"]?["createdAt"]
    let time = try #require(created?.string).map { ":.".contains($0) ? "-" : String($0) }.joined()
    #expect(
      id.hasSuffix("-test") && id.prefix(17) == time.prefix(17) && id.count == time.count + 5, "\(id) \(time)"
    )
    for unsafe in ["..", ".", "a/b", "", ".x", String(repeating: "a", count: 201), "a b", "é"] {
      let refused = try await Cli.run(
        ["run", "workflow.ts", "--yes", "--run-id", unsafe], in: scratch.path)
      #expect(refused.status == 64 && refused.stdout.isEmpty, "`\(unsafe)`: \(refused)")
      let lines = refused.stderr.split(separator: "\n")
      #expect(lines.count == 1 && refused.stderr.hasPrefix("flowdex: `"), "\(refused)")
    }
    #expect(try FileSystem.names(in: "\(scratch.path)/.flowdex/runs").filter { !$0.hasPrefix(".") } == [id])
  }
}
