// Keeping workflows, and going on from an earlier point.

import ArgumentParser
import QueueRunner
import Runtime

struct RestartAgent: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restart-agent",
    abstract: "Run one task, one fan-out or one command anew, and what follows from it; then drive.",
    discussion: """
      Results of tasks whose specification stays the same are kept. The generation before stays readable:
      flowdex inspect RUN --all

      Example:
        flowdex restart-agent RUN 'fanout:audit#shard-3'
      """)

  @Argument(help: "The run's id.", completion: .run) var runId: String
  @Argument(help: "An operation's key, such as fanout:audit, or a task's child key.", completion: .childKey)
  var key: String
  @Flag(help: "Only say what would run anew, be replayed and be kept.") var dryRun = false

  func run() throws {
    let project = try Composition.project()
    let run = try Composition.open(runId, in: project)
    if dryRun { return show(try run.restartPlan(key), of: run) }
    let environment = try Composition.environment(project)
    let invalidated = try run.restart(key)
    let result = try run.drive(environment)
    try Composition.finish(result, also: [("invalidated", .array(invalidated.map(JSONValue.string)))])
  }

  private func show(_ plan: RestartPlan, of run: Run) {
    func keys(_ keys: [String]) -> JSONValue { .array(keys.map(JSONValue.string)) }
    Console.json([
      "runId": .string(run.layout.runId), "dryRun": true, "invalidated": keys(plan.invalidated),
      "replayed": keys(plan.replayed), "kept": keys(plan.kept),
    ])
  }
}

struct Save: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "save",
    abstract: "Keep a run's workflow by name.", discussion: "Example:\n  flowdex save RUN nightly-audit")

  @Argument(help: "The run's id.", completion: .run) var runId: String
  @Argument(help: "The name to keep it by.") var name: String
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let project = try Composition.project()
    let path = try project.save(try project.open(runId), as: name)
    if json {
      Console.json(["name": .string(name), "path": .string(path)])
    } else {
      Console.table([[name, path]])
    }
  }
}

struct Workflow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "workflow",
    abstract: "Saved workflows.", discussion: "Example:\n  flowdex workflow list",
    subcommands: [WorkflowList.self])
}

struct WorkflowList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the saved workflows.",
    discussion: "Example:\n  flowdex workflow list --json")

  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let saved = try Project.find(from: ".")?.savedWorkflows() ?? []
    if json {
      Console.json(.array(saved.map { ["name": .string($0.name), "path": .string($0.path)] }))
    } else {
      Console.table(saved.map { [$0.name, $0.path] })
    }
  }
}

struct Skill: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "skill",
    abstract: "The bundled skill for coding agents.",
    discussion: "Example:\n  flowdex skill install --claude",
    subcommands: [SkillInstall.self])
}

struct SkillInstall: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "install",
    abstract: "Copy the bundled agent skill to where agents look for it.",
    discussion: """
      Without an option: $CODEX_HOME/skills/flowdex, else ~/.codex/skills/flowdex.

      Example:
        flowdex skill install --claude
      """)

  @Option(help: "The folder to copy it to.") var target: String?
  @Flag(help: "Copy it to ~/.claude/skills/flowdex.") var claude = false
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    if claude, target != nil { throw ValidationError("`--claude` and `--target` exclude each other") }
    if target == "" { throw ValidationError("`--target` is empty: expected the folder to copy it to") }
  }

  func run() throws {
    let place = try target ?? (claude ? BundledSkill.claudeFolder() : BundledSkill.codexFolder())
    let changed = try BundledSkill.install(in: place)
    if json {
      Console.json([
        "skill": .string(BundledSkill.name), "destination": .string(place),
        "filesCopied": JSONValue(changed.count),
      ])
    } else {
      for file in changed { Console.out("\(place)/\(file)") }
      if changed.isEmpty { Console.note("`\(place)` is up to date") }
    }
  }
}
