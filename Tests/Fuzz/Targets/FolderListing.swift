import Glibc
import QueueRunner

/// Everything that lies in a folder: by path its kind, its mode, and the hash of its bytes or where it leads to.
public struct FolderListing: Equatable, Sendable {
  private struct Entry: Equatable, Sendable {
    let kind: FileSystem.Entry.Kind
    let mode: UInt32
    let content: String
  }

  private var entries: [String: Entry] = [:]

  /// Reads the folder; follows no link.
  ///
  /// - Parameter passingOver: a path whose contents are nobody's business.
  public init(of root: String, passingOver: String) throws {
    try add(root, "", passingOver)
  }

  private mutating func add(_ root: String, _ folder: String, _ passedOver: String) throws {
    for name in try FileSystem.names(in: "\(root)/\(folder)") {
      let path = folder.isEmpty ? name : "\(folder)/\(name)"
      guard path != passedOver, let entry = try FileSystem.entry("\(root)/\(path)") else { continue }
      var content = ""
      switch entry.kind {
      case .file: content = Digest.sha256Hex(try FileSystem.read("\(root)/\(path)"))
      case .symlink: content = Self.target("\(root)/\(path)")
      case .directory: try add(root, path, passedOver)
      case .other: break
      }
      entries[path] = Entry(kind: entry.kind, mode: entry.mode, content: content)
    }
  }

  private static func target(_ path: String) -> String {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(path, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(count, 0)).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// What has become of the folder that should not have: anything at all outside `allowed`; in it, what is neither a
  /// folder nor a plain file of mode 644 or 755. The allowed folder may be gone, and is no other than it was.
  public func problem(after: FolderListing, allowed: String) -> String? {
    for path in Set(entries.keys).union(after.entries.keys).sorted() {
      let (before, now) = (entries[path], after.entries[path])
      if path.hasPrefix(allowed + "/") {
        switch now?.kind {
        case nil, .directory?: continue
        case .file? where now?.mode == 0o644 || now?.mode == 0o755: continue
        case .file?, .symlink?, .other?: return "it made \(path) something else than a plain file"
        }
      }
      if path == allowed && now == nil { continue }
      if before == nil { return "it made \(path)" }
      if now == nil { return "it removed \(path)" }
      if before != now { return "it changed \(path)" }
    }
    return nil
  }
}
