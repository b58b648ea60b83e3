// One subschema held against one value: a small machine that asks for children and takes their outcomes.

/// The way from a value to the part that a child looks at.
enum SchemaStep: Sendable {
  case inPlace
  case member(String)
  case item(Int)
  /// A key, looked at as a string.
  case name(String)
}

/// A subschema to hold against a value or a part of it.
struct SchemaChild {
  var node: Int
  let step: SchemaStep
  let value: JSONValue
}

/// What became of a child.
struct SchemaOutcome {
  let isValid: Bool
  let problems: [JSONSchemaProblem]
  let marks: SchemaMarks
}

/// A frame works through its node's applicators in order; `SchemaEvaluation` keeps the stack of frames.
struct SchemaFrame {
  let node: Int
  let value: JSONValue
  let step: SchemaStep
  /// Problems that are still of interest; 0 asks for the verdict alone.
  let room: Int
  /// Whether this node or one above it on the same value asks what was evaluated.
  let tracks: Bool

  var isValid = true
  var problems: [JSONSchemaProblem] = []
  var marks = SchemaMarks()
  /// The verdict stands and no more problems are wanted.
  var isSettled = false
  /// A rule on the same value has failed, so that what it would have evaluated is unknown.
  private var isObscured = false

  /// The applicator at work.
  var rule = 0
  private var cursor = 0
  private var queue: [Int] = []
  /// Children of this applicator that were valid: how many, and the first two.
  private var matchCount = 0
  private var matches: [Int] = []
  private var nearest: JSONSchemaProblem?

  init(_ child: SchemaChild, room: Int, tracks: Bool) {
    node = child.node
    value = child.value
    step = child.step
    self.room = room
    self.tracks = tracks
  }

  /// Notes a failure; `problem` is nil when there is no room for one.
  mutating func fail(_ problem: JSONSchemaProblem?) {
    isValid = false
    if let problem, problems.count < room { problems.append(problem) }
    if problems.count >= room { isSettled = true }
  }

  mutating func beginNextRule() {
    rule += 1
    cursor = 0
    queue = []
    matchCount = 0
    matches = []
    nearest = nil
  }

  /// How many problems of the next child are of interest.
  func roomForChild(of applicator: SchemaApplicator) -> Int {
    switch applicator {
    case .anyOf, .oneOf: min(1, room)
    case .not, .contains: 0
    case .conditional: cursor == 1 ? 0 : room - problems.count
    case .reference, .dynamicReference, .allOf, .dependentSchemas, .members, .propertyNames, .items,
      .unevaluatedProperties, .unevaluatedItems:
      room - problems.count
    }
  }
}

// MARK: - Children

extension SchemaFrame {
  /// The next subschema that the applicator wants held against something; nil when it has all it needs.
  mutating func nextChild(
    _ applicator: SchemaApplicator, _ targets: [SchemaTarget], steps: inout Int
  ) -> SchemaChild? {
    switch applicator {
    case .reference(let slot), .dynamicReference(let slot): return nextInPlace([targets[slot].node])
    case .allOf(let nodes): return nextInPlace(nodes)
    case .anyOf(let nodes): return matchCount > 0 && !tracks ? nil : nextInPlace(nodes)
    case .oneOf(let nodes): return matchCount > 1 ? nil : nextInPlace(nodes)
    case .not(let node): return nextInPlace([node])
    case .conditional(let test, let then, let otherwise):
      if cursor == 0 { return nextInPlace([test]) }
      let chosen = matchCount > 0 ? then : otherwise
      guard cursor == 1, let chosen else { return nil }
      cursor += 1
      return SchemaChild(node: chosen, step: .inPlace, value: value)
    case .dependentSchemas(let rules): return nextDependent(rules, &steps)
    case .members(let members): return nextMember(members, &steps)
    case .propertyNames(let node):
      guard case .object(let object) = value, cursor < object.count else { return nil }
      let key = object.members[cursor].key
      cursor += 1
      return SchemaChild(node: node, step: .name(key), value: .string(key))
    case .items(let prefix, let rest): return nextItem(prefix, rest)
    case .contains(let node, let min, let max):
      if max == nil, !tracks, matchCount >= min { return nil }
      if let max, matchCount > max { return nil }
      return nextItem([], node, marking: false)
    case .unevaluatedProperties(let node): return nextUnevaluatedMember(node, &steps)
    case .unevaluatedItems(let node): return nextUnevaluatedItem(node, &steps)
    }
  }

