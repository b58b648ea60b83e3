import Glibc
import QueueRunner
import Subprocess
import SystemPackage
import Testing

/// The pages about workers and operations: each command in a `console` fence is run, in order, in one project.
@Suite("the docs are executed", .timeLimit(.minutes(15)))
struct DocsTests {
  /// A model that answers every request with an envelope, between words; the address is in the file `url`.
  static let server = """
    import http.server, json, sys
    answer = "Here it is:\\n```json\\n" + sys.argv[1] + "\\n```\\n"
    class Model(http.server.BaseHTTPRequestHandler):
      def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        right = "# Task" in asked["messages"][0]["content"] and self.headers["Authorization"] == "Bearer secret"
        body = json.dumps({"choices": [{"message": {"content": answer}}]}).encode()
        self.send_response(200 if right else 400)
        self.end_headers()
        self.wfile.write(body)
      def log_message(self, *words): pass
    server = http.server.HTTPServer(("127.0.0.1", 0), Model)
    print(f"http://127.0.0.1:{server.server_port}/v1/chat/completions", flush=True)
    server.serve_forever()
    """

  /// The commands of a page: what follows `$ ` in its console fences.
  static func commands(_ page: String) -> [String] {
    var isIn = false
    return page.split(separator: "\n", omittingEmptySubsequences: false).compactMap { line in
      if line.hasPrefix("```") { isIn = line == "```console" }
      return isIn && line.hasPrefix("$ ") ? String(line.dropFirst(2)) : nil
    }
  }

  private func project() throws -> Scratch {
    let scratch = try Scratch()
    try scratch.file("src/a.txt", "one\ntwo\n")
    try scratch.file("src/deep/b.txt", "three\n")
    try scratch.file("envelope.json", Envelope.json().compactText)
    #expect(symlink("\(Cli.packageRoot)/examples", "\(scratch.path)/examples") == 0)
    return scratch
  }

  /// Runs a page as one script that stops at the first command that fails, and says which.
  private func run(_ page: String, in scratch: Scratch, before: String = "", after: String = "") async throws
    -> Cli.Output
  {
    let text = try String(decoding: FileSystem.read("\(Cli.packageRoot)/docs/\(page)"), as: UTF8.self)
    let commands = Self.commands(text)
    #expect(commands.count >= 8, "\(page)")
    let folder = FileSystem.split(Cli.binary).parent
    let script =
      "PATH=\(folder):$PATH\n\(before)\n"
      + commands.map { "echo '+' >&2; \($0) || { echo \"failed: $?\" >&2; exit 9; }" }.joined(separator: "\n")
      + "\n\(after)\n"
    try scratch.file("page.sh", script)
    return try await FaultTests.shell("sh page.sh", in: scratch.path)
  }

  @Test("docs/operations.md")
  func operations() async throws {
    let scratch = try project()
    let output = try await run(
      "operations.md", in: scratch, before: "flowdex run examples/survey.ts --yes --run-id survey >/dev/null")
    #expect(output.status == 0, "\(output)")
    #expect(output.stdout.contains("3 tasks are to be handed out, and nobody takes them"), "\(output)")
    #expect(!scratch.exists(".flowdex/runs/third") && scratch.exists(".flowdex/runs/second"))
  }

  @Test("docs/workers.md, with a model on this machine")
  func workers() async throws {
    let scratch = try project()
    try scratch.file("model.py", Self.server)
    let envelope = Envelope.json(summary: "said by a model", data: ["n": 1]).compactText
    let output = try await run(
      "workers.md", in: scratch,
      before: """
        python3 -B model.py '\(envelope)' >url & model=$!
        trap 'kill $model' EXIT
        until [ -s url ]; do :; done
        export MODEL_URL=$(cat url) MODEL_KEY=secret
        """,
      after: "for run in survey line python http; do flowdex status $run; done")
    #expect(output.status == 0, "\(output)")
    for word in [
      "2 files, 3 lines", "answered q2", "said by a model", "\"lines\": 3", "survey\tcompleted",
      "line\tcompleted",
      "python\tcompleted", "http\tcompleted",
    ] { #expect(output.stdout.contains(word), "\(word): \(output)") }
    #expect(!output.stdout.contains("secret"))
  }

  /// Runs a page as a person types it in, comments, background jobs and all; stops at the first command that fails.
  private func type(_ commands: [String], in scratch: Scratch) async throws -> Cli.Output {
    let folder = FileSystem.split(Cli.binary).parent
    let script =
      "set -e\nPATH=\(folder):$PATH FLOWDEX=\(Cli.packageRoot)\n" + commands.joined(separator: "\n")
    try scratch.file("page.sh", script + "\n")
    return try await FaultTests.shell("sh page.sh", in: scratch.path)
  }

  @Test("docs/workflows.md")
  func workflows() async throws {
    let page = try String(decoding: FileSystem.read("\(Cli.packageRoot)/docs/workflows.md"), as: UTF8.self)
    let output = try await type(Self.commands(page), in: try project())
    #expect(output.status == 0 && output.stdout.contains("tried\tcompleted"), "\(output)")
    #expect(output.stdout.contains("src/a.txt"), "\(output)")
  }

  @Test("README.md: the tour prints what it says")
  func readme() async throws {
    let scratch = try project()
    let page = try String(decoding: FileSystem.read("\(Cli.packageRoot)/README.md"), as: UTF8.self)
    try scratch.file("README.md", page)
    try scratch.file("Sources/Box.swift", ExamplesTests.source)
    // What builds flowdex runs before this test, and codex needs an account.
    let commands = Self.commands(page).filter { !$0.hasPrefix("make ") && !$0.contains(" codex ") }
    #expect(commands.count >= 12)
    let output = try await type(commands, in: scratch)
    #expect(output.status == 0 && scratch.exists("audit.html"), "\(output)")
    var isIn = false
    for line in page.split(separator: "\n") {
      if line.hasPrefix("```") { isIn = line == "```console" }
      if isIn, !line.hasPrefix("$ "), !line.hasPrefix("```") {
        #expect(output.stdout.contains(line), "\(output)")
      }
    }
  }

  @Test("the recipes that are not run take options that there are")
  func recipes() async throws {
    let page = try String(decoding: FileSystem.read("\(Cli.packageRoot)/docs/workers.md"), as: UTF8.self)
    for word in ["codex exec", "claude -p", "survey.ts", "count.sh", "function.py", "model.sh"] {
      #expect(page.contains(word), "\(word)")
    }
    let help = try await Cli.run(["work", "--help"], in: Cli.packageRoot).stdout
    for option in page.matches(of: /`(--[a-z-]+)/).map({ String($0.1) }) {
      #expect(help.contains(option), "\(option)")
    }
    for name in page.matches(of: /FLOWDEX_[A-Z_]+/).map({ String($0.0) }) {
      #expect(help.contains(name), "\(name)")
    }
  }

  @Test("the reader of pages can fail")
  func reader() {
    let page = "```console\n$ a\nout\n$ b\n```\n$ c\n```sh\n$ d\n```\n"
    #expect(Self.commands(page) == ["a", "b"])
  }
}
