import QueueRunner

/// A package that the pool holds: its lease, and what is being done with it.
struct HeldWork {
  enum Stage {
    case running(PreparedCommand)
    /// The command has ended; what it left may still be being written, and is looked at again then.
    case settling(HostCommandOutcome, atMs: Int64)
    /// It is run again then.
    case waiting(atMs: Int64)
  }

  let lease: IssuedLease
  let package: PackageLayout
  /// How long the lease lasts from each renewal.
  let durationMs: Int64
  var stage: Stage
  /// How often the command has been started.
  var runs = 0
  /// What lay in the result's place when the command was last started.
  var stampBefore: ResultFile.Stamp?
  /// When the lease is renewed next, by the boot clock.
  var renewAtMs: Int64
  /// When a command that goes on although its result is taken is ended.
  var endAtMs: Int64?

  /// Since when what the command left cannot be kept for want of machine, by the boot clock.
  var stuckSinceMs: Int64?
  /// Since when its command cannot be started for want of machine, by the boot clock.
  var lackingSinceMs: Int64?

  var command: PreparedCommand? { if case .running(let command) = stage { command } else { nil } }
  var isWaiting: Bool { if case .waiting = stage { true } else { false } }

  /// When something is to be done next, whatever else happens.
  var dueAtMs: Int64 {
    switch stage {
    case .running: min(renewAtMs, endAtMs ?? .max)
    case .settling(_, let atMs), .waiting(let atMs): min(renewAtMs, atMs)
    }
  }

  /// Three renewals a lease: two may come late.
  mutating func willRenew(afterMs now: Int64) { renewAtMs = now + max(durationMs / 3, 50) }
}
