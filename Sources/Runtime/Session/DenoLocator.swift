// Where Deno is. Its version is not asked for here, which would cost a start of it: a session's first frame
// tells it for nothing.

import Glibc
import QueueRunner

/// Finds the Deno that runs workflows.
public enum DenoLocator {
  /// The oldest version that the harness is written for.
  static let oldest = (major: 2, minor: 9)
  private static let help = "install it with `pip install deno`, or name one in FLOWDEX_DENO"

  /// The path of `FLOWDEX_DENO`, else `.tools/bin/deno` or `.tools/deno-pkg/bin/deno` of the project, else
  /// the first `deno` on PATH.
  ///
  /// - Throws: an error of the machine that says how to get one.
  public static func find(projectRoot: String) throws -> String {
    try find(projectRoot: projectRoot) { name in getenv(name).map { String(cString: $0) } }
  }

  static func find(projectRoot: String, environment: (String) -> String?) throws -> String {
    if let named = environment("FLOWDEX_DENO"), !named.isEmpty {
      if isProgram(named) { return absolute(named) }
      throw FlowdexError.machine(
        "deno-not-found", "`FLOWDEX_DENO` names `\(named)`, which is not a program that can be run",
        next: "set it to the path of deno 2.9 or newer, or unset it")
    }
    let ofProject = ["\(projectRoot)/.tools/bin/deno", "\(projectRoot)/.tools/deno-pkg/bin/deno"]
    let path = environment("PATH") ?? ""
    let onPath = path.split(separator: ":").filter { $0.hasPrefix("/") }.map { "\($0)/deno" }
    if let found = (ofProject + onPath).first(where: isProgram) { return absolute(found) }
    throw FlowdexError.machine(
      "deno-not-found", "`deno`, which runs workflows, is neither in `.tools` of the project nor on `PATH`",
      next: help)
  }

  /// Refuses a version that is too old, or cannot be read.
  static func check(version: String, path: String) throws {
    let numbers = version.split(separator: ".").prefix(2).map { Int($0) ?? -1 }
    if numbers.count == 2, (numbers[0], numbers[1]) >= oldest { return }
    throw FlowdexError.machine(
      "deno-too-old",
      "`\(path)` is deno \(Excerpt.plain(version)), and workflows need \(oldest.major).\(oldest.minor)"
        + " or newer",
      next: help)
  }

  /// Why a deno ended before it said anything.
  static func cannotStart(_ path: String, _ reason: String) -> FlowdexError {
    .machine("deno-unusable", "`\(path)` does not run workflows: \(reason)", next: help)
  }

  /// The session's process works in a folder of its own, so a relative path would miss.
  private static func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/"), let here = getcwd(nil, 0) else { return path }
    defer { free(here) }
    return "\(String(cString: here))/\(path)"
  }

  private static func isProgram(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
  }
}
