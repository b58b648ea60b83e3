// Which supervisor a command was given to, in a form that outlives this process and the machine's boot.

import CSpawn
import Glibc
import QueueRunner

/// A supervisor, past or present. A pid alone says nothing: it is reused. With the start time and the boot it
/// names one process for ever.
struct ProcessIdentity: Sendable, Equatable {
  /// Also the id of the supervisor's session.
  let pid: Int32
  /// Clock ticks from boot to its start (`/proc/<pid>/stat`, field 22, proc(5)).
  let startTicks: Int64
  /// `/proc/sys/kernel/random/boot_id`.
  let bootId: String

  init(pid: Int32, startTicks: Int64, bootId: String) {
    self.pid = pid
    self.startTicks = startTicks
    self.bootId = bootId
  }

  /// `<pid> <start ticks> <boot id>`.
  var text: String { "\(pid) \(startTicks) \(bootId)" }

  /// nil for anything that `text` does not write.
  init?(text: String) {
    let parts = text.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 3, let pid = Int32(parts[0]), let ticks = Int64(parts[1]), pid > 1, ticks >= 0,
      !parts[2].isEmpty
    else { return nil }
    self.init(pid: pid, startTicks: ticks, bootId: String(parts[2]))
    guard self.text == text else { return nil }
  }

  /// How long a kill may take before it is called impossible, in milliseconds.
  private static let patienceMs = 10_000

  /// Ends the supervisor and everything that its command started, and returns when all of it is gone.
  /// Processes that are not this supervisor's are never signalled, whatever pids they have by now.
  ///
  /// A supervisor that lives is asked (SIGTERM), for it alone can reach every descendant. What outlived a
  /// supervisor that was itself killed is known by the mark that it left on them (`flowdex_command_mark`).
  /// Nothing of another boot can live.
  ///
  /// - Throws: `host-command-survives` if something does not go: it sleeps in the kernel, or belongs to
  ///   another user; another machine error where it could not be found out what there is.
  func killIfAlive() throws {
    if bootId != SystemClock().bootId() { return }
    try askSupervisor()
    let end = SystemClock().bootMs() + Int64(Self.patienceMs)
    var pauseMs = 1
    while true {
      let survivors = try marked()
      if survivors.isEmpty { return }
      for survivor in survivors { try Self.signal(survivor, SIGKILL) }
      if SystemClock().bootMs() > end {
        throw FlowdexError.machine(
          "host-command-survives",
          "process \(survivors[0].pid), which a host command of this run started, cannot be killed",
          next: "end it, then run the same command again")
      }
      // There is nothing to wait on: the survivors are not children of ours.
      poll(nil, 0, Int32(pauseMs))
      pauseMs = min(pauseMs * 2, 100)
    }
  }

  private func askSupervisor() throws {
    guard let supervisor = try ProcessRecord(pid: pid), supervisor.startTicks == startTicks else { return }
    guard let pidfd = try Self.pin(supervisor) else { return }
    defer { close(pidfd) }
    _ = flowdex_command_pidfd_signal(pidfd, SIGTERM)
    _ = flowdex_command_pidfd_signal(pidfd, SIGCONT)
    _ = try? Poller.wait([pidfd], timeoutMs: Self.patienceMs)
  }

  /// The live processes that carry this supervisor's mark.
  private func marked() throws -> [ProcessRecord] {
    let mark = flowdex_command_mark(pid, startTicks)
    return try ProcessRecord.all(notBefore: startTicks).filter { try $0.realTimeLimit() == mark }
  }

  private static func signal(_ process: ProcessRecord, _ number: Int32) throws {
    guard let pidfd = try pin(process) else { return }
    _ = flowdex_command_pidfd_signal(pidfd, number)
    close(pidfd)
  }

  /// A descriptor of exactly that process: taken first and compared afterwards, so the pid can no longer be
  /// given to another. nil if it is gone.
  private static func pin(_ process: ProcessRecord) throws -> Int32? {
    let pidfd = flowdex_command_pidfd(process.pid)
    if pidfd < 0 {
      // EINVAL: older kernels say so of a leader that is gone, while its number is still that of its group or session.
      if errno == ESRCH || errno == EINVAL { return nil }
      throw FileSystem.failure("open a descriptor of", "process \(process.pid)")
    }
    do {
      if try ProcessRecord(pid: process.pid)?.startTicks == process.startTicks { return pidfd }
    } catch {
      close(pidfd)
      throw error
    }
    close(pidfd)
    return nil
  }
}
