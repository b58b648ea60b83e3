// The host commands that a driver has running: at most as many as the machine has cores.

import Glibc
import QueueRunner

/// Starts commands and collects their outcomes, which arrive from the commands' own threads.
final class CommandBoard {
  private let run: Run
  private let manifest: Manifest
  private let slots: Int
  private let finished: Mailbox<(key: String, of: PreparedCommand, outcome: HostCommandOutcome)>
  /// So that commands which follow one another have one supervisor.
  private let supervisors = SupervisorPool()
  private var live: [String: PreparedCommand] = [:]
  /// How commands came to their end, for as long as that is not committed.
  private(set) var held: [(key: String, ending: Ending)] = []
  private var programs = ProgramFinder()

  enum Ending {
    case outcome(HostCommandOutcome)
    /// The machine could not open its gate: nothing of it ran.
    case unbegun(FlowdexError)
  }

  init(run: Run, manifest: Manifest, slots: Int) throws {
    self.run = run
    self.manifest = manifest
    self.slots = max(1, slots)
    finished = try Mailbox()
  }

  /// Readable when a command has finished.
  var descriptor: Int32 { finished.descriptor }
  var running: Int { live.count }
  var freeSlots: Int { slots - live.count }
  /// Also one that has ended without that being committed.
  func isRunning(_ key: String) -> Bool { live[key] != nil || held.contains { $0.key == key } }
  var runningKeys: [String] { live.keys.sorted() }

  /// Gives the command to a supervisor, which waits until its intent is committed.
  func prepare(_ commandId: String) throws -> PreparedCommand {
    guard let command = manifest.permissions.hostCommands.first(where: { $0.id == commandId }) else {
      throw FlowdexError.bug("host-command", "the manifest has no command `\(commandId)`")
    }
    try FileSystem.makeDirectories(run.layout.temporary)
    let cwd = command.folder(in: run.project.projectRoot)
    let environment = Self.environment(manifest.permissions.inheritedEnvironment)
    let program = try programs.find(
      command.argv[0], cwd: cwd, path: environment["PATH"] ?? HostCommandRunner.defaultPath)
    return try HostCommandRunner.prepare(
      HostCommandSpec(
        argv: command.argv, cwd: cwd, environment: environment, program: program,
        timeoutMs: command.timeoutMs, maxOutputBytes: command.maxOutputBytes),
      spillFolder: run.layout.temporary, pool: supervisors)
  }

  /// Opens the gate of a command whose intent is committed.
  func go(_ key: String, _ prepared: PreparedCommand) throws {
    let mailbox = finished
    try prepared.go { outcome in mailbox.post((key: key, of: prepared, outcome: outcome)) }
    live[key] = prepared
  }

  /// What has finished since the last call, but for what was cancelled: its key may be another generation's by
  /// now, with a command of its own.
  func takeFinished() -> [(key: String, outcome: HostCommandOutcome)] {
    finished.takeAll().compactMap { key, prepared, outcome in
      guard live[key] === prepared else { return nil }
      live[key] = nil
      return (key, outcome)
    }
  }

  /// Adds to `held` what has finished since the last call.
  func holdFinished() {
    for (key, outcome) in takeFinished() where !outcome.cancelled {
      held.append((key: key, ending: .outcome(outcome)))
    }
  }

  func hold(unbegun key: String, _ error: FlowdexError) { held.append((key: key, ending: .unbegun(error))) }

  /// What was held is committed.
  func letGo() { held = [] }

  /// Kills what runs, with all its descendants. How others have ended is nobody's business any more.
  func cancelAll() {
    for prepared in live.values { prepared.cancel() }
    live = [:]
    held = []
    supervisors.dismiss()
  }

  /// Nothing is to be started for a while: no process waits for it.
  func rest() { supervisors.dismiss() }

  /// PATH, and the names that the manifest inherits: nothing else of our environment reaches a command.
  private static func environment(_ names: [String]) -> [String: String] {
    var environment: [String: String] = [:]
    for name in ["PATH"] + names {
      if let value = getenv(name) { environment[name] = String(cString: value) }
    }
    return environment
  }
}

extension Manifest.HostCommand {
  /// Where the command is run.
  func folder(in projectRoot: String) -> String {
    cwd == "project" ? projectRoot : "\(projectRoot)/\(cwd)"
  }
}
