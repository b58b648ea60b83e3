import Glibc
import Testing

@testable import QueueRunner

/// What is torn, too large or in the way leads to no removal, no trap and no wait.
@Suite("the machine's trouble", .timeLimit(.minutes(15)))
struct MachineTroubleTests {
  static let tokens = (0..<40).map { "61f4226b-2380-4e0b-8978-d496f6d453\($0 + 10)" }

  @Test(
    "a note of what was about to appear that is cut anywhere names no package but its own",
    arguments: [true, false])
  func tornNote(isOld: Bool) {
    let packages = Self.tokens.map { (folder: "/p/dispatches/agent-a-0011/\($0)", token: $0) }
    let lines = packages.map { isOld ? $0.folder : "agent-a-0011/\($0.token)" }
    let whole = Array((lines.joined(separator: "\n") + "\n").utf8)
    let all = Set(packages.map(\.folder))
    #expect(PublishingNote.packages(of: whole, in: "/p/dispatches").map(\.path) == packages.map(\.folder))
    for length in 0..<whole.count {
      for tail in [[], [UInt8](repeating: 0, count: 100), Array("/".utf8)] {
        let found = PublishingNote.packages(of: whole.prefix(length) + tail, in: "/p/dispatches")
        #expect(Set(found.map(\.path)).isSubset(of: all), "cut at \(length)")
      }
    }
  }

  @Test(
    "a damaged note costs no package and nobody waits at it",
    arguments: ["dispatches", "dispatches/", "child", "child/", "a folder", "a FIFO"])
  func damagedNote(kind: String) throws {
    let fixture = try QueueFixture(tasks: 2)
    let lease = try #require(try fixture.lease(1).first)
    let package = try #require(lease.package)
    let child = FileSystem.split(package.root).parent
    let note = fixture.layout.publishing
    switch kind {
    case "dispatches": try FileSystem.write(Array(fixture.layout.dispatches.utf8), to: note)
    case "dispatches/": try FileSystem.write(Array("\(fixture.layout.dispatches)/".utf8), to: note)
    case "child": try FileSystem.write(Array(child.utf8), to: note)
    case "child/": try FileSystem.write(Array("\(child)/".utf8), to: note)
    case "a folder": try FileSystem.makeDirectories("\(note)/x")
    default: #expect(mkfifo(note, 0o644) == 0)
    }
    try FileSystem.write(QueueFixture.envelope(), to: package.result)
    let collector = Collector(try fixture.reopened())
    let report = try collector.pass()
    #expect(report.items.map(\.status) == [.collected])
    #expect(FileSystem.exists(package.accepted))
    #expect(!FileSystem.exists(note))
    #expect(try fixture.queue.lease(limit: 9, files: true) { nil }.count == 1)
  }

  @Test("a log of events with a huge tail of no lines is made good without being read into memory")
  func hugeTail() throws {
    let fixture = try QueueFixture(tasks: 2)
    let whole = try FileSystem.read(fixture.layout.events)
    #expect(truncate(fixture.layout.events, 1 << 40) == 0)
    try fixture.reopened().database.healEvents()
    #expect(try FileSystem.read(fixture.layout.events) == whole)
  }

  @Test("a FIFO in the place of a lock is a lock, and nobody waits at it")
  func fifoLock() throws {
    let fixture = try QueueFixture()
    let path = fixture.layout.driverLock
    try FileSystem.remove(path)
    #expect(mkfifo(path, 0o644) == 0)
    #expect(try !FileLock(path: path).isHeldByOther())
    let lock = FileLock(path: path)
    #expect(try lock.tryLock())
    lock.unlock()
  }

  @Test("a folder among what killed processes left is removed")
  func strangeTemporary() throws {
    let fixture = try QueueFixture()
    try FileSystem.makeDirectories("\(fixture.layout.temporary)/deep/er")
    try fixture.queue.database.sweepTemporary()
    #expect(try FileSystem.names(in: fixture.layout.temporary) == [])
  }

  @Test(
    "packages are claimed though `queue/claimed` is gone, and one that something is in the way of is left")
  func claims() throws {
    let fixture = try QueueFixture(tasks: 2)
    _ = try fixture.queue.offer(limit: 2) { nil }
    try FileSystem.removeTree(fixture.layout.claimed)
    let first = try #require(try fixture.queue.claim(atMost: 1).first)
    #expect(try fixture.leaseState(first.token) == .live)
    let other = try #require(try FileSystem.names(in: fixture.layout.ready).first)
    try FileSystem.makeDirectories("\(fixture.layout.claimed)/\(other)/x")
    #expect(try fixture.queue.claim(atMost: 2).isEmpty)
    #expect(try fixture.leaseState(other) == .offered)
  }

  @Test("a result that cannot be looked at is not one that has not come")
  func unseen() throws {
    let tooLong =
      "/" + [String](repeating: String(repeating: "x", count: 250), count: 20).joined(separator: "/")
    #expect(throws: FlowdexError.self) { try ResultFile.stamp(package: tooLong) }
    #expect(throws: FlowdexError.self) { try ResultFile.isPlainFolder(tooLong) }
    #expect(try ResultFile.stamp(package: "/nowhere") == nil)
  }
}
