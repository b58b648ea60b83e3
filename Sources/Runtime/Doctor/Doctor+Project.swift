// What is judged of the project: its disk, the clock, and what earlier runs left behind.

import QueueRunner

extension Doctor {
  /// Bytes under which commits begin to fail soon, and under which it is time to look.
  static let leastBytes: Int64 = 64 << 20
  static let fewBytes: Int64 = 1 << 30
  /// A package is about ten inodes.
  static let leastInodes: Int64 = 1000
  static let fewInodes: Int64 = 20_000

  static func disk(_ facts: DoctorFacts) -> [DoctorFinding] {
    let disk = facts.disk
    var findings = [fileSystem(disk.kind)]
    if let bytes = disk.freeBytes {
      findings.append(
        amount("space", bytes, leastBytes, fewBytes, "\(bytes >> 20) MiB free", "free some space"))
    }
    if let inodes = disk.freeInodes {
      findings.append(
        amount("inodes", inodes, leastInodes, fewInodes, "\(inodes) free", "remove runs that are not needed"))
    }
    findings.append(
      disk.writeError.map { problem("writing", $0.message, $0.next ?? "let this user write there") }
        ?? ok("writing", "`\(facts.projectRoot)` can be written"))
    return findings
  }

  private static func amount(
    _ id: String, _ value: Int64, _ least: Int64, _ few: Int64, _ found: String, _ next: String
  ) -> DoctorFinding {
    if value < least { return problem(id, found, next) }
    return value < few ? warning(id, found, next) : ok(id, found)
  }

  private static func fileSystem(_ kind: FileSystemKind) -> DoctorFinding {
    let next = "keep the project on a local disk"
    switch kind {
    case .watchable: return ok("file-system", "local; it tells of every change")
    case .silent(let name):
      return warning(
        "file-system",
        "`\(name)` does not tell of what other machines do, and a run's state is safe with the processes of one "
          + "machine only", next)
    case .partial(let name):
      return warning(
        "file-system", "`\(name)` does not tell of every change: `watch` looks every 0.25 s", next)
    case .unknown:
      return warning("file-system", "of an unknown type: `watch` looks every 0.25 s", next)
    }
  }

  /// 2024-01-01T00:00:00Z: flowdex is younger.
  static let earliestMs: Int64 = 1_704_067_200_000
  /// A file may be dated to the coarsest tick that there is (FAT's); the snapshots' cache allows for as much.
  static let fileClockMs: Int64 = 2000
  static let setBackMs: Int64 = 60_000

  static func clock(_ facts: DoctorFacts) -> DoctorFinding {
    let now = Timestamp.text(facts.nowMs)
    if facts.nowMs < earliestMs {
      return problem("clock", "it says \(now), which is past", "set it, and keep it with NTP")
    }
    if facts.nowMs < facts.bootMs {
      return problem("clock", "it says \(now), and the machine has been up for longer", "set it")
    }
    if let lead = facts.disk.fileClockLeadMs, abs(lead) > fileClockMs {
      return warning(
        "clock", "new files are dated \(abs(lead)) ms \(lead > 0 ? "ahead of" : "behind") it",
        "keep this machine and its file server by one NTP server: snapshots go by the files' times")
    }
    if let latest = facts.runs.max(by: { $0.lastCommitMs < $1.lastCommitMs }),
      latest.lastCommitMs > facts.nowMs + setBackMs
    {
      return warning(
        "clock",
        "it says \(now), and run `\(latest.id)` was changed at \(Timestamp.text(latest.lastCommitMs)): it was set "
          + "back", "see that it is right now; leases do not go by it")
    }
    return ok("clock", "\(now), up for \(facts.bootMs / 3_600_000) h")
  }

  // MARK: runs

  static func project(_ facts: DoctorFacts) -> [DoctorFinding] {
    guard facts.isProject else {
      return [ok("project", "none yet in `\(facts.projectRoot)` or above; `run` and `init` make one")]
    }
    var findings = facts.runs.flatMap(run)
    findings += facts.deadStaging.map {
      warning(
        "staging", "`\($0)` was never finished, and its maker is gone", "the next `flowdex run` removes it")
    }
    if let error = facts.runsError {
      findings.append(
        problem("runs", "not looked at: \(error.message)", error.next ?? "let this user read them"))
    }
    if findings.isEmpty {
      findings.append(ok("runs", "\(facts.runs.count), all in step; nothing left behind"))
    }
    return findings
  }

  private static func run(_ run: DoctorFacts.RunState) -> [DoctorFinding] {
    if let error = run.error { return [problem("run", "`\(run.id)`: \(error.message)", error.next)] }
    var findings: [DoctorFinding] = []
    if run.isRunning, !run.isDriven {
      let who = run.driverPid.map { "process \($0), which drove it, is gone" } ?? "nobody drives it"
      findings.append(
        warning(
          "driver", "run `\(run.id)` is `running` and \(who)", "go on with it: `flowdex continue \(run.id)`"))
    }
    if run.isDriven, !run.isDriverAlive {
      let who = run.driverPid.map { "process \($0), which is not to be seen here" } ?? "an unnamed process"
      findings.append(
        warning("driver", "run `\(run.id)` is held by \(who)", "look for it in other containers and machines")
      )
    }
    if let polling = run.polling {
      findings.append(
        warning(
          "polling", "run `\(run.id)`, as its driver says: \(polling)",
          "raise the limit that is named, or keep the project on a local disk"))
    }
    findings += run.heldLocks.compactMap { lock($0, of: run) }
    if let error = run.comparisonError {
      findings.append(
        warning(
          "events", "the `events.jsonl` of run `\(run.id)` was not compared: \(error.message)",
          error.next ?? "look as a user who may write there"))
    }
    if let difference = run.eventsDifference {
      findings.append(
        problem(
          "events", "the `events.jsonl` of run `\(run.id)` \(difference)",
          "rebuild it: `flowdex repair-events \(run.id)`"))
    }
    return findings
  }

  /// A stopped holder makes every writer wait for ever; one that works is as it should be, but for the log, which was then
  /// not compared with the state.
  private static func lock(_ lock: DoctorFacts.HeldLock, of run: DoctorFacts.RunState) -> DoctorFinding? {
    let what = "run `\(run.id)`: others wait for `\(lock.path)`: "
    guard let holder = lock.holder else {
      return warning("lock", what + LockHolder.unseen, LockHolder.searching)
    }
    if holder.isStopped { return problem("lock", what + holder.standing, holder.remedy) }
    return warning("lock", what + holder.standing, holder.remedy)
  }
}
