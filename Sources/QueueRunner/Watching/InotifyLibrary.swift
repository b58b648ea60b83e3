// The only file that knows libinotifytools. All of that library's state is global and nothing in it is safe
// from two threads: one thread makes one `InotifyLibrary` and every call.
//
// It hides its descriptor, so that is found by what appears in /proc/self/fd; what it would print is kept from stderr
// (shim.h), for all of it is returned as well.

import CInotifyTools
import Glibc

/// inotify, through libinotifytools. Confined to the thread that made it.
struct InotifyLibrary {
  /// What happened, in our words.
  struct Event {
    let descriptor: Int32
    /// The entry of a watched folder; empty if the event is about the watched thing itself.
    let name: String
    let isOverflow: Bool
    /// The kernel has ended the watch, or the thing is no longer where it was watched.
    let isEnd: Bool
    /// The kernel has ended the watch: there is nothing to remove.
    let isEnded: Bool
  }

  /// Readable while events are pending.
  let descriptor: Int32
  /// Tells spellings of one path apart.
  private var spellings: UInt32 = 0

  /// Why there is no inotify here.
  struct Unavailable: Error {
    let reason: String
  }

  /// The library keeps descriptors in an `fd_set` and would abort on one of 1024 or more.
  private static let descriptorLimit: Int32 = 1024

  init() throws(Unavailable) {
    let before = Self.openDescriptors()
    guard inotifytools_initialize() != 0 else {
      let code = inotifytools_error()
      throw Unavailable(reason: Self.reason(code))
    }
    let found = Self.openDescriptors().subtracting(before)
    guard found.count == 1, let descriptor = found.first else {
      throw Unavailable(reason: "inotify's descriptor could not be found in `/proc/self/fd`")
    }
    guard descriptor < Self.descriptorLimit else {
      throw Unavailable(reason: "inotify's descriptor is \(descriptor), expected less than 1024")
    }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    self.descriptor = descriptor
  }

  private static func openDescriptors() -> Set<Int32> {
    let names = (try? FileSystem.names(in: "/proc/self/fd")) ?? []
    return Set(names.compactMap { Int32($0) }.filter(isInotify))
  }

  private static func isInotify(_ descriptor: Int32) -> Bool {
    var target = [UInt8](repeating: 0, count: 64)
    let count = target.withUnsafeMutableBytes { buffer in
      buffer.withMemoryRebound(to: CChar.self) {
        readlink("/proc/self/fd/\(descriptor)", $0.baseAddress!, $0.count)
      }
    }
    return count > 0 && String(decoding: target.prefix(count), as: UTF8.self).contains("inotify")
  }

  /// The watch's descriptor, or the `errno` of what failed.
  mutating func watch(_ path: String, _ kind: DropWatcher.WatchKind) -> Result<Int32, WatchFailure> {
    let spelling = unusedSpelling(path)
    guard flowdex_watch_file(spelling, Self.mask(kind)) != 0 else {
      return .failure(WatchFailure(code: inotifytools_error()))
    }
    guard let descriptor = Self.registered(spelling) else { return .failure(WatchFailure(code: ENOENT)) }
    return .success(descriptor)
  }

  /// An `errno`.
  struct WatchFailure: Error {
    let code: Int32
  }

  /// Only for a watch that has not ended.
  func remove(_ descriptor: Int32) { _ = flowdex_remove_watch(descriptor) }

  /// The next pending event; nil if there is none. Never waits.
  func next() -> Event? {
    guard let event = inotifytools_next_events(0, 1) else { return nil }
    let mask = event.pointee.mask
    let has = { (bits: Int32) in mask & UInt32(bitPattern: bits) != 0 }
    let isEnded = has(IN_IGNORED) || has(IN_DELETE_SELF) || has(IN_UNMOUNT)
    return Event(
      descriptor: event.pointee.wd, name: String(cString: flowdex_event_name(event)),
      isOverflow: has(Int32(IN_Q_OVERFLOW)), isEnd: isEnded || has(IN_MOVE_SELF), isEnded: isEnded)
  }

