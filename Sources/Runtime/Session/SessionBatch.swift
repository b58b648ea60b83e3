// Short texts that go over the wire together, as one text that is cut at each U+001F: the harness, which has no compiler,
// cuts a thousand of them with one call. The same is said at the head of harness.js. Pure.

extension SessionFrame {
  /// Stands between the texts of a batch. Canonical JSON never holds it; a text that does goes by itself.
  static let separator: UInt8 = 0x1f

  /// The four texts of a delivery.
  static func fields(of delivery: SessionDelivery) -> [String] {
    let now = String(delivery.nowMs)
    return switch delivery.outcome {
    case .resolved(let text): [delivery.key, "resolved", text, now]
    case .rejected(let message): [delivery.key, "rejected", message, now]
    }
  }

  /// The texts of an entry `j`, which stands for all of them.
  static func cut(_ batch: String) -> [String] {
    batch.utf8.dropFirst().split(separator: separator, omittingEmptySubsequences: false)
      .map { String(Substring($0)) }
  }
}

/// Deliveries that go in one frame.
struct DeliveryBatch {
  /// So much is sent at once: enough that a frame costs nothing beside it, and little enough that the session has something to
  /// do early.
  static let fullBytes = 16 << 10

  private var text = ""

  var isFull: Bool { text.utf8.count >= Self.fullBytes }

  /// Adds the texts of a delivery; false where one is long, or holds what texts are cut at.
  mutating func add(_ fields: [String]) -> Bool {
    for field in fields {
      var field = field
      if field.utf8.count >= Self.fullBytes { return false }
      if field.withUTF8({ $0.contains(SessionFrame.separator) }) { return false }
    }
    for field in fields {
      if !text.isEmpty { text.unicodeScalars.append(Unicode.Scalar(SessionFrame.separator)) }
      text += field
    }
    return true
  }

  /// All that was added since the last call; nil where that is nothing.
  mutating func take() -> String? {
    if text.isEmpty { return nil }
    defer { text = "" }
    return text
  }
}
