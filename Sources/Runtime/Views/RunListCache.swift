// What `list` says of each run, remembered by what the kernel says of its state: opening a database costs half a
// millisecond, and a project may have thousands. Advisory: a cache that is lost, torn or of another form is as good
// as none, and a run whose state has changed is opened.
//
// A commit within the same tick of the file system's clock as the one before keeps the stamp. So a run is remembered
// only if its state was last written 2 s (the coarsest tick, FAT's) before it was read.

import QueueRunner

/// The lines of `list` by run, with the stamps that they hold for.
struct RunListCache {
  static let header = "flowdex-list-cache 2"
  static let racyMs: Int64 = 2000

  private let path: String
  private let layout: ProjectLayout
  private var loaded: [Substring: (stamp: Substring, text: Substring)] = [:]
  private var kept: [(id: String, stamp: String, text: String)] = []
  private var isChanged = false

  /// Reads the cache; whatever is wrong with it, the result is an empty one.
  init(_ layout: ProjectLayout) {
    self.layout = layout
    path = layout.runListCache
    guard let bytes = try? FileSystem.read(path), let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else {
      return
    }
    let body = Array(bytes[(end + 1)...])
    guard bytes[..<end].elementsEqual("\(Self.header) \(Digest.sha256Hex(body))".utf8) else { return }
    let lines = String(decoding: body, as: UTF8.self).split(separator: "\n")
    for line in lines {
      let fields = line.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false)
      if fields.count == 3 { loaded[fields[0]] = (fields[1], fields[2]) }
    }
  }

  /// What `list` says of a run: remembered if its state is as it was, else asked for.
  mutating func listed(_ id: String, nowMs: Int64, look: () throws -> JSONValue) throws -> JSONValue {
    let before = stamp(id)
    if let before, let known = loaded[id[...]], known.stamp == before.text,
      let value = try? JSONValue(parsing: String(known.text))
    {
      kept.append((id, before.text, String(known.text)))
      return value
    }
    let value = try look()
    isChanged = true
    if let before, before.youngestMs < nowMs - Self.racyMs, stamp(id)?.text == before.text {
      kept.append((id, before.text, value.canonicalText))
    }
    return value
  }

  /// Writes the cache if it changed. Not synced, and an error is no one's concern: the next look opens more runs.
  func save() {
    if !isChanged, kept.count == loaded.count { return }
    var text = ""
    for run in kept { text += "\(run.id)\t\(run.stamp)\t\(run.text)\n" }
    let body = Array(text.utf8)
    let head = Array("\(Self.header) \(Digest.sha256Hex(body))\n".utf8)
    try? FileSystem.writeAtomically(head + body, to: path, sync: false)
  }

  /// What changes whenever the state does: it is written through the log, and the log into the file.
  ///
  /// Not the times of the last change to the entries: SQLite that runs as root gives the log to the state's owner
  /// whenever it opens it (unixOpen, os_unix.c), so that each look would undo the one before.
  private func stamp(_ id: String) -> (text: String, youngestMs: Int64)? {
    let run = layout.run(id)
    guard let file = try? FileSystem.entry(run.database), file.kind == .file else { return nil }
    let log = (try? FileSystem.entry(run.databaseLog)) ?? nil
    let entries = [file] + (log.map { [$0] } ?? [])
    let text = entries.map {
      "\($0.device) \($0.inode) \($0.size) \($0.modifiedNs)"
    }.joined(separator: " ")
    let youngestNs = entries.map(\.modifiedNs).max() ?? 0
    return (text, youngestNs / 1_000_000)
  }
}
