// The command that `work` runs for each package: what stands in for its placeholders, and what it is told in its
// environment. Never through a shell.

import Glibc
import QueueRunner

/// A command as it was given, to be made into one for each package.
public struct WorkerCommand: Sendable, Equatable {
  /// The program and its arguments, placeholders included.
  public let argv: [String]

  /// Finds the program first, so that a mistyped one is known before anything is leased. One with a slash is
  /// relative to the folder that it was typed in, for it will be run in another.
  ///
  /// - Throws: `worker-command` where there is no such program.
  public init(_ argv: [String], folder: String, path: String) throws {
    guard let program = argv.first, !program.isEmpty else {
      throw FlowdexError.usage("worker-command", "there is no command: expected one after `--`")
    }
    let hasSlash = program.utf8.contains(UInt8(ascii: "/"))
    let place = hasSlash && !program.hasPrefix("/") ? "\(folder)/\(program)" : program
    let candidates = HostCommandRunner.candidates(place, path: path)
    guard let found = candidates.first(where: { access($0, X_OK) == 0 && !Self.isFolder($0) }) else {
      let why = candidates.contains { access($0, F_OK) == 0 && !Self.isFolder($0) }
      throw FlowdexError.failed(
        "worker-command",
        why
          ? "`\(program)` cannot be executed"
          : "there is no program `\(program)`\(hasSlash ? "" : " along PATH")",
        next: why ? "make it executable, or name its interpreter first" : "check its name")
    }
    self.argv = [found.hasPrefix("/") ? found : "\(folder)/\(found)"] + argv.dropFirst()
  }

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// The arguments for one package: `{prompt}`, `{instructions}` and `{result}` are replaced wherever they stand,
  /// once; other braces stay.
  func arguments(_ package: PackageLayout) -> [String] {
    let values = [
      "{prompt}": LeaseViews.agentPrompt(package), "{instructions}": package.instructions,
      "{result}": package.result,
    ]
    return [argv[0]] + argv.dropFirst().map { Self.replacing(values, in: $0) }
  }

  static func replacing(_ values: [String: String], in text: String) -> String {
    var out = ""
    var rest = text[...]
    while let brace = rest.firstIndex(of: "{") {
      out += rest[..<brace]
      rest = rest[brace...]
      if let found = values.first(where: { rest.hasPrefix($0.key) }) {
        out += found.value
        rest = rest.dropFirst(found.key.count)
      } else {
        out.append(rest.removeFirst())
      }
    }
    return out + rest
  }

  /// What the command is told beside what flowdex itself was.
  ///
  /// - Parameter run: counts the runs of the command for this package, from 1.
  func environment(_ lease: IssuedLease, _ package: PackageLayout, runId: String, project: String, run: Int)
    -> [String: String]
  {
    [
      "FLOWDEX_INSTRUCTIONS": package.instructions, "FLOWDEX_TASK": package.task,
      "FLOWDEX_RESULT": package.result, "FLOWDEX_PROMPT": LeaseViews.agentPrompt(package),
      "FLOWDEX_CHILD_KEY": lease.childKey, "FLOWDEX_REJECTED": package.rejected,
      "FLOWDEX_SCHEMA": package.schema, "FLOWDEX_RUN_ID": runId, "FLOWDEX_PROJECT": project,
      "FLOWDEX_TRY": "\(run)", "TMPDIR": package.scratch,
    ]
  }
}
