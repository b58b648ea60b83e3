// What a pass looks at, a part after the other: a record of each of a hundred thousand leases would be most of the
// memory of a watch that does nothing but wait for them.

import GRDB

/// The leases of one pass, in parts.
struct LookParts {
  /// How many records are held at once.
  static let size = 1024

  private var walk = UnsettledWalk()
  private var hinted: ArraySlice<String>
  /// Hints named them, so that something is likely to be there.
  let isHinted: Bool

  init(_ scope: Collector.Scope) {
    switch scope {
    case .all: (isHinted, hinted) = (false, [])
    case .only(let tokens): (isHinted, hinted) = (true, tokens.sorted()[...])
    }
  }

  /// nil when there is no more. In the order in which they were committed: rows that lie beside each other share their
  /// pages, so that taking sixty-four results together writes a third of what it would in the order of their tokens.
  ///
  /// - Parameter demanded: told of each that hints named, with what its task demands of a result (`TaskStore.demands`).
  mutating func next(_ db: Database, demanded: (LeaseRecord, String?) throws -> Void) throws -> [LeaseRecord]?
  {
    if !isHinted { return try walk.next(db, limit: Self.size) }
    if hinted.isEmpty { return nil }
    defer { hinted = hinted.dropFirst(Self.size) }
    var leases: [LeaseRecord] = []
    for token in hinted.prefix(Self.size) {
      guard let (lease, demands) = try LeaseStore.findWithDemands(db, token: token), lease.state.isUnsettled
      else { continue }
      leases.append(lease)
      try demanded(lease, demands)
    }
    return leases.sorted { $0.row < $1.row }
  }
}

/// Those of a part that had run out before it was looked at.
struct LateLeases {
  let leases: [LeaseRecord]
  /// Under which nothing lay; kept only where any is late.
  private(set) var unseen: Set<String> = []

  init(_ leases: [LeaseRecord], _ clock: any WallClock) {
    self.leases = leases.filter { $0.hasRunOut(clock) }
  }

  mutating func didNotSee(_ lease: LeaseRecord) {
    if !leases.isEmpty { unseen.insert(lease.token) }
  }
}
