// The keywords, each checked as the dialect's metaschema asks. Rules come out in one fixed order, whatever the
// order in the document, so that problems do too.

extension SchemaCompiler {
  mutating func readAssertions(_ site: inout SchemaSite) throws(FlowdexError) {
    var rules: [SchemaAssertion] = []
    if let types = try types(site) { rules.append(.type(types)) }
    if let value = site.object["const"] { rules.append(.const(value, weight: value.weight)) }
    if let value = site.object["enum"] {
      guard let values = value.array else {
        throw refusal(site.location, "enum", "an array", SchemaWords.found(value))
      }
      rules.append(.choice(SchemaChoice(values)))
    }
    if let divisor = try number("multipleOf", site) {
      guard divisor > 0 else {
        throw refusal(
          site.location, "multipleOf", "a number over 0", "`\(JSONValue.number(divisor).compactText)`")
      }
      rules.append(.multipleOf(divisor))
    }
    if let limit = try number("maximum", site) { rules.append(.maximum(limit)) }
    if let limit = try number("exclusiveMaximum", site) { rules.append(.exclusiveMaximum(limit)) }
    if let limit = try number("minimum", site) { rules.append(.minimum(limit)) }
    if let limit = try number("exclusiveMinimum", site) { rules.append(.exclusiveMinimum(limit)) }
    if let limit = try size("maxLength", site) { rules.append(.maxLength(limit)) }
    if let limit = try size("minLength", site) { rules.append(.minLength(limit)) }
    if let value = site.object["pattern"] {
      guard let text = value.string else {
        throw refusal(site.location, "pattern", "a string", SchemaWords.found(value))
      }
      rules.append(.pattern(try pattern(text, site, "pattern")))
    }
    if let limit = try size("maxItems", site) { rules.append(.maxItems(limit)) }
    if let limit = try size("minItems", site) { rules.append(.minItems(limit)) }
    if let value = site.object["uniqueItems"] {
      guard let isAsked = value.bool else {
        throw refusal(site.location, "uniqueItems", "a boolean", SchemaWords.found(value))
      }
      if isAsked { rules.append(.uniqueItems) }
    }
    if let limit = try size("maxProperties", site) { rules.append(.maxProperties(limit)) }
    if let limit = try size("minProperties", site) { rules.append(.minProperties(limit)) }
    if let value = site.object["required"] {
      let names = try names(value, site, "required")
      if !names.isEmpty { rules.append(.required(names)) }
    }
    if let object = try object("dependentRequired", site) {
      var needs: [(key: String, names: [String])] = []
      for member in object.members {
        needs.append((member.key, try names(member.value, site, "dependentRequired")))
      }
      rules.append(.dependentRequired(needs))
    }
    site.node.assertions = rules
  }

  mutating func readApplicators(_ site: inout SchemaSite) throws(FlowdexError) {
    // Subschemas that nothing applies unless it refers to them; `definitions` is the older name.
    _ = try schemaMap("$defs", site)
    _ = try schemaMap("definitions", site)
    var rules: [SchemaApplicator] = []
    if let slot = try reference("$ref", site) { rules.append(.reference(slot: slot)) }
    if let slot = try reference("$dynamicRef", site) { rules.append(.dynamicReference(slot: slot)) }
    if let nodes = try schemas("allOf", site) { rules.append(.allOf(nodes)) }
    if let nodes = try schemas("anyOf", site) { rules.append(.anyOf(nodes)) }
    if let nodes = try schemas("oneOf", site) { rules.append(.oneOf(nodes)) }
    if let node = schema("not", site) { rules.append(.not(node)) }
    // Read even where no `if` asks for them: a reference may.
    let (then, otherwise) = (schema("then", site), schema("else", site))
    if let test = schema("if", site) {
      rules.append(.conditional(test: test, then: then, otherwise: otherwise))
    }
    if let members = try schemaMap("dependentSchemas", site) {
      rules.append(.dependentSchemas(members.map { SchemaDependency(key: $0.key, node: $0.node) }))
    }
    if let members = try members(site) { rules.append(.members(members)) }
    if let node = schema("propertyNames", site) { rules.append(.propertyNames(node)) }
    let prefix = try schemas("prefixItems", site)
    let rest = schema("items", site)
    if prefix != nil || rest != nil { rules.append(.items(prefix: prefix ?? [], rest: rest)) }
    let (least, most) = (try size("minContains", site), try size("maxContains", site))
    if let node = schema("contains", site) { rules.append(.contains(node, min: least ?? 1, max: most)) }
    if let node = schema("unevaluatedProperties", site) {
      rules.append(.unevaluatedProperties(node))
      site.node.asksForEvaluated = true
    }
    if let node = schema("unevaluatedItems", site) {
      rules.append(.unevaluatedItems(node))
      site.node.asksForEvaluated = true
    }
    site.node.applicators = rules
  }

  private mutating func members(_ site: SchemaSite) throws(FlowdexError) -> SchemaMembers? {
    let properties = try schemaMap("properties", site)
    let patterns = try schemaMap("patternProperties", site)
    let additional = schema("additionalProperties", site)
    if properties == nil, patterns == nil, additional == nil { return nil }
    var members = SchemaMembers()
    for property in properties ?? [] { members.properties[JSONKey(property.key)] = property.node }
    for entry in patterns ?? [] {
      members.patterns.append((try pattern(entry.key, site, "patternProperties"), entry.node))
    }
    members.additional = additional
    return members
  }
}

