/// How much a JSON text may ask of its reader.
///
/// A text of 16 MiB may hold millions of keys or brackets; each costs memory many times its size, and each
/// level of nesting costs stack.
public struct JSONLimits: Sendable, Equatable {
  /// Open arrays and objects at one time; `[[1]]` has depth 2.
  public var maxDepth: Int
  /// Members of all objects of the text together.
  public var maxKeys: Int

  /// Limits of the caller's own; `maxDepth` bounds the stack, so keep it in the hundreds.
  public init(maxDepth: Int = 128, maxKeys: Int = 100_000) {
    self.maxDepth = maxDepth
    self.maxKeys = maxKeys
  }

  /// What an operation's arguments are held to, in the session and when they are read: a fan-out of 100,000 tasks
  /// has many keys. Depth 128, 2,000,000 keys.
  public static let arguments = JSONLimits(maxKeys: 2_000_000)

  /// What every text from outside is held to: depth 128, 100,000 keys.
  public static let standard = JSONLimits()

  /// For texts that flowdex wrote itself, such as reports: any number of keys, and a depth of 1,000 so that
  /// the stack holds.
  public static let unlimited = JSONLimits(maxDepth: 1000, maxKeys: Int.max)
}

extension JSONValue {
  /// Reads a text strictly within limits of the caller's own; offsets of errors count UTF-8 bytes.
  public init(parsing text: String, limits: JSONLimits) throws(JSONSyntaxError) {
    try self.init(parsing: Array(text.utf8), limits: limits)
  }

  /// Reads a text that flowdex has stored: what was allowed when it came in can be had back.
  public init(stored text: String) throws(JSONSyntaxError) {
    try self.init(parsing: text, limits: .unlimited)
  }
}
