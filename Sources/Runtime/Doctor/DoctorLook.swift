// Goes and sees: the thin side of `doctor`. It changes nothing but a file that it makes and removes at once.

import CSpawn
import Glibc
import QueueRunner

extension Doctor {
  /// Looks at the machine, and at the project around a folder; where there is none, at the folder itself.
  ///
  /// - Throws: where the folder cannot be entered. What is wrong otherwise is a finding.
  public static func visit(_ folder: String, clock: any WallClock = SystemClock()) throws -> Doctor {
    let project = try Project.find(from: folder, clock: clock)
    var facts = DoctorFacts()
    facts.isProject = project != nil
    facts.projectRoot = try project?.layout.projectRoot ?? Project.absolute(folder)
    facts.deno = DoctorLook.deno(facts.projectRoot)
    facts.sqliteVersion = SQLiteLibrary.version
    facts.inotify = .ofMachine()
    facts.inotifyError = flowdex_kernel_try_inotify()
    facts.kernel = DoctorLook.kernel()
    facts.disk = DoctorLook.disk(facts.projectRoot, project, clock)
    facts.nowMs = clock.nowMs()
    facts.bootMs = clock.bootMs()
    if let project {
      do {
        facts.deadStaging = try DoctorLook.deadStaging(project.layout)
        facts.runs = try project.runIds().map { DoctorLook.run(project, $0) }
      } catch let error as FlowdexError {
        facts.runsError = error
      }
    }
    return Doctor(judging: facts)
  }
}

enum DoctorLook {
  // MARK: machine

  static func deno(_ projectRoot: String) -> DoctorFacts.Deno {
    var deno = DoctorFacts.Deno()
    do {
      let path = try DenoLocator.find(projectRoot: projectRoot)
      deno.path = path
      let version = try version(of: path)
      deno.version = version
      try DenoLocator.check(version: version, path: path)
    } catch let error as FlowdexError {
      deno.error = error
    } catch {
      deno.error = FlowdexError.bug("doctor", "\(error)")
    }
    return deno
  }

  /// Starts it once, in an environment without a home.
  private static func version(of path: String) throws -> String {
    let spec = HostCommandSpec(
      argv: [path, "--version"], cwd: "/",
      environment: ["HOME": "/nonexistent", "DENO_DIR": "/dev/null", "NO_COLOR": "1"], timeoutMs: 20_000,
      maxOutputBytes: 4096)
    let mailbox = try Mailbox<HostCommandOutcome>()
    try HostCommandRunner.prepare(spec, spillFolder: "/tmp").go { mailbox.post($0) }
    var outcome: HostCommandOutcome?
    while outcome == nil {
      _ = try Poller.wait([mailbox.descriptor], timeoutMs: 60_000)
      outcome = mailbox.takeAll().first
    }
    guard let outcome, outcome.succeeded, case .inline(let bytes) = outcome.stdout.storage else {
      throw DenoLocator.cannotStart(path, outcome?.startError ?? "`--version` does not work")
    }
    // `deno 2.9.8 (stable, release, x86_64-unknown-linux-gnu)`
    let words = String(decoding: bytes, as: UTF8.self).split { $0 == " " || $0 == "\n" }
    guard words.count > 1, words[0] == "deno" else {
      throw DenoLocator.cannotStart(path, "`--version` does not say that it is deno")
    }
    return String(words[1])
  }

  static func kernel() -> DoctorFacts.Kernel {
    let pidfd = flowdex_command_pidfd(getpid())
    if pidfd >= 0 { close(pidfd) }
    return DoctorFacts.Kernel(
      landlockABI: Int(flowdex_kernel_landlock_abi()), hasSeccomp: flowdex_kernel_has_seccomp() == 1,
      canSupervise: pidfd >= 0 && FileSystem.exists("/proc/self/stat"))
  }

  // MARK: disk

