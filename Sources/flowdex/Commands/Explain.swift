import ArgumentParser
import QueueRunner
import Runtime

struct Explain: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract:
      "Why a run is where it is: what it waits for, who holds it, what was refused, what to type next.",
    discussion: """
      As JSON: {runId, name, status, why, generation, deliveries, driver, waitsFor, offered, dispatchable, held,
      refused, notCompleted, next}. What a restart would do: flowdex restart-agent RUN KEY --dry-run

      Example:
        flowdex explain latest
      """)

  @Argument(help: "The run's id.", completion: .run) var runId: String
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let explanation = try Explanation.of(try Composition.run(runId))
    if json { return Console.json(explanation.json) }
    Console.table(
      explanation.rows(left: TimeWords.left).map { row in
        Array(row.reversed().drop { $0.isEmpty }.reversed())
      })
  }
}
