// The commands that only look.

import ArgumentParser
import QueueRunner
import Runtime

struct Preview: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "preview",
    abstract: "Validate a workflow and show what an approval would cover; runs nothing.",
    discussion: """
      What this machine and project add to the manifest: the program that each host command would run, with its
      hash; how many files match each glob now (`files`); which names of the environment are set (`environment`);
      and `warnings` for what grants more than work usually needs. Nothing of that is part of the approval.

      Example:
        flowdex preview examples/code-audit.ts
      """)

  @Argument(help: "A workflow file, or the name of a saved one.", completion: .file(extensions: ["ts"]))
  var workflow: String
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let project = try Project.find(from: ".")
    let (source, file) = try WorkflowFile.read(workflow, in: project)
    let document = try WorkflowDocument.read(text: source, file: file)
    // Where there is no project yet, `run` would make it here.
    let root = project?.layout.projectRoot ?? "."
    let facts = try PreviewFacts.look(at: document.manifest, projectRoot: root)
    let preview = Runtime.Preview(document, facts: facts)
    TypeNote.say(source, file, in: project, isRead: true)
    if json { return Console.json(preview.json) }
    Console.out(preview.text(isColoured: Console.isColoured(1)))
  }
}

struct List: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the project's runs, newest first.", discussion: "Example:\n  flowdex list --json")

  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    guard let project = try Project.find(from: ".") else {
      if json { Console.json([]) } else { Console.note("there is no `.flowdex` here: no runs") }
      return
    }
    let (runs, broken) = try RunViews.list(project)
    show(runs)
    for error in broken { Console.note(error.description) }
    if !broken.isEmpty { throw ExitCode(1) }
  }

  private func show(_ runs: [JSONValue]) {
    if json { return Console.json(.array(runs)) }
    Console.table(
      runs.map { run in
        let counts = run["taskCounts"]?.object?.members.map { "\($0.key)=\($0.value.compactText)" } ?? []
        return [
          run["runId"]?.string ?? "", run["status"]?.string ?? "",
          Console.time(run["updatedAt"]?.string ?? ""), counts.joined(separator: " "),
        ]
      }, heads: ["RUN", "STATUS", "CHANGED", "TASKS"])
  }
}

struct Status: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Where a run and each of its tasks stand.",
    discussion: """
      As JSON: {runId, run, counts, usage, usageByPhase, tasks}. In `run`, `error` says why it failed, and
      `inputHash` is the SHA-256 of the input. `leaseLeftMs` of a task that is held goes below zero where its worker is
      late. `polling` of the `driver` says what it looks at on a timer for want of hints, and why. Without --compact, a
      task has also parentOpKey, spec, usage, resultArtifactId, schemaRefusals, expiries, keptFrom, createdAt and
      updatedAt.

      Example:
        flowdex status RUN --compact --json
      """)

  @Argument(help: "The run's id.", completion: .run) var runId: String
  @Flag(help: "Only what tells where each task stands.") var compact = false
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let run = try Composition.run(runId)
    let status = try RunViews.status(run, isCompact: compact || !json)
    if json { return Console.json(status) }
    let record = try run.record()
    Console.table([[run.layout.runId, record.status.rawValue, record.name, record.error ?? ""]])
    if let driver = status["run"]?["driver"], let pid = driver["pid"]?.int,
      let polling = driver["polling"]?.string
    {
      Console.note("process \(pid), which drives run `\(run.layout.runId)`: \(polling)")
    }
    let columns = [
      "childKey", "phase", "status", "attempt", "agentRef", "leaseExpiresAt", "summary", "error",
    ]
    Console.table(
      (status["tasks"]?.array ?? []).map { task in
        columns.map { column in
          if column == "leaseExpiresAt", let leftMs = task["leaseLeftMs"]?.int, Console.isTerminal {
            return TimeWords.left(ms: Int64(leftMs))
          }
          return task[column]?.string ?? task[column]?.int.map(String.init) ?? "-"
        }
      }, heads: ["TASK", "PHASE", "STATUS", "TRY", "WORKER", "LEASE", "SUMMARY", "ERROR"])
  }
}

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "The run, its operations and its events, as JSON.",
    discussion: """
      {run, events}: `run` as in `flowdex status`, with `operations`, and with --all `generations`.

      Example:
        flowdex inspect RUN | jq '.events[].type'
      """)

  @Argument(help: "The run's id.", completion: .run) var runId: String
  @Flag(help: "Show the generations that restarts have replaced, too.") var all = false

  func run() throws { Console.json(try RunViews.inspect(try Composition.run(runId), all: all)) }
}

