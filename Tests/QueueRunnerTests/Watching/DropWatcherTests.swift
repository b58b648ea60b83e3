import Glibc
import Testing

@testable import QueueRunner

/// One after the other, for the kernel's queue is one: an overflow in one test is an overflow in all.
@Suite("watching real folders", .serialized)
struct DropWatcherTests {
  private let folder: ScratchFolder
  private let subscription: DropWatcher.Subscription
  private var path: String { folder.path }

  init() throws {
    folder = try ScratchFolder()
    subscription = try DropWatcher.shared().subscribe()
  }

  /// Waits, with time only as a reason to fail, until what has been told satisfies the caller.
  private func told(
    _ subscription: DropWatcher.Subscription? = nil, until isEnough: (DropWatcher.Hints) -> Bool
  ) throws -> DropWatcher.Hints {
    let subscription = subscription ?? self.subscription
    var all = DropWatcher.Hints()
    var waits = 0
    while waits < 100 {
      let hints = subscription.take()
      all.overflowed = all.overflowed || hints.overflowed
      all.lost.formUnion(hints.lost)
      for (path, names) in hints.paths { all.paths[path, default: []].formUnion(names) }
      if isEnough(all) { return all }
      if try Poller.wait([subscription.descriptor], timeoutMs: 100).isEmpty { waits += 1 }
    }
    Issue.record("nothing more was told than \(all)")
    return all
  }

  /// What had been told when a later event, which is waited for, had been.
  private func toldBefore(_ event: () throws -> Void) throws -> DropWatcher.Hints {
    let marks = try ScratchFolder()
    #expect(subscription.watch(marks.path, kind: .folder) == .watching)
    try event()
    try marks.write("mark", "")
    defer { subscription.unwatch(marks.path) }
    return try told { $0.paths[marks.path] != nil }
  }

  @Test("whichever way a result is dropped, its name is told", arguments: Drop.allCases)
  fileprivate func drops(drop: Drop) throws {
    try drop.prepare(path)
    #expect(subscription.watch(path, kind: .folder) == .watching)
    try drop.act(path)
    let hints = try told { $0.paths[path]?.contains("r") == true }
    #expect(!hints.overflowed && hints.lost.isEmpty)
  }

  fileprivate enum Drop: CaseIterable {
    case write, rename, hardLink, symlink, fifo, directory, touch, rewrite

    func prepare(_ path: String) throws {
      try FileSystem.makeDirectories("\(path)/aside")
      try FileSystem.write([], to: "\(path)/aside/made")
      if self == .rewrite || self == .touch { try FileSystem.write([], to: "\(path)/r") }
    }

    func act(_ path: String) throws {
      switch self {
      case .write, .rewrite: try FileSystem.write(Array("{}".utf8), to: "\(path)/r")
      case .rename: try FileSystem.rename("\(path)/aside/made", "\(path)/r")
      case .hardLink: #expect(link("\(path)/aside/made", "\(path)/r") == 0)
      case .symlink: #expect(Glibc.symlink("x", "\(path)/r") == 0)
      case .fifo: #expect(mkfifo("\(path)/r", 0o600) == 0)
      case .directory: try FileSystem.makeDirectories("\(path)/r")
      case .touch: close(try FileSystem.open("\(path)/r", O_WRONLY | O_CREAT))
      }
    }
  }

  @Test("a watched file tells that it was rewritten")
  func file() throws {
    try folder.write("wake", "1")
    let wake = "\(path)/wake"
    #expect(subscription.watch(wake, kind: .file) == .watching)
    try folder.write("wake", "2")
    #expect(try told { $0.paths[wake] != nil }.paths == [wake: []])
  }

  @Test("what is not there is gone, and so is what is no folder")
  func gone() throws {
    try folder.write("file", "")
    #expect(symlink(".", "\(path)/link") == 0)
    for name in ["nothing", "file", "link", "file/below", "nothing/below"] {
      #expect(subscription.watch("\(path)/\(name)", kind: .folder) == .gone, "\(name)")
    }
    #expect(subscription.watch("\(path)/nothing", kind: .file) == .gone)
    #expect(subscription.watch("", kind: .folder) == .gone)
    #expect(subscription.watch("\(path)\0x", kind: .folder) == .gone)
    let long = subscription.watch("\(path)/" + String(repeating: "x", count: 5000), kind: .folder)
    #expect(long == .polled(reason: "watching fails: file name too long"))
  }

