import ArgumentParser
import QueueRunner
import Runtime

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Whether flowdex can work here: programs, kernel, disk, clock, and what runs left behind.",
    discussion: """
      Each line is `ok`, `warning` (it works, but more slowly or with one layer of protection less) or `problem`
      (somebody must do something), with what to do. Exits with 1 if there is a problem, else with 0.

      Example:
        flowdex doctor --json
      """)

  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let doctor = try Doctor.visit(".")
    if json {
      Console.json(doctor.json)
    } else {
      Console.table(doctor.findings.map { [$0.standing.rawValue, $0.id, $0.found, $0.next ?? ""] })
    }
    if doctor.hasProblem { throw ExitCode(1) }
  }
}
