// What `watch` shows on a terminal: one frame, redrawn in place when something has happened. The frame is made
// by a pure function (`WatchFrame`); this file only moves the cursor.

import Glibc
import QueueRunner
import Runtime

/// Redraws a frame of at most the terminal's height.
final class LiveScreen: WatchObserver {
  private struct State: Sendable {
    var lines = 0
    var lastDrawMs: Int64 = 0
    var recent: [String] = []
  }

  private let state = Guarded(State())
  private let clock = SystemClock()
  /// At most so many frames a second: a burst of results is one picture.
  private static let frameMs: Int64 = 50

  func observe(_ run: Run, events: [EventRecord]) throws {
    let lines = try events.compactMap { event in
      try EventWords.line(event).map { "\(Timestamp.text(event.createdAtMs).dropFirst(11).prefix(8)) \($0)" }
    }
    let now = clock.bootMs()
    let isDue = state.withLock { state in
      state.recent = (state.recent + lines.map { $0.split(separator: "\t").joined(separator: "  ") }).suffix(
        6)
      return now - state.lastDrawMs >= Self.frameMs
    }
    if try isDue || !run.record().status.isLive { try draw(run, now) }
  }

  func note(_ runId: String, _ text: String) {
    state.withLock { $0.recent = ($0.recent + ["note  \(text)"]).suffix(6) }
  }

  /// Leaves the last frame standing.
  func leave() { state.withLock { $0.lines = 0 } }

  private func draw(_ run: Run, _ now: Int64) throws {
    let size = Self.size()
    let view = try WatchView.of(run)
    let recent = state.withLock { $0.recent }
    let frame = WatchFrame(view: view, recent: recent, nowMs: clock.nowMs()).lines(
      width: size.columns, height: size.rows)
    let before = state.withLock { state in
      defer {
        state.lines = frame.count
        state.lastDrawMs = now
      }
      return state.lines
    }
    // Up, then each line cleared to its end as it is overwritten: nothing flickers.
    let up = before > 0 ? "\u{1B}[\(before)A\r" : ""
    let body = frame.map { "\($0)\u{1B}[K\n" }.joined()
    Console.raw(up + body + "\u{1B}[J")
  }

  private static func size() -> (columns: Int, rows: Int) {
    var size = winsize()
    guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return (80, 24) }
    return (Int(size.ws_col), Int(size.ws_row))
  }
}
