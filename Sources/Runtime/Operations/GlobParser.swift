// Reads one glob: first a tree with its braces, then each alternative checked and cut into segments.

/// Why a pattern is refused.
struct GlobProblem: Error {
  let reason: String
  init(_ reason: String) { self.reason = reason }
}

extension GlobPattern {
  static let limitBytes = 1024
  static let limitAlternatives = 1000
  static let limitNesting = 64

  /// What a pattern stands for once its braces are expanded; at least one.
  static func alternatives(of pattern: String) throws(GlobProblem) -> [GlobPattern] {
    let bytes = Array(pattern.utf8)
    if bytes.isEmpty { throw GlobProblem("it is empty") }
    if bytes.count > limitBytes {
      throw GlobProblem("it has \(bytes.count) bytes, and \(limitBytes) are allowed")
    }
    if bytes.contains(0) { throw GlobProblem("it holds a NUL character") }
    var parser = GlobParser(bytes: bytes[...])
    let nodes = try parser.sequence(nesting: 0)
    if GlobNode.count(nodes) > limitAlternatives {
      throw GlobProblem("its braces stand for more than \(limitAlternatives) alternatives")
    }
    var patterns: [GlobPattern] = []
    for tokens in GlobNode.expand(nodes) { patterns.append(GlobPattern(try segments(tokens))) }
    return patterns
  }

  /// A pattern as `.gitignore` has it: no braces, and stars that touch others are plain stars; nil where it can
  /// match nothing.
  init?(gitignore text: ArraySlice<UInt8>) {
    var parser = GlobParser(bytes: text)
    parser.hasBraces = false
    guard !text.isEmpty, text.count <= Self.limitBytes, let nodes = try? parser.sequence(nesting: 0) else {
      return nil
    }
    let tokens = GlobNode.expand(nodes).joined()
    var segments: [Segment] = []
    for part in tokens.split(separator: .slash, omittingEmptySubsequences: false) {
      var kept: [GlobToken] = []
      for token in part where token != .star || kept.last != .star { kept.append(token) }
      let isAnyNames = part.count >= 2 && kept == [.star]
      guard let segment = isAnyNames ? .anyNames : try? Self.segment(kept) else { return nil }
      segments.append(segment)
    }
    self.init(segments)
  }

  private static func segments(_ tokens: [GlobToken]) throws(GlobProblem) -> [Segment] {
    if tokens.isEmpty { throw GlobProblem("one of its alternatives is empty") }
    if tokens.first == .slash {
      throw GlobProblem("it begins with `/`, and globs are relative to the project root")
    }
    if tokens.last == .slash { throw GlobProblem("it ends with `/`; `dir/**` is everything under `dir`") }
    var segments: [Segment] = []
    for part in tokens.split(separator: .slash, omittingEmptySubsequences: false) {
      segments.append(try segment(Array(part)))
    }
    return segments
  }

  private static func segment(_ tokens: [GlobToken]) throws(GlobProblem) -> Segment {
    if tokens.isEmpty { throw GlobProblem("it holds `//`") }
    if tokens == [.star, .star] { return .anyNames }
    for (one, next) in zip(tokens, tokens.dropFirst()) where one == .star && next == .star {
      throw GlobProblem("`**` must be a whole segment, between `/` or at an end")
    }
    var bytes: [UInt8] = []
    for token in tokens {
      guard case .byte(let byte) = token else { return .pattern(tokens) }
      bytes.append(byte)
    }
    if bytes == Array(".".utf8) || bytes == Array("..".utf8) {
      throw GlobProblem("it has the segment `\(String(decoding: bytes, as: UTF8.self))`")
    }
    return .literal(bytes)
  }
}

