import Glibc
import QueueRunner
import Testing

/// `report --html` and `--markdown`; `make test-ui` looks at the page in a browser (`Tests/Ui`).
@Suite("report pages", .timeLimit(.minutes(15)))
struct ReportPageTests {
  private func run(_ body: String, _ scratch: Scratch) async throws {
    try scratch.file("src/a.txt", "one\ntwo <b>\nthree\n")
    try scratch.workflow(body)
    _ = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
  }

  @Test("the page holds report, evidence, timeline, usage, workflow and approval")
  func whole() async throws {
    let scratch = try Scratch()
    try await run(
      """
      const echo = await ctx.hostCommand({ id: "echo", phase: "one", commandId: "echo" });
      const one = await ctx.agent({ id: "a", phase: "two", mode: "read-only", prompt: "x" });
      ctx.claim({ id: "said", text: "echo said <hello>", kind: "verification", confidence: "high", evidence: [
        { type: "command", artifactId: echo.data.stdoutArtifactId, command: ["echo", "hello"], exitCode: 0 }] });
      ctx.claim({ id: "spare", text: "cited by nobody", kind: "risk", confidence: "low", evidence: [] });
      ctx.report({ finding: one.summary, claimIds: ["said"] });
      """, scratch)
    let lease = try #require(
      try await Cli.run(["next", "r1", "--files", "--json"], in: scratch.path).json().array?.first)
    let drop = lease["resultPath"]?.string ?? ""
    try FileSystem.write(Array("{}".utf8), to: drop)
    _ = try await Cli.run(["collect-results", "r1"], in: scratch.path)
    let result = Envelope.json(summary: "<script>", usage: ["tokens": 7])
    try FileSystem.write(result.canonicalBytes, to: drop)
    _ = try await Cli.run(["collect-results", "r1", "--continue"], in: scratch.path)
    let written = try await Cli.run(["report", "r1", "--html", "page.html"], in: scratch.path)
    #expect(written.status == 0 && written.stdout.isEmpty, "\(written)")
    let page = try scratch.text("page.html")
    for part in [
      "<!doctype html>", "default-src &#39;none&#39;; style-src &#39;sha256-", "echo said &lt;hello&gt;",
      "hello\n</pre>", "flowdex ran `echo hello`", "cited by nobody", "not cited by the report",
      "hostCommand:echo", "agent:a", "mark-refused", "<td class=\"number\">7</td>", "ctx.report({ finding",
      "approval</dt>", "&lt;script&gt;",
    ] { #expect(page.contains(part), "\(part)") }
    #expect(!page.contains("<script"))
    let again = try await Cli.run(["report", "r1", "--html", "-"], in: scratch.path)
    #expect(again.stdout == page, "a page is the same each time")
    #expect(symlink("page.html", "\(scratch.path)/link.html") == 0)
    let behind = try await FaultTests.shell(
      "echo old >page.html; $F report r1 --html link.html && test -L link.html && mkfifo pipe && "
        + "{ cat pipe & $F report r1 --html pipe && wait && test -p pipe; }", in: scratch.path)
    #expect(behind.status == 0 && behind.stdout == page, "a link is written through, and into a FIFO")
    #expect(try scratch.text("page.html") == page)
    let markdown = try await Cli.run(["report", "r1", "--markdown"], in: scratch.path)
    #expect(markdown.status == 0, "\(markdown)")
    for part in [
      "# test\n", "### echo said &lt;hello&gt;", "**verified**", "```\nhello\n```", "| agent:a | completed |",
    ] {
      #expect(markdown.stdout.contains(part), "\(part) in \(markdown.stdout)")
    }
  }

  @Test("a run without a report is shown as far as it has come, and the exit says so")
  func unfinished() async throws {
    let scratch = try Scratch()
    try await run("await ctx.agent({ id: 'a', phase: 'one', mode: 'read-only', prompt: 'x' });", scratch)
    let written = try await Cli.run(["report", "r1", "--html", "page.html"], in: scratch.path)
    #expect(written.status == 1 && written.stderr.contains("run `r1` has no report"), "\(written)")
    let page = try scratch.text("page.html")
    #expect(page.contains("it is needs-dispatch") && page.contains("is-dispatchable"))
    try scratch.workflow("throw new Error('<b>');", name: "bad.ts")
    _ = try await Cli.run(["run", "bad.ts", "--yes", "--run-id", "r2"], in: scratch.path)
    let failed = try await Cli.run(["report", "r2", "--markdown"], in: scratch.path)
    #expect(
      failed.status == 1 && failed.stdout.contains("**Failed:** ") && failed.stdout.contains("&lt;b&gt;"),
      "\(failed)")
  }

  @Test(
    "the page goes with no other option",
    arguments: [
      ["--html", "f", "--markdown"], ["--html", "f", "--raw"], ["--markdown", "--usage"], ["--html", ""],
      ["--markdown", "--path", "a"], ["--html", "f", "--paths"],
    ])
  func misuse(options: [String]) async throws {
    let scratch = try Scratch()
    let output = try await Cli.run(["report", "r1"] + options, in: scratch.path)
    #expect(output.status == 64 && output.stderr.contains("`--html`"), "\(output)")
    #expect(!scratch.exists("f"))
  }
}
