import ArgumentParser
import Glibc
import QueueRunner
import Runtime

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Create a run and drive it until it ends or needs workers.",
    discussion: """
      Example:
        flowdex run examples/code-audit.ts --input '{"shards": 4}' --yes

      The same --run-id with the same source and input continues that run.
      """)

  @Argument(help: "A workflow file, or the name of a saved one.", completion: .file(extensions: ["ts"]))
  var workflow: String
  @Option(help: "The input: JSON, @file, or - for stdin.") var input: String = "{}"
  @Flag(help: "Approve what `flowdex preview` shows.") var yes = false
  @Option(help: "The new run's id; `latest` continues the run that was created last.") var runId: String?
  @Option(help: "A run whose agents' results are kept where the task is the same.", completion: .run)
  var reuse: String?

  func run() throws {
    let project = try Composition.projectOrNew()
    let (source, file) = try WorkflowFile.read(workflow, in: project)
    let document = try WorkflowDocument.read(text: source, file: file)
    let new = Project.NewRun(
      document: document, source: source, input: try InputArgument.read(input),
      id: runId == Project.latest ? try project.resolve(Project.latest) : runId, reuse: reuse)
    let environment = try Composition.environment(project)
    if let run = try project.existing(new) {
      Console.note("run `\(run.layout.runId)` is there: continuing it")
      return try Composition.finish(try run.drive(environment))
    }
    TypeNote.say(source, file, in: project, isRead: !yes)
    if !yes { try approve(document, in: project) }
    let run = try project.create(new)
    Console.note("run \(run.layout.runId)")
    try Composition.finish(try run.drive(environment))
  }

  /// Asks on a terminal; elsewhere nobody can say yes.
  private func approve(_ document: WorkflowDocument, in project: Project) throws {
    let facts = try PreviewFacts.look(at: document.manifest, projectRoot: project.layout.projectRoot)
    Console.error(Runtime.Preview(document, facts: facts).text(isColoured: Console.isColoured(2)))
    guard Console.isInteractive else {
      throw FlowdexError(
        .needsApproval, "not-approved", "the workflow above was not approved",
        next: "run it with --yes to approve it")
    }
    Console.prompt("Run it? [y/N] ")
    let answer = readLine()?.lowercased() ?? ""
    if answer != "y" && answer != "yes" {
      throw FlowdexError(.needsApproval, "not-approved", "the workflow was not approved")
    }
  }
}

/// Workflow files and saved workflows.
enum WorkflowFile {
  /// The bytes, and the name to show in errors: a path wins over a saved name.
  static func read(_ name: String, in project: Project?) throws -> ([UInt8], String) {
    if try FileSystem.entry(name) != nil { return (try FileSystem.read(name, limitBytes: 6 << 20), name) }
    if let project, OperationNames.isId(name) {
      let saved = project.layout.savedWorkflow(name)
      if try FileSystem.entry(saved) != nil {
        return (try FileSystem.read(saved, limitBytes: 6 << 20), saved)
      }
    }
    let nearest = Nearest.of(name, in: try project?.savedWorkflows().map(\.name) ?? [])
    throw FlowdexError.failed(
      "workflow-not-found", "there is no workflow file or saved workflow `\(name)`",
      next: nearest.map { "did you mean `\($0)`?" }
        ?? "run `flowdex workflow list` to see the saved ones, or `flowdex init` to write a file")
  }
}

/// JSON given as text, as `@file`, or on stdin as `-`.
enum InputArgument {
  static func bytes(_ argument: String) throws -> [UInt8] {
    if argument == "-" { return try FileSystem.readAll(0, "standard input", limitBytes: 1 << 30) }
    if argument.hasPrefix("@") { return try FileSystem.read(String(argument.dropFirst())) }
    return Array(argument.utf8)
  }

  static func read(_ argument: String) throws -> [UInt8] {
    let bytes = try bytes(argument)
    do {
      _ = try JSONValue(parsing: bytes)
      return bytes
    } catch {
      throw FlowdexError.usage("input", "the input is not JSON: \(error.description)")
    }
  }
}