/// A piece of a pattern before its braces are expanded.
private indirect enum GlobNode {
  case token(GlobToken)
  case alternatives([[GlobNode]])

  /// How many alternatives a sequence stands for; saturates above the limit, so that nothing overflows.
  static func count(_ nodes: [GlobNode]) -> Int {
    var product = 1
    for case .alternatives(let branches) in nodes {
      let sum = branches.reduce(0) { min($0 + count($1), GlobPattern.limitAlternatives + 1) }
      product = min(product * sum, GlobPattern.limitAlternatives + 1)
    }
    return product
  }

  static func expand(_ nodes: [GlobNode]) -> [[GlobToken]] {
    var all: [[GlobToken]] = [[]]
    for node in nodes {
      switch node {
      case .token(let token):
        for at in all.indices { all[at].append(token) }
      case .alternatives(let branches):
        let tails = branches.flatMap(expand)
        all = all.flatMap { head in tails.map { head + $0 } }
      }
    }
    return all
  }
}

private struct GlobParser {
  var bytes: ArraySlice<UInt8>
  /// Whether `{a,b}` has its meaning.
  var hasBraces = true

  init(bytes: ArraySlice<UInt8>) { self.bytes = bytes }

  /// Up to the end, or inside braces up to a `,` or `}` that is left for the caller.
  mutating func sequence(nesting: Int) throws(GlobProblem) -> [GlobNode] {
    var nodes: [GlobNode] = []
    while let byte = bytes.first {
      if nesting > 0, byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") { break }
      bytes.removeFirst()
      switch byte {
      case UInt8(ascii: "{") where hasBraces: nodes.append(try braces(nesting: nesting + 1))
      case UInt8(ascii: "}") where hasBraces: throw GlobProblem("it has a `}` without a `{`")
      case UInt8(ascii: "["): nodes.append(.token(try set()))
      case UInt8(ascii: "]") where hasBraces: throw GlobProblem("it has a `]` without a `[`")
      case UInt8(ascii: "*"): nodes.append(.token(.star))
      case UInt8(ascii: "?"): nodes.append(.token(.anyCharacter))
      case UInt8(ascii: "/"): nodes.append(.token(.slash))
      case UInt8(ascii: "\\"): nodes.append(.token(.byte(try escaped())))
      default: nodes.append(.token(.byte(byte)))
      }
    }
    return nodes
  }

  private mutating func braces(nesting: Int) throws(GlobProblem) -> GlobNode {
    if nesting > GlobPattern.limitNesting {
      throw GlobProblem("its braces are nested more than \(GlobPattern.limitNesting) deep")
    }
    var branches: [[GlobNode]] = []
    while true {
      branches.append(try sequence(nesting: nesting))
      guard let end = bytes.popFirst() else { throw GlobProblem("it has a `{` without a `}`") }
      if end == UInt8(ascii: "}") { return .alternatives(branches) }
    }
  }

  private mutating func escaped() throws(GlobProblem) -> UInt8 {
    guard let byte = bytes.popFirst() else { throw GlobProblem("it ends with `\\`") }
    if byte == UInt8(ascii: "/") { throw GlobProblem("it has `\\` before `/`") }
    return byte
  }

  private mutating func set() throws(GlobProblem) -> GlobToken {
    let isNegated = bytes.first == UInt8(ascii: "!") || bytes.first == UInt8(ascii: "^")
    if isNegated { bytes.removeFirst() }
    var ranges: [ClosedRange<UInt32>] = []
    while true {
      if bytes.first == UInt8(ascii: "]"), !ranges.isEmpty {
        bytes.removeFirst()
        return .set(ranges, isNegated: isNegated)
      }
      let low = try member()
      var high = low
      if bytes.first == UInt8(ascii: "-"), bytes.dropFirst().first != UInt8(ascii: "]") {
        bytes.removeFirst()
        high = try member()
      }
      if low > high { throw GlobProblem("it has a range in `[]` that runs backwards") }
      ranges.append(low...high)
    }
  }

  private mutating func member() throws(GlobProblem) -> UInt32 {
    if bytes.first == UInt8(ascii: "\\") { bytes.removeFirst() }
    guard let byte = bytes.first else { throw GlobProblem("it has a `[` without a `]`") }
    if byte == UInt8(ascii: "/") { throw GlobProblem("it has a `/` between `[` and `]`") }
    let (value, end) = GlobToken.scalar(bytes, bytes.startIndex)
    bytes = bytes[end...]
    return value
  }
}
