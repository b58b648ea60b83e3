import Glibc
import QueueRunner
import Testing

@testable import Runtime

@Suite("work copies")
struct WorkCopyTests {
  /// A snapshot as `SnapshotBuilder` leaves it: everything read-only.
  private func snapshot(_ fixture: PatchFixture, _ files: [String: TestFile]) throws -> String {
    let folder = "\(fixture.root)/snapshot"
    try PatchFixture.write(files, to: folder)
    for (path, file) in files { chmod("\(folder)/\(path)", file.isExecutable ? 0o555 : 0o444) }
    for path in try PatchFixture.everything(folder).keys where path.hasSuffix("/") {
      chmod("\(folder)/\(path)", 0o555)
    }
    chmod(folder, 0o555)
    return folder
  }

  private static let files: [String: TestFile] = [
    "src/a": TestFile("one\n"), "src/tool": TestFile("#!\n", isExecutable: true),
    "src/d/large": TestFile(bytes: (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }),
    "docs/é": TestFile(""),
  ]

  /// A snapshot and a copy of it.
  private struct Copied {
    let fixture: PatchFixture
    var snapshot: String { "\(fixture.root)/snapshot" }
    var work: String { "\(fixture.root)/work" }

    func diff(limits: WorkLimits = WorkLimits()) throws -> WorkDiff {
      try WorkCopy.diff(
        snapshot: snapshot, work: work, writeGlobs: GlobSet(["src/**"]), limits: limits)
    }
  }

  private func copied() throws -> Copied {
    let copied = Copied(fixture: try PatchFixture())
    try WorkCopy.make(snapshot: try snapshot(copied.fixture, Self.files), at: copied.work)
    return copied
  }

  @Test("the copy is equal and writable, and nothing done to it reaches the snapshot")
  func copies() throws {
    let copied = try copied()
    let before = try PatchFixture.everything(copied.snapshot)
    #expect(try PatchFixture.files(copied.work) == Self.files)
    let modes = try PatchFixture.everything(copied.work).mapValues { $0.prefix(3) }
    #expect(modes["src/"] == "755" && modes["src/a"] == "644" && modes["src/tool"] == "755")
    #expect(try copied.diff() == .unchanged)
    for path in Self.files.keys { try FileSystem.write(Array("changed".utf8), to: "\(copied.work)/\(path)") }
    try FileSystem.removeTree("\(copied.work)/src/d")
    #expect(try PatchFixture.everything(copied.snapshot) == before)
  }

