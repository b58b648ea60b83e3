// What a snapshot holds, file by file. Its digest names the snapshot; the text lies beside the snapshot's folder,
// so that a worker that reads everything in the folder reads project files only.

import Glibc
import QueueRunner

/// One file of a snapshot.
public struct SnapshotFile: Sendable, Equatable {
  /// Relative to the project root and to the snapshot's folder.
  public let path: String
  /// The owner may execute it: 755, else 644. No other permission is kept.
  public let isExecutable: Bool
  /// Bytes.
  public let size: Int64
  /// Lowercase hex.
  public let sha256: String
}

/// The list of a snapshot's files, sorted by the UTF-8 bytes of their paths.
public struct SnapshotManifest: Sendable, Equatable {
  static let format = "flowdex.snapshot.v1"
  /// In the order that the digest covers.
  public let files: [SnapshotFile]

  init(files: [SnapshotFile]) {
    self.files = files.sorted { PathOrder.precedes($0.path, $1.path) }
  }

  /// Bytes of all files together.
  public var totalBytes: Int64 { files.reduce(0) { $0 &+ $1.size } }

  /// The SHA-256 of `{"files":[{"mode","path","sha256","size"}…],"format":"flowdex.snapshot.v1"}` in canonical
  /// JSON (RFC 8785).
  ///
  /// Written piece by piece: a value tree of a hundred thousand files would cost more than all else.
  public var digest: String {
    var hash = Digest.Stream()
    var piece = Array("{\"files\":[".utf8)
    for (at, file) in files.enumerated() {
      piece += (at > 0 ? ",{\"mode\":\"" : "{\"mode\":\"").utf8
      piece += file.mode.utf8
      piece += "\",\"path\":".utf8
      piece += JSONValue.string(file.path).canonicalBytes
      piece += ",\"sha256\":\"".utf8
      piece += file.sha256.utf8
      piece += "\",\"size\":".utf8
      piece += String(file.size).utf8
      piece.append(UInt8(ascii: "}"))
      if piece.count > 1 << 16 {
        piece.withUnsafeBytes { hash.update($0) }
        piece.removeAll(keepingCapacity: true)
      }
    }
    piece += "],\"format\":\"\(Self.format)\"}".utf8
    piece.withUnsafeBytes { hash.update($0) }
    return hash.finalHex()
  }

  /// The stored text: what the digest covers, the digest, and what was skipped when it was first built.
  func text(skipped: [SnapshotSkip]) -> String {
    let document: JSONValue = [
      "format": .string(Self.format),
      "digest": .string(digest),
      "files": .array(files.map(\.json)),
      "skipped": .array(skipped.map { ["path": .string($0.path), "reason": .string($0.reason)] }),
    ]
    return document.compactText + "\n"
  }

  /// Reads a stored manifest; nil if it is not one.
  init?(reading bytes: [UInt8]) {
    guard let document = try? JSONValue(parsing: bytes, limits: .unlimited),
      document["format"]?.string == Self.format, let items = document["files"]?.array
    else { return nil }
    var files: [SnapshotFile] = []
    for item in items {
      guard let file = SnapshotFile(item) else { return nil }
      files.append(file)
    }
    self.init(files: files)
  }
}

/// The order of paths by their UTF-8 bytes. Swift's own order of strings is that of their normal forms.
enum PathOrder {
  static func precedes(_ a: String, _ b: String) -> Bool {
    let fast = a.utf8.withContiguousStorageIfAvailable { left in
      b.utf8.withContiguousStorageIfAvailable { right in
        guard let x = left.baseAddress, let y = right.baseAddress else { return left.count < right.count }
        let order = memcmp(x, y, min(left.count, right.count))
        return order == 0 ? left.count < right.count : order < 0
      }
    }
    return (fast ?? nil) ?? a.utf8.lexicographicallyPrecedes(b.utf8)
  }
}

extension SnapshotFile {
  var mode: String { isExecutable ? "755" : "644" }

  var json: JSONValue {
    ["mode": .string(mode), "path": .string(path), "sha256": .string(sha256), "size": JSONValue(size)]
  }

  init?(_ json: JSONValue) {
    guard let mode = json["mode"]?.string, mode == "755" || mode == "644", let path = json["path"]?.string,
      let sha256 = json["sha256"]?.string, let size = json["size"]?.int
    else { return nil }
    self.init(path: path, isExecutable: mode == "755", size: Int64(size), sha256: sha256)
  }
}
