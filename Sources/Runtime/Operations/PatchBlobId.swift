// Git's name of a file's content. A binary patch replaces everything and has no context to go by: that the old
// content is the one it was made from, only this name tells.

import Crypto

/// Names of blobs in a repository that uses SHA-1.
enum BlobId {
  /// What stands for a file that is not there.
  static let none = String(repeating: "0", count: 40)

  /// Forty hex digits.
  static func of(_ bytes: [UInt8]) -> String {
    var hash = Insecure.SHA1()
    Array("blob \(bytes.count)\0".utf8).withUnsafeBytes { hash.update(bufferPointer: $0) }
    bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
    return hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
