import Glibc
import QueueRunner
import Testing

/// What a command prints, kept as a file with everything masked that differs between two runs.
///
/// `FLOWDEX_WRITE_GOLDEN=1 swift test --filter GoldenTests` writes the files anew; look at the difference before
/// you commit it.
enum Golden {
  static let folder = "\(Cli.packageRoot)/Tests/FlowdexTests/Golden"

  /// Compares regardless of the order of members.
  static func check(
    _ name: String, _ found: JSONValue, _ scratch: Scratch, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let masked = mask(found, scratch)
    let path = "\(folder)/\(name).json"
    if getenv("FLOWDEX_WRITE_GOLDEN") != nil {
      let sorted = try JSONValue(parsing: masked.canonicalBytes, limits: .unlimited)
      try FileSystem.write(Array((sorted.prettyText + "\n").utf8), to: path)
      return
    }
    let difference = firstDifference(try read(name), masked, "")
    #expect(difference == nil, "\(name): \(difference ?? "")", sourceLocation: sourceLocation)
  }

  static func read(_ name: String) throws -> JSONValue {
    try JSONValue(parsing: FileSystem.read("\(folder)/\(name).json"), limits: .unlimited)
  }

  /// Times, tokens, digests, process ids and paths of this machine, by what they are.
  static func mask(_ value: JSONValue, _ scratch: Scratch, key: String = "") -> JSONValue {
    switch value {
    case .null, .bool: value
    case .number:
      ["pid", "durationMs", "changedNs", "leaseLeftMs"].contains(key) ? .string("<\(key)>") : value
    case .string(let text): .string(mask(text, scratch))
    case .array(let items): .array(items.map { mask($0, scratch) })
    case .object(let object):
      .object(
        JSONObject(object.members.map { (mask($0.key, scratch), mask($0.value, scratch, key: $0.key)) }))
    }
  }

  static func mask(_ text: String, _ scratch: Scratch) -> String {
    text.replacing(scratch.path, with: "<project>")
      .replacing(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/, with: "<time>")
      .replacing(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/, with: "<token>")
      .replacing(/[0-9a-f]{64}/, with: "<sha256>")
      .replacing(#/^/.*/(echo|true|false)$/#) { "<bin>/\($0.1)" }
  }

  /// The first place where the two differ, in words; nil where they are the same.
  static func firstDifference(_ expected: JSONValue, _ found: JSONValue, _ path: String) -> String? {
    switch (expected, found) {
    case (.object(let a), .object(let b)):
      let keys = Set(a.keys).symmetricDifference(b.keys).sorted()
      if let key = keys.first { return "\(path)/\(key) is \(b[key] == nil ? "missing" : "new")" }
      return a.keys.sorted().lazy.compactMap { key in
        firstDifference(a[key] ?? nil, b[key] ?? nil, "\(path)/\(key)")
      }.first
    case (.array(let a), .array(let b)):
      if a.count != b.count {
        return "\(path): expected \(a.count) items, found \(b.count): \(found.compactText)"
      }
      return a.indices.lazy.compactMap { firstDifference(a[$0], b[$0], "\(path)/\($0)") }.first
    default:
      return expected == found
        ? nil : "\(path): expected \(expected.compactText), found \(found.compactText)"
    }
  }
}
