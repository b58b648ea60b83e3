import Glibc

/// What is about to appear in `dispatches/`, noted before it does (`RunLayout.publishing`): if the process dies before its
/// leases are committed, these packages are nobody's.
///
/// Whoever reads it removes folders by it, so it is only believed as far as it is certain: a line counts if it ends in a
/// task's folder and the whole name of a lease. A note that a full disk or a power cut has torn may end in any other.
struct PublishingNote {
  private let lines: [String]

  /// - Parameter packages: each package's folder, and its lease.
  init(_ packages: [(folder: String, token: String)]) {
    lines = packages.map { "\(FileSystem.split(FileSystem.split($0.folder).parent).name)/\($0.token)" }
  }

  /// Neither atomic nor synced: what is torn is not believed, and nothing appears before it is written.
  func write(_ layout: RunLayout) throws {
    try FileSystem.write(Array((lines.joined(separator: "\n") + "\n").utf8), to: layout.publishing)
  }

  /// The packages that it names, where they would be now; none where no file is.
  static func packages(_ layout: RunLayout) throws -> [(path: String, token: String)] {
    guard try FileSystem.entry(layout.publishing)?.kind == .file else { return [] }
    return packages(of: try FileSystem.readPlain(layout.publishing), in: layout.dispatches)
  }

  static func packages(of note: [UInt8], in dispatches: String) -> [(path: String, token: String)] {
    note.split(separator: 10).compactMap { line in
      // Before, each line was the whole path.
      let names = line.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).suffix(2)
      guard names.count == 2, let child = names.first, let last = names.last,
        let first = child.first, first != UInt8(ascii: "."), !line.contains(0)
      else { return nil }
      let token = String(decoding: last, as: UTF8.self)
      guard isToken(token) else { return nil }
      return ("\(dispatches)/\(String(decoding: child, as: UTF8.self))/\(token)", token)
    }
  }

  /// Whether a name is that of a lease: a UUID in lower case (RFC 9562).
  static func isToken(_ name: String) -> Bool {
    name.utf8.count == 36
      && name.utf8.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
          || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
          || $0 == UInt8(ascii: "-")
      }
  }
}
