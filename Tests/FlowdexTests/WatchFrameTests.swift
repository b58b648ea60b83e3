@testable import QueueRunner
@testable import Runtime
import Testing

@testable import flowdex

/// What `watch` draws, as pure functions: at every size, and from each frame to the next.
@Suite("watch frames")
struct WatchFrameTests {
  private func view(
    tasks: Int, phases: Int = 2, workers: Int = 0, refusals: Int = 0, ends: Int = 0, name: String = "audit"
  ) -> WatchView {
    WatchView(
      runId: "r1", name: name, status: .running, createdAtMs: 0, error: nil,
      phases: (0..<phases).map { at in
        var phase = WatchView.Phase(id: "phase-\(at)-with-a-long-name")
        phase.done = tasks / 2
        phase.failed = tasks / 10
        phase.working = at == 0 ? workers : 0
        phase.refused = at == 0 ? min(1, workers) : 0
        phase.waiting = max(0, tasks - phase.done - phase.failed - phase.working)
        return phase
      },
      workers: (0..<min(200, workers)).map {
        WatchView.Worker(
          childKey: "fanout:f#task-\($0)-漢字漢字漢字", agentRef: "agent-\($0)", sinceMs: 1000, expiresAtMs: 61_000,
          refusal: $0 == 0 ? "`/data`: expected an object\u{1B}[2J\n, found nothing" : nil)
      },
      offered: 3, operations: (1, 2),
      refusals: (0..<refusals).map {
        ProgressStore.Refusal(childKey: "fanout:f#\($0)", text: "byte 1: \u{202E}no JSON", atMs: 1000)
      }, endsInWindow: ends, windowMs: 60_000, maxConcurrency: 8)
  }

  private func frame(_ view: WatchView, recent: Int = 6) -> WatchFrame {
    WatchFrame(
      view: view, usage: [("tokens", 1_234_567), ("cost", 1.256)],
      recent: (0..<recent).map {
        "12:00:0\($0) completed  fanout:f#t\($0) \(String(repeating: "w", count: 200))"
      },
      nowMs: 65_000)
  }

  @Test(
    "every frame fits, whatever there is to show",
    arguments: [0, 1, 20, 10_000], [(20, 6), (60, 10), (60, 16), (80, 24), (140, 45), (300, 90)])
  func fits(tasks: Int, size: (width: Int, height: Int)) {
    for (phases, workers, refusals) in [(1, 0, 0), (2, min(tasks, 3), 1), (30, min(tasks, 500), 5)] {
      let lines = frame(view(tasks: tasks, phases: phases, workers: workers, refusals: refusals))
        .lines(width: size.width, height: size.height)
      #expect(lines.count <= max(6, size.height - 1))
      for line in lines {
        #expect(TextWidth.columns(line.plain) <= size.width, "\(line.plain)")
        #expect(
          !line.plain.unicodeScalars.contains { $0.value < 0x20 || $0 == "\u{202E}" || $0.value == 0x9B })
      }
    }
  }

  @Test("the head, the bars, the workers, what was refused, the usage")
  func parts() {
    let text = frame(view(tasks: 20, workers: 2, refusals: 1, ends: 6)).lines(width: 100, height: 30).map(
      \.plain)
    // Two in each phase are working or waiting … of 20 each 8 are open: 16 at six a minute.
    #expect(text[0] == "audit  running  1m05s  about 2m40s left")
    #expect(text[1] == "1/2 operations  3 in queue/ready  tokens 1,234,567  cost 1.26")
    #expect(text[3].contains("12/20  1 running  1 refused  6 waiting  2 failed"), "\(text[3])")
    #expect(text.contains { $0.contains("fanout:f#task-0") && $0.contains("1m04s") && $0.contains("late") })
    #expect(text.contains { $0.hasSuffix("fanout:f#0  byte 1:  no JSON") }, "\(text)")
  }

  @Test("nothing jumps: parts keep their places while workers come and go")
  func steady() {
    func places(_ workers: Int) -> [Int] {
      let lines = frame(view(tasks: 100, workers: workers, refusals: 2)).lines(width: 80, height: 40).map(
        \.plain)
      return [lines.count, lines.firstIndex { $0.hasPrefix("last refused") } ?? -1]
    }
    #expect(Set([0, 1, 5, 8, 50].map(places)).count == 1)
  }

  @Test(
    "an estimate is the pace of the last minutes, and none where there is no telling",
    arguments: [
      (0, 60_000, 10, nil), (2, 60_000, 10, nil), (3, 60_000, 0, nil), (3, 60_000, 10, 200_000),
      (600, 600_000, 10_000, 10_000_000),
    ] as [(Int, Int64, Int, Int64?)])
  func estimate(ends: Int, windowMs: Int64, open: Int, expected: Int64?) {
    #expect(Estimate.remainingMs(ends: ends, windowMs: windowMs, open: open) == expected)
  }

  @Test("the window is a quarter of the time, within bounds")
  func window() {
    let found = [0, 5000, 60_000, 400_000, 100_000_000].map { Estimate.windowMs(elapsedMs: $0) }
    #expect(found == [1, 5000, 60_000, 100_000, 600_000])
  }

  @Test("only lines that changed are written, in place; a new size begins anew")
  func updates() {
    let begin = "\u{1B}[?2026h"
    let end = "\u{1B}[?2026l"
    #expect(ScreenUpdate.bytes(from: [], to: ["a", "b"]) == begin + "a\u{1B}[K\nb\u{1B}[K\n" + end)
    #expect(
      ScreenUpdate.bytes(from: ["a", "b"], to: ["a", "c"]) == begin + "\u{1B}[2A\r\nc\u{1B}[K\n" + end)
    #expect(ScreenUpdate.bytes(from: ["a", "b"], to: ["a", "b"]) == "")
    #expect(ScreenUpdate.bytes(from: ["a", "b"], to: ["a"]) == begin + "\u{1B}[2A\r\n\u{1B}[J" + end)
    #expect(
      ScreenUpdate.bytes(from: ["a"], to: ["a"], isResized: true) == begin + "\u{1B}[H\u{1B}[2Ja\u{1B}[K\n"
        + end)
  }

  @Test(
    "columns of a terminal",
    arguments: [("abc", 3), ("漢字", 4), ("e\u{301}", 1), ("😀", 2), ("a\u{200D}b", 2), ("", 0)])
  func columns(text: String, expected: Int) { #expect(TextWidth.columns(text) == expected) }

  @Test(
    "cut to columns",
    arguments: [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("漢字", 3, "漢…"), ("a\nb", 9, "a b"), ("abc", 0, "")])
  func cut(text: String, limit: Int, expected: String) { #expect(TextWidth.cut(text, limit) == expected) }

  @Test(
    "numbers for people",
    arguments: [(0.0, "0"), (999, "999"), (1000, "1,000"), (-1234.5, "-1,234.50"), (0.004, "0")])
  func numbers(value: Double, expected: String) { #expect(WatchFrame.number(value) == expected) }
}
