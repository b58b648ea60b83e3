// Where the parts are put together: the one place that chooses clock, Deno and signals.

import ArgumentParser
import Glibc
import QueueRunner
import Runtime

enum Composition {
  /// The project around the working directory.
  static func project() throws -> Project {
    guard let project = try Project.find(from: ".") else {
      throw FlowdexError.failed(
        "no-project", "there is no `.flowdex` here or in any folder above",
        next: "run `flowdex run` or `flowdex init` where your project is")
    }
    mention(project)
    return project
  }

  /// The project around the working directory, or a new one in it.
  static func projectOrNew() throws -> Project {
    let project = try Project.findOrCreate(from: ".")
    mention(project)
    return project
  }

  private static func mention(_ project: Project) {
    guard let here = getcwd(nil, 0) else { return }
    defer { free(here) }
    let root = project.layout.projectRoot
    if root != String(cString: here) { Console.note("using the project in \(root)") }
  }

  static func run(_ id: String) throws -> Run { try open(id, in: project()) }

  /// A run of which a command tells once: whatever it says has been made durable, whoever committed it.
  static func open(_ id: String, in project: Project) throws -> Run {
    let run = try project.open(id)
    Console.ensure { try run.database.settle() }
    return run
  }

  /// What drivers need; installs the signal handlers.
  static func environment(_ project: Project) throws -> DriverEnvironment {
    try DriverEnvironment.system(
      projectRoot: project.layout.projectRoot, interrupts: [try SignalWatch.install()],
      say: Console.aside)
  }

  /// Prints `{runId,status,report}`, and chooses the exit status.
  static func finish(_ result: DriveResult, also extra: [(String, JSONValue)] = []) throws {
    mentionDriver(result)
    var object = try json(result).object ?? JSONObject()
    for (key, value) in extra { object[key] = value }
    Console.json(.object(object))
    try exit(result)
  }

  /// Says who drives the run in our place, where somebody does.
  static func mentionDriver(_ result: DriveResult) {
    guard let pid = result.otherDriver else { return }
    Console.note("process \(pid) drives run `\(result.runId)`; the change is made, it goes on there")
  }

  static func json(_ result: DriveResult) throws -> JSONValue {
    [
      "runId": .string(result.runId), "status": .string(result.status.rawValue),
      "report": try result.reportText.map { try JSONValue(parsing: Array($0.utf8), limits: .unlimited) }
        ?? .null,
    ]
  }

  static func exit(_ result: DriveResult) throws {
    if result.wasInterrupted {
      Console.note(
        "interrupted; the run is as it was (run `flowdex continue \(result.runId)` to go on)")
      throw ExitCode(130)
    }
    if result.status == .failed {
      Console.note("run `\(result.runId)` failed: \(result.error ?? "no reason was recorded")")
      throw ExitCode(1)
    }
  }
}
