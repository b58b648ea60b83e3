// Whether a session that works on a tick has gone beyond its manifest, judged from outside: the process may
// be in a loop that never comes back. Pure; the samples come from /proc (proc_pid_stat(5),
// proc_pid_statm(5)).

import QueueRunner

/// What the kernel says of a process.
struct ProcessSample: Sendable, Equatable {
  /// User and system time, in milliseconds. The kernel counts in steps of 10.
  var cpuMs: Int
  /// Resident memory in MiB.
  var residentMiB: Int
}

/// Follows one session over its ticks.
struct TickWatch {
  /// What Deno itself and the young generation may take beside the heap that the manifest grants.
  static let slackMiB = 192

  let limits: Manifest.Limits
  /// Milliseconds without an answer and without any CPU used, after which a session counts as dead.
  let silentMs: Int
  private var tickStartCpuMs: Int?
  private var lastCpuMs = 0
  private var quietMs = 0

  init(limits: Manifest.Limits, silentMs: Int) {
    self.limits = limits
    self.silentMs = silentMs
  }

  /// A tick begins, or another has been answered: what was used until now is not counted.
  mutating func begin() {
    tickStartCpuMs = nil
    quietMs = 0
  }

  /// Judges a look at the process, `elapsedMs` after the last one. While it `isStarting`, its CPU is its own.
  mutating func look(_ sample: ProcessSample, elapsedMs: Int, isStarting: Bool = false) -> SessionFailure? {
    let start = isStarting ? sample.cpuMs : tickStartCpuMs ?? sample.cpuMs
    tickStartCpuMs = start
    // A clock that jumps, as over a machine's sleep, is no silence.
    quietMs = sample.cpuMs == lastCpuMs ? quietMs + min(max(elapsedMs, 0), 1000) : 0
    lastCpuMs = sample.cpuMs
    if sample.cpuMs - start > limits.tickCpuMs {
      return .limit(
        name: "tickCpuMs", value: limits.tickCpuMs,
        message: "one tick has used \(sample.cpuMs - start) ms of CPU and has not come to an end")
    }
    if sample.residentMiB > limits.memoryMiB + Self.slackMiB {
      return .limit(
        name: "memoryMiB", value: limits.memoryMiB,
        message:
          "its process holds \(sample.residentMiB) MiB, and \(Self.slackMiB) are granted beside the heap")
    }
    if quietMs >= silentMs {
      return .died("it has not answered for \(silentMs / 1000) s, and has used no CPU in that time")
    }
    return nil
  }
}
