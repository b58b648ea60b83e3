// events.jsonl: a projection of the events table. It may tear or lag when a process dies; it is never the
// truth, and whoever commits next brings it up.

import GRDB
import Glibc

/// Appends to and rebuilds a run's `events.jsonl`. Used only under the run's write lock.
final class EventLog {
  private let layout: RunLayout
  /// What the file was when we last left it: if it still is, its end needs no look.
  private var known: (size: Int64, seq: Int64)?

  /// The run's id as JSON.
  private let run: String
  /// Bytes. A payload is bounded by what a result or a log line may hold, 16 MiB.
  private static let longestLine: Int64 = 64 << 20

  init(layout: RunLayout) {
    self.layout = layout
    run = JSONValue.string(layout.runId).canonicalText
  }

  /// Appends what a transaction has just said; false where the file is not as we left it, or there is too much to
  /// have been remembered: then `catchUp` finds out what it lacks.
  func append(_ said: SaidEvents) throws -> Bool {
    guard let from = known, said.isWhole, let first = said.events.first, let last = said.lastSeq,
      first.seq == from.seq + 1
    else { return false }
    let (descriptor, size) = try open(O_WRONLY)
    defer { close(descriptor) }
    guard size == from.size else { return false }
    try go(descriptor, to: size)
    var bytes: [UInt8] = []
    let time = Timestamp.text(first.atMs)
    for event in said.events {
      bytes += Self.text(event, run, time: time).utf8
      bytes.append(10)
    }
    known = nil
    try bytes.withUnsafeBytes { try FileSystem.writeAll(descriptor, $0, layout.events) }
    known = (from.size + Int64(bytes.count), last)
    return true
  }

  /// The file, and how many bytes it has.
  ///
  /// - Throws: a `FlowdexError` where something else lies in its place. A FIFO is not waited at (`O_NONBLOCK`).
  private func open(_ flags: Int32) throws -> (descriptor: Int32, size: Int64) {
    let descriptor = try FileSystem.open(layout.events, flags | O_NOFOLLOW | O_NONBLOCK, mode: 0o644)
    do {
      var status = stat()
      guard FileSystem.retrying({ fstat(descriptor, &status) }) == 0 else {
        throw FileSystem.failure("look at", layout.events)
      }
      guard FileSystem.Entry(status).kind == .file else {
        throw FlowdexError.machine(
          "events-no-file", "cannot write `\(layout.events)`: it is no file",
          next: "run `flowdex repair-events \(layout.runId)`, which puts one in its place")
      }
      return (descriptor, Int64(status.st_size))
    } catch {
      close(descriptor)
      throw error
    }
  }

  private func go(_ descriptor: Int32, to offset: Int64) throws {
    if lseek(descriptor, off_t(offset), SEEK_SET) != off_t(offset) {
      throw FileSystem.failure("write", layout.events)
    }
  }

  /// Appends every event that the file lacks, after cutting off a torn last line.
  func catchUp(_ db: Database) throws {
    let (descriptor, size) = try open(O_RDWR | O_CREAT)
    defer { close(descriptor) }
    var from = try end(of: descriptor, size: size)
    while let more = try lines(db, after: from.seq) {
      try go(descriptor, to: from.size)
      known = nil
      try more.bytes.withUnsafeBytes { try FileSystem.writeAll(descriptor, $0, layout.events) }
      from = (from.size + Int64(more.bytes.count), more.last)
    }
    known = from
  }

  /// Writes the whole file anew beside the old one and renames it into place; the number of events.
  func rebuild(from db: Database) throws -> Int {
    known = nil
    try FileSystem.makeDirectories(layout.temporary)
    let temporary = "\(layout.temporary)/log"
    let descriptor = try FileSystem.open(
      temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, mode: 0o644)
    defer { close(descriptor) }
    var count = 0
    var seq: Int64 = 0
    while let more = try lines(db, after: seq) {
      try more.bytes.withUnsafeBytes { try FileSystem.writeAll(descriptor, $0, temporary) }
      count += more.count
      seq = more.last
    }
    try FileSystem.rename(temporary, layout.events)
    return count
  }

