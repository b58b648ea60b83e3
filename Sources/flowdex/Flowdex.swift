// The command tree, and the only place that prints an error and chooses an exit status.

import ArgumentParser
import Glibc
import QueueRunner
import Runtime

/// The root command.
@main
struct Flowdex: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flowdex",
    abstract: "A durable workflow runtime over a queue of folders.",
    discussion: """
      -C DIR before or after a command works as if flowdex had been started in DIR.

      Example:
        flowdex run examples/hello.ts --yes
        flowdex watch --dispatch
      """,
    version: Version.text,
    subcommands: [
      Preview.self, RunCommand.self, Init.self, Types.self, Check.self, List.self, Next.self,
      AttachAgent.self, Renew.self,
      CompleteAgent.self,
      CheckResult.self, CollectResults.self, Watch.self, WorkCommand.self, Status.self, Inspect.self,
      Report.self,
      Continue.self, Pause.self, Stop.self, Resume.self, RestartAgent.self, RepairEvents.self, Save.self,
      Workflow.self, Skill.self, DoctorCommand.self, Explain.self, Remove.self,
    ])

  static func main() {
    Console.settle()
    LockWaits.tell(Console.aside)
    var arguments = CommandWords.given()
    do {
      try Self.changeFolder(&arguments)
      try UsageWords.checkCommand(arguments, of: Self.self)
      var command = try parseAsRoot(arguments)
      try command.run()
    } catch let error as FlowdexError {
      Console.note(error.kind == .bug ? BugNote.text(error) : error.description)
      Glibc.exit(status(of: error))
    } catch let code as ExitCode {
      Glibc.exit(code.rawValue)
    } catch {
      exitByParser(error)
    }
  }

  /// `-C DIR`, anywhere before `--`: as git does, everything that follows happens in DIR.
  private static func changeFolder(_ arguments: inout [String]) throws {
    let end = arguments.firstIndex(of: "--") ?? arguments.count
    guard let at = arguments[..<end].firstIndex(of: "-C") else { return }
    guard at + 1 < end else {
      throw FlowdexError.usage("usage", "`-C` needs the folder to work in")
    }
    if chdir(arguments[at + 1]) != 0 { throw FileSystem.failure("go into", arguments[at + 1]) }
    arguments.removeSubrange(at...(at + 1))
  }

  /// Help, and usage errors in our words; anything else that arrives here is a bug of ours.
  private static func exitByParser(_ error: any Error) -> Never {
    let code = exitCode(for: error)
    if code == .success {
      Console.out(fullMessage(for: error))
    } else if code == .validationFailure {
      Console.note(UsageWords.error(message(for: error), help: fullMessage(for: error)).description)
    } else {
      Console.note(BugNote.text(.bug("unknown", "an error that nobody has worded", details: "\(error)")))
      Glibc.exit(1)
    }
    Glibc.exit(code.rawValue)
  }

  private static func status(of error: FlowdexError) -> Int32 {
    switch error.kind {
    case .usage: 64
    case .needsApproval: 3
    case .failed, .machine, .bug: 1
    }
  }
}
