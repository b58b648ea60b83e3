import Glibc
import QueueRunner
import Testing

/// Every kind of evidence through the whole program (contract §5).
@Suite("evidence", .timeLimit(.minutes(15)))
struct EvidenceRunTests {
  /// One claim for each kind. What `input` holds under a claim's id takes the place of the evidence's members.
  static let source = """
    import { workflow } from "@flowdex/runtime";
    export default workflow({ name: "evidence", maxAgents: 10, maxConcurrency: 10,
      permissions: { read: ["src/**"], write: ["src/**"], hostCommands: [{ id: "echo", argv: ["echo", "hello"] }] },
      phases: [{ id: "one" }] }, async (ctx) => {
      const schema = { type: "object", required: ["hash"], properties: { hash: { type: "string" } } };
      const read = await ctx.agent({ id: "read", phase: "one", mode: "read-only", prompt: "x", schema });
      const write = await ctx.agent({ id: "write", phase: "one", mode: "write", prompt: "y" });
      const hunk = await ctx.agent({ id: "hunk", phase: "one", mode: "read-only", prompt: "z",
        data: { diff: write.diff } });
      const out = await ctx.hostCommand({ id: "say", phase: "one", commandId: "echo" });
      const command = { artifactId: out.data.stdoutArtifactId, command: ["echo", "hello"], exitCode: 0 };
      const evidence = {
        command: { type: "command", ...command },
        test: { type: "test", ...command, passed: 3, failed: 0 },
        fileRange: { type: "fileRange", path: "src/a.txt", startLine: 2, endLine: 3, contentHash: read.data.hash },
        diffHunk: { type: "diffHunk", artifactId: write.flowdex.diffArtifactId, file: "src/a.txt",
          hunkHash: hunk.data.hash },
        schemaValidation: { type: "schemaValidation", schema: read.flowdex.schemaArtifactId,
          artifactId: read.flowdex.resultArtifactId, status: "valid" },
        agentResult: { type: "agentResult", taskId: "hunk", artifactId: hunk.flowdex.resultArtifactId },
      };
      for (const [id, piece] of Object.entries(evidence)) {
        const pieces = ctx.input[id] === "none" ? [] : [{ ...piece, ...ctx.input[id] }];
        ctx.claim({ id, text: id, kind: "verification", confidence: "high", evidence: pieces });
      }
      ctx.report({ claimIds: Object.keys(evidence) });
    });
    """

  /// Plays all three workers.
  @Sendable static func work(_ task: JSONValue) -> [UInt8]? {
    func hash(_ bytes: some Sequence<UInt8>) -> JSONValue { .string(Digest.sha256Hex(Array(bytes))) }
    switch task["taskId"]?.string {
    case "read":
      guard let cwd = task["cwd"]?.string, let bytes = try? FileSystem.read("\(cwd)/src/a.txt"),
        let first = bytes.firstIndex(of: 10)
      else { return nil }
      return Envelope.json(data: ["hash": hash(bytes[(first + 1)...])]).canonicalBytes
    case "write":
      guard let work = task["workPath"]?.string,
        (try? FileSystem.write(Array("one\nTWO\nthree".utf8), to: "\(work)/src/a.txt")) != nil
      else { return nil }
      return Envelope.json().canonicalBytes
    default:
      guard let diff = task["data"]?["diff"]?.string, let at = diff.firstRange(of: "@@") else { return nil }
      return Envelope.json(data: ["hash": hash(diff[at.lowerBound...].utf8)]).canonicalBytes
    }
  }

  static func play(_ scratch: Scratch, input: String = "{}") async throws -> Cli.Output {
    try scratch.file("src/a.txt", "one\ntwo\nthree")
    try scratch.file("workflow.ts", source)
    let begun = try await Cli.run(
      ["run", "workflow.ts", "--yes", "--run-id", "r1", "--input", input], in: scratch.path)
    try #require(begun.status == 0, "\(begun)")
    let worker = try TestWorker(scratch.layout.run("r1"), answer: work)
    defer { worker.stop() }
    return try await Cli.run(["watch", "r1", "--dispatch"], in: scratch.path)
  }

