// The one thread that owns libinotifytools: it waits for events and for commands, and does nothing else, so
// that the kernel's queue is emptied as fast as it can be.

import Glibc

/// What other threads ask of the owner thread.
enum WatchCommand: Sendable {
  case open(Int, HintBox)
  case watch(Int, [String], DropWatcher.WatchKind, Mailbox<[DropWatcher.WatchOutcome]>)
  case unwatch(Int, [String], Mailbox<[DropWatcher.WatchOutcome]>)
  case close(Int)
  /// Runs something while no event is taken: for tests.
  case hold(@Sendable () -> Void, Mailbox<[DropWatcher.WatchOutcome]>)
}

/// The owner thread's state and its loop.
struct WatchThread {
  /// Events that are handed out before commands get their turn.
  private static let turn = 8192
  /// How long to rest when the kernel refuses to wait or to tell, in milliseconds.
  private static let restMs: Int32 = 100

  private let commands: Mailbox<WatchCommand>
  private var library: InotifyLibrary?
  private let blindness: String
  private var table = WatchTable()
  private var boxes: [Int: HintBox] = [:]

  init(_ commands: Mailbox<WatchCommand>) {
    self.commands = commands
    do throws(InotifyLibrary.Unavailable) {
      library = try InotifyLibrary()
      blindness = ""
    } catch {
      library = nil
      blindness = error.reason
    }
  }

  /// Never returns: the library can be started once in a process.
  mutating func run() -> Never {
    let descriptors = [commands.descriptor] + (library.map { [$0.descriptor] } ?? [])
    let clock = SystemClock()
    var pace = EventPace()
    var (isMore, pauseMs) = (false, 0)
    while true {
      do {
        // Whoever asks for something is served at once, and every event before it is taken first.
        let ready =
          pauseMs > 0
          ? try Poller.wait([commands.descriptor], timeoutMs: pauseMs)
          : try Poller.wait(descriptors, timeoutMs: isMore ? 0 : nil)
        let taken = takeEvents()
        isMore = taken == Self.turn
        pauseMs = isMore ? 0 : pace.pauseMs(after: taken, atMs: clock.bootMs())
        if ready.contains(commands.descriptor) { serve() }
      } catch {
        rest()
      }
    }
  }

  /// poll(2) fails only for want of memory. What was missed in the meantime cannot be known.
  private func rest() {
    for box in boxes.values { box.overflowed() }
    _ = poll(nil, 0, Self.restMs)
  }

  /// Hands out what is pending, at most a turn's worth; how much it was.
  private mutating func takeEvents() -> Int {
    guard let library else { return 0 }
    for taken in 0..<Self.turn {
      guard let event = library.next() else {
        if library.hasFailed { rest() }
        return taken
      }
      receive(event)
    }
    return Self.turn
  }

  private mutating func receive(_ event: InotifyLibrary.Event) {
    if event.isOverflow { return overflow() }
    if event.isEnd { return end(event.descriptor, isEnded: event.isEnded) }
    for entry in table.listeners(event.descriptor) { boxes[entry.subscription]?.saw(entry.path, event.name) }
  }

  private mutating func end(_ descriptor: Int32, isEnded: Bool) {
    let lost = table.forget(descriptor)
    if lost.isEmpty { return }
    // A watch follows its inode, so one that was moved away would go on telling under the old path.
    if !isEnded { library?.remove(descriptor) }
    for entry in lost { boxes[entry.subscription]?.lost(entry.path) }
  }

  /// Among the events that were dropped may be the end of a watch, and a watch that has ended must not be
  /// taken for one that is in place: the kernel's own list says which are left.
  private mutating func overflow() {
    if let live = library?.liveDescriptors() {
      for descriptor in table.all where !live.contains(descriptor) { end(descriptor, isEnded: true) }
    }
    for box in boxes.values { box.overflowed() }
  }

  private mutating func serve() {
    for command in commands.takeAll() {
      switch command {
      case .open(let id, let box): boxes[id] = box
      case .watch(let id, let paths, let kind, let reply):
        drain()
        reply.post(paths.map { watch($0, kind, id) })
      case .unwatch(let id, let paths, let reply):
        drain()
        for path in paths { remove(table.remove(path, subscription: id)) }
        reply.post([])
      case .close(let id):
        drain()
        boxes[id] = nil
        remove(table.remove(subscription: id))
      case .hold(let body, let reply):
        body()
        reply.post([])
      }
    }
  }

  /// Before the table is used: a watch whose end is pending must be neither shared nor removed.
  private mutating func drain() { while takeEvents() == Self.turn {} }

  private mutating func remove(_ descriptors: [Int32]) {
    for descriptor in descriptors { library?.remove(descriptor) }
  }

  private mutating func watch(
    _ path: String, _ kind: DropWatcher.WatchKind, _ subscription: Int
  ) -> DropWatcher.WatchOutcome {
    guard library != nil else { return .polled(reason: blindness) }
    // A C string would end at the zero byte and name something else.
    if path.isEmpty || path.utf8.contains(0) { return .gone }
    let entry = WatchTable.Entry(subscription: subscription, path: path, kind: kind)
    if let known = table.descriptor(of: path, kind) {
      table.add(entry, known)
      return .watching
    }
    switch library?.watch(path, kind) {
    case .success(let descriptor):
      table.add(entry, descriptor)
      return .watching
    case .failure(let failure):
      let isGone = [ENOENT, ENOTDIR, ELOOP].contains(failure.code)
      return isGone ? .gone : .polled(reason: InotifyLibrary.reason(failure.code))
    case nil: return .polled(reason: blindness)
    }
  }
}

/// In a burst, events are left to gather for a moment: waking up for each of them costs more than all that is done with it,
/// and whoever looks then finds more to take together. An event by itself is told at once.
struct EventPace {
  /// So many in a millisecond are a burst. A worker who answers one package after the other makes half as many.
  static let burst = 16

  private var ms: Int64 = 0
  private var inMs = 0

  /// How long to let further events gather, in milliseconds.
  mutating func pauseMs(after taken: Int, atMs now: Int64) -> Int {
    if now != ms { inMs = 0 }
    ms = now
    inMs += taken
    return inMs >= Self.burst ? 1 : 0
  }
}
