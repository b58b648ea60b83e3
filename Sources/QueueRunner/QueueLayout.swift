// The only place that spells a path under `.flowdex`. queue-layout.md describes the same tree for people
// who write workers; a test compares the two.

/// A project's `.flowdex` folder.
public struct ProjectLayout: Sendable, Equatable {
  /// The folder that holds `.flowdex`: what globs and host commands are relative to.
  public let projectRoot: String

  /// Only names paths: nothing needs to be there.
  public init(projectRoot: String) { self.projectRoot = projectRoot }

  /// The one folder that flowdex adds to a project.
  public static let folderName = ".flowdex"
  /// Holds runs and saved workflows.
  public var root: String { "\(projectRoot)/\(Self.folderName)" }
  /// Keeps runs out of version control, and lets saved workflows in.
  public var gitignore: String { "\(root)/.gitignore" }
  /// What a new `.gitignore` says.
  public static let gitignoreText = "runs/\n"
  /// One folder for each run; hidden names are runs under construction, and the cache.
  public var runs: String { "\(root)/runs" }
  /// Workflows that were saved under a name.
  public var workflows: String { "\(root)/workflows" }
  /// Types for editors and checkers; written by flowdex, and read by nothing that runs.
  public var types: String { "\(root)/\(Self.typesName)" }
  /// The one file in it.
  public var runtimeTypes: String { "\(projectRoot)/\(Self.runtimeTypesName)" }
  /// Relative to the project root, for the files that point editors to it.
  public static let runtimeTypesName = "\(folderName)/\(typesName)/runtime.d.ts"
  private static let typesName = "types"
  /// Hashes of project files by what the kernel says of them; may be deleted at any time.
  public var snapshotStatCache: String { "\(runs)/.stat-cache" }

  /// Where a workflow is saved; the caller has checked that the name is a safe one.
  public func savedWorkflow(_ name: String) -> String { "\(workflows)/\(name).ts" }
  /// Where a run lies, whether it exists or not; the caller has checked the id.
  public func run(_ id: String) -> RunLayout { RunLayout(root: "\(runs)/\(id)", runId: id) }
  /// Where a run is built before it is renamed into place.
  public func stagedRun(_ id: String) -> RunLayout {
    RunLayout(root: "\(runs)/\(Self.stagedPrefix)\(id)", runId: id)
  }
  /// Where a run is moved to be removed, so that it goes from every list at once.
  public func removedRun(_ id: String) -> String { "\(runs)/\(Self.removedPrefix)\(id)" }
  /// What the names of runs that are being removed begin with.
  public static let removedPrefix = ".removed-"
  /// What the names of runs under construction begin with.
  public static let stagedPrefix = ".staging-"
  /// Held while a run is built.
  public var creationLock: String { "\(runs)/.creation-lock" }
  /// What `list` said of each run by what the kernel says of its state; may be deleted at any time.
  public var runListCache: String { "\(runs)/.list-cache" }
  /// Made and removed again by whoever wants to know whether the project can be written.
  public func probe(_ pid: Int32) -> String { "\(runs)/.probe-\(pid)" }
}

/// One run's directory.
public struct RunLayout: Sendable, Equatable {
  /// The run's folder, absolute.
  public let root: String
  /// Stands in every event, also while the run is built under another folder name.
  public let runId: String

  /// Only names paths: nothing needs to be there.
  public init(root: String, runId: String) {
    self.root = root
    self.runId = runId
  }

  /// The approved source, byte for byte.
  public var workflow: String { "\(root)/workflow.ts" }
  /// The frozen input, byte for byte.
  public var input: String { "\(root)/input.json" }
  /// The state: the one truth of the run.
  public var database: String { "\(root)/state.sqlite" }
  /// SQLite's write-ahead log; part of the state until it is checkpointed.
  public var databaseLog: String { "\(root)/state.sqlite-wal" }
  /// The index of the log, which SQLite makes anew where it is not there; no part of the state.
  public var databaseIndex: String { "\(root)/state.sqlite-shm" }
  /// Held across each write transaction and each checkpoint.
  public var writeLock: String { "\(root)/write.lock" }
  /// Held by the process that drives the run; its text is that process's pid.
  public var driverLock: String { "\(root)/driver.lock" }
  /// Held while packages are written and leases are made of them.
  public var dispatchLock: String { "\(root)/dispatch.lock" }
  /// A projection of the events table, one JSON object a line.
  public var events: String { "\(root)/events.jsonl" }
  /// Rewritten after each commit with the last event's `seq`, for those who watch.
  public var wake: String { "\(root)/wake" }
  /// Artifacts too large for the state, by digest.
  public var artifacts: String { "\(root)/artifacts/sha256" }
  /// What is being written until it is whole: output of host commands, large artifacts, a rebuilt log.
  public var temporary: String { "\(root)/artifacts/.incoming" }
  /// What workers read: immutable copies of the project's files, by digest.
  public var snapshots: String { "\(root)/snapshots" }
  /// The folders that workers claim from.
  public var queue: String { "\(root)/queue" }
  /// A link to each package that waits to be claimed, by token.
  public var ready: String { "\(root)/queue/ready" }
  /// Where a worker renames a link to, to claim its package.
  public var claimed: String { "\(root)/queue/claimed" }
  /// The packages: a folder for each task, in it one for each lease.
  public var dispatches: String { "\(root)/dispatches" }
  /// Packages under construction; on the same file system as `dispatches`, so that a rename publishes them.
  public var staging: String { "\(root)/dispatches/.staging" }
  /// Names the packages whose lease is about to be committed, so that a crash leaves nothing unknown behind.
  public var publishing: String { "\(root)/dispatches/.publishing" }
  /// The empty folder that a session runs in.
  public var sessionFolder: String { "\(root)/.session" }

