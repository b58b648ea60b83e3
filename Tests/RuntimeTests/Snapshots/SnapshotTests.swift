import Glibc
import QueueRunner
import Testing

@testable import Runtime

@Suite("snapshots")
struct SnapshotTests {
  @Test("a snapshot holds the files that the globs name, whole, read-only and listed in a manifest beside it")
  func holdsFiles() throws {
    let tree = try ProjectTree(["src/a.swift": "let a = 1\n", "src/deep/b.c": "", "README.md": "no"])
    try tree.write("src/run.sh", "#!/bin/sh\n", mode: 0o755)
    let info = try tree.build(["src/**"])
    #expect(info.isNew)
    #expect(info.fileCount == 3)
    #expect(info.totalBytes == 20)
    #expect(info.skipped == [])
    #expect(info.path == "\(tree.snapshots)/\(info.digest)")
    #expect(try ProjectTree.files(below: info.path) == ["src/a.swift", "src/deep/b.c", "src/run.sh"])
    #expect(try FileSystem.read("\(info.path)/src/a.swift") == Array("let a = 1\n".utf8))
    #expect(try FileSystem.entry("\(info.path)/src/a.swift")?.mode == 0o444)
    #expect(try FileSystem.entry("\(info.path)/src/run.sh")?.mode == 0o555)
    #expect(try FileSystem.entry("\(info.path)/src/deep")?.mode == 0o555)
    #expect(try FileSystem.entry(info.path)?.mode == 0o555)
    #expect(
      try FileSystem.entry("\(info.path)/src/a.swift")?.inode
        != FileSystem.entry("\(tree.root)/src/a.swift")?.inode)
    #expect(
      Set(try FileSystem.names(in: tree.snapshots)) == [info.digest, "\(info.digest).manifest.json"])
    let snapshot = try Snapshot(path: info.path, digest: info.digest)
    for file in snapshot.manifest.files {
      #expect(try Digest.sha256Hex(snapshot.bytes(of: file.path)) == file.sha256)
    }
  }

  @Test("the digest is that of the canonical manifest, and known")
  func digest() throws {
    let manifest = SnapshotManifest(files: [
      SnapshotFile(path: "b\"\u{1F600}", isExecutable: true, size: 3, sha256: Digest.sha256Hex("abc")),
      SnapshotFile(path: "a", isExecutable: false, size: 0, sha256: Digest.sha256Hex("")),
    ])
    let document: JSONValue = [
      "format": "flowdex.snapshot.v1", "files": .array(manifest.files.map(\.json)),
    ]
    #expect(manifest.digest == Digest.sha256Hex(document.canonicalBytes))
    #expect(manifest.files.map(\.path) == ["a", "b\"\u{1F600}"])
    let text = manifest.text(skipped: [SnapshotSkip(path: "l", reason: "symbolic link")])
    #expect(SnapshotManifest(reading: Array(text.utf8)) == manifest)
    #expect(
      SnapshotManifest(files: []).digest
        == Digest.sha256Hex(#"{"files":[],"format":"flowdex.snapshot.v1"}"#))
  }

  @Test("an unchanged project is looked at without reading a file")
  func unchangedReadsNothing() throws {
    let tree = try ProjectTree(["a": "1", "d/b": "2"])
    let first = try tree.build()
    let log = ReadLog()
    let second = try tree.build(probe: log.probe)
    #expect(log.read == [])
    #expect(!second.isNew)
    #expect(second.digest == first.digest)
  }

  @Test("a file that is younger than two seconds when it is read is read again")
  func racilyClean() throws {
    let tree = try ProjectTree(["a": "1"])
    _ = try tree.build(["**"], .ahead(seconds: 0))
    let log = ReadLog()
    _ = try tree.build(["**"], .ahead(seconds: 60), probe: log.probe)
    #expect(log.read == ["a"])
    let later = ReadLog()
    _ = try tree.build(probe: later.probe)
    #expect(later.read == [])
  }

  @Test("only what changed is read for the digest, and the new snapshot stands beside the old one")
  func changed() throws {
    let tree = try ProjectTree(["a": "1", "b": "2"])
    let first = try tree.build()
    try tree.write("a", "3")
    let log = ReadLog()
    let second = try tree.build(probe: log.probe)
    #expect(second.isNew && second.digest != first.digest)
    #expect(log.read == ["a", "a", "b"], "once for the digest, then all for the copy")
    #expect(try FileSystem.read("\(first.path)/a") == Array("1".utf8))
    #expect(try FileSystem.read("\(second.path)/a") == Array("3".utf8))
    try tree.write("a", "1")
    let third = try tree.build()
    #expect(!third.isNew && third.digest == first.digest, "equal content is the same snapshot")
  }

  @Test("same size and same modification time do not hide a change")
  func sneakyChange() throws {
    let tree = try ProjectTree(["a": "1"])
    let first = try tree.build()
    var status = stat()
    stat("\(tree.root)/a", &status)
    try tree.write("a", "2")
    let times = [status.st_atim, status.st_mtim]
    #expect(utimensat(AT_FDCWD, "\(tree.root)/a", times, 0) == 0)
    #expect(try tree.build().digest != first.digest)
  }

  @Test("a mode is part of the content, a deleted file is gone")
  func modesAndDeletions() throws {
    let tree = try ProjectTree(["a": "1", "b": "2"])
    let first = try tree.build()
    chmod("\(tree.root)/a", 0o755)
    let second = try tree.build()
    #expect(second.digest != first.digest)
    try FileSystem.remove("\(tree.root)/b")
    let third = try tree.build()
    #expect(third.fileCount == 1)
    #expect(try ProjectTree.files(below: third.path) == ["a"])
    #expect(try ProjectTree.files(below: first.path) == ["a", "b"])
  }

  @Test("a file of a far future is no trap")
  func farFuture() throws {
    let tree = try ProjectTree(["a": "1"])
    let times = [timespec(tv_sec: 14_000_000_000, tv_nsec: 0), timespec(tv_sec: 14_000_000_000, tv_nsec: 0)]
    #expect(utimensat(AT_FDCWD, "\(tree.root)/a", times, 0) == 0)
    #expect(try tree.build().fileCount == 1)
  }

  @Test(
    "a cache that is damaged is as good as none",
    arguments: [
      "", "x", "flowdex-stat-cache 1\n", "flowdex-stat-cache 1 00\nabc 1 2 3 4 5 a\n", "\0\0\0\n\n",
    ])
  func damagedCache(text: String) throws {
    let tree = try ProjectTree(["a": "1"])
    let first = try tree.build()
    try FileSystem.write(Array(text.utf8), to: tree.statCache)
    let log = ReadLog()
    #expect(try tree.build(probe: log.probe).digest == first.digest)
    #expect(log.read == ["a"])
  }

  @Test("a flipped byte in the cache is found")
  func flippedCache() throws {
    let tree = try ProjectTree(["a": "1"])
    let first = try tree.build()
    var bytes = try FileSystem.read(tree.statCache)
    let at = try #require(bytes.firstIndex(of: UInt8(ascii: "\n"))) + 1
    bytes[at] = bytes[at] == UInt8(ascii: "0") ? UInt8(ascii: "1") : UInt8(ascii: "0")
    try FileSystem.write(bytes, to: tree.statCache)
    #expect(try tree.build().digest == first.digest)
  }

  @Test("two workflows with other globs share the cache")
  func sharedCache() throws {
    let tree = try ProjectTree(["a/x": "1", "b/y": "2"])
    _ = try tree.build(["a/**"])
    _ = try tree.build(["b/**"])
    let log = ReadLog()
    _ = try tree.build(["a/**"], probe: log.probe)
    #expect(log.read == [])
  }

  @Test("no file at all is a snapshot too, and the project root may be missing")
  func empty() throws {
    let tree = try ProjectTree()
    let info = try tree.build(["nothing/**"])
    #expect(info.fileCount == 0 && info.isNew)
    #expect(try FileSystem.names(in: info.path) == [])
    let builder = SnapshotBuilder(
      projectRoot: "\(tree.scratch)/none", snapshotsDirectory: tree.snapshots, statCachePath: tree.statCache)
    #expect(throws: FlowdexError.self) { try builder.build(globs: GlobSet(["**"])) }
  }

  @Test("names that differ in their Unicode form only are two files")
  func unicodeForms() throws {
    let tree = try ProjectTree()
    try tree.write("caf\u{e9}", "1")
    try tree.write("cafe\u{301}", "2")
    let info = try tree.build()
    #expect(info.fileCount == 2)
    let snapshot = try Snapshot(path: info.path, digest: info.digest)
    #expect(try snapshot.bytes(of: "caf\u{e9}") == Array("1".utf8))
    #expect(try snapshot.bytes(of: "cafe\u{301}") == Array("2".utf8))
  }
}
