import QueueRunner
import Runtime
import Testing

@Suite("the machine of runs")
struct RunStateTests {
  static let edges: [(RunStatus, RunEvent, RunStatus)] = [
    (.running, .suspend, .needsDispatch), (.needsDispatch, .advance, .running),
    (.running, .complete, .completed), (.needsDispatch, .complete, .completed),
    (.running, .fail, .failed), (.needsDispatch, .fail, .failed),
    (.running, .pause, .paused), (.needsDispatch, .pause, .paused),
    (.running, .stop, .stopped), (.needsDispatch, .stop, .stopped), (.paused, .stop, .stopped),
    (.paused, .resume, .running), (.stopped, .resume, .running), (.failed, .resume, .running),
    (.completed, .restart, .running), (.failed, .restart, .running), (.running, .restart, .running),
    (.needsDispatch, .restart, .running),
  ]

  @Test("a run has exactly its edges")
  func table() {
    for status in RunStatus.allCases {
      for event in RunEvent.allCases {
        let edge = Self.edges.first { $0.0 == status && $0.1 == event }
        #expect(status.next(event) == edge?.2, "\(status) × \(event)")
        if edge == nil {
          let error = #expect(throws: FlowdexError.self) { try status.applying(event, to: "r") }
          #expect(error?.code == "no-such-move" && error?.message.contains(status.rawValue) == true)
        }
      }
    }
  }

  @Test("ended and live exclude each other")
  func kinds() {
    for status in RunStatus.allCases { #expect(!(status.hasEnded && status.isLive), "\(status)") }
  }
}
