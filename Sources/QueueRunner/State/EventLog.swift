// events.jsonl: a projection of the events table. It may tear or lag when a process dies; it is never the
// truth, and whoever commits next brings it up.

import GRDB
import Glibc

/// Appends to and rebuilds a run's `events.jsonl`. Used only under the run's write lock.
final class EventLog {
  private let layout: RunLayout
  /// What the file was when we last left it: if it still is, its end needs no look.
  private var known: (size: Int64, seq: Int64)?

  init(layout: RunLayout) { self.layout = layout }

  /// Appends what a transaction has just said; false where the file is not as we left it, or there is too much to
  /// have been remembered: then `catchUp` finds out what it lacks.
  func append(_ said: SaidEvents) throws -> Bool {
    guard let from = known, said.isWhole, let first = said.events.first, let last = said.lastSeq,
      first.seq == from.seq + 1
    else { return false }
    let descriptor = try FileSystem.open(layout.events, O_WRONLY | O_NOFOLLOW)
    defer { close(descriptor) }
    guard Int64(lseek(descriptor, 0, SEEK_END)) == from.size else { return false }
    var bytes: [UInt8] = []
    let run = JSONValue.string(layout.runId).canonicalText
    let time = Timestamp.text(first.atMs)
    for event in said.events {
      bytes += Self.line(event.seq, run, event.type, event.payload, time).utf8
    }
    known = nil
    try bytes.withUnsafeBytes { try FileSystem.writeAll(descriptor, $0, layout.events) }
    known = (from.size + Int64(bytes.count), last)
    return true
  }

  /// Appends every event that the file lacks, after cutting off a torn last line.
  func catchUp(_ db: Database) throws {
    let descriptor = try FileSystem.open(layout.events, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o644)
    defer { close(descriptor) }
    let size = Int64(lseek(descriptor, 0, SEEK_END))
    var from = try end(of: descriptor, size: size)
    while true {
      let rows = try Self.rows(db, after: from.seq, limit: 1000)
      if rows.isEmpty { break }
      var bytes: [UInt8] = []
      for row in rows {
        bytes.append(contentsOf: Self.line(row, runId: layout.runId).utf8)
        from.seq = row["seq"]
      }
      lseek(descriptor, off_t(from.size), SEEK_SET)
      known = nil
      try bytes.withUnsafeBytes { try FileSystem.writeAll(descriptor, $0, layout.events) }
      from.size += Int64(bytes.count)
    }
    known = from
  }

  /// Writes the whole file anew beside the old one and renames it into place; the number of events.
  func rebuild(from db: Database) throws -> Int {
    known = nil
    try FileSystem.makeDirectories(layout.temporary)
    let temporary = "\(layout.temporary)/log"
    let descriptor = try FileSystem.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o644)
    defer { close(descriptor) }
    var count = 0
    var seq: Int64 = 0
    while true {
      let rows = try Self.rows(db, after: seq, limit: 1000)
      if rows.isEmpty { break }
      let bytes = rows.flatMap { Array(Self.line($0, runId: layout.runId).utf8) }
      try bytes.withUnsafeBytes { try FileSystem.writeAll(descriptor, $0, temporary) }
      count += rows.count
      seq = rows[rows.count - 1]["seq"]
    }
    try FileSystem.rename(temporary, layout.events)
    return count
  }

  /// How the file differs from the table; nil if every byte is as it should be.
  func difference(from db: Database) throws -> String? {
    guard try FileSystem.entry(layout.events)?.kind == .file else { return "is not there" }
    let descriptor = try FileSystem.open(layout.events, O_RDONLY | O_NOFOLLOW)
    defer { close(descriptor) }
    var offset: Int64 = 0
    var seq: Int64 = 0
    while true {
      let rows = try Self.rows(db, after: seq, limit: 1000)
      if rows.isEmpty { break }
      for row in rows {
        let expected = Array(Self.line(row, runId: layout.runId).utf8)
        var found = [UInt8](repeating: 0, count: expected.count)
        let count = FileSystem.retrying { pread(descriptor, &found, found.count, off_t(offset)) }
        if count < 0 { throw FileSystem.failure("read", layout.events) }
        seq = row["seq"]
        if count == 0 { return "lacks the events from \(seq) on" }
        if count < expected.count || found != expected { return "differs from event \(seq) on" }
        offset += Int64(count)
      }
    }
    let size = Int64(lseek(descriptor, 0, SEEK_END))
    return size == offset ? nil : "has \(size - offset) bytes after its last event"
  }

  /// The end of the last whole line and the `seq` it holds; what lies behind it is cut off.
  private func end(of descriptor: Int32, size: Int64) throws -> (size: Int64, seq: Int64) {
    if let known, known.size == size { return known }
    var window: Int64 = 4096
    while true {
      let start = max(0, size - window)
      var tail = [UInt8](repeating: 0, count: Int(size - start))
      let read = pread(descriptor, &tail, tail.count, off_t(start))
      if read != tail.count { throw FileSystem.failure("read", layout.events) }
      if let found = Self.lastLine(tail) {
        let whole = start + Int64(found.end)
        if whole != size { ftruncate(descriptor, off_t(whole)) }
        return (whole, found.seq)
      }
      if start == 0 {
        ftruncate(descriptor, 0)
        return (0, 0)
      }
      window *= 4
    }
  }

  private static func lastLine(_ tail: [UInt8]) -> (end: Int, seq: Int64)? {
    guard let newline = tail.lastIndex(of: 10) else { return nil }
    let start = tail[..<newline].lastIndex(of: 10).map { $0 + 1 } ?? 0
    guard let value = try? JSONValue(parsing: Array(tail[start..<newline])), let seq = value["seq"]?.int
    else {
      return nil
    }
    return (newline + 1, Int64(seq))
  }

  static func rows(_ db: Database, after seq: Int64, limit: Int) throws -> [Row] {
    try Row.fetchAll(
      db.cachedStatement(sql: "SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?"),
      arguments: [seq, limit])
  }

  /// One line; the payload is canonical already.
  static func line(_ row: Row, runId: String) -> String {
    line(
      row["seq"], JSONValue.string(runId).canonicalText, row["type"], row["payload"],
      Timestamp.text(row["created_at"]))
  }

  private static func line(
    _ seq: Int64, _ run: String, _ type: String, _ payload: String, _ time: String
  ) -> String {
    "{\"seq\":\(seq),\"runId\":\(run),\"type\":\"\(type)\",\"payload\":\(payload)"
      + ",\"createdAt\":\"\(time)\"}\n"
  }
}
