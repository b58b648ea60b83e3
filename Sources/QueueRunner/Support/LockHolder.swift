// Who holds a lock. The kernel names no process for a lock of an open file description (fcntl(2): `l_pid` is -1), so
// the holder is the process that has such a file open and whose /proc/PID/fdinfo shows the lock (proc(5)).

import Glibc

/// A process that holds a lock.
public struct LockHolder: Sendable, Equatable {
  /// In our own name space.
  public let pid: Int32
  /// The name of its program, at most 15 bytes.
  public let command: String
  /// By a signal or a debugger.
  public let isStopped: Bool

  /// The first that is found; nil where none is: of another user, in a container, on another machine.
  public static func of(_ path: String) -> LockHolder? {
    guard let lock = (try? FileSystem.entry(path)) ?? nil else { return nil }
    let pids = ((try? FileSystem.names(in: "/proc")) ?? []).compactMap { Int32($0) }.sorted()
    guard let pid = pids.first(where: { holds($0, lock) }),
      let stat = try? FileSystem.read("/proc/\(pid)/stat", limitBytes: 1 << 16)
    else { return nil }
    return LockHolder(pid: pid, stat: stat)
  }

  /// As it was found.
  public init(pid: Int32, command: String, isStopped: Bool) {
    self.pid = pid
    self.command = command
    self.isStopped = isStopped
  }

  /// Reads proc(5)'s `stat`: the name in parentheses, which may hold anything, and the state behind it.
  init?(pid: Int32, stat: [UInt8]) {
    guard let open = stat.firstIndex(of: UInt8(ascii: "(")),
      let close = stat.lastIndex(of: UInt8(ascii: ")")), open < close, close + 2 < stat.count
    else { return nil }
    self.pid = pid
    command = String(decoding: stat[(open + 1)..<close], as: UTF8.self)
    isStopped = [UInt8(ascii: "T"), UInt8(ascii: "t")].contains(stat[close + 2])
  }

  /// By what each descriptor leads to, not by the device that the line names: file systems may show another there.
  private static func holds(_ pid: Int32, _ lock: FileSystem.Entry) -> Bool {
    for name in (try? FileSystem.names(in: "/proc/\(pid)/fd")) ?? [] {
      var status = stat()
      guard FileSystem.retrying({ stat("/proc/\(pid)/fd/\(name)", &status) }) == 0 else { continue }
      let entry = FileSystem.Entry(status)
      guard entry.device == lock.device, entry.inode == lock.inode,
        let info = try? FileSystem.read("/proc/\(pid)/fdinfo/\(name)", limitBytes: 1 << 20)
      else { continue }
      if showsLock(info) { return true }
    }
    return false
  }

  /// Whether an open file has such a lock: `lock: 1: OFDLCK ADVISORY WRITE -1 fd:01:1234 0 EOF`.
  static func showsLock(_ info: [UInt8]) -> Bool {
    String(decoding: info, as: UTF8.self).split(separator: "\n").contains { line in
      line.hasPrefix("lock:") && line.contains("OFDLCK")
    }
  }

  /// One line for who waits.
  ///
  /// A stopped process takes no signal but SIGKILL and SIGCONT, so what would end another only ends it later.
  static func words(path: String, _ holder: LockHolder?, ownPid: Int32) -> String {
    guard let holder else { return "still waiting for `\(path)`: \(unseen) (\(searching))" }
    if holder.pid == ownPid { return "still waiting for `\(path)`: another thread of this process holds it" }
    return "still waiting for `\(path)`: \(holder.standing) (\(holder.remedy))"
  }

  /// The same where no holder was found.
  public static let unseen = "a process that is not to be seen from here holds it"
  /// What to do about that one.
  public static let searching = "look for it among other users' processes and in other containers"

  /// `process 12 (`flowdex`) holds it, and is stopped`.
  public var standing: String {
    "process \(pid) (\(Excerpt.quote(command))) holds it" + (isStopped ? ", and is stopped" : "")
  }

  /// What to do about it.
  public var remedy: String {
    isStopped
      ? "`kill -CONT \(pid)` lets it go on, `kill -KILL \(pid)` ends it"
      : "wait until it is done, or end it with `kill \(pid)`"
  }
}
