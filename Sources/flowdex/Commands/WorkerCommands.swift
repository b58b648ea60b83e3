// The commands with which work is handed out and taken in by hand or from a script.

import ArgumentParser
import QueueRunner
import Runtime

struct Next: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "next",
    abstract: "Lease the next tasks and print only the new leases.",
    discussion: "Example:\n  flowdex next RUN --json --files --limit 4")

  @Argument(help: "The run's id.", completion: .run) var runId: String
  @Flag(help: "Write a dispatch package for each lease.") var files = false
  @Option(help: "How many leases may be live, at most `maxConcurrency`.") var limit = 6
  @Option(help: "How long each lease lasts without renewal (default: what its task says).")
  var leaseMinutes: Double?
  @Flag(help: "Wait until there is one, or the run has ended, paused or stopped.") var wait = false
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    if limit < 1 { throw ValidationError("`--limit` is \(limit): expected 1 or more") }
    try LeaseMinutes.check(leaseMinutes)
  }

  func run() throws {
    let run = try Composition.run(runId)
    let interrupts = wait ? [try SignalWatch.install()] : []
    let outcome = try run.nextLeases(
      limit: limit, files: files, durationMs: leaseMinutes.map(LeaseMinutes.ms), wait: wait,
      interrupts: interrupts)
    if let why = outcome.whyNone { Console.note("\(why)") }
    // Our own commit, which is on the disk: these must be told, whatever the machine lacks by now.
    if !outcome.leases.isEmpty { Console.ensure {} }
    if json {
      Console.json(each: outcome.leases.lazy.map { LeaseViews.json($0, run) })
    } else {
      Console.table(
        outcome.leases.map { lease in
          [
            lease.childKey, lease.token, lease.expiresAtMs.map(Timestamp.text) ?? "",
            lease.package?.root ?? "",
          ]
        })
    }
    if outcome.wasInterrupted { throw ExitCode(130) }
  }
}

struct AttachAgent: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attach-agent",
    abstract: "Record who works on a lease.",
    discussion: "Example:\n  flowdex attach-agent RUN 'fanout:audit#a1' --lease-token T --agent-ref codex-7")

  @Argument(help: "The run's id.", completion: .run) var runId: String
  @Argument(help: "The task's child key.", completion: .childKey) var childKey: String
  @Option(help: "The lease's token.") var leaseToken: String
  @Option(help: "A name for the worker, of your choice.") var agentRef: String
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let run = try Composition.run(runId)
    let state = try run.queue.attach(childKey: childKey, token: leaseToken, agentRef: agentRef)
    TaskLine.show(run, childKey, state, json: json)
  }
}

struct CompleteAgent: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "complete-agent",
    abstract: "Deliver one result by hand.",
    discussion: "Example:\n  flowdex complete-agent RUN agent:scout --lease-token T --result @result.json")

  @Argument(help: "The run's id.", completion: .run) var runId: String
  @Argument(help: "The task's child key.", completion: .childKey) var childKey: String
  @Option(help: "The lease's token.") var leaseToken: String
  @Option(help: "The adapter result: JSON, @file, or - for stdin.") var result: String
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let bytes = try InputArgument.bytes(result)
    let run = try Composition.run(runId)
    let state = try run.queue.complete(childKey: childKey, token: leaseToken, result: bytes)
    TaskLine.show(run, childKey, state, json: json)
  }
}

struct Renew: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "renew",
    abstract: "Start the time of a lease anew, as a touched heartbeat does.",
    discussion: "Example:\n  flowdex renew RUN 'fanout:audit#a1' --lease-token T --lease-minutes 90")

  @Argument(help: "The run's id.", completion: .run) var runId: String
  @Argument(help: "The task's child key.", completion: .childKey) var childKey: String
  @Option(help: "The lease's token.") var leaseToken: String
  @Option(help: "How long it lasts from now, and from each later renewal (default: as long as before).")
  var leaseMinutes: Double?
  @Flag(help: "Print JSON.") var json = false

  func validate() throws { try LeaseMinutes.check(leaseMinutes) }

  func run() throws {
    let run = try Composition.run(runId)
    let runId = run.layout.runId
    let expiry = Timestamp.text(
      try run.queue.renew(
        childKey: childKey, token: leaseToken, durationMs: leaseMinutes.map(LeaseMinutes.ms)))
    if json {
      Console.json([
        "runId": .string(runId), "childKey": .string(childKey), "leaseExpiresAt": .string(expiry),
      ])
    } else {
      Console.table([[runId, childKey, expiry]])
    }
  }
}

private enum TaskLine {
  static func show(_ run: Run, _ childKey: String, _ state: TaskState, json: Bool) {
    let runId = run.layout.runId
    if json {
      Console.json([
        "runId": .string(runId), "childKey": .string(childKey), "taskStatus": .string(state.rawValue),
      ])
    } else {
      Console.table([[runId, childKey, state.rawValue]])
    }
  }
}

struct CheckResult: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check-result",
    abstract: "Judge an adapter result as the watcher would.",
    discussion: "Example:\n  flowdex check-result --task task.json adapter-result.json")

  @Argument(help: "The file to judge.") var file: String
  @Option(help: "The package's task.json, for the task's schema.") var task: String?
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let verdict = try ResultCheck.judge(file: file, task: task)
    if json {
      Console.json(["valid": .bool(verdict.isEmpty), "errors": .array(verdict.map(JSONValue.string))])
    } else if verdict.isEmpty {
      Console.out("valid")
    } else {
      for error in verdict { Console.out(error) }
    }
    if !verdict.isEmpty { throw ExitCode(1) }
  }
}

struct CollectResults: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "collect-results",
    abstract: "Take every result that is there, once.",
    discussion: "Example:\n  flowdex collect-results RUN --continue --json")

  @Argument(help: "The run's id.", completion: .run) var runId: String
  @Flag(name: .customLong("continue"), help: "Then drive the run on.") var goOn = false
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let project = try Composition.project()
    let run = try Composition.open(runId, in: project)
    let runId = run.layout.runId
    let items = try run.collectOnce()
    var continued: DriveResult?
    if goOn {
      let isLive = try run.record().status.isLive
      continued = try isLive ? run.drive(try Composition.environment(project)) : run.resultAtRest()
    }
    if json {
      Console.json([
        "runId": .string(runId), "results": .array(items.map(LeaseViews.json)),
        "continued": try continued.map(Composition.json) ?? .null,
      ])
    } else {
      Console.table(
        items.map { [$0.childKey, $0.status.rawValue, $0.taskState?.rawValue ?? "", $0.error ?? ""] })
      if let continued { Console.out("\(runId)\t\(continued.status.rawValue)") }
    }
    if let continued {
      Composition.mentionDriver(continued)
      try Composition.exit(continued)
    }
  }
}