  /// The private folder of one operation that changes the project: its journal and the files before and after.
  public func integration(_ key: String) -> String { "\(integrations)/\(Self.folder(of: key))" }
  /// Holds such a folder for each of them.
  public var integrations: String { "\(root)/integrations" }
  /// The digest is 64 lowercase hex digits.
  public func artifact(_ digest: String) -> String { "\(artifacts)/\(digest)" }
  /// The digest names what the folder holds.
  public func snapshot(_ digest: String) -> String { "\(snapshots)/\(digest)" }
  /// The link that offers a lease's package.
  public func ready(_ token: String) -> String { "\(ready)/\(token)" }
  /// The link of a claimed package.
  public func claimed(_ token: String) -> String { "\(claimed)/\(token)" }
  /// Where a package is built before it is renamed into place.
  public func stagedPackage(_ token: String) -> PackageLayout { PackageLayout(root: "\(staging)/\(token)") }

  /// The package of one lease.
  public func package(_ childKey: String, _ token: String) -> PackageLayout {
    PackageLayout(root: "\(dispatches)/\(Self.folder(of: childKey))/\(token)")
  }

  /// What a link in `queue/ready` or `queue/claimed` holds: relative, so that a moved project keeps working.
  public func queueLink(_ childKey: String, _ token: String) -> String {
    "../../dispatches/\(Self.folder(of: childKey))/\(token)"
  }

  /// A child key as one folder name: unsafe characters to `-`, cut to 72, then 16 hex digits of its SHA-256,
  /// so that two keys never share a folder (contract §2).
  public static func folder(of childKey: String) -> String {
    var safe: [UInt8] = []
    safe.reserveCapacity(89)
    for scalar in childKey.unicodeScalars.prefix(72) {
      safe.append(isSafe(scalar) ? UInt8(ascii: scalar) : UInt8(ascii: "-"))
    }
    safe.append(UInt8(ascii: "-"))
    for byte in Digest.sha256(childKey).prefix(8) { Digest.append(hexOf: byte, to: &safe) }
    return String(decoding: safe, as: UTF8.self)
  }

  static func isSafe(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "A"..."Z", "a"..."z", "0"..."9", "_", ".", "-": true
    default: false
    }
  }
}

/// One dispatch package.
public struct PackageLayout: Sendable, Equatable {
  /// The package's folder, absolute.
  public let root: String
  /// Only names paths: nothing needs to be there.
  public init(root: String) { self.root = root }

  /// The name that a dropped result must have.
  public static let resultName = "adapter-result.json"
  /// The name that a worker touches to renew its lease.
  public static let heartbeatName = "heartbeat"
  /// The task for programs: everything that the instructions say, as JSON.
  public var task: String { "\(root)/task.json" }
  /// The task in words, for the worker.
  public var instructions: String { "\(root)/instructions.md" }
  /// The JSON Schema of the whole envelope, with the task's schema for `data` in it.
  public var schema: String { "\(root)/adapter-result.schema.json" }
  /// The private copy of a writing task.
  public var work: String { "\(root)/work" }
  /// A writable place for anything; never looked at.
  public var scratch: String { "\(root)/scratch" }
  /// What a command that `work` ran as the worker has written to one of its streams.
  public func log(_ run: Int, _ stream: String) -> String { "\(scratch)/run-\(run).\(stream)" }
  /// A change of its time renews the lease.
  public var heartbeat: String { "\(root)/\(Self.heartbeatName)" }
  /// Where the worker writes its result.
  public var result: String { "\(root)/\(Self.resultName)" }
  /// Appears when the result is committed.
  public var accepted: String { "\(root)/adapter-result.accepted" }
  /// Appears when the result is refused, and says why; goes when a later one is taken.
  public var rejected: String { "\(root)/adapter-result.rejected.txt" }
}