// MARK: - Values of keywords

extension SchemaCompiler {
  private func types(_ site: SchemaSite) throws(FlowdexError) -> SchemaTypes? {
    guard let value = site.object["type"] else { return nil }
    let wanted = SchemaWords.join(SchemaTypes.names.map { "`\($0)`" }, "or")
    if let name = value.string {
      guard let type = SchemaTypes(name) else {
        throw refusal(site.location, "type", wanted, Excerpt.quote(name))
      }
      return type
    }
    guard let list = value.array, !list.isEmpty else {
      throw refusal(site.location, "type", "\(wanted), or an array of them", SchemaWords.found(value))
    }
    var types: SchemaTypes = []
    for item in list {
      guard let type = item.string.flatMap(SchemaTypes.init) else {
        throw refusal(site.location, "type", wanted, SchemaWords.found(item))
      }
      guard types.insert(type).inserted else {
        throw refusal(site.location, "type", "each type once", "\(SchemaWords.found(item)) again")
      }
    }
    return types
  }

  private func number(_ keyword: String, _ site: SchemaSite) throws(FlowdexError) -> Double? {
    guard let value = site.object[keyword] else { return nil }
    guard let number = value.number, number.isFinite else {
      throw refusal(site.location, keyword, "a number", SchemaWords.found(value))
    }
    return number
  }

  /// A count; past any that can occur, it is as good as the largest integer.
  private func size(_ keyword: String, _ site: SchemaSite) throws(FlowdexError) -> Int? {
    guard let value = site.object[keyword] else { return nil }
    guard let number = value.number, number >= 0, number.isWhole else {
      throw refusal(site.location, keyword, "a whole number of at least 0", SchemaWords.found(value))
    }
    return number < 9_007_199_254_740_992 ? Int(number) : Int.max
  }

  private func object(_ keyword: String, _ site: SchemaSite) throws(FlowdexError) -> JSONObject? {
    guard let value = site.object[keyword] else { return nil }
    guard let object = value.object else {
      throw refusal(site.location, keyword, "an object", SchemaWords.found(value))
    }
    return object
  }

  private func names(
    _ value: JSONValue, _ site: SchemaSite, _ keyword: String
  ) throws(FlowdexError) -> [String] {
    let wanted = "an array of strings that all differ"
    guard let list = value.array else {
      throw refusal(site.location, keyword, wanted, SchemaWords.found(value))
    }
    var seen: Set<JSONKey> = []
    var names: [String] = []
    for item in list {
      guard let name = item.string else {
        throw refusal(site.location, keyword, wanted, SchemaWords.found(item))
      }
      guard seen.insert(JSONKey(name)).inserted else {
        throw refusal(site.location, keyword, wanted, "\(Excerpt.quote(name)) again")
      }
      names.append(name)
    }
    return names
  }

  /// Keeps the memory of hostile patterns bounded; one simple pattern has a few dozen.
  static let maxPatternStates = 200_000

  private mutating func pattern(
    _ text: String, _ site: SchemaSite, _ keyword: String
  ) throws(FlowdexError) -> Pattern {
    do throws(PatternError) {
      let pattern = try Pattern(text)
      patternStates += pattern.program.states.count
      guard patternStates <= Self.maxPatternStates else {
        throw PatternError(
          offset: 0, expected: "at most \(Self.maxPatternStates) states in all patterns of the schema",
          found: "more")
      }
      return pattern
    } catch {
      throw refusal(
        site.location, keyword, error.expected,
        "\(error.found) at character \(error.offset) of the pattern \(Excerpt.quote(text))")
    }
  }

  private mutating func reference(_ keyword: String, _ site: SchemaSite) throws(FlowdexError) -> Int? {
    guard let value = site.object[keyword] else { return nil }
    guard let text = value.string else {
      throw refusal(site.location, keyword, "a string", SchemaWords.found(value))
    }
    let slot = program.targets.count
    program.targets.append(SchemaTarget(node: 0))
    waiting.append(
      Reference(
        slot: slot, text: text, isDynamic: keyword == "$dynamicRef", location: site.location,
        resource: site.resource))
    return slot
  }

  // Whether a child is a schema at all is seen when its turn comes.

  private mutating func schema(_ keyword: String, _ site: SchemaSite) -> Int? {
    guard let value = site.object[keyword] else { return nil }
    return node(at: program.locations.child(of: site.location, keyword), value, resource: site.resource)
  }

  private mutating func schemas(_ keyword: String, _ site: SchemaSite) throws(FlowdexError) -> [Int]? {
    guard let value = site.object[keyword] else { return nil }
    guard let list = value.array, !list.isEmpty else {
      throw refusal(site.location, keyword, "an array of at least one schema", SchemaWords.found(value))
    }
    let parent = program.locations.child(of: site.location, keyword)
    return list.enumerated().map { at, item in
      node(at: program.locations.child(of: parent, String(at)), item, resource: site.resource)
    }
  }

  private mutating func schemaMap(
    _ keyword: String, _ site: SchemaSite
  ) throws(FlowdexError) -> [(key: String, node: Int)]? {
    guard let object = try object(keyword, site) else { return nil }
    let parent = program.locations.child(of: site.location, keyword)
    return object.members.map { key, value in
      (key, node(at: program.locations.child(of: parent, key), value, resource: site.resource))
    }
  }
}
