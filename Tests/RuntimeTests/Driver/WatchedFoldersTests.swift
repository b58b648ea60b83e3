import GRDB
import Glibc
import Testing

@testable import QueueRunner
@testable import Runtime

/// What `watch` makes of hints, with no full look to make up for one that is not heeded.
@Suite(
  "which leases hints name", .serialized,
  .enabled(if: FileSystemKind.of("/tmp") == .watchable, "of what happens in /tmp not everything is told"))
struct WatchedFoldersTests {
  fileprivate enum InPackage: CaseIterable {
    case result, heartbeat, answer, halfResult, task, scratch

    var isNews: Bool {
      switch self {
      case .result, .heartbeat: true
      case .answer, .halfResult, .task, .scratch: false
      }
    }

    func act(_ package: PackageLayout) throws {
      switch self {
      case .result: try FileSystem.write(DriverFixture.result, to: package.result)
      case .heartbeat: try FileSystem.write([], to: package.heartbeat)
      case .answer: try FileSystem.write([], to: package.accepted)
      case .halfResult: try FileSystem.write([], to: package.result + ".part")
      case .task: try FileSystem.writeAtomically([], to: package.task, sync: false)
      case .scratch: try FileSystem.makeDirectories("\(package.root)/more")
      }
    }
  }

  @Test(
    "a result and a heartbeat name their lease, and nothing else in a package does",
    arguments: InPackage.allCases)
  fileprivate func inPackage(what: InPackage) throws {
    let bench = try WatchBench()
    let leases = try bench.lease(2)
    try bench.folders.refreshNew()
    let named = try bench.named { try what.act(leases[1].package!) }
    #expect(named == .only(what.isNews ? [leases[1].token] : []))
  }

  @Test(
    "what came between a lease and its watch is looked at at once, whoever made the lease",
    arguments: [true, false])
  func beforeWatch(isOthers: Bool) throws {
    let bench = try WatchBench()
    for _ in 0..<2 {
      var lease: IssuedLease?
      let named = try bench.named(othersCommitted: isOthers) {
        lease = try bench.lease(1)[0]
        try FileSystem.write(DriverFixture.result, to: lease!.package!.result)
        if isOthers { return }
        try bench.folders.refreshNew()
        #expect(bench.folders.hasHints)
      }
      #expect(named == .only([lease!.token]))
      let again = try bench.named { try InPackage.result.act(lease!.package!) }
      #expect(again == .only([lease!.token]))
    }
  }

  /// The box of one subscriber overflows as the kernel's queue does, which is one for all tests and fills in those of the
  /// watcher itself.
  @Test("after more than can be told, everything is looked at, once")
  func overflow() throws {
    let bench = try WatchBench()
    for number in 0...HintBox.maxNames {
      symlink("nowhere", bench.run.layout.claimed("\(number)"))
      if number % 1024 == 0 { try bench.settle() }
    }
    try bench.settle()
    #expect(try bench.scope() == .all)
    #expect(try bench.named {} == .only([]))
  }

  @Test("a claim and a return name their lease; an entry that this process has shown does not")
  func entries() throws {
    let bench = try WatchBench()
    let layout = bench.run.layout
    #expect(try bench.named { symlink("nowhere", layout.claimed("a\($0)")) }.isOne(beginning: "a"))
    #expect(try bench.named { symlink("nowhere", layout.ready("b\($0)")) }.isOne(beginning: "b"))
    let shown = try bench.named {
      bench.folders.didShow(["c\($0)"])
      symlink("nowhere", layout.ready("c\($0)"))
    }
    #expect(shown == .only([]))
  }

