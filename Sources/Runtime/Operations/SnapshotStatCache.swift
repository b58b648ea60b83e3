// Remembers which bytes a file had, by what the kernel says of it, so that an unchanged project is looked at
// without reading a file. Advisory: a cache that is lost, torn or of another form is as good as none.
//
// A file that was written twice within one tick of the file system's clock keeps its stamp. So an entry is kept
// only if the file's times lie 2 s (the coarsest tick, FAT's) before the moment it was read; a younger one is
// read again next time.

import QueueRunner

/// Hashes of project files by path and stamp.
struct SnapshotStatCache {
  static let header = "flowdex-stat-cache 1"
  static let racyMs: Int64 = 2000

  private struct Line: Equatable {
    let stamp: Stamp
    let sha256: String
  }

  /// What changes whenever a file does.
  private struct Stamp: Equatable {
    let size: Int64
    let modifiedNs: Int64
    let changedNs: Int64
    let device: UInt64
    let inode: UInt64

    init(_ entry: FileSystem.Entry) {
      size = entry.size
      modifiedNs = entry.modifiedNs
      changedNs = entry.changedNs
      device = entry.device
      inode = entry.inode
    }

    init?(_ fields: ArraySlice<Substring>) {
      let fields = Array(fields)
      guard fields.count == 5, let size = Int64(fields[0]), let modified = Int64(fields[1]),
        let changed = Int64(fields[2]), let device = UInt64(fields[3]), let inode = UInt64(fields[4])
      else { return nil }
      (self.size, modifiedNs, changedNs, self.device, self.inode) = (size, modified, changed, device, inode)
    }
  }

  /// Keyed by bytes: two names may differ in their Unicode form only.
  private var lines: [[UInt8]: Line] = [:]
  private let loaded: [[UInt8]: Line]
  private let path: String
  private var hasNotes = false

  /// Reads the cache; whatever is wrong with it, the result is an empty one.
  init(path: String) {
    self.path = path
    loaded = (try? FileSystem.readPlain(path)).flatMap(Self.parse) ?? [:]
  }

  /// The hash of a file whose stamp is as it was.
  mutating func hash(_ candidate: SnapshotCandidate) -> String? {
    let key = Array(candidate.path.utf8)
    guard let line = loaded[key], line.stamp == Stamp(candidate.entry) else { return nil }
    lines[key] = line
    return line.sha256
  }

  /// Remembers what was read at a time, unless the file is too young to be told from a later version.
  mutating func note(_ path: String, _ taken: SnapshotIntake.Taken, readAtMs: Int64) {
    hasNotes = true
    let youngestNs = max(taken.entry.modifiedNs, taken.entry.changedNs)
    let isOld = youngestNs / 1_000_000 < readAtMs &- Self.racyMs
    lines[Array(path.utf8)] =
      isOld ? Line(stamp: Stamp(taken.entry), sha256: taken.sha256) : nil
  }

  /// Writes the cache if it changed. Entries that `globs` do not cover are another workflow's and stay.
  ///
  /// Not synced, and an error is no one's concern: the next look reads more files, that is all.
  func save(globs: GlobSet) {
    if !hasNotes, lines.count == loaded.count { return }
    var kept = lines
    for (key, line) in loaded where kept[key] == nil {
      if !globs.matches(String(decoding: key, as: UTF8.self)) { kept[key] = line }
    }
    if kept == loaded { return }
    var body: [UInt8] = []
    body.reserveCapacity(kept.count * 180)
    for (key, line) in kept.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      let stamp = line.stamp
      body += Array(
        "\(line.sha256) \(stamp.size) \(stamp.modifiedNs) \(stamp.changedNs) \(stamp.device) \(stamp.inode) "
          .utf8)
      body += key
      body.append(UInt8(ascii: "\n"))
    }
    let head = Array("\(Self.header) \(Digest.sha256Hex(body))\n".utf8)
    try? FileSystem.makeDirectories(FileSystem.split(path).parent)
    // One name for whoever writes, so that a killed process leaves no more than one: two at a time may garble it,
    // which its hash then shows.
    let fresh = "\(path).new"
    guard (try? FileSystem.write(head + body, to: fresh)) != nil else { return }
    try? FileSystem.rename(fresh, path)
  }

  private static func parse(_ bytes: [UInt8]) -> [[UInt8]: Line]? {
    guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    let body = Array(bytes[(end + 1)...])
    guard bytes[..<end].elementsEqual("\(header) \(Digest.sha256Hex(body))".utf8) else { return nil }
    var lines: [[UInt8]: Line] = [:]
    for row in body.split(separator: UInt8(ascii: "\n")) {
      let fields = row.split(separator: UInt8(ascii: " "), maxSplits: 6, omittingEmptySubsequences: false)
      guard fields.count == 7 else { return nil }
      let texts = fields.prefix(6).map { Substring(decoding: $0, as: UTF8.self) }
      guard texts[0].utf8.count == 64, let stamp = Stamp(texts[1...5]) else { return nil }
      lines[Array(fields[6])] = Line(stamp: stamp, sha256: String(texts[0]))
    }
    return lines
  }
}