  @Test("a place that is taken, and a snapshot that holds a link, are errors")
  func refusals() throws {
    let copied = try copied()
    #expect(throws: FlowdexError.self) { try WorkCopy.make(snapshot: copied.snapshot, at: copied.work) }
    chmod(copied.snapshot, 0o755)
    symlink("/etc/passwd", "\(copied.snapshot)/link")
    let error = #expect(throws: FlowdexError.self) {
      try WorkCopy.make(snapshot: copied.snapshot, at: "\(copied.fixture.root)/second")
    }
    #expect(error?.code == "snapshot-damaged")
    #expect(!FileSystem.exists("\(copied.fixture.root)/second/link"))
  }

  @Test("changes outside the write globs are refused, by name, at most twenty")
  func outside() throws {
    let copied = try copied()
    try FileSystem.write([], to: "\(copied.work)/new")
    try FileSystem.remove("\(copied.work)/docs/é")
    try FileSystem.write([1], to: "\(copied.work)/src/a")
    #expect(
      try copied.diff()
        == .refused([
          "`docs/é` was deleted, but matches no glob of `permissions.write`",
          "`new` was created, but matches no glob of `permissions.write`",
        ]))
    for at in 0..<40 { try FileSystem.write([], to: "\(copied.work)/new\(at)") }
    guard case .refused(let problems) = try copied.diff() else {
      Issue.record("not refused")
      return
    }
    #expect(problems.count == 21)
    #expect(problems.last == "and 22 more")
  }

  struct Mess: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let says: String
    let make: @Sendable (_ work: String) throws -> Void
    init(_ name: String, _ says: String, _ make: @escaping @Sendable (String) throws -> Void) {
      (testDescription, self.says, self.make) = (name, says, make)
    }
  }

  /// A name that no string can hold.
  private static func strangeName(in work: String) -> [CChar] {
    Array("\(work)/src/".utf8CString.dropLast()) + [CChar(bitPattern: 0xFF), 0]
  }

  static let messes: [Mess] = [
    Mess("a link", "`src/l` is a symbolic link") { symlink("a", "\($0)/src/l") },
    Mess("a link in a file's place", "`src/a` is a symbolic link") {
      unlink("\($0)/src/a")
      symlink("/etc/passwd", "\($0)/src/a")
    },
    Mess("a link in a folder's place", "`src/d` is a symbolic link") {
      try FileSystem.removeTree("\($0)/src/d")
      symlink("/etc", "\($0)/src/d")
    },
    Mess("a FIFO", "`src/f` is not a plain file") { mkfifo("\($0)/src/f", 0o644) },
    Mess("a repository", "`src/.git/config` was created, but lies in `.git`") {
      try PatchFixture.write(TestFile("x"), to: "\($0)/src/.git/config")
    },
    Mess("a name that is not UTF-8", "`src/\\xFF`: the name is not valid UTF-8".lowercased()) {
      close(open(strangeName(in: $0), O_WRONLY | O_CREAT, 0o644))
    },
    Mess("a control character", "invisible character") {
      try FileSystem.write([], to: "\($0)/src/a\u{1B}[2J")
    },
    Mess("zero width", "invisible character") { try FileSystem.write([], to: "\($0)/src/a\u{200B}") },
    Mess("too deep", "folders deep") {
      try FileSystem.makeDirectories("\($0)/src/" + String(repeating: "d/", count: 199) + "d")
      try FileSystem.write([], to: "\($0)/src/" + String(repeating: "d/", count: 199) + "d/x")
    },
  ]

  @Test("what is no plain file, or has a bad name, is refused", arguments: messes)
  func mess(_ mess: Mess) throws {
    let copied = try copied()
    // What tidies up after a test goes by strings.
    defer { unlink(Self.strangeName(in: copied.work)) }
    try mess.make(copied.work)
    guard case .refused(let problems) = try copied.diff() else {
      Issue.record("not refused")
      return
    }
    #expect(problems.contains { $0.lowercased().contains(mess.says.lowercased()) }, "\(problems)")
    #expect(problems.joined().unicodeScalars.allSatisfy { $0.value >= 32 && $0 != "\u{200B}" })
  }

  @Test("limits of sizes and numbers")
  func limits() throws {
    let copied = try copied()
    try FileSystem.write([UInt8](repeating: 0, count: 1000), to: "\(copied.work)/src/n")
    try FileSystem.write(Array("two\n".utf8), to: "\(copied.work)/src/a")
    func refused(_ change: (inout WorkLimits) -> Void) throws -> Bool {
      var limits = WorkLimits()
      change(&limits)
      if case .refused = try copied.diff(limits: limits) { return true }
      return false
    }
    #expect(try !refused { _ in })
    // Four bytes before and after in one file, a thousand in the other.
    #expect(try !refused { $0.changedBytes = 1008 })
    #expect(try refused { $0.changedBytes = 1007 })
    #expect(try refused { $0.diffBytes = 100 })
    #expect(try !refused { $0.changedFiles = 2 })
    #expect(try refused { $0.changedFiles = 1 })
    #expect(try refused { $0.entries = 5 })
  }

  @Test("empty folders are nothing, and a copy that is gone is an error")
  func edges() throws {
    let copied = try copied()
    try FileSystem.makeDirectories("\(copied.work)/elsewhere/empty")
    #expect(try copied.diff() == .unchanged)
    for bad in ["gone", "link"] {
      symlink(copied.work, "\(copied.fixture.root)/link")
      #expect(throws: FlowdexError.self) {
        try WorkCopy.diff(
          snapshot: copied.snapshot, work: "\(copied.fixture.root)/\(bad)", writeGlobs: GlobSet(["**"]))
      }
    }
  }
}
