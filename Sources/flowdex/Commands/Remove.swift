import ArgumentParser
import QueueRunner
import Runtime

struct Remove: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rm",
    abstract: "Remove runs that have ended, with everything that belongs to them.",
    discussion: """
      A run that may go on (running, needs-dispatch, paused) is never removed: stop it first. The files go slowly, so
      that other work on the disk does not suffer.

      Example:
        flowdex rm --older-than 30d --dry-run
        flowdex rm 2026-11-23T15-36-01-123Z-code-audit
      """)

  @Argument(help: "The runs' ids.", completion: .run) var runIds: [String] = []
  @Option(help: "Every run that ended so long ago or longer: a number and m, h, d or w.") var olderThan: Age?
  @Flag(help: "Only say what would be freed.") var dryRun = false
  @Flag(help: "Also runs whose state is damaged, where they are named.") var broken = false
  @Flag(help: "Print JSON.") var json = false

  /// `30d`.
  struct Age: ExpressibleByArgument {
    let ms: Int64
    init?(argument: String) {
      let units: [Character: Int64] = ["m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000]
      guard let unit = argument.last.flatMap({ units[$0] }), let count = Int64(argument.dropLast()),
        (0...100_000).contains(count)
      else { return nil }
      ms = count * unit
    }
  }

  func validate() throws {
    if runIds.isEmpty == (olderThan == nil) {
      throw ValidationError("expected either the ids of runs or `--older-than`")
    }
  }

  func run() throws {
    let which = olderThan.map { RunsToRemove.ended(ageMs: $0.ms) } ?? .named(runIds)
    show(try Composition.project().remove(which, broken: broken, isDry: dryRun))
  }

  private func show(_ runs: [RemovedRun]) {
    let bytes = runs.map(\.bytes).reduce(0, +)
    if json {
      return Console.json([
        "dryRun": .bool(dryRun), "freedBytes": JSONValue(bytes),
        "removed": .array(
          runs.map {
            [
              "runId": .string($0.runId), "status": JSONValue($0.status?.rawValue),
              "entries": JSONValue($0.entries), "bytes": JSONValue($0.bytes),
            ]
          }),
      ])
    }
    Console.table(
      runs.map { [$0.runId, $0.status?.rawValue ?? "broken", "\($0.entries)", "\($0.bytes)"] },
      heads: ["RUN", "STATUS", "ENTRIES", "BYTES"])
    Console.note(
      "\(dryRun ? "would free" : "freed") \(Self.size(bytes)) of \(runs.count) run\(runs.count == 1 ? "" : "s")"
    )
  }

  /// `12 KiB`, `3.4 MiB`.
  static func size(_ bytes: Int64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    var value = Double(bytes)
    var unit = 0
    while value >= 1024, unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    let tenths = (value * 10).rounded() / 10
    return "\(unit == 0 || tenths >= 100 ? "\(Int(tenths.rounded()))" : "\(tenths)") \(units[unit])"
  }
}