  private mutating func nextInPlace(_ nodes: [Int]) -> SchemaChild? {
    guard cursor < nodes.count else { return nil }
    cursor += 1
    return SchemaChild(node: nodes[cursor - 1], step: .inPlace, value: value)
  }

  private mutating func nextDependent(_ rules: [SchemaDependency], _ steps: inout Int) -> SchemaChild? {
    guard case .object(let object) = value else { return nil }
    while cursor < rules.count {
      let rule = rules[cursor]
      cursor += 1
      steps -= 1
      if object[rule.key] != nil { return SchemaChild(node: rule.node, step: .inPlace, value: value) }
    }
    return nil
  }

  /// The members in their own order; a member may owe several subschemas, which wait in the queue.
  private mutating func nextMember(_ rules: SchemaMembers, _ steps: inout Int) -> SchemaChild? {
    guard case .object(let object) = value else { return nil }
    while queue.isEmpty {
      guard cursor < object.count, steps > 0 else { return nil }
      let key = object.members[cursor].key
      steps -= 1 + key.utf8.count / 64
      if let node = rules.properties[JSONKey(key)] { queue.append(node) }
      for rule in rules.patterns {
        steps -= 1
        if rule.pattern.holds(key, steps: &steps) { queue.append(rule.node) }
      }
      if queue.isEmpty, let additional = rules.additional { queue.append(additional) }
      if tracks, !queue.isEmpty { marks.insert(cursor) }
      queue.reverse()
      cursor += 1
    }
    let member = object.members[cursor - 1]
    guard let node = queue.popLast() else { return nil }
    return SchemaChild(node: node, step: .member(member.key), value: member.value)
  }

  private mutating func nextItem(_ prefix: [Int], _ rest: Int?, marking: Bool = true) -> SchemaChild? {
    guard case .array(let items) = value, cursor < items.count else { return nil }
    guard let node = cursor < prefix.count ? prefix[cursor] : rest else { return nil }
    if tracks, marking { marks.insert(cursor) }
    cursor += 1
    return SchemaChild(node: node, step: .item(cursor - 1), value: items[cursor - 1])
  }

  private mutating func nextUnevaluatedMember(_ node: Int, _ steps: inout Int) -> SchemaChild? {
    guard case .object(let object) = value, !isObscured else { return nil }
    while cursor < object.count {
      let at = cursor
      cursor += 1
      steps -= 1
      if marks.contains(at) { continue }
      marks.insert(at)
      return SchemaChild(node: node, step: .member(object.members[at].key), value: object.members[at].value)
    }
    return nil
  }

  private mutating func nextUnevaluatedItem(_ node: Int, _ steps: inout Int) -> SchemaChild? {
    guard case .array(let items) = value, !isObscured else { return nil }
    while cursor < items.count {
      let at = cursor
      cursor += 1
      steps -= 1
      if marks.contains(at) { continue }
      marks.insert(at)
      return SchemaChild(node: node, step: .item(at), value: items[at])
    }
    return nil
  }
}

// MARK: - Outcomes

extension SchemaFrame {
  /// Takes the outcome of the child that `nextChild` gave last.
  mutating func take(_ outcome: SchemaOutcome, of applicator: SchemaApplicator, steps: inout Int) {
    switch applicator {
    case .reference, .dynamicReference, .allOf, .dependentSchemas: join(outcome, inPlace: true, &steps)
    case .conditional:
      if cursor > 1 {
        join(outcome, inPlace: true, &steps)
      } else {
        count(outcome, &steps)
      }
    case .members, .propertyNames, .items, .unevaluatedProperties, .unevaluatedItems:
      join(outcome, inPlace: false, &steps)
    case .anyOf, .oneOf: count(outcome, &steps)
    case .not:
      if outcome.isValid { matchCount += 1 }
    case .contains:
      if outcome.isValid {
        matchCount += 1
        if tracks { marks.insert(cursor - 1) }
      }
    }
  }

