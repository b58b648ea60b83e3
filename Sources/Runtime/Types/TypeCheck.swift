// The type check of a workflow by Deno, offline. The workflow is copied into a folder of its own, beside the types of
// `@flowdex/runtime`, and the checker is contained like a session: it reads that folder and itself, writes nothing,
// and reaches no network. Nothing of the workflow is run.

import Glibc
import QueueRunner

/// What is wrong with a workflow before anything of it is run.
public enum WorkflowCheck {
  /// Shape and manifest, and once they are right the types. Call it from a thread that outlives it, as `TypeCheck`.
  ///
  /// - Parameter projectRoot: where Deno is looked for first.
  /// - Throws: what keeps Deno from being found; `type-check` (machine), where there is no answer to be had.
  public static func problems(in workflow: [UInt8], projectRoot: String) throws -> [SourceProblem] {
    if let problem = WorkflowDocument.problem(in: workflow) { return [problem] }
    return try TypeCheck.problems(in: workflow, projectRoot: projectRoot)
  }
}

/// The types of a workflow.
public enum TypeCheck {
  /// How long a check may take: the first on a machine took 2 s, a cold one 1 s.
  static let limitMs: Int64 = 60_000
  /// Of what the checker says; a thousand errors fit.
  static let limitBytes = 1 << 20

  /// Checks the types of a workflow, whose shape must have been found to be right. Call it from a thread that
  /// outlives it: the checker is killed when the thread that started it ends.
  ///
  /// - Parameter projectRoot: where Deno is looked for first.
  /// - Returns: in the order in which the checker found them.
  /// - Throws: what keeps Deno from being found; `type-check` (machine), where there is no answer to be had.
  public static func problems(
    in workflow: [UInt8], projectRoot: String, clock: any WallClock = SystemClock()
  ) throws -> [SourceProblem] {
    let deno = try DenoLocator.find(projectRoot: projectRoot)
    let folder = try scratch()
    defer { try? FileSystem.removeTree(folder) }
    try FileSystem.write(workflow, to: "\(folder)/workflow.ts")
    try FileSystem.write(PackageResources.runtime_d_ts, to: "\(folder)/runtime.d.ts")
    try FileSystem.write(
      Array(settings.utf8),
      to: "\(folder)/deno.json")
    let (said, ending) = try run(deno, folder, clock)
    if ending == .exit(0) { return [] }
    let problems = CheckerText.problems(said)
    if !problems.isEmpty { return problems }
    let last = said.split(separator: "\n").last.map(String.init) ?? ending.text
    throw FlowdexError.machine(
      "type-check", "`\(deno)` could not check the types: \(VisibleText.escape(last))",
      next: "run `flowdex doctor`")
  }

  /// The language's own names and no others: a callback has neither Deno nor timers nor a console.
  private static let settings = """
    {
      "imports": { "\(TypeFiles.module)": "./runtime.d.ts" },
      "compilerOptions": { "lib": ["esnext"] }
    }
    """

  private static func scratch() throws -> String {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/flowdex-types-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw FileSystem.failure("make", "a folder in \(parent)") }
    // As the kernel spells it, for the checker answers with that path.
    guard let real = realpath(template, nil) else {
      throw FileSystem.failure("find", "a folder in \(parent)")
    }
    defer { free(real) }
    return String(cString: real)
  }

  private static func run(
    _ deno: String, _ folder: String, _ clock: any WallClock
  ) throws -> (String, SessionProcess.Ending) {
    let own = SessionContainment(program: deno)
    let contained = SessionContainment(files: own.files.map { $0 + [.init(path: folder)] })
    var limits = Manifest.Limits()
    limits.memoryMiB = 2048
    let process = try SessionProcess(
      .init(deno: deno, limits: limits, workingFolder: folder, containment: contained),
      arguments: [
        deno, "check", "--quiet", "--no-remote", "--no-npm", "--no-lock", "--config", "\(folder)/deno.json",
        "\(folder)/workflow.ts",
      ], errorsKept: limitBytes)
    let end = clock.bootMs() + limitMs
    while true {
      let left = end - clock.bootMs()
      if left <= 0 {
        process.end()
        throw FlowdexError.machine("type-check", "the check of types took more than \(limitMs / 1000) s")
      }
      let ready = try Poller.wait([process.channel, process.errorsToWatch], timeoutMs: Int(left))
      process.drainErrors()
      // Both ends close when it is gone; what it says on standard output is not asked for.
      if ready.contains(process.channel), process.read()?.isEmpty == true { break }
    }
    let ending = process.wait()
    return (String(decoding: process.lastErrors, as: UTF8.self), ending)
  }
}

/// Reads what the checker says.
enum CheckerText {
  /// `TS2322 [ERROR]: message`, indented details, then `at file:///…/workflow.ts:line:column`.
  static func problems(_ text: String) -> [SourceProblem] {
    var problems: [SourceProblem] = []
    var head: (code: String, message: String)?
    for line in text.split(separator: "\n") {
      if let match = line.wholeMatch(of: /(?<code>TS\d+) \[[A-Z]+\]: (?<message>.*)/) {
        // The checker's advice is about its own settings, which are ours.
        let message = match.message.replacing(#/ Do you need to change your target library\?.*/#, with: "")
        head = (String(match.code), String(message))
      } else if let found = head, found.code == "TS2769", line.hasPrefix("    "), !line.hasPrefix("    at ") {
        // Of the ways in which an operation can be called, what the first one misses is the shortest to say.
        head = ("TS2769 ", line.drop { $0 == " " }.description)
      } else if let found = head, let match = line.wholeMatch(of: /\s+at file:.*\/workflow\.ts:(\d+):(\d+)/) {
        problems.append(
          SourceProblem(
            line: Int(match.1) ?? 1, column: Int(match.2) ?? 1, code: found.code.trimmed,
            message: found.message))
        head = nil
      }
    }
    return problems
  }
}

extension String {
  /// Without the blank that marks a message as found.
  fileprivate var trimmed: String { hasSuffix(" ") ? String(dropLast()) : self }
}
