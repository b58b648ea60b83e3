import Glibc
import QueueRunner
import Testing

@testable import Runtime

@Suite("snapshots of a project that moves")
struct SnapshotRaceTests {
  /// Beside another snapshot the files are read once to look for theirs, and once more to be copied.
  private func readings(_ tree: ProjectTree, besideAnother: Bool) throws -> Int {
    if besideAnother { try FileSystem.makeDirectories("\(tree.snapshots)/\(Self.other)") }
    return besideAnother ? 2 : 1
  }

  private static let other = "0123"

  @Test("a file that changes while it is copied is copied again", arguments: [false, true])
  func changesOnce(besideAnother: Bool) throws {
    let tree = try ProjectTree(["a": "old", "b": "b"])
    let readings = try readings(tree, besideAnother: besideAnother)
    let disturbed = Guarded(0)
    var probe = SnapshotProbe()
    probe.didRead = { path in
      guard path == "a" else { return }
      let times = disturbed.withLock { count in
        count += 1
        return count
      }
      if times == readings { try? tree.write("a", "newer") }
    }
    let info = try tree.build(probe: probe)
    let snapshot = try Snapshot(path: info.path, digest: info.digest)
    #expect(try snapshot.bytes(of: "a") == Array("newer".utf8))
    #expect(disturbed.withLock { $0 } == readings + 1)
  }

  @Test("a file that never stands still is named")
  func neverStill() throws {
    let tree = try ProjectTree(["src/a": "0", "src/b": "b"])
    let count = Guarded(0)
    var probe = SnapshotProbe()
    probe.didRead = { path in
      guard path == "src/a" else { return }
      let next = count.withLock { count in
        count += 1
        return count
      }
      try? tree.write("src/a", String(repeating: "x", count: next))
    }
    let error = #expect(throws: FlowdexError.self) { try tree.build(probe: probe) }
    #expect(error?.code == "project-changing")
    #expect(error?.message.contains("`src/a`") == true)
    #expect(count.withLock { $0 } == SnapshotIntake.limitAttempts)
  }

  @Test("a project that fails to be copied leaves no half snapshot", arguments: [false, true])
  func leavesNothing(besideAnother: Bool) throws {
    let tree = try ProjectTree(["a": "0"])
    let readings = try readings(tree, besideAnother: besideAnother)
    let count = Guarded(0)
    var probe = SnapshotProbe()
    probe.didRead = { _ in
      let next = count.withLock { count in
        count += 1
        return count
      }
      if next >= readings { try? tree.write("a", String(repeating: "x", count: next)) }
    }
    #expect(throws: FlowdexError.self) { try tree.build(probe: probe) }
    #expect(try FileSystem.names(in: tree.snapshots) == (besideAnother ? [Self.other] : []))
  }

  @Test("a file that vanishes between look and copy is left out, with its folder")
  func vanishes() throws {
    let tree = try ProjectTree(["a": "1", "d/b": "2"])
    var probe = SnapshotProbe()
    probe.didRead = { path in if path == "d/b" { try? FileSystem.removeTree("\(tree.root)/d") } }
    let info = try tree.build(probe: probe)
    #expect(info.fileCount == 1)
    #expect(try FileSystem.names(in: info.path) == ["a"])
    #expect(try Snapshot(path: info.path, digest: info.digest).manifest.files.map(\.path) == ["a"])
  }

  @Test("a link that is swapped in is not followed: in the place of a file or of a folder on the way")
  func swappedLink() throws {
    let tree = try ProjectTree(["a": "1", "d/passwd": "2", "z": "3"])
    var probe = SnapshotProbe()
    probe.willRead = { path in
      guard path == "a" else { return }
      _ = try? FileSystem.remove("\(tree.root)/z")
      tree.link("z", to: "/etc/passwd")
      try? FileSystem.removeTree("\(tree.root)/d")
      tree.link("d", to: "/etc")
    }
    let info = try tree.build(probe: probe)
    #expect(try ProjectTree.files(below: info.path) == ["a"])
    #expect(Set(info.skipped.map(\.path)) == ["d/passwd", "z"])
  }

  @Test("a FIFO that is swapped in is not waited for")
  func swappedFIFO() throws {
    let tree = try ProjectTree(["a": "1", "b": "2"])
    var probe = SnapshotProbe()
    probe.willRead = { path in
      guard path == "a" else { return }
      _ = try? FileSystem.remove("\(tree.root)/b")
      mkfifo("\(tree.root)/b", 0o644)
    }
    let info = try tree.build(probe: probe)
    #expect(info.skipped == [SnapshotSkip(path: "b", reason: "not a regular file")])
  }

