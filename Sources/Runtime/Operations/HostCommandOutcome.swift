// How a host command ended, and the words for one that never began.

import CSpawn
import Glibc
import QueueRunner

/// The end of a host command. Exactly one of `exitCode` and `signal` is set.
struct HostCommandOutcome: Sendable, Equatable {
  /// 0 to 255; for a command that could not be started 127 (not found) or 126 (found, but cannot run), the
  /// numbers that shells give (POSIX XCU 2.8.2).
  let exitCode: Int?
  /// The number of the signal that ended it.
  let signal: Int?
  /// Whether `timeoutMs` passed, however the command then ended.
  let timedOut: Bool
  /// Whether `PreparedCommand.cancel` came first; its streams then hold no file.
  let cancelled: Bool
  /// Why the command never ran; the same line is in `stderr`.
  let startError: String?
  /// Whether that was for want of processes, descriptors or memory: nothing of the command ran, and it may start
  /// once the machine has them.
  let lacksMachine: Bool
  /// Whether its supervisor did not tell how it ended: it may have done all that it does. It is given as killed.
  var isUnknown = false
  /// Why something of such a command may still run.
  var survival: FlowdexError?
  let stdout: CapturedStream
  let stderr: CapturedStream
  /// From the start of the command to its own end.
  let durationMs: Int

  /// Exit code zero in time. Output that the machine could not keep does not make it otherwise.
  var succeeded: Bool { exitCode == 0 && !timedOut && !cancelled }

  /// Why the machine could not keep all of the output that was to be kept.
  var problem: String? { stdout.problem ?? stderr.problem }
}

/// A command that could not be started.
struct StartFailure: Error, Equatable {
  let message: String
  let exitCode: Int
  /// The machine has no more of what a start takes, or could not read the program.
  let lacksMachine: Bool

  /// What says nothing about the command: EAGAIN is a limit on processes (fork(2), execve(2)).
  private static let ofMachine: Set<Int32> = [EAGAIN, ENOMEM, EMFILE, ENFILE, EIO]

  /// nil when the report says that the command ran.
  init?(_ report: flowdex_command_report, _ spec: HostCommandSpec) {
    if report.step == Int32(FLOWDEX_COMMAND_STARTED.rawValue) { return nil }
    lacksMachine =
      report.step == Int32(FLOWDEX_COMMAND_FORK.rawValue) || Self.ofMachine.contains(report.error)
    let program = spec.argv.first ?? ""
    let cause = String(cString: strerror(report.error)).lowercased()
    switch report.step {
    case Int32(FLOWDEX_COMMAND_FOLDER.rawValue):
      message = "cannot enter the command's folder `\(spec.cwd)`: \(cause)"
      exitCode = 126
    case Int32(FLOWDEX_COMMAND_INTERPRETER.rawValue):
      message =
        "cannot run `\(program)`: the interpreter that its first line names, or its loader, is missing"
      exitCode = 126
    case Int32(FLOWDEX_COMMAND_EXEC.rawValue) where report.error == ENOENT:
      message =
        program.utf8.contains(UInt8(ascii: "/"))
        ? "there is no program `\(program)`" : "there is no program `\(program)` along PATH"
      exitCode = 127
    case Int32(FLOWDEX_COMMAND_EXEC.rawValue) where report.error == ENOEXEC:
      message =
        "cannot run `\(program)`: it is neither a program of this machine nor a script whose first line is "
        + "`#!` and an interpreter"
      exitCode = 126
    default:
      message = "cannot run `\(program)`: \(cause)"
      exitCode = 126
    }
  }
}
