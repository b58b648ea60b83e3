import Glibc
import QueueRunner
import Testing

@testable import Runtime

@Suite("patches: the parts")
struct PatchPartsTests {
  @Test(
    "base 85 and stored zlib come back", arguments: [0, 1, 3, 4, 5, 51, 52, 53, 26, 27, 1000, 65_535, 65_536])
  func roundTrip(_ count: Int) throws {
    var random = SeededGenerator(UInt64(count))
    let bytes = (0..<count).map { _ in UInt8(random.below(256)) }
    let packed = ZlibStored.pack(bytes)
    var lines: [UInt8] = []
    Base85.encode(packed, into: &lines)
    var decoded: [UInt8] = []
    for line in lines.split(separator: 10) { try Base85.decode(line: line, into: &decoded) }
    #expect(decoded == packed)
    #expect(try Inflate.zlib(packed, size: count) == bytes)
    #expect(throws: PatchProblem.self) { try Inflate.zlib(packed, size: count + 1) }
    if count > 0 { #expect(throws: PatchProblem.self) { try Inflate.zlib(packed, size: count - 1) } }
  }

  @Test("known values: git's empty literal, Adler-32, ids of blobs")
  func known() throws {
    var empty: [UInt8] = []
    try Base85.decode(line: Array("HcmV?d00001".utf8)[...], into: &empty)
    #expect(try Inflate.zlib(empty, size: 0) == [])
    #expect(Adler32.of(Array("Wikipedia".utf8)) == 0x11E6_0398)
    #expect(BlobId.of([]) == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")
    #expect(BlobId.of(Array("hello\n".utf8)) == "ce013625030ba8dba906f756967f9e9ca394464a")
    // Fixed codes and an overlapping match.
    #expect(
      try Inflate.zlib(ZlibRuns.pack(byte: 7, count: 1000), size: 1000) == [UInt8](repeating: 7, count: 1000))
  }

  @Test("damaged streams are refused, never trapped on", arguments: 0..<4)
  func damagedStreams(_ seed: UInt64) throws {
    var random = SeededGenerator(seed)
    let good = ZlibRuns.pack(byte: 65, count: 600)
    for _ in 0..<500 {
      var bytes = good
      for _ in 0...random.below(3) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
      if random.below(4) == 0 { bytes.removeLast(random.below(bytes.count)) }
      let result = try? Inflate.zlib(bytes, size: 600)
      #expect(result == nil || result == [UInt8](repeating: 65, count: 600))
      // Behind a good head anything may follow: dynamic codes among it.
      let noise = [0x78, 0x9C, UInt8(4 | random.below(2))] + (0..<60).map { _ in UInt8(random.below(256)) }
      _ = try? Inflate.zlib(noise, size: 600)
      _ = try? PatchDelta.apply(noise, to: bytes, limitBytes: 1000)
    }
  }

