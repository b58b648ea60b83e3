import Glibc
import QueueRunner
import Testing

/// Each template, written by `init` and worked off by scripted workers until its report.
@Suite("templates", .timeLimit(.minutes(15)))
struct TemplateTests {
  /// Writes the template, runs it, and lets one worker answer every task.
  static func play(
    _ template: String, _ scratch: Scratch, input: String,
    answer: @escaping @Sendable (JSONValue) throws -> JSONValue
  ) async throws -> (watch: Cli.Output, report: JSONValue) {
    _ = try await Cli.run(["init", template, "w.ts"], in: scratch.path)
    let run = try await Cli.run(
      ["run", "w.ts", "--yes", "--run-id", "r1", "--input", input], in: scratch.path)
    try #require(run.status == 0, "\(run)")
    let worker = try TestWorker(scratch.layout.run("r1")) { task in (try? answer(task))?.canonicalBytes }
    let watch = try await Cli.run(["watch", "r1", "--dispatch"], in: scratch.path)
    worker.stop()
    let report = try await Cli.run(["report", "r1"], in: scratch.path)
    return (watch, report.status == 0 ? try report.json() : .null)
  }

  static let failure = Envelope.json(status: "failed", summary: "gave up", error: "too hard")

  static func standings(_ report: JSONValue) -> [String] {
    (report["claims"]?.array ?? []).map { "\($0["id"]?.string ?? "") \($0["standing"]?.string ?? "")" }
  }

  // MARK: code-audit

  /// A finding about one line of src/a.txt.
  static func finding(_ title: String, _ severity: String, line: Int, end: Int? = nil) -> JSONValue {
    let lines = ["one\n", "two\n", "three\n"]
    let text = line <= 3 ? lines[line - 1] : ""
    return [
      "title": .string(title), "detail": "d", "severity": .string(severity), "path": "src/a.txt",
      "startLine": JSONValue(line), "endLine": JSONValue(end ?? line),
      "contentHash": .string(Digest.sha256Hex(text)),
    ]
  }

  @Sendable static func audit(_ task: JSONValue) -> JSONValue {
    switch task["phase"]?.string {
    case "scope":
      let areas = ["core", "edge", "core"].map {
        ["id": .string($0), "paths": ["src"], "why": "w"] as JSONValue
      }
      return Envelope.json(data: ["areas": .array(areas)])
    case "audit":
      switch task["taskId"]?.string {
      case "1-core":
        return Envelope.json(
          data: [
            "findings": [
              finding("wrong", "low", line: 1), finding("right", "critical", line: 2),
              finding("unsure", "high", line: 3), finding("differs", "medium", line: 3),
              finding("not there", "low", line: 1, end: 90),
            ]
          ])
      case "2-edge": return failure
      default: return Envelope.json(data: ["findings": []])
      }
    default:
      let title = task["data"]?["title"]?.string ?? ""
      if title == "unsure" { return Envelope.json(status: "blocked", summary: "cannot tell") }
      let line = task["data"]?["startLine"]?.int ?? 1
      var hash = finding("", "", line: line)["contentHash"] ?? nil
      if title == "differs" { hash = .string(Digest.sha256Hex("else")) }
      return Envelope.json(
        data: [
          "refuted": .bool(title == "wrong"), "reason": "because", "fileLines": 3, "contentHash": hash,
        ])
    }
  }

