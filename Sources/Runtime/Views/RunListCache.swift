// What `list` says of each run, remembered by what the kernel says of its state: opening a database costs half a
// millisecond, and a project may have thousands. Advisory: a cache that is lost, torn or of another form is as good
// as none, and a run whose state has changed is opened.

import QueueRunner

/// The lines of `list` by run, with the stamps that they hold for.
struct RunListCache {
  static let header = "flowdex-list-cache 2"

  private let path: String
  private let layout: ProjectLayout
  private var loaded: [Substring: (stamp: Substring, text: Substring)] = [:]
  private var kept: [(id: String, stamp: String, text: String)] = []
  private var isChanged = false

  /// Reads the cache; whatever is wrong with it, the result is an empty one.
  init(_ layout: ProjectLayout) {
    self.layout = layout
    path = layout.runListCache
    guard let bytes = try? FileSystem.readPlain(path), let end = bytes.firstIndex(of: UInt8(ascii: "\n"))
    else {
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
    let before = StateStamp(layout.run(id))
    if let before, let known = loaded[id[...]], known.stamp == before.text,
      let value = try? JSONValue(parsing: String(known.text))
    {
      kept.append((id, before.text, String(known.text)))
      return value
    }
    let value = try look()
    isChanged = true
    if let before, before.holds(layout.run(id), nowMs: nowMs) {
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
}