  @Test("deltas copy and add")
  func delta() throws {
    let old = Array("hello world".utf8)
    // 11 bytes become 8: copy 5 from 6, add 3.
    let delta: [UInt8] = [11, 8, 0x91, 6, 5, 3, 33, 33, 33]
    #expect(try PatchDelta.apply(delta, to: old, limitBytes: 8) == Array("world!!!".utf8))
    let bad: [[UInt8]] = [
      [], [11], [10, 8, 0x91, 6, 5, 3, 33, 33, 33], [11, 9, 0x91, 6, 5, 3, 33, 33, 33], [11, 5, 0x91, 7, 5],
      [11, 5, 0x91, 6], [11, 5, 0], [11, 5, 5, 1], [11, 4, 0x91, 6, 5], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
      [11, 5, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
    ]
    for delta in bad {
      #expect(throws: PatchProblem.self) { try PatchDelta.apply(delta, to: old, limitBytes: 100) }
    }
    #expect(throws: PatchProblem.self) { try PatchDelta.apply(delta, to: old, limitBytes: 7) }
  }

  @Test("a difference of lines is a shortest one", arguments: 0..<10)
  func shortest(_ seed: UInt64) {
    var random = SeededGenerator(seed)
    for _ in 0..<40 {
      func text(_ random: inout SeededGenerator) -> [UInt8] {
        (0..<random.below(14)).flatMap { _ in [UInt8(97 + random.below(3)), 10] }
      }
      let old = PatchLines.split(text(&random))
      let new = PatchLines.split(text(&random))
      let changes = LineDiff.changes(old, new)
      var rebuilt: [ArraySlice<UInt8>] = []
      var at = 0
      for change in changes {
        #expect(!change.old.isEmpty || !change.new.isEmpty)
        rebuilt += old[at..<change.old.lowerBound]
        #expect(rebuilt.count == change.new.lowerBound)
        rebuilt += new[change.new]
        at = change.old.upperBound
      }
      rebuilt += old[at...]
      #expect(rebuilt == new)
      let size = changes.reduce(0) { $0 + $1.old.count + $1.new.count }
      #expect(size == old.count + new.count - 2 * Self.longestCommon(old, new))
    }
  }

  private static func longestCommon(_ a: [ArraySlice<UInt8>], _ b: [ArraySlice<UInt8>]) -> Int {
    var row = [Int](repeating: 0, count: b.count + 1)
    for x in a {
      var diagonal = 0
      for (at, y) in b.enumerated() {
        let above = row[at + 1]
        row[at + 1] = x == y ? diagonal + 1 : max(above, row[at])
        diagonal = above
      }
    }
    return row[b.count]
  }

  @Test("past the bounds a difference is given whole, between what both begin and end with")
  func bounds() {
    let count = LineDiff.limitDifferences
    let old = PatchLines.split(Array(("same\n" + (0..<count).map { "a\($0)\n" }.joined() + "end\n").utf8))
    let new = PatchLines.split(Array(("same\n" + (0..<count).map { "b\($0)\n" }.joined() + "end\n").utf8))
    #expect(LineDiff.changes(old, new) == [LineChange(old: 1..<count + 1, new: 1..<count + 1)])
    #expect(LineDiff.changes(old, old) == [])
  }

  @Test("paths are shown whole and harmless")
  func shown() {
    #expect(PatchPath("src/é/日本").shown == "`src/é/日本`")
    #expect(PatchPath("a\u{1B}[2J`").shown == "`a\\u001b[2J\\u0060`")
    #expect(PatchPath([0xFF, 0x2F, 0xC3]).shown.lowercased() == "`\\xff/\\xc3`")
    let long = PatchPath(String(repeating: "é", count: 90))
    #expect(long.shown == "`\(String(repeating: "é", count: 90))`")
    #expect(PatchPath(String(repeating: "x", count: 1000)).shown.utf8.count < 260)
  }

  @Test("paths of two spellings are two paths")
  func spellings() throws {
    #expect(PatchPath("\u{E9}") != PatchPath("e\u{301}"))
    let fixture = try PatchFixture()
    for name in ["\u{E9}", "e\u{301}"] { try fixture.write("src/\(name)", "one\n") }
    let patch = HostilePatch.change("src/\u{E9}") + HostilePatch.delete("src/e\u{301}")
    #expect(try fixture.integration().run([patch]).error == nil)
    #expect(try PatchFixture.files(fixture.project).count == 1)
    #expect(try fixture.text("src/\u{E9}") == "two\n")
  }

  @Test("a folder that cannot be made is somebody's change only where something is in the way, or gone")
  func makeFolder() throws {
    let fixture = try PatchFixture(["src/file": "one\n"])
    let project = PatchProject(root: fixture.project)
    try project.makeFolder(PatchPath("src/new"), mode: 0o700)
    try project.makeFolder(PatchPath("src/new"), mode: 0o700)
    symlink("nowhere", "\(fixture.project)/src/link")
    for path in ["src/file", "src/link", "gone/new"] {
      #expect(throws: PatchConflict.self) { try project.makeFolder(PatchPath(path), mode: nil) }
    }
    // No file system makes this one, and nobody has changed anything.
    let name = String(repeating: "x", count: 300)
    let error = #expect(throws: FlowdexError.self) {
      try project.makeFolder(PatchPath("src/\(name)"), mode: nil)
    }
    #expect(error?.code == "errno-\(ENAMETOOLONG)" && error?.kind == .machine)
  }

  @Test("only where a file system knows no links a new file is put in place by a rename")
  func links() {
    for code in [EPERM, EOPNOTSUPP, ENOSYS, EMLINK] { #expect(PatchProject.knowsNoLinks(code)) }
    for code in [ENOSPC, EDQUOT, EIO, EROFS, EACCES, ENOENT, EEXIST, EINTR] {
      #expect(!PatchProject.knowsNoLinks(code))
    }
  }
}
