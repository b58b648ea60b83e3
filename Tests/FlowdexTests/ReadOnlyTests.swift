import GRDB
import Glibc
import QueueRunner
import Testing

/// Commands that only read, where nothing can be written: they say what is there, or why they cannot.
@Suite(
  "a project that can only be read", .timeLimit(.minutes(15)),
  .enabled(if: FaultTests.isRoot && WatchLimitTests.canUnshare, "needs to mount, or to become another user"))
struct ReadOnlyTests {
  /// How a state was left behind.
  enum Left: String, CaseIterable {
    /// As flowdex leaves it: with a log and its index.
    case whole
    /// Everything in the file, and no log; with an empty one; with an empty one and its index.
    case bare, emptyLog, emptyLogIndexed
    /// What was acknowledged is in the log, and its index is gone.
    case unindexed
  }

  /// A run of one task, which was paused last: so much is in the log only, until it is copied into the file.
  private static func project(_ left: Left) async throws -> Scratch {
    let scratch = try await MisuseTests.project()
    let paused = try await Cli.run(["pause", "r1"], in: scratch.path)
    #expect(paused.status == 0, "\(paused)")
    let run = scratch.layout.run("r1")
    switch left {
    case .whole: break
    case .unindexed: try FileSystem.remove(run.databaseIndex)
    case .bare, .emptyLog, .emptyLogIndexed:
      let queue = try DatabaseQueue(path: run.database)
      try await queue.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
      try queue.close()
      try #require(!FileSystem.exists(run.databaseLog))
      if left != .bare { try FileSystem.write([], to: run.databaseLog) }
      if left == .emptyLogIndexed { _ = try await Cli.run(["status", "r1"], in: scratch.path) }
    }
    #expect(FileSystem.exists(run.databaseIndex) == (left == .whole || left == .emptyLogIndexed))
    chmod(scratch.path, 0o755)
    return scratch
  }

  private static let mounted = "mount --bind . . && mount -o remount,ro,bind . && cd \"$PWD\" && "

  /// What each command says, as root on a read-only mount or as another user.
  private static func tried(_ commands: [String], mounted: Bool, _ scratch: Scratch) async throws -> [Cli
    .Output]
  {
    var outputs: [Cli.Output] = []
    for command in commands {
      let line =
        mounted
        ? "unshare --mount sh -c '\(Self.mounted) exec \"$F\" \(command)'"
        : "setpriv --reuid 65534 --regid 65534 --clear-groups \"$F\" \(command)"
      outputs.append(try await FaultTests.shell(line, in: scratch.path))
    }
    return outputs
  }

