// A lease before it is committed: what it will be, and when it will run out.

/// When a lease runs out, on both clocks.
public struct Deadline: Sendable {
  let wallMs: Int64
  let bootId: String
  let bootMs: Int64

  init(_ clock: any WallClock, inMs: Int64) {
    wallMs = clock.nowMs() + inMs
    bootId = clock.bootId()
    bootMs = clock.bootMs() + inMs
  }
}

/// A lease that is about to be committed.
struct LeasePlan: Sendable {
  let token: String
  let task: TaskRecord
  let spec: TaskSpec
  let attempt: Int
  let durationMs: Int64
  let cwd: String?
  let hasPackage: Bool
  /// nil for an offer, whose clock starts when it is claimed.
  let deadline: Deadline?
  var isOffer: Bool { deadline == nil }
}
