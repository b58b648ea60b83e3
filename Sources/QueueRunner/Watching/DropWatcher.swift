// Hints that something happened in a folder. They may come late, repeated or merged, and when too much happens
// at once they are lost, which is itself a hint (`overflowed`). So nothing may depend on them but the moment
// at which one looks.

/// Watches folders and files for the whole process.
///
/// libinotifytools can be used once in a process and by one thread, so there is one watcher, and whoever wants
/// hints subscribes. The library is licensed GPL-2.0-only and stays behind this type.
public final class DropWatcher: Sendable {
  /// What is watched at a path, and with it what is told.
  public enum WatchKind: Sendable, Hashable, CaseIterable {
    /// A folder: entries that are written and closed, moved in or made.
    case folder
    /// A file: its being written to, or its status changed.
    case file
  }

  /// What became of a watch.
  public enum WatchOutcome: Sendable, Equatable {
    /// In place: whatever happens from now on is told.
    case watching
    /// There is no such folder, or nothing, at the path; a symlink is no folder.
    case gone
    /// It cannot be watched and must be looked at on a timer; why.
    case polled(reason: String)
  }

  /// What was told since the last look.
  public struct Hints: Sendable, Equatable {
    /// More happened than was told: look at everything.
    public var overflowed = false
    /// By watched path, as it was given: the names seen in the folder; none for a file.
    public var paths: [String: Set<String>] = [:]
    /// Watched paths where the thing is no longer: removed, moved away or unmounted. Their watches are gone.
    public var lost: Set<String> = []

    /// Nothing told.
    public init() {}
    /// Nothing was told.
    public var isEmpty: Bool { !overflowed && paths.isEmpty && lost.isEmpty }
  }

  private static let instance = Guarded<DropWatcher?>(nil)

  private let commands: Mailbox<WatchCommand>
  private let nextId = Guarded(0)

  /// The process's watcher, started at the first call. Where inotify cannot be had at all, it starts
  /// nevertheless, and every watch is `polled`.
  ///
  /// - Throws: trouble of the machine: no thread, no descriptors.
  public static func shared() throws -> DropWatcher {
    try instance.withLock { instance in
      if let instance { return instance }
      let watcher = try DropWatcher()
      instance = watcher
      return watcher
    }
  }

  private init() throws {
    let commands = try Mailbox<WatchCommand>()
    self.commands = commands
    _ = try PermanentThread(stackBytes: 1 << 20) {
      var thread = WatchThread(commands)
      thread.run()
    }
  }

  /// A new subscriber, who is told only of what it watches itself. It ends when the object is released.
  public func subscribe() throws -> Subscription {
    let id = nextId.withLock { next in
      next += 1
      return next
    }
    let subscription = try Subscription(id, commands)
    commands.post(.open(id, subscription.box))
    return subscription
  }

  /// Runs something while the owner thread takes no events, and waits for it.
  func hold(_ body: @escaping @Sendable () -> Void) throws {
    let reply = try Mailbox<[WatchOutcome]>()
    commands.post(.hold(body, reply))
    _ = Subscription.answer(reply)
  }

  /// One subscriber. Usable from any thread.
  public final class Subscription: Sendable {
    private let id: Int
    private let commands: Mailbox<WatchCommand>
    private let reply: Mailbox<[WatchOutcome]>
    /// One question at a time: there is one letterbox for the answers.
    private let turn = Guarded(())
    let box: HintBox

    fileprivate init(_ id: Int, _ commands: Mailbox<WatchCommand>) throws {
      self.id = id
      self.commands = commands
      reply = try Mailbox()
      box = try HintBox()
    }

    deinit { commands.post(.close(id)) }

    /// Readable while hints are pending; `take` ends that.
    public var descriptor: Int32 { box.descriptor }

    /// Watches a path; when it returns, the watch is in place. Look once afterwards: what happened before is
    /// not told. Watching a path again changes nothing, unless it was lost in between.
    public func watch(_ path: String, kind: WatchKind) -> WatchOutcome {
      watch([path], kind: kind).first ?? .gone
    }

    /// Watches many paths for the price of one question; an outcome for each, in their order.
    public func watch(_ paths: [String], kind: WatchKind) -> [WatchOutcome] {
      paths.isEmpty ? [] : ask(.watch(id, paths, kind, reply))
    }

    /// Ends a watch, before its folder is removed. What was told before stays to be taken.
    public func unwatch(_ path: String) { unwatch([path]) }

    /// Ends many watches for the price of one question.
    public func unwatch(_ paths: [String]) {
      if !paths.isEmpty { _ = ask(.unwatch(id, paths, reply)) }
    }

    /// What was told since the last call; empty if nothing was.
    public func take() -> Hints { box.take() }

    private func ask(_ command: WatchCommand) -> [WatchOutcome] {
      turn.withLock { _ in
        commands.post(command)
        return Self.answer(reply)
      }
    }

    fileprivate static func answer(_ reply: Mailbox<[WatchOutcome]>) -> [WatchOutcome] {
      while true {
        if let answer = reply.takeAll().first { return answer }
        // A failure of poll(2) is for want of memory; the answer comes all the same.
        _ = try? Poller.wait([reply.descriptor], timeoutMs: 1000)
      }
    }
  }
}
