// Runs an automaton over a text with all its states at once (after Thompson and Pike): no backtracking.

/// One run. The lists hold the states that wait for a code point.
struct PatternMachine {
  private let program: PatternProgram
  private var current: [Int] = []
  private var next: [Int] = []
  /// The place at which a state was last entered, so that it is entered once there.
  private var entered: [Int]
  private var pending: [Int] = []
  private var isMatch = false

  init(_ program: PatternProgram) {
    self.program = program
    entered = [Int](repeating: -1, count: program.states.count)
  }

  /// Whether a match begins anywhere; nil when `work` is used up first.
  mutating func run(_ text: String, work: inout Int) -> Bool? {
    work -= program.states.count / 16
    var before: UInt32?
    var place = 0
    var scalars = text.unicodeScalars.makeIterator()
    var code = scalars.next()?.value
    while true {
      if place == 0 || !program.isAnchored { enter(0, place, before, code, &work) }
      if isMatch { return true }
      if work <= 0 { return nil }
      swap(&current, &next)
      next.removeAll(keepingCapacity: true)
      guard let here = code, !(current.isEmpty && program.isAnchored) else { return false }
      let after = scalars.next()?.value
      work -= current.count + 1
      for state in current {
        guard case .set(let set) = program.states[state], program.sets[set].contains(here) else { continue }
        enter(state + 1, place + 1, here, after, &work)
      }
      before = here
      code = after
      place += 1
    }
  }

  /// Follows all that needs no code point from a state, at a place between two code points.
  private mutating func enter(
    _ start: Int, _ place: Int, _ before: UInt32?, _ after: UInt32?, _ work: inout Int
  ) {
    pending.append(start)
    while let state = pending.popLast() {
      if entered[state] == place { continue }
      entered[state] = place
      work -= 1
      switch program.states[state] {
      case .set: next.append(state)
      case .assertion(let assertion):
        if Self.holds(assertion, before, after) { pending.append(state + 1) }
      case .jump(let target): pending.append(target)
      case .split(let first, let second):
        pending.append(second)
        pending.append(first)
      case .match: isMatch = true
      }
    }
  }

  private static func holds(_ assertion: PatternAssertion, _ before: UInt32?, _ after: UInt32?) -> Bool {
    switch assertion {
    case .start: before == nil
    case .end: after == nil
    case .wordBoundary: isWord(before) != isWord(after)
    case .noWordBoundary: isWord(before) == isWord(after)
    }
  }

  private static func isWord(_ code: UInt32?) -> Bool {
    guard let code else { return false }
    return PatternSet.asciiWord.contains(code)
  }
}
