// The processes that stand between flowdex and its host commands (CSpawnCommand.h), and those of them that wait for
// their next command.

import CSpawn
import Glibc
import QueueRunner

/// A supervisor process, which serves one command at a time. It lives until `end`, or until the last reference is gone.
final class Supervisor: Sendable {
  /// Who it is: committed as the intent of each operation whose command it is given.
  let identity: ProcessIdentity
  /// The socket that joins it to us.
  let link: Int32
  private let hasEnded = Guarded(false)

  /// Forks one, and waits until it is ready.
  ///
  /// - Throws: a machine error if there are no processes or descriptors to be had, or no `/proc`.
  init(for program: String) throws {
    var made = flowdex_supervisor()
    let error = flowdex_supervisor_make(&made)
    if error != 0 { throw Self.failure(program, error) }
    link = made.link
    identity = ProcessIdentity(
      pid: made.pid, startTicks: made.start_ticks, bootId: SystemClock().bootId())
  }

  deinit { end() }

  static func failure(_ program: String, _ error: Int32) -> FlowdexError {
    .machine(
      "host-command-fork",
      "cannot make a supervisor for `\(program)`: \(String(cString: strerror(error)).lowercased())",
      next: error == ENOSYS ? "a supervisor needs `/proc` and Linux 5.3 or later" : nil)
  }

  /// Whether it can be given a command: nobody has ended it meanwhile, or stopped it.
  var isReady: Bool { flowdex_supervisor_is_ready(identity.pid, link) }

  /// What it would also see if this process died: it kills what it has running, reports, and goes.
  func tellToEnd() { shutdown(link, Int32(SHUT_WR)) }

  /// As `end`, for one that has nothing running: somebody may have stopped it, and it would not see that it is to go.
  func endIdle() { end(byForce: true) }

  /// Sends it away and waits until it is gone. Harmless when done twice.
  func end() { end(byForce: false) }

  private func end(byForce: Bool) {
    let isFirst = hasEnded.withLock { ended in
      defer { ended = true }
      return !ended
    }
    guard isFirst else { return }
    close(link)
    if byForce { kill(identity.pid, SIGKILL) }
    FileSystem.retrying { waitpid(identity.pid, nil, 0) }
  }
}

/// Supervisors whose command has ended with all that it started. One that is not taken again is sent away with the pool,
/// or by `dismiss`.
final class SupervisorPool: Sendable {
  private let idle = Guarded<[Supervisor]>([])

  /// How many wait.
  var count: Int { idle.withLock { $0.count } }

  /// One that lives, or nil.
  func take() -> Supervisor? {
    while let found = idle.withLock({ $0.popLast() }) {
      if found.isReady { return found }
      found.endIdle()
    }
    return nil
  }

  /// Keeps one whose command is over and not cancelled, and which has said that it goes on.
  func put(_ supervisor: Supervisor) { idle.withLock { $0.append(supervisor) } }

  /// Sends all of them away.
  func dismiss() {
    let all = idle.withLock { idle in
      defer { idle = [] }
      return idle
    }
    for supervisor in all { supervisor.endIdle() }
  }
}
