// What `/proc` says of a process (proc(5)).

import Glibc
import QueueRunner

/// A process that runs; one that has ended and waits to be collected is not one.
struct ProcessRecord: Equatable {
  let pid: Int32
  /// Clock ticks from boot to its start.
  let startTicks: Int64

  /// nil if there is none.
  ///
  /// - Parameter proc: where such files lie.
  /// - Throws: a machine error where that could not be found out.
  init?(pid: Int32, in proc: String = "/proc") throws {
    guard let bytes = try Self.read("\(proc)/\(pid)/stat"), let record = Self(pid: pid, stat: bytes) else {
      return nil
    }
    self = record
  }

  /// Reads the fields after the name, which may hold anything, parentheses and spaces too.
  init?(pid: Int32, stat: [UInt8]) {
    guard let close = stat.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let fields = stat[(close + 1)...].split(separator: UInt8(ascii: " "))
    // Fields 3 (the state) and 22 (the start).
    guard fields.count > 19, let state = fields[0].first, let ticks = Int64(text(fields[19])) else {
      return nil
    }
    if state == UInt8(ascii: "Z") || state == UInt8(ascii: "X") { return nil }
    self.pid = pid
    startTicks = ticks
  }

  /// Soft RLIMIT_RTTIME in microseconds; nil if it is unlimited, or the process is gone or another user's.
  func realTimeLimit() throws -> UInt64? {
    guard let bytes = try Self.read("/proc/\(pid)/limits") else { return nil }
    return Self.realTimeLimit(limits: bytes)
  }

  static func realTimeLimit(limits: [UInt8]) -> UInt64? {
    let name = Array("Max realtime timeout".utf8)
    guard let line = limits.split(separator: 10).first(where: { $0.starts(with: name) }) else { return nil }
    return line.dropFirst(name.count).split(separator: UInt8(ascii: " ")).first.flatMap { UInt64(text($0)) }
  }

  /// Every process that is not older.
  static func all(notBefore ticks: Int64) throws -> [ProcessRecord] {
    try FileSystem.names(in: "/proc").compactMap(Int32.init).compactMap { try ProcessRecord(pid: $0) }
      .filter { $0.startTicks >= ticks }
  }

  /// What says that a process is not there (any more), or not ours to look at.
  private static let absent = [ENOENT, ESRCH, EACCES, EPERM].map { "errno-\($0)" }

  /// nil only for these: a lack of descriptors, say, must not make a process that runs one that is gone.
  private static func read(_ path: String) throws -> [UInt8]? {
    do {
      return try FileSystem.read(path, limitBytes: 1 << 16)
    } catch let error as FlowdexError where absent.contains(error.code) {
      return nil
    }
  }
}

private func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