struct Report: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "The run's report, or one value in it, as JSON.",
    discussion: """
      Example:
        flowdex report RUN --path summary.byRule
        flowdex report RUN --path 'files."src/a.b".0' --raw
        flowdex report RUN --paths
        flowdex report RUN --usage --path run.tokens
        flowdex report RUN --html report.html

      With --usage: {run, phases, tasks}, the sums of what the results say they used.

      --html and --markdown show the whole run, also one that has no report yet: report, claims with their
      evidence, what happened to each task when, usage, workflow and approval. The HTML file needs nothing else,
      runs no script and loads nothing; `-` is standard output.
      """)

  @Argument(help: "The run's id.", completion: .run) var runId: String
  @Option(help: "The value to print: keys and indexes joined by dots; keys with dots in double quotes.")
  var path: String?
  @Flag(help: "Print a string without its quotes.") var raw = false
  @Flag(help: "List the paths that there are.") var paths = false
  @Flag(help: "Instead of the report: usage, added up for the run, each phase and each task.")
  var usage = false
  @Option(help: "Write the run as one HTML page to this file.") var html: String?
  @Flag(help: "Print the run as Markdown.") var markdown = false

  func validate() throws {
    let isPage = html != nil || markdown
    if isPage, path != nil || raw || paths || usage {
      throw ValidationError("`--html` and `--markdown` show the whole run: they go with no other option")
    }
    if html != nil, markdown { throw ValidationError("`--html` and `--markdown` exclude each other") }
    if html == "" { throw ValidationError("`--html` is empty: expected the file to write") }
  }

  func run() throws {
    if html != nil || markdown { return try show(RunPage.of(Composition.run(runId))) }
    let way = try path.map { try ReportPath($0) }
    let run = try Composition.run(runId)
    var value = usage ? try RunViews.usage(run) : try report(run)
    if let way { value = try way.resolve(in: value) }
    if paths {
      for path in ReportPath.all(in: value) { Console.out(path) }
    } else if raw, let string = value.string {
      Console.out(string)
    } else {
      Console.json(value)
    }
  }

  private func show(_ page: RunPage) throws {
    if markdown {
      Console.raw(page.markdown())
    } else if let html, html != "-" {
      try FileSystem.put(page.html(), at: html)
    } else {
      Console.raw(String(decoding: page.html(), as: UTF8.self))
    }
    if page.hasReport { return }
    Console.note("run `\(page.runId)` has no report; the page shows how far it has come")
    throw ExitCode(1)
  }

  private func report(_ run: Run) throws -> JSONValue {
    guard let text = try run.reportText() else {
      let record = try run.record()
      throw FlowdexError.failed(
        "no-report", "run `\(run.layout.runId)` is \(record.status.rawValue) and has no report",
        next: record.error.map { "it failed: \($0)" }
          ?? "run `flowdex explain \(run.layout.runId)` to see what it waits for")
    }
    return try JSONValue(parsing: Array(text.utf8), limits: .unlimited)
  }
}

struct RepairEvents: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair-events",
    abstract: "Rebuild a run's events.jsonl from its state, byte for byte.",
    discussion: "Example:\n  flowdex repair-events RUN")

  @Argument(help: "The run's id.", completion: .run) var runId: String
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let run = try Composition.run(runId)
    let runId = run.layout.runId
    let count = try run.database.rebuildEvents()
    if json {
      Console.json(["runId": .string(runId), "events": JSONValue(count)])
    } else {
      Console.table([[runId, "\(count)"]])
    }
  }
}
