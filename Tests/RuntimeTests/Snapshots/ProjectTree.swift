import Glibc
import QueueRunner

@testable import Runtime

/// A project in a scratch folder, removed when it is let go.
final class ProjectTree: Sendable {
  /// A clock that a test sets.
  struct Clock: WallClock {
    var ms: Int64
    func nowMs() -> Int64 { ms }
    func bootMs() -> Int64 { ms }
    func bootId() -> String { "test" }
    /// The machine's time and `seconds`: what a later look sees.
    static func ahead(seconds: Int64) -> Clock { Clock(ms: SystemClock().nowMs() + seconds * 1000) }
  }

  let scratch: String
  var root: String { "\(scratch)/project" }
  var snapshots: String { "\(root)/.flowdex/runs/r/snapshots" }
  var statCache: String { "\(root)/.flowdex/runs/.stat-cache" }

  init(_ files: [String: String] = [:]) throws {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    scratch = "\(base)/flowdex-tests-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
    try FileSystem.makeDirectories("\(scratch)/project")
    for (path, text) in files { try write(path, text) }
  }

  deinit {
    if getenv("FLOWDEX_KEEP_SCRATCH") == nil { try? FileSystem.removeTree(scratch) }
  }

  func write(_ path: String, _ text: String, mode: mode_t = 0o644) throws {
    let place = "\(root)/\(path)"
    try FileSystem.makeDirectories(FileSystem.split(place).parent)
    try FileSystem.write(Array(text.utf8), to: place)
    chmod(place, mode)
  }

  func link(_ path: String, to target: String) {
    symlink(target, "\(root)/\(path)")
  }

  func builder(_ clock: Clock = .ahead(seconds: 60), probe: SnapshotProbe = SnapshotProbe())
    -> SnapshotBuilder
  {
    var builder = SnapshotBuilder(
      projectRoot: root, snapshotsDirectory: snapshots, statCachePath: statCache, clock: clock)
    builder.probe = probe
    return builder
  }

  func build(
    _ globs: [String] = ["**"], _ clock: Clock = .ahead(seconds: 60), probe: SnapshotProbe = SnapshotProbe()
  ) throws -> SnapshotInfo {
    try builder(clock, probe: probe).build(globs: GlobSet(globs))
  }

  /// The paths of all regular files below a folder, sorted.
  static func files(below folder: String, _ prefix: String = "") throws -> [String] {
    var found: [String] = []
    for name in try FileSystem.names(in: folder) {
      let entry = try FileSystem.entry("\(folder)/\(name)")
      if entry?.kind == .directory {
        found += try files(below: "\(folder)/\(name)", prefix + name + "/")
      } else {
        found.append(prefix + name)
      }
    }
    return found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}

/// The files whose bytes were read.
final class ReadLog: Sendable {
  private let paths = Guarded<[String]>([])
  var read: [String] { paths.withLock { $0 } }
  var probe: SnapshotProbe {
    var probe = SnapshotProbe()
    probe.willRead = { path in self.paths.withLock { $0.append(path) } }
    return probe
  }
}
