import ArgumentParser
import QueueRunner
import Runtime

struct Watch: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Hands-off: take results as they are dropped and drive the run until it ends.",
    discussion: """
      Without an id, every live run of the project is watched. With --dispatch, `queue/ready` is kept filled,
      and any number of workers take packages from it with `mv`.

      On a terminal it draws one screen: phases, workers with age and time left, what was refused, usage, and how long
      the tasks that there are now will take at the pace of the last minutes. Elsewhere it prints a line an event.
      Ctrl-C leaves the run as it is.

      Example:
        flowdex watch RUN --dispatch
      """)

  @Argument(help: "The run's id; without one, every live run.", completion: .run) var runId: String?
  @Flag(help: "Keep queue/ready filled with packages.") var dispatch = false
  @Option(help: "With --dispatch: how many packages may wait or be held (default: `maxConcurrency`).")
  var limit: Int?
  @Flag(help: "Look once, advance, print where things stand, and exit.") var once = false
  @Flag(help: "Look on a timer instead of waiting for the file system to tell.") var poll = false
  @Flag(help: "Print each event as one line of JSON.") var json = false

  func validate() throws {
    if limit != nil, !dispatch { throw ValidationError("`--limit` goes with `--dispatch`") }
    if let limit, limit < 1 { throw ValidationError("`--limit` is \(limit): expected 1 or more") }
  }

  func run() throws {
    let project = try Composition.project()
    let environment = try Composition.environment(project)
    let options = WatchOptions(
      dispatchLimit: dispatch ? limit ?? Int(Int32.max) : nil, once: once, poll: poll)
    let screen = observer()
    let results = try RunWatchers(project, options: options, environment: environment, observer: screen)
      .watch(runId)
    if let screen = screen as? LiveScreen { screen.leave() }
    if runId == nil, results.isEmpty { Console.note("no run is live") }
    for result in results where !json {
      Console.out("\(result.runId)\t\(result.status.rawValue)")
    }
    if results.contains(where: \.wasInterrupted) { try leave() }
    for result in results { try Composition.exit(result) }
  }

  /// Nothing is lost: leases go on, and results that are dropped meanwhile are found later.
  private func leave() throws {
    let again = (["flowdex watch"] + (runId.map { [$0] } ?? []) + (dispatch ? ["--dispatch"] : [])).joined(
      separator: " ")
    Console.note("interrupted; workers keep what they hold, and nothing is lost (run `\(again)` to go on)")
    throw ExitCode(130)
  }

  private func observer() -> any WatchObserver {
    if json { return JSONLines() }
    if Console.isLive, runId != nil, !once {
      let screen = LiveScreen()
      // Who waits for a lock draws nothing: the line goes below the picture, and the next one below the line.
      LockWaits.tell {
        screen.leave()
        Console.note($0)
      }
      return screen
    }
    return PlainLines()
  }
}
