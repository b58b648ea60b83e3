import ArgumentParser
import Glibc
import QueueRunner
import Runtime

struct WorkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "work",
    abstract: "Turn any command into workers: run it once for each task, until the run ends.",
    discussion: """
      COMMAND is run without a shell, in the files that the task may read (its private copy, if the task writes).
      {prompt}, {instructions} and {result} in its arguments are replaced: what to tell an agent, the path of the
      instructions, and the path where the result goes. In its environment: FLOWDEX_PROMPT, FLOWDEX_INSTRUCTIONS,
      FLOWDEX_RESULT, FLOWDEX_TASK (the task as JSON), FLOWDEX_SCHEMA, FLOWDEX_REJECTED (what was wrong with its
      last result), FLOWDEX_CHILD_KEY, FLOWDEX_RUN_ID, FLOWDEX_PROJECT, FLOWDEX_TRY, and a TMPDIR of its own.

      The lease is renewed while COMMAND runs. If it ends without a result, it is run again, and at last a `failed`
      result is delivered in its place. If workers fail alike, the run is paused instead. Ctrl-C ends the commands
      and gives their tasks back. The run is driven on as `flowdex watch` does, unless another process does it.
      Recipes for agents, scripts and models: docs/workers.md.

      Example:
        flowdex work RUN --jobs 2 -- codex exec --skip-git-repo-check {prompt}
      """)

  @Argument(help: "The run's id.", completion: .run) var runId: String
  @Option(help: "How many commands run at a time.") var jobs = 4
  @Option(help: "How long a lease lasts without renewal (default: what the task says).")
  var leaseMinutes: Double?
  @Option(help: "After how many minutes a command is ended; 0 for never.") var timeoutMinutes = 60.0
  @Option(help: "How often a command that brought no result is run again for its task.") var retries = 2
  @Option(help: "Seconds before the first of those; each further one waits twice as long.")
  var backOffSeconds = 1.0
  @Option(help: "Pause the run after so many failures alike in a row; 0 for never.") var breakAfter = 3
  @Option(help: "Where results come from: `file`, or `stdout` for one that is printed.")
  var resultFrom: ResultSource = .file
  @Flag(help: "Stop when nothing is left to hand out, instead of waiting for the run to end.") var once =
    false
  @Flag(help: "Print each happening as one line of JSON.") var json = false
  @Argument(parsing: .postTerminator, help: "What to run for each task; after `--`.") var command: [String] =
    []

  enum ResultSource: String, ExpressibleByArgument, CaseIterable { case file, stdout }

  func validate() throws {
    if command.isEmpty { throw ValidationError("there is no command: expected one after `--`") }
    if jobs < 1 { throw ValidationError("`--jobs` is \(jobs): expected 1 or more") }
    if retries < 0 { throw ValidationError("`--retries` is \(retries): expected 0 or more") }
    if breakAfter < 0 { throw ValidationError("`--break-after` is \(breakAfter): expected 0 or more") }
    try LeaseMinutes.check(leaseMinutes)
    try LeaseMinutes.check(timeoutMinutes, "--timeout-minutes", zero: true)
    try LeaseMinutes.check(backOffSeconds, "--back-off-seconds", zero: true)
  }

  func run() throws {
    let project = try Composition.project()
    let runId = try project.open(runId).layout.runId
    let variables = ProcessEnvironment.all
    let worker = try WorkerCommand(
      command, folder: ProcessEnvironment.folder, path: variables["PATH"] ?? ProcessEnvironment.defaultPath)
    let session = WorkSession(
      project, runId: runId, options: options, command: worker, variables: variables,
      driving: try Composition.environment(project), observer: WorkLines(isJSON: json))
    let outcome = try session.work()
    if json {
      Console.json(compact: [
        "event": "end", "runId": .string(runId), "status": .string(outcome.result.status.rawValue),
        "tasks": JSONValue(outcome.ended),
      ])
    } else {
      Console.out("\(runId)\t\(outcome.result.status.rawValue)")
    }
    if outcome.result.wasInterrupted {
      Console.note("interrupted; what was being worked on can be handed out again")
      throw ExitCode(130)
    }
    if let broken = outcome.broken {
      throw FlowdexError.failed(
        "workers-fail-alike", "run `\(runId)` is paused: \(broken)",
        next: "mend the cause, then run `flowdex resume \(runId)` and `flowdex work` again")
    }
    try Composition.exit(outcome.result)
  }

  private var options: WorkOptions {
    var options = WorkOptions()
    options.jobs = jobs
    options.leaseMs = leaseMinutes.map(LeaseMinutes.ms)
    options.timeoutMs = timeoutMinutes == 0 ? nil : Int(LeaseMinutes.ms(timeoutMinutes))
    options.retries = retries
    options.backOffMs = Int64((backOffSeconds * 1000).rounded())
    options.breakAfter = breakAfter
    options.takesStdout = resultFrom == .stdout
    options.once = once
    return options
  }
}

/// Durations as they are given on the command line.
enum LeaseMinutes {
  /// Refuses what is no time: not a number, not above zero, over a year.
  static func check(_ value: Double?, _ name: String = "--lease-minutes", zero: Bool = false) throws {
    guard let value else { return }
    let isRight = value.isFinite && value <= 525_600 && (zero ? value >= 0 : value >= 0.001)
    if isRight { return }
    throw ValidationError(
      "`\(name)` is \(value): expected \(zero ? "0 or more" : "0.001 or more"), and at most 525600")
  }

  static func ms(_ minutes: Double) -> Int64 { Int64((minutes * 60_000).rounded()) }
}
