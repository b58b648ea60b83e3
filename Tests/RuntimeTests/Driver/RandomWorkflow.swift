@testable import QueueRunner
@testable import Runtime

/// Workflows from a seed: loops, branches, `Promise.all` and `race`, retries, rejections that are caught, operations
/// that are awaited much later. What a workflow does next depends on what its workers said.
struct RandomWorkflow {
  private var random: SeededGenerator
  private var next = 0
  private var lines: [String] = []

  init(_ seed: UInt64) { random = SeededGenerator(seed) }

  /// The file of the seed.
  static func source(_ seed: UInt64) -> String {
    var made = RandomWorkflow(seed)
    for _ in 0..<Int.random(in: 3...6, using: &made.random) { made.statement("  ", depth: 0) }
    return """
      import { workflow } from "@flowdex/runtime";
      export default workflow({
        name: "random", maxAgents: 1000, maxConcurrency: 100,
        permissions: { read: ["src/**"], write: [], hostCommands: [
          { id: "true", argv: ["true"], idempotent: true }, { id: "false", argv: ["false"], idempotent: true },
          { id: "short", argv: ["sleep", "0.01"], idempotent: true },
        ] },
        phases: [{ id: "p" }],
      }, async (ctx) => {
        const seen = [];
        const later = [];
        const agent = (id) => ctx.agent({ id, phase: "p", mode: "read-only", prompt: "do " + id })
          .then((r) => { seen.push(id + "=" + r.status + r.data.n); return r.data.n; });
        const host = (id, commandId) => ctx.hostCommand({ id, phase: "p", commandId })
          .then((r) => { seen.push(id + "=" + r.status); return r.data.exitCode; });
      \(made.lines.joined(separator: "\n"))
        await Promise.all(later);
        ctx.report({ seen, now: ctx.now() });
      });
      """
  }

  private mutating func id() -> String {
    next += 1
    return "o\(next)"
  }

  private mutating func one(_ suffix: String = "") -> String {
    let id = suffix.isEmpty ? "\"\(id())\"" : "\"\(id())-\" + \(suffix)"
    switch Int.random(in: 0..<4, using: &random) {
    case 0:
      let command = ["true", "false", "short", "nobody"].randomElement(using: &random) ?? "true"
      return "host(\(id), \"\(command)\")"
    default: return "agent(\(id))"
    }
  }

  private mutating func several() -> String {
    (0..<Int.random(in: 2...4, using: &random)).map { _ in one() }.joined(separator: ", ")
  }

  private mutating func statement(_ indent: String, depth: Int) {
    let choice = Int.random(in: 0..<(depth < 2 ? 10 : 6), using: &random)
    switch choice {
    case 0: lines.append("\(indent)await \(one());")
    case 1: lines.append("\(indent)await Promise.all([\(several())]);")
    case 2: lines.append("\(indent)seen.push(\"won \" + await Promise.race([\(several())]));")
    case 3: lines.append("\(indent)later.push(\(one()));")
    case 4:
      // An id that is taken, with other arguments: the promise rejects, and the callback goes on.
      lines.append(
        "\(indent)try { await ctx.agent({ id: \"\(id())\", phase: \"none\", mode: \"read-only\", prompt: \"x\" }); }"
          + " catch (error) { seen.push(error.message); }")
    case 5: lines.append("\(indent)ctx.log(\"at \" + seen.length); seen.push(ctx.now());")
    case 6:
      lines.append("\(indent)if ((await \(one())) % 2 === 0) {")
      statement(indent + "  ", depth: depth + 1)
      lines.append("\(indent)} else {")
      statement(indent + "  ", depth: depth + 1)
      lines.append("\(indent)}")
    case 7:
      let name = "i\(next)"
      lines.append(
        "\(indent)for (let \(name) = 0; \(name) < \(Int.random(in: 2...4, using: &random)); \(name)++) {")
      lines.append("\(indent)  if ((await \(one(name))) % 5 === 0) break;")
      lines.append("\(indent)}")
    case 8:
      let name = "t\(next)"
      lines.append("\(indent)for (let \(name) = 0; \(name) < 3; \(name)++) {")
      lines.append("\(indent)  const [a, b] = await Promise.all([\(one(name)), \(one(name))]);")
      lines.append("\(indent)  if (a !== 1 && b !== 1) break;")
      lines.append("\(indent)}")
    default:
      lines.append(
        "\(indent)await Promise.all([1, 2].map(async (n) => { await \(one("n")); await \(one("n")); }));")
    }
  }
}
