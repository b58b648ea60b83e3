import QueueRunner
import Runtime
import Testing

/// `types`, `check`, and what `preview` and `run` say of types.
@Suite("types", .timeLimit(.minutes(15)))
struct TypeTests {
  private func check(_ body: String, _ manifest: String = "") async throws -> [String] {
    let scratch = try Scratch()
    try scratch.workflow(body, manifest: manifest)
    let output = try await Cli.run(["check", "workflow.ts", "--json"], in: scratch.path)
    let found = try output.json()
    let problems = found["problems"]?.array ?? []
    #expect(
      output.status == (problems.isEmpty ? 0 : 1) && found["valid"]?.bool == problems.isEmpty, "\(output)")
    return problems.map { "\($0["line"]?.int ?? 0):\($0["column"]?.int ?? 0) \($0["message"]?.string ?? "")" }
  }

  @Test("what is right passes: literal schemas type the result, ids are the manifest's, input is generic")
  func right() async throws {
    let found = try await check(
      """
      const input = ctx.input as { shards: number };
      const one = await ctx.agent({ id: "a", phase: "one", mode: "read-only", prompt: "x", adapter: "codex",
        schema: { type: "object", required: ["n", "tags"], properties: { n: { type: "integer" },
          tags: { type: "array", items: { enum: ["x", "y"] } }, more: { type: ["string", "null"] } } } });
      if (one.status === "completed") {
        const n: number = one.data.n;
        const tag: "x" | "y" = one.data.tags[0];
        const more: string | null | undefined = one.data.more;
        ctx.log(`${n} ${tag} ${more}`);
      }
      const many = await ctx.fanout({ id: "f", phase: "two", tasks:
        Array.from({ length: input.shards }, (_, i) => ({ id: "t" + i, mode: "write", prompt: "x" })) });
      const typed = await ctx.agent<{ k: string }>({ id: "b", phase: "two", mode: "write", prompt: "x" });
      if (typed.status === "completed") ctx.log(typed.data.k);
      const echo = await ctx.hostCommand({ id: "u", phase: "one", commandId: "echo" });
      return ctx.report({ many: many.map((each) => each.summary), exit: echo.data.exitCode });
      """, "adapters: { codex: { type: \"codex-native\" } },")
    #expect(found == [])
  }

  @Test(
    "what is wrong has its place and a short reason",
    arguments: [
      (
        "await ctx.agent({ id: 'a', phase: 'oen', mode: 'read-only', prompt: 'x' });",
        "11:28 Type '\"oen\"' is not assignable to type '\"one\" | \"two\"'."
      ),
      (
        "await ctx.agent({ id: 'a', phase: 'one', mode: 'readonly', prompt: 'x' });",
        "11:42 Type '\"readonly\"' is not assignable to type '\"write\" | \"read-only\"'."
      ),
      (
        "await ctx.hostCommand({ id: 'h', phase: 'one', commandId: 'ehco' });",
        "11:48 Type '\"ehco\"' is not assignable to type '\"echo\" | \"fail\" | \"true\"'."
      ),
      (
        "const r = await ctx.agent({ id: 'a', phase: 'one', mode: 'write', prompt: 'x' }); if (r.status === 'done') {}",
        "11:87 This comparison appears to be unintentional"
      ),
      (
        """
        const r = await ctx.agent({ id: 'a', phase: 'one', mode: 'write', prompt: 'x', schema: { type: 'string' } });
        if (r.status === 'completed') { const n: number = r.data; }
        """, "12:39 Type 'string' is not assignable to type 'number'."
      ),
      (
        "const n: number = ctx.input.n;", "11:7 Type 'Json' is not assignable to type 'number'."
      ),
      ("const x = Deno.args;", "11:11 Cannot find name 'Deno'."),
      ("setTimeout(() => 0, 1);", "11:1 Cannot find name 'setTimeout'."),
      ("import('x');", "11:1 "),
    ])
  func wrong(body: String, expected: String) async throws {
    let found = try await check(body)
    #expect(found.count >= 1 && found[0].hasPrefix(expected), "\(found)")
  }

  @Test("the checker reads nothing of the machine, whatever a comment asks for")
  func contained() async throws {
    let scratch = try Scratch()
    let secret = try scratch.file("secret.ts", "declare const stolen: 'the secret of the house';\n")
    try scratch.workflow("const n: number = stolen;")
    let source = try scratch.text("workflow.ts")
    try scratch.file("workflow.ts", "/// <reference path=\"\(secret)\" />\n" + source)
    let output = try await Cli.run(["check", "workflow.ts"], in: scratch.path)
    #expect(output.status == 1, "\(output)")
    #expect(!"\(output)".contains("the secret of the house"), "\(output)")
  }

  @Test("types writes what is missing, touches nothing that is the project's, and says what to add")
  func files() async throws {
    let scratch = try Scratch()
    try scratch.file("tsconfig.json", "{}")
    let first = try await Cli.run(["types"], in: scratch.path)
    #expect(
      first.stdout == "written\t.flowdex/types/runtime.d.ts\nwritten\tdeno.json\nforeign\ttsconfig.json\n",
      "\(first)")
    #expect(first.stderr.contains("`tsconfig.json` is yours: add `\"@flowdex/runtime\": ["), "\(first)")
    #expect(try scratch.text("tsconfig.json") == "{}")
    let again = try await Cli.run(["types", "--json"], in: scratch.path).json()
    #expect(again["files"]?.array?.map { $0["outcome"] ?? nil } == ["unchanged", "unchanged", "foreign"])
    #expect(try scratch.text(".flowdex/types/runtime.d.ts").contains("export declare function workflow"))
  }

  @Test("a preview says when types fail, and in a project with types a run does, and they go on")
  func said() async throws {
    let scratch = try Scratch()
    try scratch.workflow("const n: number = 'x'; ctx.report(n);")
    let note = "flowdex: types fail: workflow.ts:11:7: Type 'string' is not assignable to type 'number'."
    func said(_ arguments: [String]) async throws -> Bool {
      let output = try await Cli.run(arguments, in: scratch.path)
      #expect(output.status == 0, "\(output)")
      return output.stderr.contains(note)
    }
    #expect(try await said(["preview", "workflow.ts"]))
    #expect(try await !said(["run", "workflow.ts", "--yes"]))
    _ = try await Cli.run(["types"], in: scratch.path)
    #expect(try await said(["preview", "workflow.ts"]))
    #expect(try await said(["run", "workflow.ts", "--yes"]))
  }

  @Test(
    "check shows the source line; a wrong shape has its place too",
    arguments: [
      ("const n: number = 'x';", "workflow.ts:11:7: Type 'string'", "  const n: number = 'x';\n        ^\n"),
      ("import.meta;", "workflow.ts:11:1: ", "  import.meta;\n  ^\n"),
    ])
  func text(body: String, head: String, excerpt: String) async throws {
    let scratch = try Scratch()
    try scratch.workflow(body)
    let output = try await Cli.run(["check", "workflow.ts"], in: scratch.path)
    #expect(
      output.status == 1 && output.stdout.hasPrefix(head) && output.stdout.hasSuffix(excerpt), "\(output)")
  }

  @Test("the examples and the templates have types that are right")
  func examples() async throws {
    let scratch = try Scratch()
    for name in ["code-audit", "parallel-review", "implementation-fanout"] {
      _ = try await Cli.run(["init", name, "\(name).ts"], in: scratch.path)
    }
    let files = try ["examples", "examples/patterns"].flatMap { folder in
      try FileSystem.names(in: "\(Cli.packageRoot)/\(folder)").filter { $0.hasSuffix(".ts") }
        .map { "\(Cli.packageRoot)/\(folder)/\($0)" }
    }
    #expect(files.count >= 8)
    let templates = try FileSystem.names(in: scratch.path).filter { $0.hasSuffix(".ts") }
    for file in files + templates {
      let output = try await Cli.run(["check", file], in: scratch.path)
      #expect(output.status == 0, "\(file): \(output)")
    }
  }
}