  @Test("a package that was moved away and back is told of again", arguments: [true, false])
  func packageMoved(isBackAtOnce: Bool) throws {
    let bench = try WatchBench()
    let lease = try bench.lease(1)[0]
    let package = lease.package!
    try bench.folders.refreshNew()
    #expect(try bench.named {} == .only([]))
    try FileSystem.rename(package.root, "\(package.root)-away")
    if isBackAtOnce { try FileSystem.rename("\(package.root)-away", package.root) }
    try bench.settle()
    #expect(try bench.scope() == .all)
    if !isBackAtOnce {
      try FileSystem.rename("\(package.root)-away", package.root)
      #expect(try bench.scope(isFullLookDue: true) == .all)
    }
    let named = try bench.named { try InPackage.result.act(package) }
    #expect(named == .only([lease.token]))
  }

  @Test(
    "a folder of the queue that was moved away and back tells again", arguments: [true, false], [true, false])
  func queueMoved(isClaimed: Bool, isBackAtOnce: Bool) throws {
    let bench = try WatchBench()
    let folder = isClaimed ? bench.run.layout.claimed : bench.run.layout.ready
    #expect(try bench.named {} == .only([]))
    #expect(bench.folders.takeNews() == nil)
    try FileSystem.rename(folder, "\(folder)-away")
    if isBackAtOnce { try FileSystem.rename("\(folder)-away", folder) }
    try bench.settle()
    #expect(try bench.scope() == .all)
    #expect(bench.folders.isPollingSome == !isBackAtOnce)
    if !isBackAtOnce {
      #expect(bench.folders.takeNews() == "there is no folder `\(folder)`: looking for it every 0.25 s")
      #expect(try bench.named(isPollDue: true) {} == .only([]))
      #expect(bench.folders.takeNews() == nil, "it is said once")
      #expect(!FileSystem.exists(folder), "its place is kept free for a while")
      try FileSystem.rename("\(folder)-away", folder)
      #expect(try bench.scope(isPollDue: true) == .all, "once it is watched, it is looked at")
      #expect(!bench.folders.isPollingSome)
    }
    #expect(try bench.named { symlink("nowhere", "\(folder)/a\($0)") }.isOne(beginning: "a"))
  }

  @Test("what is gone of the queue is made again by the next full look, and tells again")
  func queueRemoved() throws {
    let bench = try WatchBench()
    let layout = bench.run.layout
    try FileSystem.removeTree(layout.queue)
    try FileSystem.remove(layout.wake)
    try bench.settle()
    #expect(try bench.scope(isFullLookDue: true) == .all)
    for folder in [layout.ready, layout.claimed] {
      #expect(try bench.named { symlink("nowhere", "\(folder)/a\($0)") }.isOne(beginning: "a"))
    }
    try FileSystem.write([], to: layout.wake)
    try bench.settle()
    #expect(try !Poller.wait(bench.folders.descriptors, timeoutMs: 0).isEmpty)
  }

  @Test("of a run that was moved away nothing is made up for")
  func runMoved() throws {
    let bench = try WatchBench()
    let layout = bench.run.layout
    let away = "\(bench.fixture.root)/away"
    try FileSystem.rename(layout.root, away)
    try FileSystem.removeTree("\(away)/queue")
    try bench.settle()
    #expect(try bench.scope(isFullLookDue: true) == .all)
    #expect(!FileSystem.exists(layout.root))
    try FileSystem.rename(away, layout.root)
    #expect(try bench.scope(isFullLookDue: true) == .all)
    #expect(try bench.named { symlink("nowhere", layout.claimed("a\($0)")) }.isOne(beginning: "a"))
  }

  @Test("what cannot be watched is looked at whenever that is due, and that is said")
  func polled() throws {
    let bench = try WatchBench()
    let good = try bench.lease(1)[0]
    // The kernel watches nothing of so long a name: as good as a limit that is reached.
    let long = String(repeating: "x", count: 300)
    try bench.rename(try bench.lease(1)[0].token, to: long)
    #expect(try bench.named { try bench.folders.refreshNew() }.contains(long))
    #expect(bench.folders.isPollingSome && !bench.folders.isPolling)
    #expect(
      bench.folders.takeNews()
        == "watching fails: file name too long: looking every 0.25 s at what could not be watched")
    #expect(try bench.named {} == .only([]))
    #expect(try bench.named(isPollDue: true) {} == .only([long]))
    let both = try bench.named(isPollDue: true) { try InPackage.result.act(good.package!) }
    #expect(both == .only([long, good.token]))
    bench.folders.forget([long])
    #expect(!bench.folders.isPollingSome)
    #expect(try bench.named(isPollDue: true) {} == .only([]))
  }
}

