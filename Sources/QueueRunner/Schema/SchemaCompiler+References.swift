// Where `$ref` and `$dynamicRef` lead, all within the document.

extension SchemaCompiler {
  /// Times that references without a target are tried again; each time, one of them must have led further.
  private static let maxRetries = 100

  /// Resolves what can be resolved. A target that no keyword led to is new, and may hold the `$id` or anchor that
  /// another reference waits for; with nothing new, the first that still waits is wrong.
  mutating func resolveReferences() throws(FlowdexError) {
    let known = drafts.count
    let fresh = resolve(waiting)
    waiting = []
    if drafts.count > known || (stuck + fresh.failed).isEmpty {
      stuck += fresh.failed
      return
    }
    let again = resolve(stuck + fresh.failed)
    stuck = again.failed
    retries += 1
    let isAdvancing = drafts.count > known && retries < Self.maxRetries
    if let error = again.error, !isAdvancing { throw error }
  }

  private mutating func resolve(
    _ references: [Reference]
  ) -> (failed: [Reference], error: FlowdexError?) {
    var failed: [Reference] = []
    var first: FlowdexError?
    for reference in references {
      do throws(FlowdexError) {
        program.targets[reference.slot] = try target(of: reference)
      } catch {
        failed.append(reference)
        first = first ?? error
      }
    }
    return (failed, first)
  }

  private mutating func target(of reference: Reference) throws(FlowdexError) -> SchemaTarget {
    let uri = SchemaURI(reference.text).resolved(against: resources[reference.resource].uri)
    guard let resource = resourceNamed[JSONKey(uri.name)] else {
      throw refusal(
        reference, "a reference to a part of the document", Excerpt.quote(reference.text),
        next: "put the schema it means under `$defs`, with its `$id`")
    }
    guard let fragment = uri.decodedFragment else {
      throw refusal(reference, "a fragment of well-formed percent-encoding", Excerpt.quote(reference.text))
    }
    if fragment.isEmpty { return SchemaTarget(node: resources[resource].root) }
    if fragment.utf8.first == UInt8(ascii: "/") {
      return SchemaTarget(node: try node(at: fragment, in: resource, reference))
    }
    let name = JSONKey(fragment)
    guard let node = anchors[Anchor(resource: resource, name: name)] else {
      throw refusal(reference, "an anchor of the document", Excerpt.quote(reference.text))
    }
    let isDynamic = reference.isDynamic && program.dynamicAnchors[resource][name] != nil
    return SchemaTarget(node: node, dynamicAnchor: isDynamic ? name : nil)
  }

  /// Follows a JSON pointer from the root of a resource.
  private mutating func node(
    at pointer: String, in resource: Int, _ reference: Reference
  ) throws(FlowdexError) -> Int {
    let root = resources[resource].root
    guard let keys = JSONPointer.tokens(pointer) else {
      throw refusal(reference, "a JSON pointer (RFC 6901)", Excerpt.quote(reference.text))
    }
    var value = drafts[root].value
    var location = program.nodes[root].location
    var within = resource
    for key in keys {
      guard let next = value.child(key) else {
        throw refusal(reference, "a pointer to a part of the document", Excerpt.quote(reference.text))
      }
      value = next
      location = program.locations.child(of: location, key)
      if let node = nodeAt[location] { within = drafts[node].resource }
    }
    return node(at: location, value, resource: within)
  }

  private func refusal(
    _ reference: Reference, _ expected: String, _ found: String, next: String? = nil
  ) -> FlowdexError {
    refusal(
      reference.location, reference.isDynamic ? "$dynamicRef" : "$ref", expected, found, next: next)
  }

  /// Refuses subschemas that apply themselves to the same value without end, whatever the value.
  ///
  /// Where a `$dynamicRef` leads is known only with a value; if it goes round, validation says so.
  func refuseCycles() throws(FlowdexError) {
    enum Visit { case never, open, done }
    var visits = [Visit](repeating: .never, count: program.nodes.count)
    for start in program.nodes.indices where visits[start] == .never {
      var path: [(node: Int, next: [Int])] = [(start, nodesInPlace(start))]
      visits[start] = .open
      while let top = path.indices.last {
        guard let child = path[top].next.popLast() else {
          visits[path[top].node] = .done
          path.removeLast()
          continue
        }
        switch visits[child] {
        case .done: continue
        case .open:
          throw refusal(
            program.nodes[child].location, "a schema that comes to an end",
            "references that lead back to it on the same value")
        case .never:
          visits[child] = .open
          path.append((child, nodesInPlace(child)))
        }
      }
    }
  }

  /// The subschemas that a subschema applies to the value itself.
  private func nodesInPlace(_ node: Int) -> [Int] {
    program.nodes[node].applicators.flatMap { applicator -> [Int] in
      switch applicator {
      case .reference(let slot): [program.targets[slot].node]
      case .dynamicReference(let slot):
        program.targets[slot].dynamicAnchor == nil ? [program.targets[slot].node] : []
      case .allOf(let nodes), .anyOf(let nodes), .oneOf(let nodes): nodes
      case .not(let node): [node]
      case .conditional(let test, let then, let otherwise): [test] + [then, otherwise].compactMap(\.self)
      case .dependentSchemas(let rules): rules.map(\.node)
      case .members, .propertyNames, .items, .contains, .unevaluatedProperties, .unevaluatedItems: []
      }
    }
  }
}

extension JSONValue {
  /// The part one token of a pointer further.
  fileprivate func child(_ token: String) -> JSONValue? {
    switch self {
    case .object(let object): object[token]
    case .array(let items):
      JSONPointer.arrayIndex(token).flatMap { items.indices.contains($0) ? items[$0] : nil }
    case .null, .bool, .number, .string: nil
    }
  }
}