  /// A child that must hold. What it evaluated counts even if it fails: the verdict stands, and the members that
  /// it did look at must not be told as unevaluated besides.
  private mutating func join(_ outcome: SchemaOutcome, inPlace: Bool, _ steps: inout Int) {
    if inPlace, tracks { marks.formUnion(outcome.marks, steps: &steps) }
    if outcome.isValid { return }
    if inPlace { isObscured = true }
    isValid = false
    problems += outcome.problems.prefix(room - problems.count)
    if problems.count >= room { isSettled = true }
  }

  /// A child that may hold.
  private mutating func count(_ outcome: SchemaOutcome, _ steps: inout Int) {
    if outcome.isValid {
      matchCount += 1
      if matches.count < 2 { matches.append(cursor - 1) }
      if tracks { marks.formUnion(outcome.marks, steps: &steps) }
    } else if let problem = outcome.problems.first {
      if nearest.map({ problem.isNearer(than: $0) }) ?? true { nearest = problem }
    }
  }

  /// The applicator's own verdict once it has no more children: what is wrong, nil if nothing.
  mutating func complaint(_ applicator: SchemaApplicator) -> String? {
    let complaint: String?
    switch applicator {
    case .anyOf(let nodes):
      complaint =
        matchCount > 0 ? nil : "expected at least one of \(nodes.count) schemas to hold, found none"
    case .oneOf(let nodes):
      let wanted = "expected exactly one of \(nodes.count) schemas to hold, found "
      switch matchCount {
      case 1: complaint = nil
      case 0: complaint = wanted + "none"
      default: complaint = wanted + "`\(matches.map(String.init).joined(separator: "` and `"))`"
      }
    case .not: complaint = matchCount == 0 ? nil : "expected what `not` excludes to be absent, found it"
    case .contains(_, let low, let high):
      guard case .array = value else { return nil }
      let isIn = matchCount >= low && matchCount <= high ?? Int.max
      let edge = matchCount < low ? "at least \(low)" : "at most \(high ?? low)"
      let found = matchCount < low ? "\(matchCount)" : "more"
      complaint = isIn ? nil : "expected \(edge) of the items to match `contains`, found \(found)"
    case .reference, .dynamicReference, .allOf, .conditional, .dependentSchemas, .members, .propertyNames,
      .items, .unevaluatedProperties, .unevaluatedItems:
      complaint = nil
    }
    if complaint != nil { isObscured = true }
    return complaint
  }

  /// The keyword to blame when `complaint` speaks.
  func blamed(_ applicator: SchemaApplicator) -> String {
    guard case .contains(_, let low, _) = applicator else { return applicator.keyword }
    if matchCount >= low { return "maxContains" }
    return low > 1 ? "minContains" : "contains"
  }

  /// What came nearest to holding, where the rule is a choice that failed.
  var nearestMiss: String? { matchCount == 0 ? nearest.map { $0.nearest ?? $0.text } : nil }
}

extension JSONSchemaProblem {
  /// Whether a branch that failed so came closer to holding: deeper inside the value, or not at the constant that
  /// tells the branches apart.
  fileprivate func isNearer(than other: JSONSchemaProblem) -> Bool {
    (depth, isTag ? 0 : 1) > (other.depth, other.isTag ? 0 : 1)
  }

  private var depth: Int { instancePointer.utf8.reduce(0) { $1 == UInt8(ascii: "/") ? $0 + 1 : $0 } }
  private var isTag: Bool { rulePointer.hasSuffix("/const") || rulePointer.hasSuffix("/enum") }
}