  @Test(
    "a folder that is removed or moved away is lost, and can be watched anew", arguments: [true, false],
    [1, 5])
  func lost(moved: Bool, times: Int) throws {
    let drop = "\(path)/drop"
    for turn in 0..<times {
      try FileSystem.makeDirectories(drop)
      #expect(subscription.watch(drop, kind: .folder) == .watching)
      try folder.write("drop/r\(turn)", "")
      #expect(try told { $0.paths[drop] == ["r\(turn)"] }.lost.isEmpty)
      if moved {
        try FileSystem.rename(drop, "\(path)/away\(turn)")
      } else {
        try FileSystem.removeTree(drop)
      }
      #expect(try told { $0.lost.contains(drop) }.lost == [drop])
      if moved {
        let hints = try toldBefore { try folder.write("away\(turn)/late", "") }
        #expect(hints.paths[drop] == nil, "a folder that was moved away tells no more")
      }
    }
  }

  private static let mounting = "unshare \(getuid() == 0 ? "" : "-Ur ")--mount sh -c"
  private static let canMount = system("\(mounting) 'mount -t tmpfs none /tmp' >/dev/null 2>&1") == 0

  @Test(
    "a mount that ends is lost, and what lies beneath it can be watched",
    .enabled(if: canMount, "a mount of one's own is needed"))
  func unmounted() throws {
    let drop = "\(path)/drop"
    let turn = "\(path)/turn"
    try FileSystem.makeDirectories(drop)
    #expect(mkfifo(turn, 0o600) == 0)
    // In a mount namespace of its own, whose files are found under its process.
    let line = """
      \(Self.mounting) 'mount -t tmpfs none \(drop) && echo $$ && read go <\(turn) \
        && umount \(drop) && read go <\(turn)'
      """
    let mounter = try #require(popen(line, "re"))
    defer { pclose(mounter) }
    var pid = [CChar](repeating: 0, count: 32)
    try #require(fgets(&pid, Int32(pid.count), mounter) != nil)
    defer { try? FileSystem.write([10], to: turn) }
    let digits = pid.prefix { $0 > 32 }.map { UInt8(bitPattern: $0) }
    let mounted = "/proc/\(String(decoding: digits, as: UTF8.self))/root\(drop)"
    #expect(subscription.watch(mounted, kind: .folder) == .watching)
    try FileSystem.write([], to: "\(mounted)/r")
    #expect(try told { $0.paths[mounted] == ["r"] }.lost.isEmpty)
    #expect(!FileSystem.exists("\(drop)/r"), "it was written into the mount")
    try FileSystem.write([10], to: turn)
    #expect(try told { $0.lost.contains(mounted) }.lost == [mounted])
    #expect(subscription.watch(mounted, kind: .folder) == .watching)
    try FileSystem.write([], to: "\(drop)/s")
    #expect(try told { $0.paths[mounted] == ["s"] }.lost.isEmpty)
  }

  @Test("no command that this process starts inherits what it watches with")
  func closedOnExec() throws {
    #expect(subscription.watch(path, kind: .folder) == .watching)
    let flags = try FileSystem.names(in: "/proc/self/fd").compactMap { name -> Int32? in
      guard let descriptor = Int32(name) else { return nil }
      var target = [CChar](repeating: 0, count: 64)
      readlink("/proc/self/fd/\(name)", &target, target.count - 1)
      let isInotify = strstr(target, "inotify") != nil
      return isInotify ? fcntl(descriptor, F_GETFD) : nil
    }
    // Other tests may have closed theirs since: -1 has the bit as well.
    #expect(!flags.isEmpty && flags.allSatisfy { $0 & FD_CLOEXEC != 0 }, "\(flags)")
  }

  @Test("a file that is replaced is lost, and can be watched anew")
  func replaced() throws {
    let wake = "\(path)/wake"
    for turn in 0..<4 {
      try FileSystem.writeAtomically([], to: wake, sync: false)
      if turn > 0 { #expect(try told { $0.lost.contains(wake) }.lost == [wake]) }
      #expect(subscription.watch(wake, kind: .file) == .watching)
      try FileSystem.write([UInt8(turn)], to: wake)
      #expect(try told { $0.paths[wake] != nil }.lost.isEmpty)
    }
  }

  @Test("each subscriber is told of what it watches, under the name it gave")
  func two() throws {
    let other = try DropWatcher.shared().subscribe()
    let slashed = "\(path)/"
    #expect(subscription.watch(path, kind: .folder) == .watching)
    #expect(other.watch(path, kind: .folder) == .watching)
    #expect(other.watch(slashed, kind: .folder) == .watching)
    // A folder is one event, a file several: none of it comes late.
    try FileSystem.makeDirectories("\(path)/one")
    #expect(try told { !$0.paths.isEmpty }.paths == [path: ["one"]])
    #expect(
      try told(other) { $0.paths.count == 2 && $0.paths.values.allSatisfy { $0 == ["one"] } }.paths
        == [path: ["one"], slashed: ["one"]])
    other.unwatch([path, slashed, "never watched"])
    let hints = try toldBefore { try FileSystem.makeDirectories("\(path)/two") }
    #expect(hints.paths[path] == ["two"])
    #expect(other.take().isEmpty)
  }

