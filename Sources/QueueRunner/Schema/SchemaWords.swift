// What problems say. Everything that comes from the value is quoted through `Excerpt`.

/// Pieces of messages.
enum SchemaWords {
  /// Such as: a, b or c.
  static func join(_ parts: [String], _ word: String) -> String {
    guard let last = parts.last, parts.count > 1 else { return parts.first ?? "nothing" }
    return parts.dropLast().joined(separator: ", ") + " \(word) " + last
  }

  /// Up to `limit` quoted names, and how many more there are.
  static func list(_ names: [String], _ word: String, limit: Int = 5) -> String {
    if names.count <= limit { return join(names.map { Excerpt.quote($0) }, word) }
    let shown = names.prefix(limit).map { Excerpt.quote($0) }.joined(separator: ", ")
    return "\(shown) \(word) \(names.count - limit) more"
  }

  static func count(_ number: Int, _ one: String, _ many: String) -> String {
    "\(number) \(number == 1 ? one : many)"
  }

  /// The value in short, for what was found: its text if it is a scalar, its size if not.
  static func found(_ value: JSONValue) -> String {
    switch value {
    case .null: "null"
    case .bool, .number: "`\(value.compactText)`"
    case .string(let text): "the string \(Excerpt.quote(text))"
    case .array(let items): "an array of \(count(items.count, "item", "items"))"
    case .object(let object): "an object of \(count(object.count, "member", "members"))"
    }
  }

  /// A value of the schema, for what was expected.
  static func wanted(_ value: JSONValue) -> String {
    switch value {
    case .null: "null"
    case .bool, .number: "`\(value.compactText)`"
    case .string(let text): "the string \(Excerpt.quote(text))"
    case .array, .object: Excerpt.quote(value.compactText)
    }
  }

  /// What to say of a value under the schema `false`, by the keyword that led there.
  static func refusal(of step: SchemaStep, under keyword: String) -> String {
    switch step {
    case .member(let key):
      keyword == "additionalProperties" || keyword == "unevaluatedProperties"
        ? "expected only members that the schema names, found \(Excerpt.quote(key))"
        : "expected no member \(Excerpt.quote(key)), found one"
    case .item(let index): "expected no item at index \(index), found one"
    case .name(let key): "expected no member at all, found \(Excerpt.quote(key))"
    case .inPlace: "expected no value, for the schema is `false`, found one"
    }
  }
}

extension SchemaAssertion {
  /// One line about a value that breaks the rule.
  func complaint(_ value: JSONValue) -> String {
    var plenty = Int.max
    let found = SchemaWords.found(value)
    switch self {
    case .type(let types): return "expected \(types.words), found \(found)"
    case .const(let wanted, _): return "expected \(SchemaWords.wanted(wanted)), found \(found)"
    case .choice(let choice):
      if choice.values.isEmpty { return "expected no value, for `enum` is empty, found \(found)" }
      let shown = choice.values.prefix(8).map { SchemaWords.wanted($0) }
      let rest = choice.values.count - shown.count
      let wanted =
        rest > 0 ? shown.joined(separator: ", ") + " or one of \(rest) more" : SchemaWords.join(shown, "or")
      return "expected \(wanted), found \(found)"
    case .multipleOf(let divisor): return "expected a multiple of \(Self.shown(divisor)), found \(found)"
    case .maximum(let limit): return "expected at most \(Self.shown(limit)), found \(found)"
    case .exclusiveMaximum(let limit): return "expected less than \(Self.shown(limit)), found \(found)"
    case .minimum(let limit): return "expected at least \(Self.shown(limit)), found \(found)"
    case .exclusiveMinimum(let limit): return "expected more than \(Self.shown(limit)), found \(found)"
    case .maxLength(let limit): return Self.sizes("most", limit, "character", value, &plenty)
    case .minLength(let limit): return Self.sizes("least", limit, "character", value, &plenty)
    case .pattern(let pattern):
      return "expected a match of the pattern \(Excerpt.quote(pattern.source)), found \(found)"
    case .maxItems(let limit): return Self.sizes("most", limit, "item", value, &plenty)
    case .minItems(let limit): return Self.sizes("least", limit, "item", value, &plenty)
    case .uniqueItems:
      guard let pair = SchemaUniqueness.repeated(value.array ?? [], steps: &plenty) else {
        return "expected no repeats"
      }
      return "expected items that all differ, found the same at index \(pair.first) and \(pair.second)"
    case .maxProperties(let limit): return Self.sizes("most", limit, "member", value, &plenty)
    case .minProperties(let limit): return Self.sizes("least", limit, "member", value, &plenty)
    case .required(let names): return Self.missing(names, in: value)
    case .dependentRequired(let rules):
      for rule in rules where value[rule.key] != nil {
        if rule.names.contains(where: { value[$0] == nil }) {
          return Self.missing(rule.names, in: value) + ", though \(Excerpt.quote(rule.key)) is there"
        }
      }
      return "expected no member without the others that it needs"
    }
  }

  private static func shown(_ number: Double) -> String { "`\(JSONValue.number(number).compactText)`" }

  private static func sizes(
    _ edge: String, _ limit: Int, _ unit: String, _ value: JSONValue, _ steps: inout Int
  ) -> String {
    let size: Int =
      switch value {
      case .string(let text): length(text, &steps)
      case .array(let items): items.count
      case .object(let object): object.count
      case .null, .bool, .number: 0
      }
    return "expected at \(edge) \(SchemaWords.count(limit, unit, unit + "s")), found \(size)"
  }

  private static func missing(_ names: [String], in value: JSONValue) -> String {
    let missing = names.filter { value[$0] == nil }
    let noun = missing.count == 1 ? "member" : "members"
    return "expected the \(noun) \(SchemaWords.list(missing, "and")), found none of that name"
  }
}
