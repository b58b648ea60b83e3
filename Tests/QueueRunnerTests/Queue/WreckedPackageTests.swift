import Glibc
import Testing

@testable import QueueRunner

/// What one worker lays in the place of what flowdex made for it stops nobody, and leads flowdex nowhere else.
@Suite("packages that their workers have wrecked", .timeLimit(.minutes(15)))
struct WreckedPackageTests {
  struct Wreck: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Whether what flowdex wrote is there again afterwards.
    let isMended: Bool
    let act: @Sendable (PackageLayout, _ outside: String) throws -> Void

    init(_ name: String, mended: Bool, _ act: @escaping @Sendable (PackageLayout, String) throws -> Void) {
      (testDescription, isMended, self.act) = (name, mended, act)
    }
  }

  private static func check(_ code: Int32) throws {
    if code != 0 { throw FileSystem.failure("wreck", "a package") }
  }

  static let wrecks = [
    Wreck("nothing", mended: true) { _, _ in },
    Wreck("the package is gone", mended: true) { package, _ in try FileSystem.removeTree(package.root) },
    Wreck("the package is a file", mended: false) { package, _ in
      try FileSystem.removeTree(package.root)
      try FileSystem.write([], to: package.root)
    },
    Wreck("the package is a link to itself", mended: false) { package, _ in
      try FileSystem.removeTree(package.root)
      try check(symlink(package.root, package.root))
    },
    Wreck("the package is a link out", mended: false) { package, outside in
      try FileSystem.removeTree(package.root)
      try check(symlink(outside, package.root))
    },
    Wreck("the task's folder is a link out", mended: false) { package, outside in
      let (folder, token) = (FileSystem.split(package.root).parent, FileSystem.split(package.root).name)
      try FileSystem.removeTree(folder)
      try FileSystem.makeDirectories("\(outside)/\(token)")
      try check(symlink(outside, folder))
    },
    Wreck("the task's folder is a file", mended: false) { package, _ in
      let folder = FileSystem.split(package.root).parent
      try FileSystem.removeTree(folder)
      try FileSystem.write([], to: folder)
    },
    Wreck("task.json is a FIFO", mended: true) { package, _ in
      unlink(package.task)
      try check(mkfifo(package.task, 0o666))
    },
    Wreck("task.json is a folder", mended: false) { package, _ in
      unlink(package.task)
      try FileSystem.makeDirectories("\(package.task)/deep")
    },
    Wreck("task.json is a link out", mended: true) { package, outside in
      unlink(package.task)
      try check(symlink("\(outside)/bystander", package.task))
    },
    Wreck("task.json is a device", mended: true) { package, _ in
      unlink(package.task)
      // Without root's rights there is no device to be laid there; a link to one is.
      if mknod(package.task, S_IFCHR | 0o666, dev_t(1 << 8 | 5)) != 0 {
        try check(symlink("/dev/zero", package.task))
      }
    },
    Wreck("scratch is a file", mended: true) { package, _ in
      try FileSystem.removeTree(package.scratch)
      try FileSystem.write([], to: package.scratch)
    },
    Wreck("scratch is a link out", mended: true) { package, outside in
      try FileSystem.removeTree(package.scratch)
      try check(symlink(outside, package.scratch))
    },
  ]

  @Test(
    "after a reboot, they are put right as far as they can be, and others' results are taken",
    arguments: wrecks)
  func reboot(wreck: Wreck) throws {
    let fixture = try QueueFixture(tasks: 2)
    let leases = try fixture.lease(2)
    let package = leases[0].package!
    let before = try FileSystem.read(package.task)
    let outside = "\(fixture.root)/outside"
    try FileSystem.makeDirectories(outside)
    try FileSystem.write(Array("untouched".utf8), to: "\(outside)/bystander")
    try wreck.act(package, outside)
    let names = try tree(outside)
    try fixture.drop(leases[1])
    fixture.clock.reboot(afterMs: 60_000)
    try fixture.queue.repairPackagesAfterReboot()
    #expect(try tree(outside) == names)
    #expect(try FileSystem.read("\(outside)/bystander") == Array("untouched".utf8))
    let lies = (try? FileSystem.entry(package.task))??.kind == .file
    #expect((lies ? try FileSystem.read(package.task) == before : false) == wreck.isMended)
    let report = try Collector(fixture.queue).pass()
    #expect(report.items.filter { $0.status == .collected }.map(\.childKey) == ["fanout:f#t1"])
  }

  private func tree(_ folder: String) throws -> [String] {
    try FileSystem.names(in: folder).flatMap { name in
      let isFolder = try FileSystem.entry("\(folder)/\(name)")?.kind == .directory
      return [name] + (isFolder ? try tree("\(folder)/\(name)").map { "\(name)/\($0)" } : [])
    }.sorted()
  }

  @Test("a copy of the project that is made again is whole and on disk, or not there")
  func copyAgain() throws {
    let fixture = try QueueFixture { $0.mode = "write" }
    let (fails, synced) = (Guarded(false), Guarded<[[String]]>([]))
    let copies = WorkCopies(
      make: { _, folder in
        try FileSystem.makeDirectories(folder)
        try FileSystem.write([], to: "\(folder)/first")
        if fails.withLock({ $0 }) { throw FlowdexError.machine("errno-28", "no space") }
        try FileSystem.write([], to: "\(folder)/second")
      }, judge: { _, _ in .unchanged },
      sync: { folder in
        let made = try FileSystem.names(in: "\(folder)/work").sorted()
        synced.withLock { $0.append(made) }
      })
    let queue = try WorkQueue(fixture.queue.database, workCopies: copies) { _, _ in }
    let package = try queue.lease(limit: 1, files: true) { nil }[0].package!
    synced.withLock { $0 = [] }
    try FileSystem.removeTree(package.work)
    fixture.clock.reboot(afterMs: 60_000)
    fails.withLock { $0 = true }
    #expect(throws: FlowdexError.self) { try queue.repairPackagesAfterReboot() }
    #expect(!FileSystem.exists(package.work), "half a copy looks as if the rest had been deleted")
    #expect(!FileSystem.exists(fixture.layout.staging), "nor does half a copy stay elsewhere")
    fails.withLock { $0 = false }
    try queue.repairPackagesAfterReboot()
    #expect(try tree(package.work) == ["first", "second"])
    #expect(synced.withLock { $0.first } == ["first", "second"], "on disk before it is in its place")
    #expect(!FileSystem.exists(fixture.layout.staging))
  }

  @Test("two processes that come after a reboot make it once")
  func copyOnce() throws {
    let fixture = try QueueFixture { $0.mode = "write" }
    let made = Guarded(0)
    let copies = WorkCopies(
      make: { _, folder in
        made.withLock { $0 += 1 }
        try FileSystem.makeDirectories(folder)
        try FileSystem.write([], to: "\(folder)/first")
        usleep(200_000)
        try FileSystem.write([], to: "\(folder)/second")
      }, judge: { _, _ in .unchanged }, sync: { _ in })
    let first = try WorkQueue(fixture.queue.database, workCopies: copies) { _, _ in }
    let package = try first.lease(limit: 1, files: true) { nil }[0].package!
    try FileSystem.removeTree(package.work)
    fixture.clock.reboot(afterMs: 60_000)
    made.withLock { $0 = 0 }
    let (layout, clock) = (fixture.layout, fixture.clock)
    let failures = Guarded<[String]>([])
    let threads = try (0..<2).map { _ in
      try PermanentThread {
        do {
          let state = try StateDatabase.open(layout, clock: clock, migrations: { _ in })
          try WorkQueue(state, workCopies: copies) { _, _ in }.repairPackagesAfterReboot()
        } catch { failures.withLock { $0.append("\(error)") } }
      }
    }
    for thread in threads { thread.join() }
    #expect(failures.withLock { $0 } == [])
    #expect(try tree(package.work) == ["first", "second"])
    #expect(made.withLock { $0 } == 1)
  }

  @Test("a refusal is not written beyond a link that took the package's place in the meantime")
  func refusal() throws {
    let fixture = try QueueFixture()
    let lease = try fixture.lease()[0]
    let seen = try fixture.unsettled()
    let outside = "\(fixture.root)/outside"
    try FileSystem.makeDirectories(outside)
    try FileSystem.removeTree(lease.package!.root)
    try Self.check(symlink(outside, lease.package!.root))
    let finding = Collector.Finding(digest: Digest.sha256Hex("x"), text: "broken", isForSchema: false)
    let item = try Collector(fixture.queue).refuse(seen[0], finding)
    #expect(item.status == .invalid)
    #expect(try FileSystem.names(in: outside) == [])
  }
}
