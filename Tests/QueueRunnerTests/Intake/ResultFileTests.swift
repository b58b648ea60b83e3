import Glibc
import Testing

@testable import QueueRunner

@Suite("opening what was dropped")
struct ResultFileTests {
  private let folder: ScratchFolder
  private var package: String { folder.path }
  private var result: String { "\(folder.path)/adapter-result.json" }

  init() throws { folder = try ScratchFolder() }

  private func refusal() throws -> String? {
    let stamp = try ResultFile.stamp(package: package)
    guard case .refused(let why, let read) = try ResultFile.read(package: package) else { return nil }
    #expect(read == stamp, "an unchanged bad file must not be looked at twice")
    return why
  }

  @Test("a file is read whole, and its stamp tells its states apart")
  func plain() throws {
    #expect(try ResultFile.stamp(package: package) == nil)
    #expect(try ResultFile.read(package: package) == .missing)
    try folder.write("adapter-result.json", "{}")
    let first = try #require(try ResultFile.stamp(package: package))
    #expect(try ResultFile.read(package: package) == .bytes(Array("{}".utf8), first))
    try folder.write("other", "[]")
    try FileSystem.rename("\(package)/other", result)
    let second = try #require(try ResultFile.stamp(package: package))
    #expect(first != second && first.text != second.text)
    #expect(try ResultFile.read(package: package) == .bytes(Array("[]".utf8), second))
  }

  @Test("no package is a missing result", arguments: ["gone", "file", "file/below", ""])
  func noPackage(name: String) throws {
    try folder.write("file", "x")
    let place = name.isEmpty ? "" : "\(package)/\(name)"
    #expect(try ResultFile.read(package: place) == .missing)
    #expect(try ResultFile.stamp(package: place) == nil)
  }

  @Test("an empty file is read and judged", arguments: [0, 1, 4095, 4096, 4097])
  func sizes(count: Int) throws {
    let bytes = [UInt8](repeating: 0x20, count: count)
    try FileSystem.write(bytes, to: result)
    let stamp = try #require(try ResultFile.stamp(package: package))
    #expect(try ResultFile.read(package: package) == .bytes(bytes, stamp))
  }

