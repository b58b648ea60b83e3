import QueueRunner
import Subprocess
import SystemPackage
import Testing

/// The patterns of docs/workflows.md, each run to its end with the worker that plays its roles (`patterns.py`).
@Suite("patterns", .timeLimit(.minutes(15)))
struct PatternTests {
  static let a =
    "alpha beta\n# TODO: sharpen it\nsays \"TODO\" of itself\nan extraordinarily straightforward line\n"
  static let b = "teh end\n"

  private func report(_ name: String, _ input: JSONValue) async throws -> (JSONValue, Scratch) {
    let scratch = try Scratch()
    try scratch.file("src/a.txt", Self.a)
    try scratch.file("src/b.txt", Self.b)
    let examples = "\(Cli.packageRoot)/examples"
    let run = try await Cli.run(
      ["run", "\(examples)/patterns/\(name)", "--yes", "--run-id", "r1", "--input", input.compactText],
      in: scratch.path)
    #expect(run.status == 0, "\(run)")
    let watch = try await Cli.start(["watch", "r1", "--dispatch"], in: scratch.path)
    let worker = try await Subprocess.run(
      .path(FilePath("\(examples)/workers/patterns.py")),
      arguments: Arguments([scratch.layout.run("r1").root]), input: .none,
      output: .discarded, error: .string(limit: 1 << 20))
    let watched = try await watch.output()
    #expect(worker.terminationStatus.isSuccess && watched.status == 0, "\(watched) \(worker.standardError)")
    return (try await Cli.run(["report", "r1"], in: scratch.path).json(), scratch)
  }

  @Test("fan-out.ts: the sum of the parts")
  func fanOut() async throws {
    let (found, _) = try await report("fan-out.ts", ["files": ["src/a.txt", "src/b.txt", "src/gone.txt"]])
    #expect(found == ["summary": ["words": 16, "longest": "src/a.txt"], "failed": ["src/gone.txt"]])
  }

  @Test("pipeline.ts: each file by itself")
  func pipeline() async throws {
    let (found, _) = try await report("pipeline.ts", ["files": ["src/a.txt", "src/b.txt"]])
    #expect(
      found == [
        "files": [
          [
            "file": "src/a.txt",
            "notes": ["Line 2 asks to sharpen it.", "Line 3 asks to\" of itself."],
          ], ["file": "src/b.txt", "notes": []],
        ]
      ])
  }

  @Test("refute.ts: what is refuted is no claim, and what stands is verified")
  func refute() async throws {
    let (found, _) = try await report("refute.ts", ["files": ["src/a.txt"], "refuters": 2])
    #expect(found["refuted"] == [["finding": "says \"TODO\" of itself", "reason": "the marker is quoted"]])
    #expect(found["claims"]?.array?.map { $0["standing"] ?? nil } == ["verified"])
    #expect(found["claims"]?.array?.first?["text"] == "# TODO: sharpen it")
  }

  @Test("loop-until-dry.ts: a last round that brings nothing")
  func dry() async throws {
    let (found, _) = try await report("loop-until-dry.ts", ["file": "src/a.txt"])
    #expect(found == ["words": ["extraordinarily", "straightforward"], "isDry": true])
  }

  @Test("retry-with-feedback.ts: the second answer keeps the rule")
  func feedback() async throws {
    let (found, _) = try await report("retry-with-feedback.ts", ["file": "src/a.txt", "limit": 12])
    #expect(found["title"] == "alpha beta #")
    #expect(found["attempts"]?.array?.count == 2)
    #expect(found["attempts"]?.array?.first?["problem"]?.string?.hasSuffix("at most 12 are wanted") == true)
  }

  @Test("integrate-and-test.ts: the project is changed, and the check is evidence")
  func integrate() async throws {
    let (found, scratch) = try await report("integrate-and-test.ts", ["files": ["src/a.txt", "src/b.txt"]])
    #expect(found["changed"] == ["src/b.txt"] && found["problem"] == nil as JSONValue, "\(found)")
    #expect(found["check"] == "completed", "\(found)")
    #expect(try scratch.text("src/b.txt") == "the end\n")
    #expect(found["claims"]?.array?.map { $0["standing"] ?? nil } == ["verified"])
  }
}