  /// Whether `next` returned nil for another reason than that nothing is pending.
  var hasFailed: Bool {
    let code = inotifytools_error()
    return code != 0 && code != EINTR
  }

  /// Every watch that the kernel has, read from `/proc`; nil if it does not say.
  func liveDescriptors() -> Set<Int32>? {
    guard let bytes = try? FileSystem.read("/proc/self/fdinfo/\(descriptor)") else { return nil }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    let found = lines.filter { $0.hasPrefix("inotify wd:") }.compactMap { line in
      Int32(line.dropFirst(11).prefix { $0 != " " }, radix: 16)
    }
    return Set(found)
  }

  /// What is said about a watch that cannot be had.
  static func reason(_ code: Int32) -> String {
    switch code {
    case ENOSPC: "the limit on watches is reached (\(tightest("watches")))"
    case EMFILE: "the limit on inotify instances or on open files is reached (\(tightest("instances")))"
    case ENFILE: "the machine's limit on open files is reached (`fs.file-max`)"
    case ENOMEM: "there is no memory for another watch"
    default: "watching fails: \(String(cString: strerror(code)).lowercased())"
    }
  }

  /// Two settings limit the same thing, for a user and for a user namespace; the smaller one is in the way.
  private static func tightest(_ what: String) -> String {
    let user = (name: "fs.inotify.max_user_\(what)", limit: setting("fs/inotify/max_user_\(what)"))
    let space = (name: "user.max_inotify_\(what)", limit: setting("user/max_inotify_\(what)"))
    let (name, limit) = (space.limit ?? .max) < (user.limit ?? .max) ? space : user
    return limit.map { "`\(name)` = \($0)" } ?? "`\(name)`"
  }

  /// A number under `/proc/sys`. It is read in one piece: a second read(2) of such a file gets nothing.
  static func setting(_ name: String) -> Int? {
    guard let file = try? FileSystem.open("/proc/sys/\(name)", O_RDONLY) else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 32)
    let count = FileSystem.retrying { read(file, &bytes, bytes.count) }
    let digits = bytes.prefix(max(count, 0)).prefix { (0x30...0x39).contains($0) }
    return Int(String(decoding: digits, as: UTF8.self))
  }
}

extension InotifyLibrary {
  /// `IN_MASK_ADD`: when the inode is watched under another path already, nothing is taken from that watch.
  private static func mask(_ kind: DropWatcher.WatchKind) -> Int32 {
    let mask =
      switch kind {
      case .folder:
        IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW
          | IN_EXCL_UNLINK
      case .file: IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF
      }
    return mask | IN_MASK_ADD
  }

  /// The library finds a watch by its path, and answers with the first one for ever, even when the kernel has
  /// ended it. So a path that it has heard of is written in another way: `/a/b` as `/a//b`, `/a/./b` and so on.
  private mutating func unusedSpelling(_ path: String) -> String {
    var trimmed = path[...]
    while trimmed.utf8.count > 1, trimmed.utf8.last == UInt8(ascii: "/") {
      trimmed.unicodeScalars.removeLast()
    }
    let plain = String(trimmed)
    if Self.registered(plain) == nil { return plain }
    spellings += 1
    let (parent, name) = FileSystem.split(plain)
    // The bits of the number: every number is another spelling, and none is long.
    var marks = ""
    var rest = spellings
    while rest > 0 {
      marks += rest & 1 == 0 ? "/" : "./"
      rest >>= 1
    }
    return "\(parent == "/" ? "" : parent)/\(marks)\(name)"
  }

  /// The library adds a `/` to the paths of folders, and only to those.
  private static func registered(_ spelling: String) -> Int32? {
    for form in ["\(spelling)/", spelling] {
      let descriptor = inotifytools_wd_from_filename(form)
      if descriptor > 0 { return descriptor }
    }
    return nil
  }
}
