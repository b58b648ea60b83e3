@testable import QueueRunner
@testable import Runtime

/// Workflows from a seed: loops, branches, `Promise.all` and `race`, retries, fan-outs with `data`, patches, rejections
/// that are caught or that end the run, operations that are awaited much later. What a workflow does next depends on
/// what its workers said.
struct RandomWorkflow {
  private var random: SeededGenerator
  private let isSettled: Bool
  private var next = 0
  private var lines: [String] = []

  private init(_ seed: UInt64, isSettled: Bool) {
    random = SeededGenerator(seed)
    self.isSettled = isSettled
  }

  /// The file of the seed.
  ///
  /// - Parameter isSettled: nothing in it depends on who answers first: no race, no two strands that go on by
  ///   themselves, no time, and what was seen is reported in the order of its words. Two runs whose workers say the same
  ///   must then be the same.
  static func source(_ seed: UInt64, isSettled: Bool = false) -> String {
    """
    import { workflow } from "@flowdex/runtime";
    export default workflow({
      name: "random", maxAgents: 1000, maxConcurrency: 100,
      permissions: { read: ["src/**"], write: ["src/**"], hostCommands: [
        { id: "true", argv: ["true"], idempotent: true }, { id: "false", argv: ["false"], idempotent: true },
        { id: "short", argv: ["sleep", "0.03"], idempotent: true },
      ] },
      phases: [{ id: "p" }],
    }, async (ctx) => {
      const seen = [];
      const later = [];
      const agent = (id) => ctx.agent({ id, phase: "p", mode: "read-only", prompt: "do " + id })
        .then((r) => { seen.push(id + "=" + r.status + r.data.n); return r.data.n; });
      const fan = (id, count) => ctx.fanout({ id, phase: "p", tasks: Array.from({ length: count }, (_, n) =>
        ({ id: "t" + n, mode: "read-only", prompt: "do " + id, data: { n, of: id } })) })
        .then((rs) => { seen.push(id + "=" + rs.map((r) => r.status + r.data.n)); return rs[0].data.n; });
      const host = (id, commandId) => ctx.hostCommand({ id, phase: "p", commandId })
        .then((r) => { seen.push(id + "=" + r.status + r.data.exitCode); return r.data.exitCode; });
      const patch = (id, before) => ctx.integrate({ id, phase: "p", patches: [{ patch: before
        ? `--- a/src/${id}\\n+++ b/src/${id}\\n@@ -1 +1 @@\\n-${before}\\n+${id}\\n`
        : `--- /dev/null\\n+++ b/src/${id}\\n@@ -0,0 +1 @@\\n+${id}\\n` }] })
        .then((r) => { seen.push(id + "=" + r.status + (r.paths ?? r.error)); return r.applied ?? 0; });
    \(body(seed, isSettled: isSettled))
      await Promise.all(later);
      ctx.report({ \(isSettled ? "seen: seen.sort()" : "seen, now: ctx.now()") });
    });
    """
  }

  /// What the callback does, behind its helpers.
  static func body(_ seed: UInt64, isSettled: Bool = false) -> String {
    var made = RandomWorkflow(seed, isSettled: isSettled)
    for _ in 0..<made.random.below(4) + 3 { made.statement("  ", depth: 0) }
    made.end()
    return made.lines.joined(separator: "\n")
  }

  private mutating func id() -> String {
    next += 1
    return "o\(next)"
  }

  private mutating func one(_ suffix: String = "") -> String {
    let id = suffix.isEmpty ? "\"\(id())\"" : "\"\(id())-\" + \(suffix)"
    switch random.below(9) {
    case 0, 1:
      let command = ["true", "false", "short", "short", "nobody"].randomElement(using: &random) ?? "true"
      return "host(\(id), \"\(command)\")"
    case 2: return "fan(\(id), \(random.below(3) + 1))"
    // Every other one is of a file that is not there, and is refused.
    case 3: return "patch(\(id)\(random.below(2) == 0 ? "" : ", \"gone\""))"
    default: return "agent(\(id))"
    }
  }

  private mutating func several() -> String {
    (0..<random.below(3) + 2).map { _ in one() }.joined(separator: ", ")
  }

  /// A call that breaks a rule: its promise rejects.
  private mutating func broken() -> String {
    "ctx.agent({ id: \"\(id())\", phase: \"none\", mode: \"read-only\", prompt: \"x\" })"
  }

  /// One in three ends there, some with operations under way.
  private mutating func end() {
    switch random.below(6) {
    case 0: lines.append("  await \(broken());")
    case 1: lines.append("  throw new Error(\"given up at \" + await \(one()));")
    default: break
    }
  }

  private mutating func statement(_ indent: String, depth: Int) {
    let choice = random.below(depth < 2 ? 10 : 6)
    switch choice {
    case 0: lines.append("\(indent)await \(one());")
    case 2 where !isSettled:
      lines.append("\(indent)seen.push(\"won \" + await Promise.race([\(several())]));")
    case 1, 2: lines.append("\(indent)await Promise.all([\(several())]);")
    case 3: lines.append("\(indent)later.push(\(one()));")
    case 4:
      lines.append("\(indent)try { await \(broken()); } catch (error) { seen.push(error.message); }")
    case 5 where isSettled: lines.append("\(indent)ctx.log(\"at \(next)\");")
    case 5: lines.append("\(indent)ctx.log(\"at \" + seen.length); seen.push(ctx.now());")
    default: block(choice, indent, depth)
    }
  }

  private mutating func block(_ choice: Int, _ indent: String, _ depth: Int) {
    switch choice {
    case 6:
      lines.append("\(indent)if ((await \(one())) % 2 === 0) {")
      statement(indent + "  ", depth: depth + 1)
      lines.append("\(indent)} else {")
      statement(indent + "  ", depth: depth + 1)
      lines.append("\(indent)}")
    case 7:
      let name = "i\(next)"
      lines.append("\(indent)for (let \(name) = 0; \(name) < \(random.below(3) + 2); \(name)++) {")
      lines.append("\(indent)  if ((await \(one(name))) % 5 === 0) break;")
      lines.append("\(indent)}")
    case 8:
      let name = "t\(next)"
      lines.append("\(indent)for (let \(name) = 0; \(name) < 3; \(name)++) {")
      lines.append("\(indent)  const [a, b] = await Promise.all([\(one(name)), \(one(name))]);")
      lines.append("\(indent)  if (a !== 1 && b !== 1) break;")
      lines.append("\(indent)}")
    default:
      let strand =
        isSettled ? "(n) => \(one("n"))" : "async (n) => { await \(one("n")); await \(one("n")); }"
      lines.append("\(indent)await Promise.all([1, 2].map(\(strand)));")
    }
  }
}