  /// How the file differs from the table; nil if every byte is as it should be.
  func difference(from db: Database) throws -> String? {
    guard let entry = try FileSystem.entry(layout.events) else { return "is not there" }
    guard entry.kind == .file else { return "is no file" }
    let (descriptor, size) = try open(O_RDONLY)
    defer { close(descriptor) }
    var offset: Int64 = 0
    var found: String?
    try Self.each(db, after: 0, limit: .max) { event in
      if found == nil { found = try differs(descriptor, from: event, at: &offset) }
    }
    if let found { return found }
    return size == offset ? nil : "has \(size - offset) bytes after its last event"
  }

  /// - Parameter offset: where the event's line begins; moved behind it where it is as it should be.
  private func differs(
    _ descriptor: Int32, from event: SaidEvents.Event, at offset: inout Int64
  ) throws -> String? {
    let expected = Array((Self.text(event, run) + "\n").utf8)
    var found = [UInt8](repeating: 0, count: expected.count)
    let count = FileSystem.retrying { pread(descriptor, &found, found.count, off_t(offset)) }
    if count < 0 { throw FileSystem.failure("read", layout.events) }
    if count == 0 { return "lacks the events from \(event.seq) on" }
    if count < expected.count || found != expected { return "differs from event \(event.seq) on" }
    offset += Int64(count)
    return nil
  }

  /// The end of the last whole line and the `seq` it holds; what lies behind it is cut off.
  private func end(of descriptor: Int32, size: Int64) throws -> (size: Int64, seq: Int64) {
    if let known, known.size == size { return known }
    var window: Int64 = 4096
    while true {
      let start = max(0, size - window)
      var tail = [UInt8](repeating: 0, count: Int(size - start))
      let read = FileSystem.retrying { pread(descriptor, &tail, tail.count, off_t(start)) }
      if read < 0 { throw FileSystem.failure("read", layout.events) }
      // Somebody else has made it shorter in the meantime.
      if read < tail.count { tail.removeLast(tail.count - read) }
      if let found = Self.lastLine(tail) {
        let whole = start + Int64(found.end)
        try cut(descriptor, size, to: whole)
        return (whole, found.seq)
      }
      // No line of ours is so long: whatever has no end within this is none of ours, and not read into memory whole.
      if start == 0 || window >= Self.longestLine {
        try cut(descriptor, size, to: 0)
        return (0, 0)
      }
      window *= 4
    }
  }

  private func cut(_ descriptor: Int32, _ size: Int64, to whole: Int64) throws {
    if size == whole { return }
    if FileSystem.retrying({ ftruncate(descriptor, off_t(whole)) }) != 0 {
      throw FileSystem.failure("write", layout.events)
    }
  }

  private static func lastLine(_ tail: [UInt8]) -> (end: Int, seq: Int64)? {
    guard let newline = tail.lastIndex(of: 10) else { return nil }
    let start = tail[..<newline].lastIndex(of: 10).map { $0 + 1 } ?? 0
    guard let value = try? JSONValue(parsing: Array(tail[start..<newline]), limits: .unlimited),
      let seq = value["seq"]?.int
    else {
      return nil
    }
    return (newline + 1, Int64(seq))
  }

  static func each(
    _ db: Database, after seq: Int64, limit: Int, _ body: (SaidEvents.Event) throws -> Void
  ) throws {
    let sql = "SELECT seq, type, payload, created_at FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
    try StateStatement.each(db, sql, [seq, limit]) {
      try body(
        SaidEvents.Event(seq: $0.int64(0), type: $0.text(1), payload: $0.text(2), atMs: $0.int64(3)))
    }
  }

  /// One line without its line feed; the payload is canonical already.
  ///
  /// - Parameter run: the run's id as JSON.
  static func text(_ event: SaidEvents.Event, _ run: String) -> String {
    text(event, run, time: Timestamp.text(event.atMs))
  }

  private static func text(_ event: SaidEvents.Event, _ run: String, time: String) -> String {
    "{\"seq\":\(event.seq),\"runId\":\(run),\"type\":\"\(event.type)\",\"payload\":\(event.payload)"
      + ",\"createdAt\":\"\(time)\"}"
  }

  /// The lines of the next events, at most a thousand, and the number of the last; nil where there are none.
  private func lines(_ db: Database, after seq: Int64) throws -> (bytes: [UInt8], count: Int, last: Int64)? {
    var bytes: [UInt8] = []
    var count = 0
    var last = seq
    try Self.each(db, after: seq, limit: 1000) { event in
      bytes += Self.text(event, run).utf8
      bytes.append(10)
      count += 1
      last = event.seq
    }
    return count == 0 ? nil : (bytes, count, last)
  }
}