  static func disk(_ root: String, _ project: Project?, _ clock: any WallClock) -> DoctorFacts.Disk {
    var disk = DoctorFacts.Disk()
    disk.kind = FileSystemKind.of(root)
    var status = statvfs()
    if FileSystem.retrying({ statvfs(root, &status) }) == 0 {
      disk.freeBytes = Int64(clamping: UInt64(status.f_bavail) &* UInt64(status.f_frsize))
      if status.f_files > 0 { disk.freeInodes = Int64(clamping: status.f_favail) }
    }
    do {
      if let project {
        disk.fileClockLeadMs = try probe(project.layout.probe(getpid()), clock)
      } else if access(root, W_OK) != 0 {
        throw FileSystem.failure("write", root)
      }
    } catch let error as FlowdexError {
      disk.writeError = error
    } catch {
      disk.writeError = FlowdexError.bug("doctor", "\(error)")
    }
    return disk
  }

  /// Writes a file as a commit would, and removes it; how far its date lies ahead of the clock.
  private static func probe(_ path: String, _ clock: any WallClock) throws -> Int64 {
    try FileSystem.remove(path)
    defer { _ = try? FileSystem.remove(path) }
    let before = clock.nowMs()
    try FileSystem.write(Array("flowdex doctor\n".utf8), to: path, sync: true)
    let after = clock.nowMs()
    guard let entry = try FileSystem.entry(path) else { throw FileSystem.failure("write", path, ENOENT) }
    let dated = entry.modifiedNs / 1_000_000
    return dated < before ? dated - before : max(0, dated - after)
  }

  // MARK: runs

  static func deadStaging(_ layout: ProjectLayout) throws -> [String] {
    let staged = try FileSystem.names(in: layout.runs).filter { $0.hasPrefix(ProjectLayout.stagedPrefix) }
      .sorted()
    if staged.isEmpty { return [] }
    // Whoever builds holds the lock.
    if (try? FileLock(path: layout.creationLock).isHeldByOther()) != false { return [] }
    return staged.map { "\(layout.runs)/\($0)" }
  }

  static func run(_ project: Project, _ id: String) -> DoctorFacts.RunState {
    var state = DoctorFacts.RunState(id: id)
    do {
      let run = try project.open(id)
      let record = try run.record()
      state.isRunning = record.status == .running
      state.isLive = record.status.isLive
      state.lastCommitMs = record.updatedAtMs
      if let driver = try run.driver() {
        state.driverPid = driver.pid
        state.isDriven = driver.isAlive
        state.polling = driver.polling
        state.isDriverAlive = try ProcessRecord(pid: driver.pid) != nil
      }
      state.watches = state.isLive ? try watches(run) : 0
      state.heldLocks = try [run.layout.writeLock, run.layout.dispatchLock].compactMap(held)
      try compare(run, &state)
    } catch let error as FlowdexError {
      state.error = error
    } catch {
      state.error = FlowdexError.bug("doctor", "\(error)")
    }
    return state
  }

  /// nil for a lock that is free within a second: who works holds it for a moment.
  private static func held(_ path: String) throws -> DoctorFacts.HeldLock? {
    for _ in 0..<100 {
      if try !FileLock(path: path).isHeldByOther() { return nil }
      poll(nil, 0, 10)
    }
    return DoctorFacts.HeldLock(path: path, holder: LockHolder.of(path))
  }

  /// Needs the lock of writers, and says so where it cannot have it.
  private static func compare(_ run: Run, _ state: inout DoctorFacts.RunState) throws {
    if state.heldLocks.contains(where: { $0.path == run.layout.writeLock }) { return }
    do {
      state.eventsDifference = try run.database.eventsDifference()
    } catch let error as FlowdexError
      where ["lock-held", "errno-\(EROFS)", "errno-\(EACCES)"].contains(error.code)
    {
      state.comparisonError = error
    }
  }

  /// A folder for each lease that there is or may be, the two of the queue, and the file that is rewritten.
  private static func watches(_ run: Run) throws -> Int {
    let counts = try RunViews.listed(run)["taskCounts"]?.object?.members ?? []
    let open = counts.filter { TaskState(rawValue: $0.key)?.isFinal == false }
    let tasks = open.reduce(0) { $0 + ($1.value.int ?? 0) }
    return min(tasks, try run.manifest().maxConcurrency) + 3
  }
}
