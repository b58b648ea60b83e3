// A schema as tables: nodes name each other by number, so that cycles cost nothing and evaluation needs no
// recursion.

/// A compiled document; node 0 is its root.
struct SchemaProgram: Sendable {
  var nodes: [SchemaNode] = []
  var locations = SchemaLocations()
  /// Where the references of the document lead, by slot.
  var targets: [SchemaTarget] = []
  /// The nodes that `$dynamicAnchor` names in each resource.
  var dynamicAnchors: [[JSONKey: Int]] = []
}

/// One subschema.
struct SchemaNode: Sendable {
  let location: Int
  /// The part of the document, under one `$id`, that the subschema belongs to.
  let resource: Int
  /// The schema `false`.
  var refuses = false
  var assertions: [SchemaAssertion] = []
  var applicators: [SchemaApplicator] = []
  /// Has `unevaluatedProperties` or `unevaluatedItems`, and so must know what was evaluated.
  var asksForEvaluated = false
}

/// Where a reference leads.
struct SchemaTarget: Sendable {
  var node: Int
  /// The name to look for in the dynamic scope, for a `$dynamicRef` that meets a `$dynamicAnchor`.
  var dynamicAnchor: JSONKey?
}

/// A rule that holds other subschemas against the value or its parts. The numbers are nodes, except for slots.
enum SchemaApplicator: Sendable {
  case reference(slot: Int)
  case dynamicReference(slot: Int)
  case allOf([Int])
  case anyOf([Int])
  case oneOf([Int])
  case not(Int)
  case conditional(test: Int, then: Int?, otherwise: Int?)
  case dependentSchemas([SchemaDependency])
  /// `properties`, `patternProperties` and `additionalProperties`, which depend on each other.
  case members(SchemaMembers)
  case propertyNames(Int)
  /// `prefixItems` and `items`.
  case items(prefix: [Int], rest: Int?)
  case contains(Int, min: Int, max: Int?)
  case unevaluatedProperties(Int)
  case unevaluatedItems(Int)

  /// The keyword to which a failure of the rule itself is put down.
  var keyword: String {
    switch self {
    case .reference: "$ref"
    case .dynamicReference: "$dynamicRef"
    case .allOf: "allOf"
    case .anyOf: "anyOf"
    case .oneOf: "oneOf"
    case .not: "not"
    case .conditional: "if"
    case .dependentSchemas: "dependentSchemas"
    case .members: "properties"
    case .propertyNames: "propertyNames"
    case .items: "items"
    case .contains: "contains"
    case .unevaluatedProperties: "unevaluatedProperties"
    case .unevaluatedItems: "unevaluatedItems"
    }
  }
}

/// A subschema that applies to an object that has the key.
struct SchemaDependency: Sendable {
  let key: String
  let node: Int
}

/// Which subschemas a member of an object must meet.
struct SchemaMembers: Sendable {
  var properties: [JSONKey: Int] = [:]
  var patterns: [(pattern: Pattern, node: Int)] = []
  /// For members that neither a name nor a pattern took.
  var additional: Int?
}

/// The places of a document, each known by its parent and its last token.
struct SchemaLocations: Sendable {
  private struct Step: Hashable, Sendable {
    let parent: Int
    let token: JSONKey
  }

  private var parents = [-1]
  private var tokens = [""]
  private var index: [Step: Int] = [:]

  static let root = 0

  /// The place one token further, new or known.
  mutating func child(of parent: Int, _ token: String) -> Int {
    let step = Step(parent: parent, token: JSONKey(token))
    if let known = index[step] { return known }
    index[step] = parents.count
    parents.append(parent)
    tokens.append(token)
    return parents.count - 1
  }

  /// The last token of a place, without escapes.
  func token(of location: Int) -> String { tokens[location] }

  /// The place as a JSON pointer.
  func pointer(to location: Int) -> String {
    var parts: [String] = []
    var at = location
    while at != Self.root {
      parts.append(JSONSchemaProblem.token(tokens[at]))
      at = parents[at]
    }
    return parts.reversed().joined()
  }
}
