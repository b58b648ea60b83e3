// The automaton: a list of states, each of which consumes a code point, checks a place, or leads on at once.

/// One state; numbers are indices of states.
enum PatternState: Sendable {
  /// Consumes a code point of the set and goes on to the next state.
  case set(Int)
  case assertion(PatternAssertion)
  case jump(Int)
  case split(Int, Int)
  case match
}

/// A pattern as states (Thompson's construction).
struct PatternProgram: Sendable {
  private(set) var states: [PatternState] = []
  let sets: [PatternSet]
  /// Every match begins at the start of the text, so that no later place need be tried.
  let isAnchored: Bool

  init(_ tree: PatternTree, _ sets: [PatternSet]) throws(PatternError) {
    self.sets = sets
    isAnchored = Self.isAnchored(tree)
    guard Self.size(tree) < Pattern.maxStates else {
      throw PatternError(
        offset: 0, expected: "a pattern of at most \(Pattern.maxStates) states with its counts written out",
        found: "a larger one")
    }
    emit(tree)
    states.append(.match)
  }

  /// The states that the tree needs, or any number at or past the limit.
  private static func size(_ tree: PatternTree) -> Int {
    let limit = Pattern.maxStates
    switch tree {
    case .empty: return 0
    case .set, .assertion: return 1
    case .sequence(let parts): return parts.reduce(0) { min(limit, $0 + size($1)) }
    case .choice(let parts): return parts.reduce(0) { min(limit, $0 + size($1) + 2) }
    case .repeated(let part, let low, let high):
      // Counted as one at least: each copy of an empty body costs time to write.
      let each = max(1, size(part))
      let fixed = each.multipliedReportingOverflow(by: low)
      let open = (each + 1).multipliedReportingOverflow(by: max(0, (high ?? (low + 1)) - low))
      if fixed.overflow || open.overflow || fixed.partialValue > limit || open.partialValue > limit {
        return limit
      }
      return min(limit, fixed.partialValue + open.partialValue + (high == nil ? 1 : 0))
    }
  }

  private static func isAnchored(_ tree: PatternTree) -> Bool {
    switch tree {
    case .assertion(.start): true
    case .empty, .set, .assertion: false
    case .sequence(let parts): parts.first.map(isAnchored) ?? false
    case .choice(let parts): parts.allSatisfy(isAnchored)
    case .repeated(let part, let low, _): low > 0 && isAnchored(part)
    }
  }

  private mutating func emit(_ tree: PatternTree) {
    switch tree {
    case .empty: break
    case .set(let set): states.append(.set(set))
    case .assertion(let assertion): states.append(.assertion(assertion))
    case .sequence(let parts): for part in parts { emit(part) }
    case .choice(let parts): emit(choice: parts)
    case .repeated(let part, let low, let high): emit(part, low, high)
    }
  }

  private mutating func emit(choice parts: [PatternTree]) {
    var exits: [Int] = []
    for (at, part) in parts.enumerated() {
      guard at + 1 < parts.count else {
        emit(part)
        break
      }
      let split = reserve()
      emit(part)
      exits.append(reserve())
      states[split] = .split(split + 1, states.count)
    }
    for exit in exits { states[exit] = .jump(states.count) }
  }

  private mutating func emit(_ part: PatternTree, _ low: Int, _ high: Int?) {
    for _ in 0..<low { emit(part) }
    guard let high else {
      let split = reserve()
      emit(part)
      states.append(.jump(split))
      states[split] = .split(split + 1, states.count)
      return
    }
    var splits: [Int] = []
    for _ in low..<max(low, high) {
      splits.append(reserve())
      emit(part)
    }
    for split in splits { states[split] = .split(split + 1, states.count) }
  }

  private mutating func reserve() -> Int {
    states.append(.match)
    return states.count - 1
  }
}