  @Test("of builders that build the same at one time, one is new and all get the same")
  func concurrent() async throws {
    let files = (0..<40).map { ("d\($0 % 4)/f\($0)", "text \($0)") }
    let tree = try ProjectTree(Dictionary(uniqueKeysWithValues: files))
    let infos = try await withThrowingTaskGroup(of: SnapshotInfo.self) { group in
      for _ in 0..<6 { group.addTask { try tree.build() } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(Set(infos.map(\.digest)).count == 1)
    #expect(infos.filter(\.isNew).count == 1)
    let digest = infos[0].digest
    #expect(Set(try FileSystem.names(in: tree.snapshots)) == [digest, "\(digest).manifest.json"])
    let snapshot = try Snapshot(path: infos[0].path, digest: digest)
    for file in snapshot.manifest.files { _ = try snapshot.bytes(of: file.path) }
  }

  @Test("the loser of the race for the name drops its copy", arguments: [false, true])
  func loser(besideAnother: Bool) throws {
    let tree = try ProjectTree(["a": "1", "b": "2"])
    let readings = try readings(tree, besideAnother: besideAnother)
    let first = Guarded<SnapshotInfo?>(nil)
    var probe = SnapshotProbe()
    let reads = Guarded(0)
    probe.didRead = { _ in
      let count = reads.withLock { reads in
        reads += 1
        return reads
      }
      if count == 2 * readings { first.withLock { $0 = try? tree.build() } }
    }
    let second = try tree.build(probe: probe)
    let winner = try #require(first.withLock { $0 })
    #expect(winner.isNew && !second.isNew && winner.digest == second.digest)
    #expect(try FileSystem.names(in: tree.snapshots).count == (besideAnother ? 3 : 2))
  }

  @Test("what a killed builder left is swept, what a living one fills is not")
  func sweeps() throws {
    let tree = try ProjectTree(["a": "1"])
    let dead = "\(tree.snapshots)/\(SnapshotBuilder.stagingPrefix)1-2"
    try FileSystem.makeDirectories("\(dead)/d")
    try FileSystem.write([1], to: "\(dead)/d/f")
    chmod("\(dead)/d", 0o555)
    let alive = try SnapshotStaging(in: tree.snapshots, prefix: SnapshotBuilder.stagingPrefix)
    let orphan = "\(tree.snapshots)/\(SnapshotBuilder.stagingPrefix)3-4"
    for folder in [dead, orphan] {
      try FileSystem.write([2], to: folder + SnapshotStaging.manifestSuffix)
    }
    try FileSystem.write([2], to: alive.manifest)
    let info = try tree.build()
    #expect(try FileSystem.entry(dead) == nil)
    #expect(try FileSystem.names(in: tree.snapshots).filter { $0.hasPrefix(".") }.count == 2)
    #expect(FileSystem.exists(alive.manifest))
    alive.discard()
    #expect(try Set(FileSystem.names(in: tree.snapshots)) == [info.digest, "\(info.digest).manifest.json"])
  }

  @Test("the machine has syncfs")
  func syncs() throws {
    let tree = try ProjectTree()
    try FileSystemSync.all(of: tree.root)
    #expect(throws: FlowdexError.self) { try FileSystemSync.all(of: "\(tree.root)/none") }
  }
}

@Suite("snapshots that were tampered with")
struct SnapshotDamageTests {
  enum Damage: CaseIterable {
    case edited, sameSize, deleted, link, manifestEdited, manifestGone, manifestNoJSON
  }

  @Test("are found out when a file is taken from them", arguments: Damage.allCases)
  func found(damage: Damage) throws {
    let tree = try ProjectTree(["d/a": "one\n"])
    let info = try tree.build()
    let file = "\(info.path)/d/a"
    let manifest = Snapshot.manifestPath(of: info.path)
    #expect(try Snapshot.verify(file: "d/a", in: info.path, digest: info.digest) == Array("one\n".utf8))
    chmod(file, 0o644)
    chmod("\(info.path)/d", 0o755)
    switch damage {
    case .edited: try FileSystem.write(Array("one two\n".utf8), to: file)
    case .sameSize: try FileSystem.write(Array("two\n".utf8), to: file)
    case .deleted: try FileSystem.remove(file)
    case .link:
      try FileSystem.write(Array("one\n".utf8), to: "\(tree.root)/twin")
      try FileSystem.remove(file)
      symlink("\(tree.root)/twin", file)
    case .manifestEdited:
      let text = String(decoding: try FileSystem.read(manifest), as: UTF8.self)
      let other = text.replacing(Digest.sha256Hex("one\n"), with: Digest.sha256Hex("two\n"))
      try FileSystem.write(Array(other.utf8), to: manifest)
      try FileSystem.write(Array("two\n".utf8), to: file)
    case .manifestGone: try FileSystem.remove(manifest)
    case .manifestNoJSON: try FileSystem.write(Array("{".utf8), to: manifest)
    }
    let error = #expect(throws: FlowdexError.self) {
      try Snapshot.verify(file: "d/a", in: info.path, digest: info.digest)
    }
    #expect(error?.code == "snapshot-damaged")
  }

  @Test(
    "what the manifest does not name is not read", arguments: ["../x", "/etc/passwd", "d", "", "d/../d/a"])
  func unnamed(path: String) throws {
    let tree = try ProjectTree(["d/a": "1"])
    let info = try tree.build()
    let error = #expect(throws: FlowdexError.self) {
      try Snapshot.verify(file: path, in: info.path, digest: info.digest)
    }
    #expect(error?.code == "not-in-snapshot")
  }
}
