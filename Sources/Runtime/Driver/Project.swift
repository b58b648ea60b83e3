// A project: where `.flowdex` is, and the runs in it.

import Glibc
import QueueRunner

/// Finds and lists what lies under `.flowdex`.
public struct Project: Sendable {
  /// Where the project lies.
  public let layout: ProjectLayout
  /// Given to every run that is opened.
  public let clock: any WallClock

  /// Of a project known to be there; `find` and `findOrCreate` look for one.
  public init(layout: ProjectLayout, clock: any WallClock = SystemClock()) {
    self.layout = layout
    self.clock = clock
  }

  /// Walks up from a folder to the nearest that holds `.flowdex`, as git does for `.git`; nil if none does.
  public static func find(from folder: String, clock: any WallClock = SystemClock()) throws -> Project? {
    var place = try absolute(folder)
    while true {
      let layout = ProjectLayout(projectRoot: place)
      if try isFolder(layout.root) { return Project(layout: layout, clock: clock) }
      let parent = FileSystem.split(place).parent
      if parent == place { return nil }
      place = parent
    }
  }

  /// False where nothing is there; a link to a folder is one.
  private static func isFolder(_ path: String) throws -> Bool {
    switch try FileSystem.entry(path)?.kind {
    case nil: return false
    case .directory: return true
    case .symlink where try FileSystem.entry(absolute(path))?.kind == .directory: return true
    case .file, .other, .symlink:
      throw FlowdexError.failed(
        "project-not-a-folder", "`\(path)` is not a folder, as that of a project would be",
        next: "move it away, or work in another folder with -C")
    }
  }

  /// The project around a folder, made in it where there is none.
  public static func findOrCreate(from folder: String, clock: any WallClock = SystemClock()) throws -> Project
  {
    let project =
      try find(from: folder, clock: clock)
      ?? Project(layout: ProjectLayout(projectRoot: try absolute(folder)), clock: clock)
    try FileSystem.makeDirectories(project.layout.runs)
    if try !FileSystem.isThere(project.layout.gitignore) {
      try FileSystem.writeAtomically(
        Array(ProjectLayout.gitignoreText.utf8), to: project.layout.gitignore, sync: false)
    }
    return project
  }

  static func absolute(_ folder: String) throws -> String {
    guard let real = realpath(folder, nil) else { throw FileSystem.failure("open", folder) }
    defer { free(real) }
    return String(cString: real)
  }

  /// The ids of all runs, newest first (ids begin with their time; others sort by name).
  public func runIds() throws -> [String] {
    try FileSystem.names(in: layout.runs).filter { name in
      try !name.hasPrefix(".") && FileSystem.entry(layout.run(name).root)?.kind == .directory
    }.sorted(by: >)
  }

  /// Opens a run of the project, for this thread.
  ///
  /// - Parameter id: whole, or its beginning where no other run's id begins so, or `latest`.
  /// - Throws: `run-id`, `run-not-found`, `run-ambiguous`, or what is wrong with its state.
  public func open(_ id: String) throws -> Run { try Run.open(layout, id: try resolve(id), clock: clock) }

  /// The word that stands for the run that was created last.
  public static let latest = "latest"

  /// The whole id of the run that is meant; what begins no id comes back as it is. A run of exactly that id
  /// goes before everything else.
  ///
  /// - Throws: `run-id`; `run-ambiguous` where several ids begin so; `no-run` for `latest` where there is none.
  public func resolve(_ id: String) throws -> String {
    try RunId.check(id)
    if try FileSystem.entry(layout.run(id).root)?.kind == .directory { return id }
    if id == Self.latest { return try latestRun() }
    let meant = try runIds().filter { $0.hasPrefix(id) }
    if meant.count <= 1 { return meant.first ?? id }
    let shown = meant.prefix(4).map { "`\($0)`" }.joined(separator: ", ")
    let more = meant.count > 4 ? " and \(meant.count - 4) more" : ""
    throw FlowdexError.failed(
      "run-ambiguous", "`\(id)` begins the ids of \(meant.count) runs: \(shown)\(more)",
      next: "type more of the one that you mean")
  }

  /// By the time in their states. Runs that are none, or that this user may not read, are passed over.
  ///
  /// - Throws: what the machine refuses (no descriptors, a broken disk): an older run must not pass for the latest.
  private func latestRun() throws -> String {
    var latest: (id: String, createdAtMs: Int64)?
    for id in try runIds() {
      guard let record = try recordIfReadable(id) else { continue }
      if record.createdAtMs > latest?.createdAtMs ?? .min { latest = (id, record.createdAtMs) }
    }
    guard let latest else {
      throw FlowdexError.failed(
        "no-run", "there is no run yet, so none is the latest", next: "start one with `flowdex run`")
    }
    return latest.id
  }

  /// nil where there is no run, or none that this flowdex and this user can read.
  func recordIfReadable(_ id: String) throws -> RunRecord? {
    do {
      return try Run.open(layout, id: id, clock: clock).record()
    } catch let error as FlowdexError
      where saysBroken(error, id) || Self.isOfOthers(error) || mayNotRead(layout.run(id))
    {
      return nil
    }
  }

  /// Whether the run itself is to blame, so that it can never be opened again. A machine that is short of something, a
  /// right that is missing or a state of a newer flowdex says nothing of that.
  func saysBroken(_ error: FlowdexError, _ id: String) -> Bool {
    if ["state-corrupt", "run-no-state"].contains(error.code) || error.code.hasPrefix("sqlite-") {
      return true
    }
    let run = layout.run(id)
    return [run.database, run.databaseLog, run.databaseIndex].contains { path in
      guard let entry = (try? FileSystem.entry(path)) ?? nil else { return false }
      return entry.kind != .file
    }
  }

  /// Removed meanwhile, another version's, or another user's.
  private static func isOfOthers(_ error: FlowdexError) -> Bool {
    ["run-not-found", "newer-state", "older-state", "state-unindexed"].contains(error.code)
  }

  private func mayNotRead(_ run: RunLayout) -> Bool {
    access(run.database, R_OK) != 0 && [EACCES, EPERM, ENOENT, ENOTDIR].contains(errno)
  }
}
