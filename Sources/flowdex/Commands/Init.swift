import ArgumentParser
import QueueRunner
import Runtime

struct Init: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Write a workflow template; never overwrites.",
    discussion: """
      Templates: \(Templates.names.joined(separator: ", ")).

      Example:
        flowdex init code-audit workflows/audit.ts
      """)

  @Argument(help: "The template's name.", completion: .list(Templates.names)) var template: String
  @Argument(help: "The file to write.") var path: String
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    _ = try Composition.projectOrNew()
    try Templates.write(template, to: path)
    if json {
      Console.json(["template": .string(template), "path": .string(path)])
    } else {
      Console.out("\(template)\t\(path)")
    }
  }
}