  @Test("what is watched no more tells no more, and can be watched again")
  func unwatch() throws {
    #expect(subscription.watch(path, kind: .folder) == .watching)
    subscription.unwatch(path)
    subscription.unwatch(path)
    #expect(try toldBefore { try folder.write("x", "") }.paths[path] == nil)
    #expect(subscription.watch(path, kind: .folder) == .watching)
    try folder.write("y", "")
    #expect(try told { $0.paths[path] != nil }.paths[path] == ["y"])
  }

  @Test("a released subscriber takes its watches with it and leaves those of others")
  func released() throws {
    #expect(subscription.watch(path, kind: .folder) == .watching)
    do {
      let other = try DropWatcher.shared().subscribe()
      #expect(other.watch(path, kind: .folder) == .watching)
    }
    try folder.write("x", "")
    #expect(try told { $0.paths[path] != nil }.paths[path] == ["x"])
  }

  @Test("a watch follows a staged folder to its place")
  func staged() throws {
    let staging = "\(path)/.staging"
    try FileSystem.makeDirectories(staging)
    #expect(subscription.watch(path, kind: .folder) == .watching)
    try FileSystem.rename(staging, "\(path)/package")
    #expect(try told { $0.paths[path]?.contains("package") == true }.lost.isEmpty)
  }

  @Test("thousands of folders are one question")
  func many() throws {
    let paths = (0..<2000).map { "\(path)/\($0)" }
    for path in paths.dropLast() { try FileSystem.makeDirectories(path) }
    let outcomes = subscription.watch(paths, kind: .folder)
    guard !outcomes.contains(where: { if case .polled = $0 { true } else { false } }) else { return }
    #expect(outcomes == Array(repeating: .watching, count: 1999) + [.gone])
    for path in paths.dropLast() { try FileSystem.write([], to: "\(path)/r") }
    let hints = try told { $0.paths.count == 1999 }
    #expect(hints.paths.values.allSatisfy { $0 == ["r"] })
    subscription.unwatch(paths)
    #expect(try toldBefore { try FileSystem.write([], to: "\(paths[0])/s") }.paths[paths[0]] == nil)
  }

  @Test("more than the kernel keeps is an overflow, and watches that ended in it are lost")
  func overflow() throws {
    let drop = "\(path)/drop"
    let doomed = "\(path)/doomed"
    for folder in [drop, doomed] { try FileSystem.makeDirectories(folder) }
    #expect(subscription.watch([drop, doomed], kind: .folder) == [.watching, .watching])
    let limit = try #require(InotifyLibrary.setting("fs/inotify/max_queued_events"))
    // Each file is two events at least, made and closed.
    try DropWatcher.shared().hold {
      for number in 0..<(limit / 2 + 100) {
        let file = open("\(drop)/\(number)", O_CREAT | O_WRONLY, 0o600)
        close(file)
      }
      rmdir(doomed)
    }
    let hints = try told { $0.overflowed && $0.lost.contains(doomed) }
    #expect(hints.lost == [doomed])
    #expect(subscription.watch(doomed, kind: .folder) == .gone)
    try FileSystem.write([], to: "\(drop)/after")
    #expect(try told { $0.paths[drop]?.contains("after") == true }.lost.isEmpty)
    try FileSystem.makeDirectories(doomed)
    #expect(subscription.watch(doomed, kind: .folder) == .watching)
    try FileSystem.write([], to: "\(doomed)/again")
    #expect(try told { $0.paths[doomed] != nil }.paths[doomed] == ["again"])
  }

  @Test("watching and dropping from many threads at once loses nothing")
  func threads() throws {
    let root = path
    let subscription = subscription
    let threads = try (0..<4).map { thread in
      try PermanentThread {
        for number in 0..<100 {
          let drop = "\(root)/\(thread)-\(number)"
          try? FileSystem.makeDirectories(drop)
          if subscription.watch(drop, kind: .folder) == .watching {
            try? FileSystem.write([], to: "\(drop)/r")
          }
        }
      }
    }
    let hints = try told { $0.paths.count == 400 || $0.overflowed }
    for thread in threads { thread.join() }
    #expect(hints.paths.values.allSatisfy { $0 == ["r"] })
  }
}
