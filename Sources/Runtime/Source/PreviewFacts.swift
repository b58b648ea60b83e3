// What a preview says beyond the manifest: how the manifest's words meet this machine and this project now.
// `Preview` only shows it; `look` goes and sees.

import Glibc
import QueueRunner

/// What a run would find here.
public struct PreviewFacts: Sendable, Equatable {
  /// A glob and how many files match it.
  public struct GlobCount: Sendable, Equatable {
    /// As the manifest writes it.
    public var glob: String
    /// Regular files.
    public var files: Int
  }

  /// Programs by the command's id; one that is not there was not found.
  public var programs: [String: ProgramFile] = [:]
  /// Of the files that a snapshot taken now would hold.
  public var read: [GlobCount] = []
  /// Files in such a snapshot.
  public var snapshotFiles = 0
  /// Of the files that are there for a patch to change; it may also make new ones.
  public var write: [GlobCount] = []
  /// False if the project is so large that the counts are only what was seen of it.
  public var isWhole = true
  /// What the read globs reach, and what is left out because it looks like a secret.
  public var secretsLeftOut: [String] = []
  /// What looks like a secret, and is given to workers because a glob spells its name.
  public var secretsNamed: [String] = []
  /// Names of inherited variables that are not set.
  public var unsetVariables: [String] = []

  /// Nothing found.
  public init() {}
}

extension PreviewFacts {
  /// A walk ends after so many entries of the project; nobody waits for a preview that counts for minutes.
  static let limitEntries = 300_000

  /// Looks along PATH and through the project.
  ///
  /// - Throws: where the project's folders cannot be listed, or a folder of PATH cannot be looked at.
  public static func look(at manifest: Manifest, projectRoot: String) throws -> PreviewFacts {
    var facts = PreviewFacts()
    let projectRoot = try Project.absolute(projectRoot)
    let permissions = manifest.permissions
    let path = getenv("PATH").map { String(cString: $0) } ?? HostCommandRunner.defaultPath
    var finder = ProgramFinder()
    for command in permissions.hostCommands {
      let folder = command.folder(in: projectRoot)
      facts.programs[command.id] = try finder.find(command.argv[0], cwd: folder, path: path)
    }
    facts.unsetVariables = permissions.inheritedEnvironment.filter { getenv($0) == nil }
    let root = try OpenFolder(root: projectRoot)
    let read = try walk(root, permissions.read, for: .snapshot)
    facts.read = count(read, permissions.read)
    facts.snapshotFiles = read.found.count
    facts.secretsLeftOut = read.secretsLeftOut
    facts.secretsNamed = read.secretsNamed
    let write = try walk(root, permissions.write, for: .counting)
    facts.write = count(write, permissions.write)
    facts.isWhole = !read.isCut && !write.isCut
    return facts
  }

  private static func walk(
    _ root: OpenFolder, _ globs: [String], for purpose: SnapshotWalk.Purpose
  ) throws -> SnapshotWalk {
    var walk = SnapshotWalk(globs: GlobSet(globs), ownFolders: [])
    walk.purpose = purpose
    walk.limitEntries = limitEntries
    try walk.run(root)
    return walk
  }

  private static func count(_ walk: SnapshotWalk, _ globs: [String]) -> [GlobCount] {
    globs.map { glob in
      let set = GlobSet([glob])
      return GlobCount(glob: glob, files: walk.found.count { set.matches($0.path) })
    }
  }
}
