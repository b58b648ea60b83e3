import Crypto

/// SHA-256 (FIPS 180-4) as lowercase hex: the name of every artifact, snapshot and hash in flowdex.
public enum Digest {
  /// 64 lowercase hex digits.
  public static func sha256Hex(_ bytes: [UInt8]) -> String {
    bytes.withUnsafeBytes { hex(SHA256.hash(data: $0)) }
  }

  /// The 32 bytes themselves.
  public static func sha256(_ bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: bytes)) }

  /// The 32 bytes of the text's UTF-8.
  static func sha256(_ text: String) -> [UInt8] { text.withBytes { Array(SHA256.hash(data: $0)) } }

  /// Of the text's UTF-8.
  public static func sha256Hex(_ text: String) -> String {
    text.withBytes { hex(SHA256.hash(data: $0)) }
  }

  /// Hashes bytes that arrive in pieces, in constant memory.
  public struct Stream {
    private var hash = SHA256()
    /// Of no bytes yet.
    public init() {}
    /// Takes the next piece; an empty one changes nothing.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) { hash.update(bufferPointer: bytes) }
    /// The digest of what was given so far; more may follow.
    public func finalHex() -> String { hex(hash.finalize()) }
  }

  private static let digits = Array("0123456789abcdef".utf8)

  fileprivate static func hex(_ digest: SHA256Digest) -> String {
    var text = [UInt8]()
    text.reserveCapacity(64)
    for byte in digest { append(hexOf: byte, to: &text) }
    return String(decoding: text, as: UTF8.self)
  }

  /// Appends two lowercase hex digits.
  static func append(hexOf byte: UInt8, to text: inout [UInt8]) {
    text.append(digits[Int(byte >> 4)])
    text.append(digits[Int(byte & 15)])
  }
}

private func hex(_ digest: SHA256Digest) -> String { Digest.hex(digest) }
