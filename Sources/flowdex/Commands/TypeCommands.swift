// Writing a workflow with types, and checking it before it is run.

import ArgumentParser
import QueueRunner
import Runtime

struct Types: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "types",
    abstract: "Write the types of @flowdex/runtime, so that an editor completes and checks workflows.",
    discussion: """
      Writes .flowdex/types/runtime.d.ts, and deno.json and tsconfig.json where there are none. One that is there
      is never changed: what to add to it is said instead. From then on, `run --yes` says when types fail, as
      `preview` always does.

      Example:
        flowdex types
      """)

  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let files = try TypeFiles.write(in: try Composition.projectOrNew().layout)
    if json {
      Console.json([
        "files": .array(
          files.map {
            ["file": .string($0.file), "outcome": .string($0.outcome.rawValue), "add": JSONValue($0.add)]
          })
      ])
    } else {
      Console.table(files.map { [$0.outcome.rawValue, $0.file] })
    }
    for file in files { if let add = file.add { Console.note("`\(file.file)` is yours: add \(add)") } }
  }
}

struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check a workflow: its shape, its manifest, and its types; runs nothing.",
    discussion: """
      Each problem is `file:line:column: what`, with the line that it is in. Types are checked by Deno, offline and
      contained, once shape and manifest are right. Exits with 1 if there is a problem.

      Example:
        flowdex check examples/code-audit.ts
      """)

  @Argument(help: "A workflow file, or the name of a saved one.") var workflow: String
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let project = try Project.find(from: ".")
    let (source, file) = try WorkflowFile.read(workflow, in: project)
    let problems = try WorkflowCheck.problems(in: source, projectRoot: project?.layout.projectRoot ?? ".")
    if json {
      Console.json([
        "file": .string(file), "valid": .bool(problems.isEmpty), "problems": .array(problems.map(\.json)),
      ])
    } else {
      let text = String(decoding: source, as: UTF8.self)
      for problem in problems {
        Console.out(problem.text(file: file, source: text, isColoured: Console.isColoured(1)))
      }
      if problems.isEmpty { Console.note("`\(file)` is a workflow, and its types are right") }
    }
    if !problems.isEmpty { throw ExitCode(1) }
  }
}

/// What `preview` and `run` say of types.
enum TypeNote {
  /// Says it when types fail, and stops nothing: a run strips types and never looks at them.
  ///
  /// - Parameter isRead: whether a person is about to read the workflow's preview. Else it takes a project that has
  ///   asked for types with `flowdex types`, for a check costs most of a second.
  static func say(_ source: [UInt8], _ file: String, in project: Project?, isRead: Bool) {
    guard isRead || project.map({ TypeFiles.areWanted(in: $0.layout) }) == true else { return }
    do {
      let problems = try TypeCheck.problems(in: source, projectRoot: project?.layout.projectRoot ?? ".")
      guard let first = problems.first else { return }
      let more = problems.count > 1 ? " and \(problems.count - 1) more" : ""
      Console.note(
        "types fail: \(file):\(first.line):\(first.column): \(first.message)\(more) (run `flowdex check \(file)` to see)"
      )
    } catch {
      Console.note("types were not checked: \((error as? FlowdexError)?.description ?? "\(error)")")
    }
  }
}
