import Glibc
import Testing

@testable import QueueRunner

/// Waits for locks: when they are told of, and what is said of the holder.
@Suite("waits for locks", .timeLimit(.minutes(15)))
struct LockWaitTests {
  private static let patience = LockWaitLedger.patienceMs

  private static func step(_ ledger: inout LockWaitLedger, _ nowMs: Int64) -> LockWaitLedger.Step {
    ledger.look(nowMs: nowMs)
  }

  private static func id(_ ledger: inout LockWaitLedger, _ path: String, _ nowMs: Int64, starts: Bool) throws
    -> Int
  {
    let (id, mustStart) = ledger.begin(path, nowMs: nowMs)
    #expect(mustStart == starts)
    return try #require(id)
  }

  private static func confirms(_ ledger: inout LockWaitLedger, _ id: Int) -> Bool { ledger.confirm(id) }

  @Test("one thread looks after all waits, tells of the oldest when its time has come, and leaves")
  func steps() throws {
    var ledger = LockWaitLedger()
    let a = try Self.id(&ledger, "/a", 1000, starts: true)
    let b = try Self.id(&ledger, "/b", 1500, starts: false)
    #expect(Self.step(&ledger, 1600) == .nap(ms: Self.patience - 600))
    #expect(Self.step(&ledger, 1000 + Self.patience) == .tell(a, path: "/a"))
    #expect(Self.confirms(&ledger, a))
    #expect(Self.step(&ledger, 1000 + Self.patience) == .nap(ms: 500))
    ledger.end(b)
    #expect(Self.step(&ledger, 9000) == .leave)
    _ = try Self.id(&ledger, "/b", 9000, starts: true)
  }

  @Test("a lock is told of once, whoever waits for it, and however often")
  func once() throws {
    var ledger = LockWaitLedger()
    let first = try Self.id(&ledger, "/a", 0, starts: true)
    let second = try Self.id(&ledger, "/a", 1, starts: false)
    #expect(Self.step(&ledger, Self.patience) == .tell(first, path: "/a"))
    #expect(Self.confirms(&ledger, first))
    #expect(!Self.confirms(&ledger, second), "another thread waits for the same")
    #expect(Self.step(&ledger, 2 * Self.patience) == .leave)
    let again = ledger.begin("/a", nowMs: 3 * Self.patience)
    #expect(again.id == nil && !again.mustStart)
  }

  @Test("a wait that ends while the holder is looked for is no news, and a later one is")
  func ended() throws {
    var ledger = LockWaitLedger()
    let first = try Self.id(&ledger, "/a", 0, starts: true)
    #expect(Self.step(&ledger, Self.patience) == .tell(first, path: "/a"))
    ledger.end(first)
    #expect(!Self.confirms(&ledger, first))
    #expect(Self.step(&ledger, Self.patience) == .leave)
    let later = try Self.id(&ledger, "/a", Self.patience, starts: true)
    #expect(Self.step(&ledger, 2 * Self.patience) == .tell(later, path: "/a"))
  }

  @Test("where no thread is to be had, the next wait tries again")
  func noThread() throws {
    var ledger = LockWaitLedger()
    _ = try Self.id(&ledger, "/a", 0, starts: true)
    ledger.lostThread()
    _ = try Self.id(&ledger, "/a", 1, starts: true)
  }

  static let stats: [(String, LockHolder?)] = [
    ("12 (flowdex) S 1 12 12 0", LockHolder(pid: 12, command: "flowdex", isStopped: false)),
    ("12 (flowdex) T 1 12 12 0", LockHolder(pid: 12, command: "flowdex", isStopped: true)),
    ("12 (a) T) (b) t 1", LockHolder(pid: 12, command: "a) T) (b", isStopped: true)),
    ("12 () R", LockHolder(pid: 12, command: "", isStopped: false)),
    ("12 (a)", nil), ("", nil), (") T (", nil),
  ]

  @Test("what /proc says of a process", arguments: stats)
  func stat(text: String, holder: LockHolder?) {
    #expect(LockHolder(pid: 12, stat: Array(text.utf8)) == holder)
  }

  @Test("which lines of fdinfo are such a lock")
  func info() {
    let head = "pos:\t0\nflags:\t02100002\nmnt_id:\t27\n"
    #expect(LockHolder.showsLock(Array("\(head)lock:\t1: OFDLCK ADVISORY  WRITE -1 fe:01:12 0 EOF\n".utf8)))
    #expect(!LockHolder.showsLock(Array("\(head)lock:\t1: FLOCK  ADVISORY  WRITE 9 fe:01:12 0 EOF\n".utf8)))
    #expect(!LockHolder.showsLock(Array(head.utf8)))
  }

  static let words: [(LockHolder?, String)] = [
    (
      LockHolder(pid: 7, command: "flowdex", isStopped: true),
      "still waiting for `/l`: process 7 (`flowdex`) holds it, and is stopped (`kill -CONT 7` lets it go on, "
        + "`kill -KILL 7` ends it)"
    ),
    (
      LockHolder(pid: 7, command: "a\u{1B}[2J", isStopped: false),
      "still waiting for `/l`: process 7 (`a\\u001b[2J`) holds it (wait until it is done, or end it with "
        + "`kill 7`)"
    ),
    (
      LockHolder(pid: 1, command: "flowdex", isStopped: false),
      "still waiting for `/l`: another thread of this process holds it"
    ),
    (
      nil,
      "still waiting for `/l`: a process that is not to be seen from here holds it (look for it among other "
        + "users' processes and in other containers)"
    ),
  ]

  @Test("one line for who waits", arguments: words)
  func line(holder: LockHolder?, text: String) {
    #expect(LockHolder.words(path: "/l", holder, ownPid: 1) == text)
  }

  @Test("the holder of a lock is found, and an open file without one is none")
  func holder() throws {
    let scratch = try ScratchFolder()
    let path = "\(scratch.path)/lock"
    let lock = FileLock(path: path)
    #expect(try !lock.isHeldByOther() && lock.owner() == nil)
    #expect(try !FileSystem.isThere(path), "asking makes no file")
    #expect(try lock.tryLock())
    #expect(LockHolder.of(path)?.pid == getpid())
    let other = FileLock(path: path)
    #expect(try other.isHeldByOther() && !other.tryLock() && !other.tryLock(forMs: 20))
    lock.unlock()
    #expect(LockHolder.of(path) == nil)
    #expect(try other.tryLock(forMs: 20) && lock.isHeldByOther())
  }

  @Test("who only asks about a lock needs no right to write")
  func readOnly() throws {
    let scratch = try ScratchFolder()
    let path = "\(scratch.path)/lock"
    let lock = FileLock(path: path)
    #expect(try lock.tryLock())
    try lock.writeOwner(77)
    chmod(path, 0o444)
    let other = FileLock(path: path)
    #expect(try other.isHeldByOther() && other.owner() == .init(pid: 77, note: nil))
    try lock.writeOwner(7, note: "looking")
    #expect(try other.owner() == .init(pid: 7, note: "looking"))
    try lock.writeOwner(77)
    #expect(try other.owner() == .init(pid: 77, note: nil), "nothing is left of what was longer")
  }
}
