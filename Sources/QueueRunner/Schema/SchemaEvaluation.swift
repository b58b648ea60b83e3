// Holds a value against a compiled schema with a stack of frames of its own, so that neither depth costs the
// thread's stack, and with a purse of steps, so that no pair of schema and value costs more than is in it.

/// One validation.
struct SchemaEvaluation {
  private let program: SchemaProgram
  private let maxSteps: Int
  private var steps: Int
  private var frames: [SchemaFrame] = []

  init(_ program: SchemaProgram, maxSteps: Int) {
    self.program = program
    self.maxSteps = maxSteps
    steps = maxSteps
  }

  /// What the value breaks, at most `JSONSchema.maxProblems`.
  mutating func judge(_ value: JSONValue) -> [JSONSchemaProblem] {
    let root = SchemaChild(node: 0, step: .inPlace, value: value)
    push(root, room: JSONSchema.maxProblems, tracks: false)
    while let top = frames.indices.last {
      if steps <= 0 { return [exhausted()] }
      let applicators = program.nodes[frames[top].node].applicators
      if frames[top].isSettled || frames[top].rule >= applicators.count {
        if let problems = pop() { return problems }
        continue
      }
      let applicator = applicators[frames[top].rule]
      if let child = frames[top].nextChild(applicator, program.targets, steps: &steps) {
        if let problem = descend(child, under: applicator) { return [problem] }
      } else {
        finish(applicator, of: top)
      }
    }
    return []
  }

  /// Starts a child; a problem if it could never end.
  private mutating func descend(_ child: SchemaChild, under applicator: SchemaApplicator)
    -> JSONSchemaProblem?
  {
    let top = frames.count - 1
    var child = child
    let room = frames[top].roomForChild(of: applicator)
    if case .dynamicReference(let slot) = applicator {
      child.node = dynamicTarget(program.targets[slot])
      if isRepeated(child.node) {
        return problem(
          applicator.keyword,
          "expected a schema that comes to an end, found `$dynamicRef` going round on one value")
      }
    }
    var tracks = false
    if case .inPlace = child.step { tracks = frames[top].tracks }
    push(child, room: room, tracks: tracks)
    return nil
  }

  private mutating func push(_ child: SchemaChild, room: Int, tracks: Bool) {
    let node = program.nodes[child.node]
    frames.append(SchemaFrame(child, room: room, tracks: tracks || node.asksForEvaluated))
    let top = frames.count - 1
    steps -= 1
    if node.refuses {
      let keyword = program.locations.token(of: node.location)
      fail(top, nil) { SchemaWords.refusal(of: child.step, under: keyword) }
    }
    for assertion in node.assertions {
      if frames[top].isSettled || steps <= 0 { return }
      if assertion.holds(child.value, steps: &steps) { continue }
      fail(top, assertion.keyword) { assertion.complaint(child.value) }
    }
  }

  /// Ends the top frame; the problems if it was the last.
  private mutating func pop() -> [JSONSchemaProblem]? {
    let done = frames.removeLast()
    guard let top = frames.indices.last else { return done.problems }
    let outcome = SchemaOutcome(isValid: done.isValid, problems: done.problems, marks: done.marks)
    let applicator = program.nodes[frames[top].node].applicators[frames[top].rule]
    frames[top].take(outcome, of: applicator, steps: &steps)
    return nil
  }

  private mutating func finish(_ applicator: SchemaApplicator, of top: Int) {
    let keyword = frames[top].blamed(applicator)
    if let complaint = frames[top].complaint(applicator) {
      fail(top, keyword, nearest: frames[top].nearestMiss) { complaint }
    }
    frames[top].beginNextRule()
  }

  private mutating func fail(
    _ top: Int, _ keyword: String?, nearest: String? = nil, _ message: () -> String
  ) {
    guard frames[top].problems.count < frames[top].room else { return frames[top].fail(nil) }
    steps -= frames.count / 8
    frames[top].fail(problem(keyword, message(), nearest: nearest))
  }

  /// The first node in the dynamic scope, from the outside in, that carries the anchor.
  private mutating func dynamicTarget(_ target: SchemaTarget) -> Int {
    guard let name = target.dynamicAnchor else { return target.node }
    for frame in frames {
      steps -= 1
      let resource = program.nodes[frame.node].resource
      if let node = program.dynamicAnchors[resource][name] { return node }
    }
    return target.node
  }

  /// Whether the node is already being held against this very value.
  private mutating func isRepeated(_ node: Int) -> Bool {
    for frame in frames.reversed() {
      steps -= 1
      if frame.node == node { return true }
      switch frame.step {
      case .inPlace: continue
      case .member, .item, .name: return false
      }
    }
    return false
  }

  private func exhausted() -> JSONSchemaProblem {
    problem(
      nil, "expected to judge the value within \(maxSteps) steps, found that schema and value need more")
  }

  private func problem(_ keyword: String?, _ message: String, nearest: String? = nil) -> JSONSchemaProblem {
    var place = ""
    for frame in frames {
      switch frame.step {
      case .inPlace: break
      case .member(let key): place += JSONSchemaProblem.token(key)
      case .item(let index): place += "/\(index)"
      // A key is no value that a pointer can name; the object that has it is.
      case .name: break
      }
    }
    let node = frames.last.map { program.nodes[$0.node].location } ?? SchemaLocations.root
    let rule = program.locations.pointer(to: node) + (keyword.map { "/" + $0 } ?? "")
    return JSONSchemaProblem(
      instancePointer: place, rulePointer: rule, message: message, nearest: nearest)
  }
}
