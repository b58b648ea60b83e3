// What a workflow may do and how much of it, as approved: the static first argument of `workflow(...)`,
// read from the text and checked by the rules in ManifestRules.swift.

/// A checked manifest (contract §3).
public struct Manifest: Sendable, Equatable {
  /// What people call it; not blank.
  public var name: String
  /// Distinct tasks in the run, 1 to 100,000.
  public var maxAgents: Int
  /// Live leases at one time, 1 to 100,000.
  public var maxConcurrency: Int
  /// The adapter of a task that names none.
  public var defaultAdapter: String?
  /// Adapters by name.
  public var adapters: [String: Adapter]
  /// What the run may touch.
  public var permissions: Permissions
  /// What a session may use.
  public var limits: Limits
  /// At least one, ids all different.
  public var phases: [Phase]

  /// What kind of worker a task is meant for; recorded and passed on, never interpreted.
  public struct Adapter: Sendable, Equatable {
    /// The kind of worker.
    public var type: String
    /// The model it is to use.
    public var model: String?
    /// How hard it is to think, in the worker's own words.
    public var reasoningEffort: String?
  }

  /// What the run may touch.
  public struct Permissions: Sendable, Equatable {
    /// Globs of project files that a worker's snapshot holds.
    public var read: [String]
    /// Globs that `ctx.integrate` may change.
    public var write: [String]
    /// Commands that `ctx.hostCommand` may run, ids all different.
    public var hostCommands: [HostCommand]
    /// What workers are told about the network.
    public var network: Network
    /// Names of environment variables that a host command inherits; PATH always is.
    public var inheritedEnvironment: [String]
  }

  /// A command that `ctx.hostCommand` may run.
  public struct HostCommand: Sendable, Equatable {
    /// What the callback calls it.
    public var id: String
    /// Program and arguments; no shell between.
    public var argv: [String]
    /// `project`, or a folder relative to the project root.
    public var cwd: String
    /// Milliseconds; default 10 minutes.
    public var timeoutMs: Int
    /// Bytes kept of each stream; default 5 MiB.
    public var maxOutputBytes: Int
    /// Whether running it again after a crash does no harm.
    public var idempotent: Bool
  }

  /// Recorded intent for workers.
  public enum Network: String, Sendable, Equatable, CaseIterable { case none, web }

  /// What one session of the callback may use.
  public struct Limits: Sendable, Equatable {
    /// CPU milliseconds of one tick; at most 60,000.
    public var tickCpuMs = 10_000
    /// Heap in MiB; at most 2048.
    public var memoryMiB = 256
    /// Bytes that all operations' arguments, logs and reports of a session may come to; at most 1 GiB.
    public var outputBytes = 67_108_864
    /// Operations of one generation; at most 1,000,000.
    public var operations = 100_000
    /// The most that a manifest may grant, by name.
    static let most = [
      "tickCpuMs": 60_000, "memoryMiB": 2048, "outputBytes": 1 << 30, "operations": 1_000_000,
    ]
    /// The defaults.
    public init() {}
  }

  /// One phase; tasks and operations name one.
  public struct Phase: Sendable, Equatable {
    /// What tasks and operations call it.
    public var id: String
    /// Distinct tasks of the phase, 1 to 100,000; nil for no limit of its own.
    public var maxAgents: Int?
  }
}