  @Test("all six kinds are checked and say how; the last shows no more than what an agent said")
  func six() async throws {
    let scratch = try Scratch()
    let watched = try await Self.play(scratch)
    #expect(watched.status == 0, "\(watched)")
    let report = try await Cli.run(["report", "r1"], in: scratch.path).json()
    let claims = report["claims"]?.array ?? []
    #expect(
      claims.map { $0["id"]?.string ?? "" } == [
        "command", "test", "fileRange", "diffHunk", "schemaValidation", "agentResult",
      ])
    for claim in claims {
      #expect(claim["standing"] == (claim["id"] == "agentResult" ? "attested" : "verified"))
      #expect(claim.object?.keys.sorted() == ["confidence", "evidence", "id", "kind", "standing", "text"])
      #expect(claim["evidence"]?.array?.first?["how"]?.string?.isEmpty == false, "\(claim.prettyText)")
    }
    #expect(claims[1]["evidence"]?.array?.first?["how"]?.string?.contains("worker's words") == true)
    // What was proved stays proved without the workers: another run takes their results, and what they read.
    try FileSystem.write(Array("changed since".utf8), to: "\(scratch.path)/src/a.txt")
    let reused = try await Cli.run(
      ["run", "workflow.ts", "--yes", "--run-id", "r2", "--reuse", "r1"], in: scratch.path)
    #expect(try reused.json()["report"]?["claims"]?.array?.count == 6, "\(reused)")
    let copied = scratch.layout.run("r2").snapshots
    let digest = try #require(try FileSystem.names(in: copied).first { $0.count == 64 })
    var status = stat()
    #expect(stat("\(copied)/\(digest)/src/a.txt", &status) == 0 && status.st_mode & 0o222 == 0, "read-only")
    try FileSystem.removeTree(scratch.layout.run("r1").root)
    let again = try await Cli.run(
      ["run", "workflow.ts", "--yes", "--run-id", "r3", "--reuse", "r2"], in: scratch.path)
    #expect(try again.json()["report"]?["claims"]?.array?.count == 6, "\(again)")
  }

  static let zeros = String(repeating: "0", count: 64)

  /// The claim, what is put into its evidence, and the reason that the run must fail with.
  static let broken: [(String, String, String)] = [
    ("command", #"{"exitCode":1}"#, "exited with 0, not with 1"),
    ("command", #"{"artifactId":"\#(zeros)"}"#, "no host command of this run has"),
    ("test", #"{"command":["echo","bye"]}"#, "not of `echo bye`"),
    ("fileRange", #"{"contentHash":"\#(zeros)"}"#, "not to `\(zeros)`"),
    ("fileRange", #"{"endLine":9}"#, "has 3 lines, and 2 to 9 were named"),
    ("fileRange", #"{"path":"src/none.txt"}"#, "no snapshot of this run holds"),
    ("diffHunk", #"{"hunkHash":"\#(zeros)"}"#, "none of the diff's 1 hunks"),
    ("diffHunk", #"{"artifactId":"\#(zeros)"}"#, "is no diff of this run"),
    ("diffHunk", #"{"file":"src/b.txt"}"#, "no hunk for"),
    ("schemaValidation", #"{"status":"invalid"}"#, "satisfies the schema"),
    ("schemaValidation", #"{"schema":"\#(zeros)"}"#, "was not validated with schema"),
    ("agentResult", #"{"taskId":"nobody"}"#, "no task of this run has the id"),
    ("agentResult", #"{"childKey":"agent:read"}"#, "is not a task with the id"),
    ("agentResult", "\"none\"", "it has no evidence"),
  ]

  @Test("citing an unverified claim fails the run and names the claim, the evidence and the reason")
  func unverified() async throws {
    let scratch = try Scratch()
    _ = try await Self.play(scratch)
    for (at, (claim, change, reason)) in Self.broken.enumerated() {
      let id = "broken-\(at)"
      let output = try await Cli.run(
        [
          "run", "workflow.ts", "--yes", "--run-id", id, "--reuse", "r1", "--input",
          "{\"\(claim)\":\(change)}",
        ], in: scratch.path)
      #expect(output.status == 1, "\(claim) \(change): \(output)")
      let error = try await Cli.run(["status", id, "--json"], in: scratch.path).json()["run"]?["error"]?
        .string
      #expect(error?.contains("claim `\(claim)`, which is unverified") == true, "\(error ?? "")")
      #expect(error?.contains(reason) == true, "\(claim) \(change): \(error ?? "")")
      if change != "\"none\"" {
        #expect(error?.contains("evidence 0 (`\(claim)`)") == true, "\(error ?? "")")
      }
      #expect(output.stderr.contains(reason), "\(output)")
    }
  }
}