  @Test("what is there is read", arguments: [Left.whole, .bare, .emptyLog, .emptyLogIndexed], [true, false])
  func reads(left: Left, mounted: Bool) async throws {
    let scratch = try await Self.project(left)
    let before = try FileSystem.names(in: scratch.layout.run("r1").root).sorted()
    let outputs = try await Self.tried(
      ["list", "status r1", "status r1 --json", "inspect r1", "explain r1", "report r1 --usage"],
      mounted: mounted, scratch)
    for output in outputs { #expect(output.status == 0, "\(output)") }
    // The last that was acknowledged, wherever it lies.
    #expect(outputs[0].stdout.hasPrefix("r1\tpaused\t"), "\(outputs[0])")
    #expect(outputs[1].stdout.hasPrefix("r1\tpaused\t"), "\(outputs[1])")
    #expect(try outputs[2].json()["run"]?["status"] == "paused")
    #expect(try FileSystem.names(in: scratch.layout.run("r1").root).sorted() == before, "nothing is made")
    let writing = try await Self.tried(["resume r1", "stop r1"], mounted: mounted, scratch)
    for output in writing {
      FaultTests.check(output, [mounted ? "read-only file system" : "permission denied", scratch.path])
    }
  }

  @Test("a log that cannot be read is never passed over", arguments: [true, false])
  func unindexed(mounted: Bool) async throws {
    let scratch = try await Self.project(.unindexed)
    let outputs = try await Self.tried(["status r1", "inspect r1"], mounted: mounted, scratch)
    for output in outputs {
      FaultTests.check(output, ["state.sqlite-wal` holds commits that cannot be read", "may write there"])
    }
    let list = try await Self.tried(["list"], mounted: mounted, scratch)[0]
    #expect(list.status == 1 && list.stdout.isEmpty && list.stderr.contains("cannot be read"), "\(list)")
    let owner = try await Cli.run(["status", "r1"], in: scratch.path)
    #expect(owner.status == 0 && owner.stdout.hasPrefix("r1\tpaused\t"), "\(owner)")
    let after = try await Self.tried(["status r1"], mounted: mounted, scratch)[0]
    #expect(after.status == 0 && after.stdout.hasPrefix("r1\tpaused\t"), "\(after)")
  }

  /// What an older flowdex would have left: its tables, and its list of what it has done to them.
  enum Older: String, CaseIterable {
    /// Only the text of what is checked has changed since, and of the condition of an index.
    case texts
    /// A column has come since.
    case tables

    var sql: String {
      switch self {
      case .texts:
        """
        PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET sql = replace(sql,
          '(state = ''offered'' OR state = ''live'' OR state = ''expired'')',
          'state IN (''offered'',''live'',''expired'')') WHERE name = 'leases_unsettled';
        PRAGMA writable_schema = RESET;
        DELETE FROM grdb_migrations WHERE identifier = 'queue-2'
        """
      case .tables:
        """
        ALTER TABLE operations DROP COLUMN executions;
        DELETE FROM grdb_migrations WHERE identifier = 'runtime-2-executions'
        """
      }
    }
  }

  @Test(
    "a state of an older flowdex is read where that needs no change, and else refused by name",
    arguments: [(Older.texts, true), (.texts, false), (.tables, true), (.tables, false)], [true, false])
  func older(_ older: (Older, isOpen: Bool), mounted: Bool) async throws {
    let scratch = try await Self.project(.bare)
    let queue = try DatabaseQueue(path: scratch.layout.run("r1").database)
    try await queue.writeWithoutTransaction { try $0.execute(sql: older.0.sql) }
    // As long as it is open, there is a log with its index.
    if !older.isOpen { try queue.close() }
    let outputs = try await Self.tried(["status r1", "inspect r1"], mounted: mounted, scratch)
    let writing = try await Self.tried(["resume r1"], mounted: mounted, scratch)[0]
    switch older.0 {
    case .texts:
      for output in outputs { #expect(output.status == 0 && output.stderr.isEmpty, "\(output)") }
      #expect(outputs[0].stdout.hasPrefix("r1\tpaused\t"), "\(outputs[0])")
      FaultTests.check(writing, [mounted ? "read-only file system" : "permission denied", scratch.path])
    case .tables:
      for output in outputs + [writing] {
        FaultTests.check(output, ["run `r1` was written by an older flowdex", "may write there"])
      }
    }
    let owner = try await Cli.run(["status", "r1"], in: scratch.path)
    #expect(owner.status == 0 && owner.stdout.hasPrefix("r1\tpaused\t"), "\(owner)")
    let after = try await Self.tried(["status r1"], mounted: mounted, scratch)[0]
    #expect(after.status == 0 && after.stdout.hasPrefix("r1\tpaused\t"), "\(after)")
    try queue.close()
  }

  @Test("doctor says that it cannot compare what it may not lock", arguments: [true, false])
  func doctor(mounted: Bool) async throws {
    let scratch = try await Self.project(.whole)
    let output = try await Self.tried(["doctor"], mounted: mounted, scratch)[0]
    #expect(output.status == 1 && output.stdout.contains("problem\twriting\tcannot "), "\(output)")
    #expect(output.stdout.contains("warning\tevents\tthe `events.jsonl` of run `r1` was not compared"))
  }
}
