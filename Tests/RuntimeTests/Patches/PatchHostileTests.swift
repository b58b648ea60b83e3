import Glibc
import QueueRunner
import Testing

@testable import Runtime

@Suite("integrate: patches that are refused")
struct PatchHostileTests {
  private func fixture() throws -> PatchFixture {
    let fixture = try PatchFixture([
      "src/a": "one\n", "src/b": "one\n", "src/bare": "one", "src/dir/inside": "one\n", "README": "one\n",
      "srcx/a": "one\n", ".git/config": "one\n", ".flowdex/x": "one\n", "../outside/a": "one\n",
      "src/l": (1...9).map { "\($0)\n" }.joined(), "src/many": "{\nx\n}\n{\nx\n}\n",
    ])
    symlink("../../outside/a", "\(fixture.project)/src/link")
    symlink("../../outside", "\(fixture.project)/src/linkdir")
    symlink("../../outside/none", "\(fixture.project)/src/dangling")
    mkfifo("\(fixture.project)/src/fifo", 0o644)
    return fixture
  }

  @Test("nothing is touched, and the reason is told", arguments: HostilePatch.all)
  func refused(_ hostile: HostilePatch) throws {
    let fixture = try fixture()
    func everything() throws -> [String: String] {
      try PatchFixture.everything(fixture.root).filter { !$0.key.hasPrefix("run/") }
    }
    let before = try everything()
    let outcome = try fixture.integration().run(hostile.patches)
    guard case .failed(let error) = outcome else {
      Issue.record("applied: \(outcome)")
      return
    }
    #expect(error.contains(hostile.says), "\(error)")
    #expect(error.unicodeScalars.allSatisfy { $0.value >= 32 && $0 != "\u{202E}" && $0 != "\u{200B}" })
    #expect(error.utf8.count < 1000)
    #expect(try everything() == before)
    #expect(try FileSystem.names(in: fixture.operation).isEmpty)
  }

  @Test("the table is long, and no case stands in it twice")
  func table() {
    #expect(HostilePatch.all.count >= 150)
    #expect(Set(HostilePatch.all.map(\.name)).count == HostilePatch.all.count)
  }

  @Test("limits: too many files, too many bytes")
  func limits() throws {
    let fixture = try PatchFixture()
    let many = (0...PatchLimits.files).map {
      "diff --git a/src/\($0) b/src/\($0)\nnew file mode 100644\n"
    }.joined()
    #expect(try fixture.integration().run([many]).error?.contains("more than 10000 files") == true)
    // What many small pieces unpack to is added up.
    var encoded: [UInt8] = []
    Base85.encode(ZlibRuns.pack(byte: 0, count: 5000), into: &encoded)
    let bomb = (0..<16).map {
      "diff --git a/src/\($0) b/src/\($0)\nnew file mode 100644\nindex \(BlobId.none)..\(BlobId.none)\n"
        + "GIT binary patch\nliteral 5000\n\(String(decoding: encoded, as: UTF8.self))\n"
    }.joined()
    #expect(try PatchParser.parse(Array(bomb.utf8), limitBytes: 80_000).count == 16)
    #expect(throws: PatchProblem.self) { try PatchParser.parse(Array(bomb.utf8), limitBytes: 79_999) }
    #expect(try PatchFixture.everything(fixture.project).isEmpty)
    // Many copies of one file.
    try fixture.write("src/large", String(repeating: "x", count: 1000))
    let copies = (0..<9).map { HostilePatch.rename("src/large", "src/\($0)", verb: "copy") }.joined()
    for (limit, isTaken) in [(10_000, true), (9999, false)] {
      var scratch = try PatchScratch(
        project: PatchProject(root: fixture.project), globs: GlobSet(["**"]), tree: "\(fixture.operation)/s",
        kept: "\(fixture.operation)/b")
      scratch.limitBytes = limit
      let files = try PatchParser.parse(Array(copies.utf8))
      if isTaken {
        try scratch.apply(files)
      } else {
        #expect(throws: PatchProblem.self) { try scratch.apply(files) }
      }
    }
  }

  @Test("random damage to a good patch never traps and never reaches past the globs", arguments: 0..<8)
  func damaged(_ seed: UInt64) throws {
    var random = SeededGenerator(seed)
    let good = Array(
      (HostilePatch.change("src/a") + HostilePatch.create("src/n") + HostilePatch.rename("src/b", "src/c")
        + HostilePatch.delete("src/dir/inside")).utf8)
    let fixture = try fixture()
    let outside = try PatchFixture.everything(fixture.root).filter { !Self.isAllowed($0.key) }
    for round in 0..<60 {
      var bytes = good
      for _ in 0...random.below(4) {
        let at = random.below(bytes.count)
        switch random.below(4) {
        case 0: bytes[at] = UInt8(random.below(128))
        case 1: bytes.remove(at: at)
        case 2: bytes.insert(UInt8(random.below(128)), at: at)
        default: bytes.insert(contentsOf: bytes[at..<min(at + random.below(30), bytes.count)], at: at)
        }
      }
      let operation = PatchIntegration(
        projectRoot: fixture.project, writeGlobs: GlobSet(["src/**"]), folder: "\(fixture.root)/run/\(round)")
      _ = try operation.run([String(decoding: bytes, as: UTF8.self)])
      let now = try PatchFixture.everything(fixture.root).filter { !Self.isAllowed($0.key) }
      #expect(now == outside, "seed \(seed), round \(round)")
    }
  }

  private static func isAllowed(_ path: String) -> Bool {
    path.hasPrefix("project/src/") || path.hasPrefix("run/")
  }
}

extension PatchOutcome {
  var error: String? { if case .failed(let error) = self { error } else { nil } }
}

/// A zlib stream of one byte repeated: fixed codes, a match of length 258 at distance 1 (RFC 1951 §3.2.6).
enum ZlibRuns {
  static func pack(byte: UInt8, count: Int) -> [UInt8] {
    var out: [UInt8] = [0x78, 0x9C]
    var bits: UInt32 = 0
    var bitCount: UInt32 = 0
    func put(_ value: UInt32, _ length: UInt32) {
      bits |= value << bitCount
      bitCount += length
      while bitCount >= 8 {
        out.append(UInt8(truncatingIfNeeded: bits))
        bits >>= 8
        bitCount -= 8
      }
    }
    // Codes go in with their highest bit first.
    func literal(_ byte: UInt8) {
      for shift in (0..<8).reversed() { put(UInt32(48 + byte) >> UInt32(shift) & 1, 1) }
    }
    put(0b011, 3)
    literal(byte)
    var left = count - 1
    while left >= 258 {
      put(0b1010_0011, 8)
      put(0, 5)
      left -= 258
    }
    for _ in 0..<left { literal(byte) }
    put(0, 7)
    put(0, 7)
    let sum = Adler32.of([UInt8](repeating: byte, count: count))
    for shift: UInt32 in [24, 16, 8, 0] { out.append(UInt8(truncatingIfNeeded: sum >> shift)) }
    return out
  }
}
