/// The ids of phases, host commands, tasks and operations (contract §2).
public enum OperationNames {
  /// The pattern, for messages.
  static let pattern = "1 to 120 of `A-Z a-z 0-9 _ . -`"

  /// Whether the text matches `[A-Za-z0-9_.-]{1,120}`, or another limit.
  public static func isId(_ text: String, limit: Int = 120) -> Bool {
    (1...limit).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }
}
