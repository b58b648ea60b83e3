import Glibc
import QueueRunner
import Testing

@testable import Runtime

@Suite("doctor's judgement")
struct DoctorTests {
  /// A machine and a project with nothing wrong.
  static let well: DoctorFacts = {
    var facts = DoctorFacts()
    facts.deno = .init(path: "/bin/deno", version: "2.9.8")
    facts.sqliteVersion = "3.53.1"
    facts.inotify = InotifyLimits(watches: 65_536, instances: 128, queuedEvents: 16_384)
    facts.kernel = .init(landlockABI: 4, hasSeccomp: true, canSupervise: true)
    facts.projectRoot = "/p"
    facts.isProject = true
    facts.disk = .init(kind: .watchable, freeBytes: 8 << 30, freeInodes: 1 << 20, fileClockLeadMs: 0)
    facts.nowMs = 1_790_000_000_000
    facts.bootMs = 7_200_000
    facts.runs = [run { _ in }]
    return facts
  }()

  static func run(_ change: (inout DoctorFacts.RunState) -> Void) -> DoctorFacts.RunState {
    var run = DoctorFacts.RunState(id: "r")
    run.lastCommitMs = 1_789_999_000_000
    change(&run)
    return run
  }

  static func held(isStopped: Bool) -> DoctorFacts.HeldLock {
    .init(path: "/p/write.lock", holder: LockHolder(pid: 7, command: "flowdex", isStopped: isStopped))
  }

  @Test("nothing wrong, nothing to do")
  func nothing() {
    let doctor = Doctor(judging: Self.well)
    #expect(doctor.findings.allSatisfy { $0.standing == .ok && $0.next == nil }, "\(doctor.findings)")
    #expect(!doctor.hasProblem && doctor.json["ok"] == true)
    #expect(Set(doctor.findings.map(\.id)).count == doctor.findings.count)
    #expect(doctor.json["findings"]?.array?.first?.object?.keys == ["id", "standing", "found", "next"])
  }

  typealias Case = (
    name: String, change: @Sendable (inout DoctorFacts) -> Void, id: String,
    standing: DoctorFinding.Standing, says: String
  )

  static let machine: [Case] = [
    (
      "no deno", { $0.deno = .init(error: .machine("deno-not-found", "no deno", next: "get it")) }, "deno",
      .problem, "no deno"
    ),
    ("an old SQLite", { $0.sqliteVersion = "3.40.1" }, "sqlite", .ok, "write lock"),
    ("a strange SQLite", { $0.sqliteVersion = "x" }, "sqlite", .warning, "`x`"),
    ("no pidfd", { $0.kernel.canSupervise = false }, "processes", .problem, "pidfd"),
    ("no landlock", { $0.kernel.landlockABI = 0 }, "landlock", .warning, "none"),
    ("no seccomp", { $0.kernel.hasSeccomp = false }, "seccomp", .warning, "none"),
    ("few watches", { $0.inotify.watches = 1023 }, "inotify-watches", .warning, "1024 are wanted"),
    ("just enough watches", { $0.inotify.watches = 1024 }, "inotify-watches", .ok, "1024 are enough"),
    (
      "more leases than watches",
      { $0.runs = [run { $0.watches = 40_000 }, run { $0.watches = 40_000 }] }, "inotify-watches", .warning,
      "80000 are wanted"
    ),
    ("few instances", { $0.inotify.instances = 2 }, "inotify-instances", .warning, "16 are wanted"),
    ("none left", { $0.inotifyError = EMFILE }, "inotify-instances", .warning, "too many open files"),
    ("a short queue", { $0.inotify.queuedEvents = 10 }, "inotify-events", .warning, "4096 are wanted"),
    ("no limit told", { $0.inotify.queuedEvents = nil }, "inotify-events", .warning, "does not tell"),
    ("nfs", { $0.disk.kind = .silent("nfs") }, "file-system", .warning, "`nfs`"),
    ("overlay", { $0.disk.kind = .partial("overlay") }, "file-system", .warning, "`overlay`"),
    ("unknown", { $0.disk.kind = .unknown }, "file-system", .warning, "unknown"),
    ("a full disk", { $0.disk.freeBytes = 1 << 20 }, "space", .problem, "1 MiB"),
    ("a filling disk", { $0.disk.freeBytes = 512 << 20 }, "space", .warning, "512 MiB"),
    ("no inodes", { $0.disk.freeInodes = 3 }, "inodes", .problem, "3 free"),
    ("few inodes", { $0.disk.freeInodes = 5000 }, "inodes", .warning, "5000 free"),
    (
      "read-only", { $0.disk.writeError = FileSystem.failure("write", "/p/x", EROFS) }, "writing", .problem,
      "read-only file system"
    ),
    ("the epoch", { $0.nowMs = 1000 }, "clock", .problem, "1970-01-01"),
    ("up for longer than there is time", { $0.bootMs = $0.nowMs + 1 }, "clock", .problem, "up for longer"),
    ("a file server ahead", { $0.disk.fileClockLeadMs = 2001 }, "clock", .warning, "2001 ms ahead"),
    ("a file server behind", { $0.disk.fileClockLeadMs = -5000 }, "clock", .warning, "5000 ms behind"),
    ("a coarse file clock", { $0.disk.fileClockLeadMs = -2000 }, "clock", .ok, "up for 2 h"),
    (
      "set back", { facts in facts.runs = [run { $0.lastCommitMs = facts.nowMs + 60_001 }] }, "clock",
      .warning, "set back"
    ),
  ]

