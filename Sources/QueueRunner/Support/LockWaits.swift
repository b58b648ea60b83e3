// A wait for a lock never gives up, for nothing may be lost; but one that lasts is told of, once, with who holds the
// lock: the holder may be stopped, and then the wait is without end.
//
// One thread looks after all waits of the process. It is started by the first wait that has to be looked after and ends
// when there is none, so that a wait among busy writers costs an entry in a table, and a thread every five seconds.
// Rejected: naps between attempts, which add to each wait what is left of a nap; a thread for each wait.

import Glibc

/// Tells of waits for locks that last.
public enum LockWaits {
  private static let ledger = Guarded(LockWaitLedger())
  private static let voice = Guarded<(@Sendable (String) -> Void)?>(nil)
  private static let clock = SystemClock()

  /// Who is told, in one line; without one nobody is. Called on a thread of its own.
  public static func tell(_ voice: @escaping @Sendable (String) -> Void) {
    Self.voice.withLock { $0 = voice }
  }

  static func begin(_ path: String) -> Int? {
    let (id, mustStart) = ledger.withLock { $0.begin(path, nowMs: clock.bootMs()) }
    // Where no thread is to be had, the wait is a silent one.
    if mustStart, (try? PermanentThread.start(stackBytes: 1 << 20, lookAfter)) == nil {
      ledger.withLock { $0.lostThread() }
    }
    return id
  }

  static func end(_ id: Int?) {
    if let id { ledger.withLock { $0.end(id) } }
  }

  @Sendable private static func lookAfter() {
    while true {
      switch ledger.withLock({ $0.look(nowMs: clock.bootMs()) }) {
      case .leave: return
      case .nap(let ms): poll(nil, 0, Int32(clamping: ms))
      case .tell(let id, let path):
        let words = LockHolder.words(path: path, LockHolder.of(path), ownPid: getpid())
        // The look takes a while: what has ended meanwhile is no news.
        if ledger.withLock({ $0.confirm(id) }) { voice.withLock { $0 }?(words) }
      }
    }
  }
}

/// Which waits there are, and which are to be told of: decided here, done elsewhere.
struct LockWaitLedger: Sendable {
  /// After so long it is worth a line. Commits take milliseconds, the handing out of a thousand packages a second.
  static let patienceMs: Int64 = 5000

  private struct Wait {
    let path: String
    let sinceMs: Int64
  }
  private var waits: [Int: Wait] = [:]
  private var lastId = 0
  /// Each lock is told of once in a process.
  private var told: Set<String> = []
  private var hasThread = false

  /// What the thread does next.
  enum Step: Equatable {
    case tell(Int, path: String)
    case nap(ms: Int64)
    case leave
  }

  /// - Returns: nil for one that needs no looking after; whether a thread has to be started for it.
  mutating func begin(_ path: String, nowMs: Int64) -> (id: Int?, mustStart: Bool) {
    if told.contains(path) { return (nil, false) }
    lastId += 1
    waits[lastId] = Wait(path: path, sinceMs: nowMs)
    defer { hasThread = true }
    return (lastId, !hasThread)
  }

  mutating func end(_ id: Int) { waits[id] = nil }

  /// The oldest wait decides. A thread that is told to leave is no more.
  mutating func look(nowMs: Int64) -> Step {
    guard let oldest = waits.min(by: { ($0.value.sinceMs, $0.key) < ($1.value.sinceMs, $1.key) }) else {
      hasThread = false
      return .leave
    }
    let leftMs = oldest.value.sinceMs + Self.patienceMs - nowMs
    return leftMs > 0 ? .nap(ms: leftMs) : .tell(oldest.key, path: oldest.value.path)
  }

  /// Whether it still waits, and nobody has been told of its lock.
  mutating func confirm(_ id: Int) -> Bool {
    guard let wait = waits[id] else { return false }
    told.insert(wait.path)
    waits = waits.filter { $0.value.path != wait.path }
    return true
  }

  /// None could be started.
  mutating func lostThread() { hasThread = false }
}
