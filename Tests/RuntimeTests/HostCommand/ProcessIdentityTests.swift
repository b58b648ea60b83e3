import CSpawn
import Glibc
import QueueRunner
import Testing

@testable import Runtime

@Suite("A supervisor's identity")
struct ProcessIdentityTests {
  @Test("is the same after it was written and read")
  func roundTrip() throws {
    let fixture = try HostCommandFixture()
    let prepared = try fixture.prepare(fixture.spec(["true"]))
    #expect(ProcessIdentity(text: prepared.identity.text) == prepared.identity)
    #expect(prepared.identity.bootId == SystemClock().bootId())
    prepared.abandon()
  }

  @Test(
    "is not read from anything else",
    arguments: [
      "", " ", "1 2", "12 34 ", "12 34 boot more", "0 1 boot", "1 1 boot", "-5 1 boot", "12 -1 boot",
      "+12 1 boot",
      "012 1 boot", "99999999999 1 boot", "12 x boot", "12  boot", "12 1 boot ",
    ])
  func malformed(text: String) { #expect(ProcessIdentity(text: text) == nil) }

  @Test("reaches no process that merely has its pid, nor one of another boot", arguments: 0..<3)
  func recycled(way: Int) async throws {
    let fixture = try HostCommandFixture()
    let ready = try fixture.signal("ready")
    let prepared = try fixture.prepare(fixture.spec(["sh", "-c", "echo >ready; exec sleep 1000"]))
    let pending = try prepared.begin()
    try ready.await()
    let real = prepared.identity
    let stranger =
      switch way {
      case 0: ProcessIdentity(pid: real.pid, startTicks: real.startTicks - 1, bootId: real.bootId)
      case 1: ProcessIdentity(pid: real.pid, startTicks: real.startTicks + 1, bootId: real.bootId)
      default: ProcessIdentity(pid: real.pid, startTicks: real.startTicks, bootId: "another")
      }
    try stranger.killIfAlive()
    #expect(try ProcessRecord(pid: real.pid)?.startTicks == real.startTicks)
    // The real one ends it, and is harmless when there is nothing left.
    try real.killIfAlive()
    #expect(try await pending.only().signal == Int(SIGKILL))
    try real.killIfAlive()
  }

  @Test("sends a supervisor away that still waits at its gate")
  func atTheGate() throws {
    let fixture = try HostCommandFixture()
    let prepared = try fixture.prepare(fixture.spec(["true"]))
    try prepared.identity.killIfAlive()
    #expect(try ProcessRecord(pid: prepared.identity.pid) == nil)
    prepared.abandon()
    #expect(prepared.isCollected)
  }

  @Test("that died at its gate gives an outcome all the same")
  func deadAtTheGate() async throws {
    let fixture = try HostCommandFixture()
    let prepared = try fixture.prepare(fixture.spec(["touch", "begun"]))
    kill(prepared.identity.pid, SIGKILL)
    let outcome = try await prepared.outcome()
    #expect(outcome.signal == Int(SIGKILL))
    #expect(!FileSystem.exists("\(fixture.root)/begun"))
    #expect(prepared.isCollected)
  }

  @Test("marks what it starts with a limit that no life reaches and no other identity has")
  func marks() {
    let pairs: [(Int32, Int64)] = [(2, 0), (2, 1), (3, 0), (4_194_304 - 1, 0), (2, 1 << 39), (3, 1 << 39)]
    let marks = pairs.map { flowdex_command_mark($0.0, $0.1) }
    #expect(Set(marks).count == pairs.count)
    #expect(marks.allSatisfy { $0 >= 1 << 62 && $0 < 1 << 63 })
  }

  @Test(
    "is read from `/proc` whatever the process is called",
    arguments: [
      ("7 (sh) S 1 7 7 0 -1 4 1 1 1 1 0 0 0 0 20 0 1 0 4242 9", 4242),
      ("7 (a) b (c) R 9) S 1 7 7 0 -1 4 1 1 1 1 0 0 0 0 20 0 1 0 77 9", 77),
      ("7 (sh) Z 1 7 7 0 -1 4 1 1 1 1 0 0 0 0 20 0 1 0 4242 9", nil), ("7 (sh) S 1 7", nil), ("7 sh S", nil),
      ("", nil), (")", nil),
    ] as [(String, Int64?)])
  func statFile(text: String, ticks: Int64?) {
    #expect(ProcessRecord(pid: 7, stat: Array(text.utf8))?.startTicks == ticks)
  }

  @Test("is not taken for gone where it could not be read")
  func unreadable() throws {
    let fixture = try HostCommandFixture()
    #expect(try ProcessRecord(pid: 7, in: fixture.root) == nil)
    // Nothing that a read of a folder, or of a link in a circle, fails with says that there is no process.
    try FileSystem.makeDirectories("\(fixture.root)/7/stat")
    try FileSystem.makeDirectories("\(fixture.root)/8")
    #expect(symlink("stat", "\(fixture.root)/8/stat") == 0)
    for pid: Int32 in [7, 8] {
      #expect(throws: FlowdexError.self) { try ProcessRecord(pid: pid, in: fixture.root) }
    }
  }

  @Test(
    "has its mark read from the limits",
    arguments: [
      ("Max cpu time  1  2  seconds\nMax realtime timeout     4611686018427387904  unlimited  us\n", 1 << 62),
      ("Max realtime timeout     unlimited            unlimited            us        \n", nil), ("", nil),
      ("Max realtime timeout\n", nil),
    ] as [(String, UInt64?)])
  func limitsFile(text: String, limit: UInt64?) {
    #expect(ProcessRecord.realTimeLimit(limits: Array(text.utf8)) == limit)
  }
}
