// The commands that advance a run without waiting for workers.

import ArgumentParser
import QueueRunner
import Runtime

struct Continue: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "continue",
    abstract: "Drive a run once more; a paused or stopped run stays as it is.",
    discussion: "Example:\n  flowdex continue 2026-11-23T15-36-01-123Z-code-audit")

  @Argument(help: "The run's id.", completion: .run) var runId: String

  func run() throws {
    let project = try Composition.project()
    let run = try Composition.open(runId, in: project)
    if try !run.record().status.isLive { return try Composition.finish(try run.resultAtRest()) }
    try Composition.finish(try run.drive(try Composition.environment(project)))
  }
}

struct Resume: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume",
    abstract: "Lift a pause, a stop or a failure, then drive.",
    discussion: "Example:\n  flowdex resume 2026-11-23T15-36-01-123Z-code-audit")

  @Argument(help: "The run's id.", completion: .run) var runId: String

  func run() throws {
    let project = try Composition.project()
    let run = try Composition.open(runId, in: project)
    try run.resume()
    if try !run.record().status.isLive { return try Composition.finish(try run.resultAtRest()) }
    try Composition.finish(try run.drive(try Composition.environment(project)))
  }
}

struct Pause: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause",
    abstract: "Hand out nothing more and drive no further; results are still kept.",
    discussion: "Example:\n  flowdex pause 2026-11-23T15-36-01-123Z-code-audit")

  @Argument(help: "The run's id.", completion: .run) var runId: String
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let run = try Composition.run(runId)
    try show(try run.pause(), run, json)
  }
}

struct Stop: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop",
    abstract: "Take what is there, then withdraw leases and kill host commands.",
    discussion: "Example:\n  flowdex stop 2026-11-23T15-36-01-123Z-code-audit")

  @Argument(help: "The run's id.", completion: .run) var runId: String
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let run = try Composition.run(runId)
    try show(try run.stop(), run, json)
  }
}

private func show(_ status: RunStatus, _ run: Run, _ json: Bool) throws {
  let runId = run.layout.runId
  if json {
    Console.json(["runId": .string(runId), "status": .string(status.rawValue)])
  } else {
    Console.out("\(runId)\t\(status.rawValue)")
  }
}
