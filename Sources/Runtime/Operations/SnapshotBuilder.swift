// Makes the folder that holds what workers may read: once for equal content, whole or not at all.
//
// Order of a build: walk, hash (from the stat cache where nothing changed), look whether a folder of that digest
// is there already; else copy under a hidden name, take the write permissions away, sync, rename into place.
//
// A power cut must not leave a folder of empty files under a name that promises their hashes, and unlike a
// package a snapshot cannot be written again: the project may have moved on. So one sync of the file system
// (syncfs(2)) comes before the rename and one of the parent after it, both before a lease can be committed.
// Rejected: fsync of every file (thousands of journal commits for one lease); hashing everything again on the
// first use after a boot (cheap to write, but it can only tell that the snapshot is lost).

import Glibc
import QueueRunner

/// A snapshot as `SnapshotBuilder` made or found it.
public struct SnapshotInfo: Sendable, Equatable {
  /// SHA-256 over paths, modes, sizes and hashes of all files: the folder's name.
  public let digest: String
  /// The folder that holds the files at their paths relative to the project root.
  public let path: String
  /// False if the folder was there already.
  public let isNew: Bool
  /// Regular files.
  public let fileCount: Int
  /// Bytes of all files together.
  public let totalBytes: Int64
  /// What the globs reach and the snapshot does not hold.
  public let skipped: [SnapshotSkip]
}

/// Builds snapshots of one project.
///
/// Safe from any number of processes at a time: of two that build the same, the second to finish drops its copy.
/// Every file is hashed from the bytes that were copied and stood still meanwhile, so each file of a snapshot is
/// one that the project held; the files of a project that changes during a build may come from different moments.
public struct SnapshotBuilder: Sendable {
  static let stagingPrefix = ".building-"

  private let projectRoot: String
  private let snapshotsDirectory: String
  private let statCachePath: String
  private let clock: any WallClock
  /// What tests may watch and disturb.
  var probe = SnapshotProbe()

  /// - Parameters:
  ///   - snapshotsDirectory: where snapshots lie; made if it is not there.
  ///   - statCachePath: an advisory file that makes the next build cheap; the folder that holds it is never part
  ///     of a snapshot.
  public init(
    projectRoot: String, snapshotsDirectory: String, statCachePath: String,
    clock: any WallClock = SystemClock()
  ) {
    self.projectRoot = projectRoot
    self.snapshotsDirectory = snapshotsDirectory
    self.statCachePath = statCachePath
    self.clock = clock
  }

  /// Makes the snapshot of the files that the globs name, or finds the one that holds just them.
  ///
  /// - Throws: an error that names the path for what the machine refuses, and `project-changing` for a file that
  ///   never stood still. Nothing is left behind but what a later build sweeps.
  public func build(globs: GlobSet) throws -> SnapshotInfo {
    let root = try OpenFolder(root: projectRoot)
    try FileSystem.makeDirectories(snapshotsDirectory)
    sweep()
    let own = [snapshotsDirectory, FileSystem.split(statCachePath).parent]
    var walk = SnapshotWalk(globs: globs, ownFolders: try own.compactMap(FileSystem.entry))
    try walk.run(root)
    let intake = SnapshotIntake(root: root, probe: probe)
    var cache = SnapshotStatCache(path: statCachePath)
    let (manifest, isNew) = try findOrCopy(intake, &walk, &cache)
    // Also for a folder that another process has just renamed in and may not have synced yet.
    try FileSystem.syncDirectory(snapshotsDirectory)
    cache.save(globs: globs)
    return SnapshotInfo(
      digest: manifest.digest, path: folder(manifest.digest), isNew: isNew, fileCount: manifest.files.count,
      totalBytes: manifest.totalBytes, skipped: walk.skipped)
  }

  /// Where there is no snapshot yet none can be found, so that the files need not be read to look for it.
  private func findOrCopy(
    _ intake: SnapshotIntake, _ walk: inout SnapshotWalk, _ cache: inout SnapshotStatCache
  ) throws -> (SnapshotManifest, isNew: Bool) {
    let paths = walk.found.map(\.path)
    let hasOthers = try FileSystem.names(in: snapshotsDirectory).contains {
      !$0.hasPrefix(Self.stagingPrefix)
    }
    if !hasOthers { return try copy(paths, intake, &walk, &cache) }
    var files: [SnapshotFile] = []
    for candidate in walk.found {
      if let sha256 = cache.hash(candidate) {
        files.append(SnapshotFile(candidate.path, candidate.entry, sha256))
      } else if let file = try take(candidate.path, intake, &walk, &cache, into: nil) {
        files.append(file)
      }
    }
    let manifest = SnapshotManifest(files: files)
    if try isThere(manifest.digest) { return (manifest, false) }
    return try copy(manifest.files.map(\.path), intake, &walk, &cache)
  }

  private func folder(_ digest: String) -> String { "\(snapshotsDirectory)/\(digest)" }

  private func isThere(_ digest: String) throws -> Bool {
    try FileSystem.entry(folder(digest))?.kind == .directory
  }

  /// nil for a file that is gone or may not be read.
  private func take(
    _ path: String, _ intake: SnapshotIntake, _ walk: inout SnapshotWalk, _ cache: inout SnapshotStatCache,
    into destination: String?
  ) throws -> SnapshotFile? {
    let readAtMs = clock.nowMs()
    do {
      let taken = try intake.take(path, into: destination)
      cache.note(path, taken, readAtMs: readAtMs)
      return SnapshotFile(path, taken.entry, taken.sha256)
    } catch OpenFolder.Refusal.gone {
      return nil
    } catch OpenFolder.Refusal.unusable(let reason) {
      walk.skip(path, reason)
      return nil
    }
  }

  /// Copies and publishes; what is published may differ from what was planned if the project changed meanwhile.
  private func copy(
    _ paths: [String], _ intake: SnapshotIntake, _ walk: inout SnapshotWalk,
    _ cache: inout SnapshotStatCache
  ) throws -> (SnapshotManifest, isNew: Bool) {
    let staging = try SnapshotStaging(in: snapshotsDirectory, prefix: Self.stagingPrefix)
    defer { staging.discard() }
    var files: [SnapshotFile] = []
    for path in paths {
      let place = try staging.place(for: path)
      guard let file = try take(path, intake, &walk, &cache, into: place) else {
        // It may have gone after a first reading that did not count.
        try FileSystem.remove(place)
        continue
      }
      try staging.seal(place, isExecutable: file.isExecutable)
      files.append(file)
    }
    try staging.sealFolders()
    let manifest = SnapshotManifest(files: files)
    let text = Array(manifest.text(skipped: walk.skipped).utf8)
    if try isThere(manifest.digest) { return (manifest, false) }
    try FileSystem.write(text, to: staging.manifest)
    try FileSystem.rename(staging.manifest, Snapshot.manifestPath(of: folder(manifest.digest)))
    try FileSystemSync.all(of: snapshotsDirectory)
    return (manifest, try staging.publish(as: folder(manifest.digest)))
  }

  /// Removes what builds left that were killed.
  private func sweep() {
    for name in (try? FileSystem.names(in: snapshotsDirectory)) ?? [] where name.hasPrefix(Self.stagingPrefix)
    {
      SnapshotStaging.removeIfAbandoned("\(snapshotsDirectory)/\(name)")
    }
  }
}

extension SnapshotFile {
  init(_ path: String, _ entry: FileSystem.Entry, _ sha256: String) {
    self.init(path: path, isExecutable: entry.mode & 0o100 != 0, size: entry.size, sha256: sha256)
  }
}
