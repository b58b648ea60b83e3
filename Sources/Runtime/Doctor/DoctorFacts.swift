// What `doctor` has found out about the machine and the project, before anybody judges it.

import QueueRunner

/// Facts, each as it was read; nil stands for what could not be found out.
struct DoctorFacts: Sendable, Equatable {
  /// The Deno that a session would be started with.
  struct Deno: Sendable, Equatable {
    var path: String?
    var version: String?
    /// Why there is none that works, and what to do.
    var error: FlowdexError?
  }

  /// What the kernel offers.
  struct Kernel: Sendable, Equatable {
    /// 0 for none.
    var landlockABI = 0
    var hasSeccomp = false
    /// pidfd_open(2) and `/proc`, without which no host command can be supervised.
    var canSupervise = false
  }

  /// The file system that holds the project.
  struct Disk: Sendable, Equatable {
    var kind = FileSystemKind.unknown
    var freeBytes: Int64?
    /// nil where the file system does not count them.
    var freeInodes: Int64?
    /// What is in the way of writing.
    var writeError: FlowdexError?
    /// What the file system said of a file that was written just now, minus the machine's clock.
    var fileClockLeadMs: Int64?
  }

  /// One run of the project.
  struct RunState: Sendable, Equatable {
    var id: String
    /// Why it cannot be opened; everything else is then unknown.
    var error: FlowdexError?
    /// Its state is `running`: somebody should be driving it.
    var isRunning = false
    /// Neither ended nor stopped.
    var isLive = false
    /// What the driver's lock says.
    var driverPid: Int32?
    var isDriven = false
    var isDriverAlive = false
    /// What the driver looks at on a timer for want of hints, and why.
    var polling: String?
    /// Watches that it needs now or could need.
    var watches = 0
    /// How `events.jsonl` differs from the state.
    var eventsDifference: String?
    /// Why it was not compared.
    var comparisonError: FlowdexError?
    /// Locks that somebody has held for a second, writers' and that of handing out.
    var heldLocks: [HeldLock] = []
    var lastCommitMs: Int64 = 0
  }

  /// A lock of a run that is not free.
  struct HeldLock: Sendable, Equatable {
    let path: String
    /// nil for one that was not found.
    let holder: LockHolder?
  }

  var deno = Deno()
  var sqliteVersion = ""
  var inotify = InotifyLimits(watches: nil, instances: nil, queuedEvents: nil)
  /// The errno of an attempt to watch.
  var inotifyError: Int32 = 0
  var kernel = Kernel()
  /// The folder that the rest is about.
  var projectRoot = ""
  var isProject = false
  var disk = Disk()
  var nowMs: Int64 = 0
  var bootMs: Int64 = 0
  /// Folders of runs that were never finished, and whose builders are gone.
  var deadStaging: [String] = []
  var runs: [RunState] = []
  /// Why the runs could not be listed.
  var runsError: FlowdexError?
}
