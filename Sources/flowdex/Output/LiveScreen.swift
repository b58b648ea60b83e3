// What `watch` shows on a terminal: one frame, redrawn in place when something has happened. The frame is made
// by a pure function (`WatchFrame`), and what is written by another (`ScreenUpdate`); this file only asks the
// terminal for its size.

import Glibc
import QueueRunner
import Runtime

/// The bytes that turn one frame into the next.
enum ScreenUpdate {
  /// Up to the frame's first line, then each line that has changed, cleared to its end as it is overwritten: nothing
  /// flickers. The whole is one synchronised update (private mode 2026), which terminals that do not know it pass over.
  ///
  /// - Parameters:
  ///   - before: what stands above the cursor; empty for nothing.
  ///   - isResized: the terminal has wrapped what was there, so that nobody knows where it stands.
  static func bytes(from before: [String], to after: [String], isResized: Bool = false) -> String {
    if before == after, !isResized { return "" }
    var out = "\u{1B}[?2026h"
    if isResized { out += "\u{1B}[H\u{1B}[2J" } else if !before.isEmpty { out += "\u{1B}[\(before.count)A\r" }
    for (at, line) in after.enumerated() {
      let isSame = !isResized && at < before.count && before[at] == line
      out += isSame ? "\n" : "\(line)\u{1B}[K\n"
    }
    if after.count < before.count { out += "\u{1B}[J" }
    return out + "\u{1B}[?2026l"
  }
}

/// Redraws a frame of at most the terminal's height.
final class LiveScreen: WatchObserver {
  private struct State: Sendable {
    var lines: [String] = []
    var size = (columns: 0, rows: 0)
    var lastDrawMs: Int64 = 0
    var recent: [String] = []
    var usage: [(name: String, sum: Double)] = []
    var lastUsageMs: Int64?
  }

  private let state = Guarded(State())
  private let clock = SystemClock()
  /// At most so many frames a second: a burst of results is one picture.
  private static let frameMs: Int64 = 100
  /// Adding up the usage of ten thousand results for each frame would be felt.
  private static let usageMs: Int64 = 2000
  private static let recentKept = 6

  func observe(_ run: Run, events: [EventRecord]) throws {
    let lines = try events.compactMap { event in
      try EventWords.line(event).map { "\(Timestamp.text(event.createdAtMs).dropFirst(11).prefix(8)) \($0)" }
    }
    let now = clock.bootMs()
    let isDue = state.withLock { state in
      let words = lines.map { $0.split(separator: "\t").joined(separator: "  ") }
      state.recent = (state.recent + words).suffix(Self.recentKept)
      return now - state.lastDrawMs >= Self.frameMs
    }
    if try isDue || !run.record().status.isLive { try draw(run, now) }
  }

  func note(_ runId: String, _ text: String) {
    state.withLock { $0.recent = ($0.recent + ["note  \(text)"]).suffix(Self.recentKept) }
  }

  /// Leaves the last frame standing.
  func leave() { state.withLock { $0.lines = [] } }

  private func draw(_ run: Run, _ now: Int64) throws {
    let size = Console.size()
    let view = try WatchView.of(run)
    let isLast = !view.status.isLive
    let isUsageDue = state.withLock { isLast || $0.lastUsageMs.map { now - $0 >= Self.usageMs } ?? true }
    let usage = isUsageDue ? try WatchView.usage(run) : nil
    let update = state.withLock { state in
      if let usage {
        state.usage = usage
        state.lastUsageMs = now
      }
      let frame = WatchFrame(view: view, usage: state.usage, recent: state.recent, nowMs: clock.nowMs())
      let lines = frame.lines(width: size.columns, height: size.rows).map(\.coloured)
      defer {
        state.lines = lines
        state.size = size
        state.lastDrawMs = now
      }
      return ScreenUpdate.bytes(
        from: state.lines, to: lines, isResized: !state.lines.isEmpty && state.size != size)
    }
    if !update.isEmpty { Console.raw(update) }
  }
}
