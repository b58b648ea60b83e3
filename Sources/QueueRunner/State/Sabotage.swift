// Ways to break flowdex on purpose. A check that finds nothing proves something only if it would have found the
// fault: the torture (Tests/Torture) runs flowdex with each of these and must see what they do.
//
// Only a debug build listens: in a release build nothing of this is left.

import Glibc

/// One safeguard, left out where `FLOWDEX_SABOTAGE` names it.
package enum Sabotage: String {
  /// Nothing is synced: neither files nor the state.
  case noSync = "no-sync"
  /// SQLite's `synchronous = NORMAL`: commits are in the log, and the log is not on disk.
  case normalSync = "normal-sync"
  /// What a killed process has committed and not synced is taken for durable.
  case noHealSync = "no-heal-sync"
  /// Updates change a row whatever state it is in.
  case noGuard = "no-guard"
  /// Updates change a row whoever holds its lease.
  case noToken = "no-token"
  /// A watcher that gets hints looks at everything once, and then only if a hint says so: nothing makes up for one
  /// that is not heeded.
  case noFullLook = "no-full-look"

  #if DEBUG
    private static let chosen = getenv("FLOWDEX_SABOTAGE").flatMap { Sabotage(rawValue: String(cString: $0)) }
    package var isOn: Bool { Self.chosen == self }
  #else
    package var isOn: Bool { false }
  #endif

  /// Whether a result is taken under a lease that has ended so.
  static func takes(_ state: LeaseState) -> Bool {
    switch state {
    case .collected: noGuard.isOn
    case .released, .replaced: noToken.isOn
    case .offered, .live, .expired, .withdrawn: false
    }
  }

  /// A guard of an UPDATE on the state of its row, as SQL.
  static func stateGuard(_ condition: String) -> String {
    noGuard.isOn || noToken.isOn && condition == LeaseStore.isCollectable ? "" : " AND \(condition)"
  }

  /// A guard of an UPDATE on the lease that holds its row, as SQL; the parameter is always used.
  static var leaseGuard: String {
    noGuard.isOn || noToken.isOn ? " AND ? IS NOT NULL" : " AND lease = ?"
  }

  /// What `PRAGMA synchronous` is set to, by name and by the number that SQLite answers.
  static var synchronous: (name: String, level: Int) {
    if noSync.isOn { return ("OFF", 0) }
    return normalSync.isOn ? ("NORMAL", 1) : ("FULL", 2)
  }
}