  @Test("16 MiB are taken, one byte more is not")
  func limit() throws {
    try FileSystem.write([], to: result)
    #expect(truncate(result, off_t(ResultFile.limitBytes)) == 0)
    guard case .bytes(let bytes, _) = try ResultFile.read(package: package) else {
      Issue.record("16 MiB were refused")
      return
    }
    #expect(bytes.count == ResultFile.limitBytes)
    #expect(truncate(result, off_t(ResultFile.limitBytes + 1)) == 0)
    #expect(
      try refusal() == "`adapter-result.json` is too large: expected at most 16777216 bytes, found 16777217")
    #expect(truncate(result, 1 << 42) == 0)
    #expect(try refusal()?.contains("found 4398046511104") == true)
  }

  @Test("more than one hard link is a file like any other")
  func hardLink() throws {
    try folder.write("made", "{}")
    #expect(link("\(package)/made", result) == 0)
    guard case .bytes(let bytes, let stamp) = try ResultFile.read(package: package) else {
      Issue.record("refused")
      return
    }
    #expect(try bytes == Array("{}".utf8) && stamp == ResultFile.stamp(package: package))
  }

  @Test(
    "a symlink is never followed",
    arguments: ["/etc/hostname", "made", "nowhere", "adapter-result.json", "/dev/zero", "."])
  func symlinks(target: String) throws {
    try folder.write("made", "{}")
    #expect(symlink(target, result) == 0)
    #expect(try refusal() == "`adapter-result.json` is not a file: expected a regular file, found a symlink")
  }

  @Test("a FIFO does not block")
  func fifo() throws {
    #expect(mkfifo(result, 0o666) == 0)
    #expect(try refusal()?.hasSuffix("found a FIFO") == true)
  }

  @Test("a directory")
  func directory() throws {
    try FileSystem.makeDirectories(result)
    #expect(try refusal()?.hasSuffix("found a directory") == true)
  }

  @Test("a socket")
  func socket() throws {
    #expect(mknod(result, S_IFSOCK | 0o666, 0) == 0)
    #expect(try refusal()?.hasSuffix("found a socket") == true)
  }

  @Test("a device", .enabled(if: geteuid() == 0, "only root can make one"))
  func device() throws {
    // 1, 5: /dev/zero, which never ends.
    if mknod(result, S_IFCHR | 0o666, dev_t(1 << 8 | 5)) != 0 { return }
    #expect(try refusal()?.hasSuffix("found a device") == true)
  }

  @Test("what may not be read is the worker's mistake, and stops nobody else")
  func unreadable() throws {
    try folder.write("adapter-result.json", "{}")
    #expect(chmod(result, 0) == 0)
    let expected = "`adapter-result.json` cannot be read: permission denied"
    #expect(try asNobody { try refusal() } == expected)
    #expect(chmod(result, 0o644) == 0 && chmod(package, 0o311) == 0)
    let folderText = "the folder of `adapter-result.json` cannot be opened: permission denied"
    #expect(try asNobody { try refusal() } == folderText)
    #expect(chmod(package, 0o400) == 0)
    #expect(try asNobody { try ResultFile.read(package: package) } == .missing)
    #expect(chmod(package, 0o755) == 0)
  }

  /// Runs without root's power to read everything; file access rights belong to the thread.
  private func asNobody<Value>(_ body: () throws -> Value) throws -> Value {
    guard geteuid() == 0 else { return try body() }
    chown(package, 65534, 65534)
    chown(result, 65534, 65534)
    let setfsuid = try #require(dlsym(nil, "setfsuid"))
    typealias Call = @convention(c) (uid_t) -> Int32
    let become = unsafeBitCast(setfsuid, to: Call.self)
    _ = become(65534)
    defer { _ = become(0) }
    return try body()
  }

  @Test("the times that a worker sets do not hide a change")
  func forgedTimes() throws {
    try folder.write("adapter-result.json", "{}")
    let first = try #require(try ResultFile.stamp(package: package))
    var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
    #expect(utimensat(AT_FDCWD, result, &times, 0) == 0)
    #expect(try ResultFile.stamp(package: package) != first)
  }

  @Test("a file that never stands still is changing, not broken")
  func changing() throws {
    try folder.write("adapter-result.json", "")
    let path = result
    let stop = Guarded(false)
    let started = try Wakeup()
    let writer = try PermanentThread {
      let file = open(path, O_WRONLY)
      var size: off_t = 0
      while !stop.withLock({ $0 }) {
        size = (size + 4096) % (1 << 22)
        ftruncate(file, size)
        started.signal()
      }
      close(file)
    }
    var seen = Set<String>()
    _ = try Poller.wait([started.descriptor], timeoutMs: 10_000)
    // Many, for on a busy machine the writer may not have its turn for a while.
    for _ in 0..<2_000_000 {
      if seen.contains("changing") { break }
      switch try ResultFile.read(package: package) {
      case .changing: seen.insert("changing")
      case .bytes(let bytes, _):
        // Whatever is called whole is as long as some state of the file was.
        #expect(bytes.count % 4096 == 0)
        seen.insert("bytes")
      case .missing, .refused: Issue.record("neither can be")
      }
    }
    stop.withLock { $0 = true }
    writer.join()
    #expect(seen.contains("changing"))
  }

  @Test(
    "what is swapped into its place while it is read is neither followed nor waited for",
    .timeLimit(.minutes(15)))
  func swapped() throws {
    let secret = [UInt8](repeating: 0x73, count: 64)
    try FileSystem.write(secret, to: "\(package)/secret")
    let (path, made) = (result, "\(package)/made")
    let stop = Guarded(false)
    let writer = try PermanentThread {
      for turn in sequence(first: 0, next: { $0 + 1 }) where !stop.withLock({ $0 }) {
        unlink(made)
        switch turn % 3 {
        case 0: try? FileSystem.write(Array("{}".utf8), to: made)
        case 1: symlink("secret", made)
        default: mkfifo(made, 0o666)
        }
        rename(made, path)
        if stop.withLock({ $0 }) { break }
      }
    }
    defer {
      stop.withLock { $0 = true }
      writer.join()
    }
    var seen = Set<String>()
    for _ in 0..<60_000 {
      switch try ResultFile.read(package: package) {
      case .bytes(let bytes, _):
        #expect(bytes == Array("{}".utf8), "read through a link")
        seen.insert("bytes")
      case .refused(let why, _): seen.insert(why)
      case .missing, .changing: break
      }
    }
    #expect(seen.count == 3, "each of the three was met: \(seen)")
  }
}