  static let project: [Case] = [
    ("no project", { $0.isProject = false }, "project", .ok, "none yet"),
    (
      "runs that cannot be listed", { $0.runsError = FileSystem.failure("list", "/p/.flowdex/runs", EMFILE) },
      "runs",
      .problem, "too many open files"
    ),
    ("a dead staging", { $0.deadStaging = ["/p/.staging-a-1"] }, "staging", .warning, "never finished"),
    (
      "a driver that died",
      { $0.runs = [run { ($0.isRunning, $0.driverPid) = (true, 77) }] }, "driver", .warning,
      "process 77, which drove it, is gone"
    ),
    ("never driven", { $0.runs = [run { $0.isRunning = true }] }, "driver", .warning, "nobody drives it"),
    (
      "held from elsewhere",
      { $0.runs = [run { ($0.isRunning, $0.isDriven, $0.driverPid) = (true, true, 77) }] }, "driver",
      .warning, "not to be seen here"
    ),
    (
      "driven", { $0.runs = [run { ($0.isRunning, $0.isDriven, $0.isDriverAlive) = (true, true, true) }] },
      "runs", .ok, "1, all in step"
    ),
    (
      "a dead pid in the lock of a run that waits", { $0.runs = [run { $0.driverPid = 77 }] }, "runs", .ok,
      "nothing left behind"
    ),
    (
      "a driver without hints", { $0.runs = [run { $0.polling = "the limit: looking" }] }, "polling",
      .warning,
      "run `r`, as its driver says: the limit: looking"
    ),
    (
      "events out of step", { $0.runs = [run { $0.eventsDifference = "lacks the events from 9 on" }] },
      "events", .problem, "lacks the events from 9 on"
    ),
    (
      "events that nobody may compare",
      { $0.runs = [run { $0.comparisonError = FileSystem.failure("write", "/p/write.lock", EROFS) }] },
      "events", .warning, "was not compared: cannot write `/p/write.lock`: read-only file system"
    ),
    (
      "a writer that is stopped", { $0.runs = [run { $0.heldLocks = [held(isStopped: true)] }] }, "lock",
      .problem, "run `r`: others wait for `/p/write.lock`: process 7 (`flowdex`) holds it, and is stopped"
    ),
    (
      "a writer that takes long", { $0.runs = [run { $0.heldLocks = [held(isStopped: false)] }] }, "lock",
      .warning, "process 7 (`flowdex`) holds it"
    ),
    (
      "a writer of another machine",
      { $0.runs = [run { $0.heldLocks = [.init(path: "/p/write.lock", holder: nil)] }] }, "lock",
      .warning, "not to be seen from here"
    ),
    (
      "a state that does not open",
      { $0.runs = [run { $0.error = .machine("state-corrupt", "it is broken") }] },
      "run", .problem, "it is broken"
    ),
  ]

  @Test("one thing changed, one finding changed", arguments: (machine + project).indices)
  func changed(at: Int) throws {
    let (name, change, id, standing, says) = (Self.machine + Self.project)[at]
    var facts = Self.well
    change(&facts)
    let doctor = Doctor(judging: facts)
    let finding = try #require(doctor.findings.first { $0.id == id }, "\(name): \(doctor.findings)")
    #expect(finding.standing == standing && finding.found.contains(says), "\(name): \(finding)")
    #expect(doctor.hasProblem == (standing == .problem), "\(name)")
    #expect(doctor.findings.count { $0.standing != .ok } == (standing == .ok ? 0 : 1), "\(name)")
    if standing == .problem, id != "run" { #expect(finding.next != nil, "\(name) says what to do") }
  }

  @Test("this machine can be looked at")
  func visit() throws {
    let tree = try ProjectTree()
    try FileSystem.makeDirectories("\(tree.root)/.flowdex/runs/.staging-x-999999999")
    let doctor = try Doctor.visit(tree.root)
    #expect(
      doctor.findings.contains { $0.id == "staging" && $0.found.contains(".staging-x-999999999") },
      "\(doctor.findings)")
    #expect(doctor.findings.contains { $0.id == "sqlite" && $0.found.hasPrefix(SQLiteLibrary.version) })
    #expect(try FileSystem.names(in: "\(tree.root)/.flowdex/runs") == [".staging-x-999999999"])
  }
}
