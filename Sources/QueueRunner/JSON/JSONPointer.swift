/// JSON pointers (RFC 6901): `/claims/0/text` names a value inside a document.
///
/// All of it works on UTF-8 bytes: Swift's characters would let a combining mark swallow a `/`.
public enum JSONPointer {
  /// A key as one token of a pointer: `~` becomes `~0`, `/` becomes `~1`.
  public static func escape(_ key: String) -> String {
    guard key.utf8.contains(where: { $0 == slash || $0 == tilde }) else { return key }
    var bytes = [UInt8]()
    bytes.reserveCapacity(key.utf8.count + 4)
    for byte in key.utf8 {
      switch byte {
      case tilde: bytes += [tilde, zero]
      case slash: bytes += [tilde, one]
      default: bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The key that a token stands for; nil when a `~` is followed by neither `0` nor `1`.
  public static func unescape(_ token: String) -> String? {
    unescape(Array(token.utf8)[...])
  }

  /// The keys of a pointer, unescaped; nil when it is neither empty nor begins with `/`, or a token is malformed.
  public static func tokens(_ pointer: String) -> [String]? {
    let bytes = Array(pointer.utf8)
    if bytes.isEmpty { return [] }
    guard bytes[0] == slash else { return nil }
    var keys: [String] = []
    for token in bytes.dropFirst().split(separator: slash, omittingEmptySubsequences: false) {
      guard let key = unescape(token) else { return nil }
      keys.append(key)
    }
    return keys
  }

  /// The value that the pointer names; nil when there is none or the pointer is malformed.
  ///
  /// An index of an array is decimal without leading zeros; `-` names nothing.
  public static func resolve(_ pointer: String, in document: JSONValue) -> JSONValue? {
    guard let keys = tokens(pointer) else { return nil }
    var value = document
    for key in keys {
      switch value {
      case .object(let object):
        guard let next = object[key] else { return nil }
        value = next
      case .array(let items):
        guard let index = arrayIndex(key), index < items.count else { return nil }
        value = items[index]
      case .null, .bool, .number, .string: return nil
      }
    }
    return value
  }

  /// The token as an index of an array: digits only, without a leading zero.
  static func arrayIndex(_ token: String) -> Int? {
    let digits = token.utf8
    guard (1...15).contains(digits.count), digits.allSatisfy({ (zero...zero + 9).contains($0) }),
      digits.count == 1 || digits.first != zero
    else { return nil }
    return Int(token)
  }

  private static let slash = UInt8(ascii: "/")
  private static let tilde = UInt8(ascii: "~")
  private static let zero = UInt8(ascii: "0")
  private static let one = UInt8(ascii: "1")

  private static func unescape(_ token: ArraySlice<UInt8>) -> String? {
    var bytes = [UInt8]()
    bytes.reserveCapacity(token.count)
    var at = token.startIndex
    while at < token.endIndex {
      if token[at] == tilde {
        at += 1
        guard at < token.endIndex, token[at] == zero || token[at] == one else { return nil }
        bytes.append(token[at] == zero ? tilde : slash)
      } else {
        bytes.append(token[at])
      }
      at += 1
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
