import QueueRunner
import Testing

@Suite("the machines of tasks and queues")
struct MachineTests {
  /// Every edge of contract §7, and nothing else.
  static let taskEdges: [(TaskState, TaskEvent, TaskState)] = [
    (.pending, .ready, .dispatchable), (.pending, .block, .blocked), (.pending, .cancel, .cancelled),
    (.dispatchable, .lease, .leased), (.dispatchable, .cancel, .cancelled),
    (.leased, .attach, .dispatched), (.leased, .complete, .completed), (.leased, .fail, .failed),
    (.leased, .block, .blocked), (.leased, .release, .dispatchable), (.leased, .cancel, .cancelled),
    (.dispatched, .detach, .leased), (.dispatched, .complete, .completed), (.dispatched, .fail, .failed),
    (.dispatched, .block, .blocked), (.dispatched, .release, .dispatchable),
    (.dispatched, .cancel, .cancelled),
    (.completed, .restart, .pending), (.failed, .restart, .pending), (.blocked, .restart, .pending),
    (.cancelled, .restart, .pending),
  ]

  @Test("a task has exactly its edges")
  func tasks() throws {
    for state in TaskState.allCases {
      for event in TaskEvent.allCases {
        let edge = Self.taskEdges.first { $0.0 == state && $0.1 == event }
        #expect(state.next(event) == edge?.2, "\(state) × \(event)")
        if edge == nil {
          let error = #expect(throws: FlowdexError.self) { try state.applying(event, to: "t") }
          #expect(error?.code == "no-such-move")
          #expect(
            error?.message.contains(state.rawValue) == true && error?.message.contains(event.rawValue) == true
          )
        } else {
          #expect(try state.applying(event, to: "t") == edge?.2)
        }
      }
    }
  }

  @Test("an event's sources are the guard of its UPDATE")
  func sources() {
    for event in TaskEvent.allCases {
      #expect(Set(event.sources) == Set(Self.taskEdges.filter { $0.1 == event }.map(\.0)))
      #expect(Set(event.sources.compactMap { $0.next(event) }).count == 1, "\(event) has one target")
    }
  }

  @Test("random sequences: only a restart leads out of a final state", arguments: 0..<20)
  func random(seed: Int) {
    var random = SeededGenerator(UInt64(seed))
    var state = TaskState.pending
    for step in 0..<2000 {
      let event = TaskEvent.allCases.randomElement(using: &random)!
      guard let next = state.next(event) else { continue }
      #expect(!state.isFinal || event == .restart, "seed \(seed), step \(step): \(state) × \(event)")
      #expect(next.isHeld == false || state == .dispatchable || state.isHeld, "seed \(seed), step \(step)")
      state = next
    }
  }

  @Test("the queue's edges")
  func queue() {
    let edges: [(QueueState, QueueEvent, QueueState)] = [
      (.open, .pause, .paused), (.open, .stop, .stopped), (.open, .close, .closed), (.paused, .open, .open),
      (.paused, .stop, .stopped), (.paused, .close, .closed), (.stopped, .open, .open),
      (.stopped, .close, .closed), (.closed, .open, .open),
    ]
    for state in QueueState.allCases {
      for event in QueueEvent.allCases {
        #expect(state.next(event) == edges.first { $0.0 == state && $0.1 == event }?.2, "\(state) × \(event)")
      }
    }
  }
}
