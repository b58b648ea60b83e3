/// Where the owner thread leaves hints for one subscriber: they are gathered, not queued, so that a subscriber
/// who is slow pays with less detail and never with memory.
final class HintBox: Sendable {
  /// Names that are kept apart; beyond, the hint is to look at everything.
  static let maxNames = 16_384

  private struct Contents {
    var hints = DropWatcher.Hints()
    var names = 0
  }

  private let wakeup: Wakeup
  private let contents = Guarded(Contents())

  init() throws { wakeup = try Wakeup() }

  var descriptor: Int32 { wakeup.descriptor }

  func saw(_ path: String, _ name: String) {
    change { contents in
      if contents.hints.overflowed { return }
      // The path counts as well: it may be watched and forgotten any number of times.
      if contents.hints.paths[path] == nil {
        contents.hints.paths[path] = []
        contents.names += 1
      }
      if !name.isEmpty, contents.hints.paths[path, default: []].insert(name).inserted { contents.names += 1 }
      if contents.names > Self.maxNames { Self.overflow(&contents) }
    }
  }

  func lost(_ path: String) { change { $0.hints.lost.insert(path) } }

  func overflowed() { change(Self.overflow) }

  /// What has been left since the last call.
  func take() -> DropWatcher.Hints {
    // Drained first: whatever is left after this makes the descriptor readable again.
    wakeup.drain()
    return contents.withLock { contents in
      defer { contents = Contents() }
      return contents.hints
    }
  }

  private static func overflow(_ contents: inout Contents) {
    contents.hints.overflowed = true
    contents.hints.paths = [:]
    contents.names = 0
  }

  /// Signals only when the box was empty: a burst costs one write(2).
  private func change(_ body: @Sendable (inout Contents) -> Void) {
    let wasEmpty = contents.withLock { contents in
      let wasEmpty = contents.hints.isEmpty
      body(&contents)
      return wasEmpty
    }
    if wasEmpty { wakeup.signal() }
  }
}