  @Test(
    "code-audit: what survives is cited only where two agents agree; refuted, undecided and failed are told")
  func codeAudit() async throws {
    let scratch = try Scratch()
    try scratch.file("src/a.txt", "one\ntwo\nthree\n")
    let (watch, report) = try await Self.play(
      "code-audit", scratch, input: #"{"focus":"races"}"#, answer: Self.audit)
    #expect(watch.status == 0, "\(watch)")
    func titles(_ list: String) -> [String] {
      (report[list]?.array ?? []).compactMap { $0["finding"]?["title"]?.string }
    }
    #expect(titles("survived") == ["right", "differs", "not there"])
    #expect(titles("refuted") == ["wrong"])
    #expect(titles("undecided") == ["unsure"])
    #expect(report["notLookedAt"] == [])
    #expect(report["failedAreas"] == [["error": "too hard", "task": "fanout:audit#2-edge"]])
    #expect(Self.standings(report) == ["finding-1 verified"])
    #expect(report["summary"]?.string?.hasPrefix("5 findings in 3 areas: 3 survived, 1 refuted") == true)
  }

  @Test("code-audit: without areas there is nothing to audit, and the run says so")
  func noAreas() async throws {
    let scratch = try Scratch()
    let (watch, report) = try await Self.play("code-audit", scratch, input: "{}") { _ in Self.failure }
    #expect(watch.status == 1 && watch.stderr.contains("no areas to audit: too hard"), "\(watch)")
    #expect(report.isNull)
  }

  @Test("code-audit: its schema refuses paths that evidence could not name, so that they do not fail the run")
  func paths() async throws {
    let scratch = try Scratch()
    try scratch.file("src/a.txt", "one\ntwo\nthree\n")
    _ = try await Cli.run(["init", "code-audit", "w.ts"], in: scratch.path)
    _ = try await Cli.run(["run", "w.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    func lease() async throws -> JSONValue {
      let next = try await Cli.run(["next", "r1", "--json", "--files", "--limit", "1"], in: scratch.path)
      return try #require(try next.json().array?.first, "\(next)")
    }
    let scope = try await lease()
    try FileSystem.write(
      Self.audit(["phase": "scope"]).canonicalBytes, to: try #require(scope["resultPath"]?.string))
    _ = try await Cli.run(["collect-results", "r1", "--continue"], in: scratch.path)
    let task = try #require(try await lease()["taskPath"]?.string)
    for (path, isRight) in [
      ("/etc/passwd", false), ("./src/a.txt", false), ("../a.txt", false), ("", false), ("src/a.txt", true),
      (".github/x.yml", true), ("a", true),
    ] {
      var finding = Self.finding("odd", "low", line: 1).object ?? JSONObject()
      finding["path"] = .string(path)
      try scratch.file("r.json", Envelope.json(data: ["findings": [.object(finding)]]).compactText)
      let check = try await Cli.run(["check-result", "r.json", "--task", task], in: scratch.path)
      #expect((check.status == 0) == isRight, "`\(path)`: \(check)")
    }
  }

  // MARK: parallel-review

  /// The tasks that fail, and how the run must end.
  static let reviews: [([String], String)] = [([], ""), (["security"], "security"), (["synthesis"], "")]

  @Sendable static func review(_ task: JSONValue) -> JSONValue {
    var remark = JSONObject([
      ("title", "t"), ("detail", "d"), ("path", "src/a.txt"), ("line", 1), ("severity", "must"),
    ])
    guard task["taskId"] == "synthesis" else { return Envelope.json(data: ["remarks": [.object(remark)]]) }
    remark["lenses"] = ["tests"]
    return Envelope.json(
      data: ["verdict": "needs-work", "first": "mend it", "remarks": [.object(remark)]])
  }

  @Test(
    "parallel-review: a lens or the synthesis may fail, and the rest is still reported", arguments: reviews)
  func parallelReview(failing: [String], missing: String) async throws {
    let scratch = try Scratch()
    try scratch.file("src/a.txt", "one\n")
    let (watch, report) = try await Self.play("parallel-review", scratch, input: "{}") { task in
      failing.contains(task["taskId"]?.string ?? "") ? Self.failure : Self.review(task)
    }
    #expect(watch.status == 0, "\(watch)")
    #expect(report["missing"] == (missing.isEmpty ? [] : [.string(missing)]))
    #expect(report["reviews"]?.array?.count == (missing.isEmpty ? 5 : 4))
    let isWhole = failing != ["synthesis"]
    #expect(report["synthesis"]?["verdict"] == (isWhole ? "needs-work" : nil), "\(report.prettyText)")
    #expect(report["error"] == (isWhole ? .null : "too hard"))
    #expect(Self.standings(report) == (isWhole ? ["verdict attested"] : []))
  }

  @Test("parallel-review: where every reviewer fails, so does the run")
  func noReviews() async throws {
    let scratch = try Scratch()
    let (watch, _) = try await Self.play("parallel-review", scratch, input: "{}") { _ in Self.failure }
    #expect(watch.status == 1 && watch.stderr.contains("every reviewer failed"), "\(watch)")
  }

  // MARK: implementation-fanout

  @Sendable static func implement(_ task: JSONValue) throws -> JSONValue {
    let id = task["taskId"]?.string ?? ""
    if task["phase"] == "review" {
      return Envelope.json(data: ["accept": .bool(id != "bad"), "reasons": ["because"]])
    }
    if id == "fails" { return failure }
    if id == "idle" { return Envelope.json(summary: "nothing to do", data: ["notes": "none"]) }
    let work = try #require(task["workPath"]?.string)
    let line = id == "other" ? "other.txt" : "a.txt"
    try FileSystem.write(Array("\(id)\n".utf8), to: "\(work)/src/\(line)")
    return Envelope.json(data: ["notes": "done"])
  }

  static let goals = ["good", "bad", "fails", "idle", "late", "other"]

  @Test(
    "implementation-fanout: what is accepted is integrated, and the allow-listed command tells of it",
    arguments: [("grep -q good src/a.txt", 0), ("false", 2)])
  func implementation(command: String, exit: Int) async throws {
    let scratch = try Scratch()
    try scratch.file("src/a.txt", "one\n")
    try scratch.file("src/b.txt", "b\n")
    try scratch.file("Makefile", "test:\n\t\(command)\n")
    let tasks = Self.goals.map { ["id": .string($0), "goal": .string("goal \($0)")] as JSONValue }
    let input: JSONValue = ["tasks": .array(tasks)]
    let (watch, report) = try await Self.play(
      "implementation-fanout", scratch, input: input.compactText, answer: Self.implement)
    #expect(watch.status == 0, "\(watch)")
    var outcomes: [String: String] = [:]
    for outcome in report["outcomes"]?.array ?? [] {
      outcomes[outcome["id"]?.string ?? ""] = outcome["outcome"]?.string
    }
    #expect(
      outcomes == [
        "good": "integrated", "bad": "not accepted", "fails": "no change", "idle": "no change",
        "late": "did not apply", "other": "integrated",
      ], "\(report.prettyText)")
    #expect(try scratch.text("src/a.txt") == "good\n" && scratch.text("src/other.txt") == "other\n")
    #expect(
      Self.standings(report) == ["change-good attested", "change-other attested", "tests verified"])
    #expect(report["tests"]?["status"] == (exit == 0 ? "completed" : "failed"))
    #expect(report["claims"]?.array?.last?["kind"] == (exit == 0 ? "verification" : "blocker"))
  }

  @Test("implementation-fanout: without goals it says how to give them")
  func noGoals() async throws {
    let scratch = try Scratch()
    _ = try await Cli.run(["init", "implementation-fanout", "w.ts"], in: scratch.path)
    let run = try await Cli.run(["run", "w.ts", "--yes"], in: scratch.path)
    #expect(run.status == 1 && run.stderr.contains("--input"), "\(run)")
  }
}