extension Collector.Scope {
  /// Names one lease, of which a test knows how its token begins.
  fileprivate func isOne(beginning: String) -> Bool {
    guard case .only(let tokens) = self else { return false }
    return tokens.count == 1 && tokens.allSatisfy { $0.hasPrefix(beginning) }
  }

  fileprivate func contains(_ token: String) -> Bool {
    switch self {
    case .all: true
    case .only(let tokens): tokens.contains(token)
    }
  }
}

/// A run of a hundred tasks, and what is watched of it.
private final class WatchBench {
  let fixture: DriverFixture
  let run: Run
  var folders: WatchedFolders
  private let marks: DropWatcher.Subscription
  private let place: String
  private var marked = 0

  init() throws {
    fixture = try DriverFixture()
    run = try fixture.create()
    try run.database.transition { tx in
      for number in 0..<100 {
        let spec = TaskSpec(
          taskId: "t\(number)", phase: "one", adapter: "any", mode: "read-only", prompt: "do")
        try TaskStore.add(
          tx, spec, generation: 1, childKey: "fanout:f#t\(number)", groupKey: "fanout:f", position: number)
      }
    }
    folders = try WatchedFolders(run, poll: false)
    place = "\(fixture.root)/marks"
    try FileSystem.makeDirectories(place)
    marks = try DropWatcher.shared().subscribe()
    #expect(marks.watch(place, kind: .folder) == .watching)
    #expect(try scope() == .all, "the first look is at everything")
  }

  func lease(_ limit: Int) throws -> [IssuedLease] {
    try run.queue.lease(limit: 100, atMost: limit, files: true) { nil }
  }

  /// Gives a lease another token, as no process would.
  func rename(_ token: String, to other: String) throws {
    try run.database.transition { tx in
      try tx.db.execute(sql: "PRAGMA defer_foreign_keys = ON")
      try tx.db.execute(sql: "UPDATE leases SET token = ? WHERE token = ?", arguments: [other, token])
      try tx.db.execute(sql: "UPDATE tasks SET lease = ? WHERE lease = ?", arguments: [other, token])
    }
  }

  func scope(
    isFullLookDue: Bool = false, isPollDue: Bool = false, othersCommitted: Bool = false
  ) throws -> Collector.Scope {
    try folders.scope(
      isFullLookDue: isFullLookDue, isPollDue: isPollDue, othersCommitted: othersCommitted)
  }

  /// Waits until whatever has happened is told: hints come in the order of events, and that of a mark comes last.
  func settle() throws {
    marked += 1
    try FileSystem.makeDirectories("\(place)/\(marked)")
    for _ in 0..<100 {
      let hints = marks.take()
      if hints.overflowed || hints.paths[place]?.contains("\(marked)") == true { return }
      _ = try Poller.wait([marks.descriptor], timeoutMs: 100)
    }
    Issue.record("a mark was not told")
  }

  /// What is to be looked at after something has happened, without a full look. Tests of the watcher itself fill the
  /// kernel's queue, which is one for all: what is answered by everything happens again.
  func named(
    isPollDue: Bool = false, othersCommitted: Bool = false, _ event: (Int) throws -> Void
  ) throws -> Collector.Scope {
    for turn in 0..<5 {
      try settle()
      _ = try scope()
      try event(turn)
      try settle()
      let scope = try scope(isPollDue: isPollDue, othersCommitted: othersCommitted)
      if scope != .all { return scope }
    }
    return .all
  }

  func named(
    isPollDue: Bool = false, othersCommitted: Bool = false, _ event: () throws -> Void
  ) throws -> Collector.Scope {
    try named(isPollDue: isPollDue, othersCommitted: othersCommitted) { (_: Int) in try event() }
  }
}
