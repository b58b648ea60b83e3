// Turns a document into a `SchemaProgram`. Subschemas wait in a list instead of on the stack; references are
// resolved once every `$id` and anchor is known, and may bring places to light that no keyword led to.

/// One compilation.
struct SchemaCompiler {
  /// A subschema that has its number; built in the order of numbers.
  struct Draft {
    let value: JSONValue
    /// Set again when the subschema turns out to have an `$id`.
    var resource: Int
  }

  /// A part of the document with a URI of its own.
  struct Resource {
    var uri: SchemaURI
    let root: Int
  }

  /// A name in a resource.
  struct Anchor: Hashable {
    let resource: Int
    let name: JSONKey
  }

  /// A reference that waits for its target.
  struct Reference {
    let slot: Int
    let text: String
    let isDynamic: Bool
    let location: Int
    let resource: Int
  }

  var program = SchemaProgram()
  var drafts: [Draft] = []
  var nodeAt: [Int: Int] = [:]
  var resources: [Resource] = []
  var resourceNamed: [JSONKey: Int] = [:]
  var anchors: [Anchor: Int] = [:]
  /// References not yet tried.
  var waiting: [Reference] = []
  /// References whose target was not found so far.
  var stuck: [Reference] = []
  var retries = 0
  /// States of all patterns together.
  var patternStates = 0
  private let document: JSONValue

  init(document: JSONValue) { self.document = document }

  /// Builds everything that the root can reach.
  mutating func compile() throws(FlowdexError) -> SchemaProgram {
    resources = [Resource(uri: SchemaURI(""), root: 0)]
    program.dynamicAnchors = [[:]]
    _ = node(at: SchemaLocations.root, document, resource: 0)
    resourceNamed[JSONKey("")] = 0
    var built = 0
    repeat {
      while built < drafts.count {
        try build(built)
        built += 1
      }
      try resolveReferences()
    } while built < drafts.count || !waiting.isEmpty || !stuck.isEmpty
    try refuseCycles()
    return program
  }

  /// The number of the subschema at a place, new or known.
  mutating func node(at location: Int, _ value: JSONValue, resource: Int) -> Int {
    if let known = nodeAt[location] { return known }
    nodeAt[location] = drafts.count
    drafts.append(Draft(value: value, resource: resource))
    program.nodes.append(SchemaNode(location: location, resource: resource))
    return drafts.count - 1
  }

  private mutating func build(_ number: Int) throws(FlowdexError) {
    let location = program.nodes[number].location
    switch drafts[number].value {
    case .bool(let allows): program.nodes[number].refuses = !allows
    case .object(let object):
      let resource = try identify(number, object, location)
      drafts[number].resource = resource
      var site = SchemaSite(object: object, location: location, resource: resource)
      try readAssertions(&site)
      try readApplicators(&site)
      program.nodes[number] = site.node
    case .null, .number, .string, .array:
      let hint = drafts[number].value.array != nil && program.locations.token(of: location) == "items"
      throw refusal(
        location, "a schema (an object or a boolean)", SchemaWords.found(drafts[number].value),
        next: hint ? "a list of schemas by position is `prefixItems` in draft 2020-12" : nil)
    }
  }

  /// Reads `$schema`, `$id` and the anchors; the resource that the subschema belongs to.
  private mutating func identify(
    _ number: Int, _ object: JSONObject, _ location: Int
  ) throws(FlowdexError) -> Int {
    if let dialect = object["$schema"] {
      let known = [JSONSchema.dialect, JSONSchema.dialect + "#"]
      guard let text = dialect.string, known.contains(text) else {
        throw refusal(location, "$schema", "`\(JSONSchema.dialect)`", SchemaWords.found(dialect))
      }
    }
    var resource = drafts[number].resource
    if let id = object["$id"] { resource = try register(id, number, location) }
    for keyword in ["$anchor", "$dynamicAnchor"] {
      guard let value = object[keyword] else { continue }
      guard let name = value.string, Self.isAnchorName(name) else {
        throw refusal(
          location, keyword, "a name of letters, digits, `-`, `_` and `.` that begins with a letter or `_`",
          SchemaWords.found(value))
      }
      let anchor = Anchor(resource: resource, name: JSONKey(name))
      if let other = anchors[anchor], other != number {
        throw refusal(location, keyword, "each anchor once under one `$id`", "\(Excerpt.quote(name)) again")
      }
      anchors[anchor] = number
      if keyword == "$dynamicAnchor" { program.dynamicAnchors[resource][anchor.name] = number }
    }
    return resource
  }

  private mutating func register(
    _ id: JSONValue, _ number: Int, _ location: Int
  ) throws(FlowdexError) -> Int {
    guard let text = id.string else { throw refusal(location, "$id", "a string", SchemaWords.found(id)) }
    let reference = SchemaURI(text)
    guard (reference.fragment ?? "").isEmpty else {
      throw refusal(location, "$id", "a URI without a fragment", Excerpt.quote(text))
    }
    let uri = reference.resolved(against: resources[drafts[number].resource].uri)
    let name = JSONKey(uri.name)
    if number == 0 {
      resourceNamed = [name: 0]
      resources[0].uri = uri
      return 0
    }
    if resourceNamed[name] != nil {
      throw refusal(location, "$id", "each `$id` once in the document", "\(Excerpt.quote(text)) again")
    }
    resourceNamed[name] = resources.count
    resources.append(Resource(uri: uri, root: number))
    program.dynamicAnchors.append([:])
    return resources.count - 1
  }

  private static func isAnchorName(_ name: String) -> Bool {
    for (at, byte) in name.utf8.enumerated() {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
        continue
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
        if at == 0 { return false }
      default: return false
      }
    }
    return !name.isEmpty
  }
}

extension SchemaCompiler {
  /// A refusal of the rule at a place.
  func refusal(_ location: Int, _ expected: String, _ found: String, next: String? = nil) -> FlowdexError {
    let pointer = program.locations.pointer(to: location)
    let place = pointer.isEmpty ? "the schema" : "schema `\(JSONSchemaProblem.shown(pointer))`"
    return FlowdexError.failed("schema-invalid", "\(place): expected \(expected), found \(found)", next: next)
  }

  /// A refusal of a keyword of the subschema at a place.
  func refusal(
    _ location: Int, _ keyword: String, _ expected: String, _ found: String, next: String? = nil
  ) -> FlowdexError {
    let pointer = program.locations.pointer(to: location) + "/" + JSONPointer.escape(keyword)
    return FlowdexError.failed(
      "schema-invalid", "schema `\(JSONSchemaProblem.shown(pointer))`: expected \(expected), found \(found)",
      next: next)
  }
}

/// A subschema while it is read.
struct SchemaSite {
  let object: JSONObject
  let location: Int
  let resource: Int
  var node: SchemaNode

  init(object: JSONObject, location: Int, resource: Int) {
    self.object = object
    self.location = location
    self.resource = resource
    node = SchemaNode(location: location, resource: resource)
  }
}
