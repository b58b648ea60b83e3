// The rules of a manifest (contract §3): what is required, what is left out, and how large a number may be.

import QueueRunner

extension Manifest {
  /// Checks a manifest that was stored as JSON.
  ///
  /// - Throws: `workflow-invalid`, naming the first value that breaks a rule.
  public init(reading value: JSONValue) throws {
    do throws(Refusal) {
      try self.init(LocatedValue(value))
    } catch {
      throw FlowdexError.failed(
        "workflow-invalid", "manifest: \(error.what), expected \(error.expected), found \(error.found)")
    }
  }

  /// Checks a manifest as it was written; a refusal points into its text.
  init(_ value: LocatedValue) throws(Refusal) {
    let fields = try ManifestEntry(value: value, name: "").fields([
      "name", "maxAgents", "maxConcurrency", "defaultAdapter", "adapters", "permissions", "limits", "phases",
    ])
    let name = try fields.required("name").name()
    let maxAgents = try fields.required("maxAgents").integer(1...100_000)
    let maxConcurrency = try fields.required("maxConcurrency").integer(1...100_000)
    let defaultAdapter = try fields["defaultAdapter"]?.name()
    let adapters = try fields["adapters"].map(Adapter.map) ?? [:]
    let permissions = try Permissions(fields.required("permissions"))
    let limits = try fields["limits"].map(Limits.init) ?? Limits()
    let phases = try Phase.list(fields.required("phases"))
    self.init(
      name: name, maxAgents: maxAgents, maxConcurrency: maxConcurrency, defaultAdapter: defaultAdapter,
      adapters: adapters, permissions: permissions, limits: limits, phases: phases)
  }
}

extension Manifest.Adapter {
  fileprivate static func map(_ entry: ManifestEntry) throws(Refusal) -> [String: Self] {
    var adapters: [String: Self] = [:]
    for (key, entry) in try entry.members() {
      if key.unicodeScalars.allSatisfy(\.properties.isWhitespace) {
        throw entry.refusal("has a blank name", expected: "a name before it")
      }
      let fields = try entry.fields(["type", "model", "reasoningEffort"])
      // Swift holds two spellings of one accented letter for the same key.
      guard adapters[key] == nil else {
        throw entry.refusal("has a name that another adapter has", expected: "a name of its own")
      }
      adapters[key] = Self(
        type: try fields.required("type").name(), model: try fields["model"]?.name(),
        reasoningEffort: try fields["reasoningEffort"]?.name())
    }
    return adapters
  }
}

extension Manifest.Permissions {
  fileprivate init(_ entry: ManifestEntry) throws(Refusal) {
    let fields = try entry.fields(["read", "write", "hostCommands", "network", "env"])
    read = try Self.globs(fields.required("read"))
    let write = try fields.required("write")
    self.write = try Self.globs(write)
    if read.isEmpty && self.write.isEmpty {
      throw Refusal(
        write.value.offset, "`permissions.read` and `permissions.write` are both empty",
        expected: "a glob in one of them", found: "none")
    }
    hostCommands = try fields["hostCommands"].map(Manifest.HostCommand.list) ?? []
    network = try fields["network"].map(Self.network) ?? .none
    inheritedEnvironment = try fields["env"].map(Self.inherited) ?? []
  }

  private static func globs(_ entry: ManifestEntry) throws(Refusal) -> [String] {
    var globs: [String] = []
    for entry in try entry.entries() {
      let glob = try entry.text("a glob")
      if let problem = GlobSet.problem(in: glob) {
        throw entry.refusal("is not a legal glob: \(problem)", expected: "a glob such as `src/**`")
      }
      globs.append(glob)
    }
    return globs
  }

  private static func network(_ entry: ManifestEntry) throws(Refusal) -> Manifest.Network {
    let known = Manifest.Network.allCases.map { "`\($0.rawValue)`" }.joined(separator: " or ")
    guard case .string(let text) = entry.value.content, let network = Manifest.Network(rawValue: text) else {
      throw entry.refusal("is not a kind of network", expected: known)
    }
    return network
  }

  private static func inherited(_ entry: ManifestEntry) throws(Refusal) -> [String] {
    var names: [String] = []
    for entry in try entry.fields(["inherit"])["inherit"]?.entries() ?? [] {
      let name = try entry.text("a name")
      guard isVariableName(name) else {
        throw entry.refusal(
          "is not the name of a variable", expected: "a letter or `_`, then letters, digits, `_`")
      }
      names.append(name)
    }
    return names
  }

  private static func isVariableName(_ name: String) -> Bool {
    guard (1...1000).contains(name.utf8.count) else { return false }
    return name.utf8.enumerated().allSatisfy { at, byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
        true
      case UInt8(ascii: "0")...UInt8(ascii: "9"): at > 0
      default: false
      }
    }
  }
}

extension Manifest.HostCommand {
  fileprivate static func list(_ entry: ManifestEntry) throws(Refusal) -> [Self] {
    var commands: [Self] = []
    var seen: Set<String> = []
    for entry in try entry.entries() {
      let fields = try entry.fields(["id", "argv", "cwd", "timeoutMs", "maxOutputBytes", "idempotent"])
      let id = try fields.required("id")
      guard try seen.insert(id.id()).inserted else {
        throw id.refusal("stands twice", expected: "ids that differ")
      }
      commands.append(
        Self(
          id: try id.id(), argv: try argv(fields.required("argv")),
          cwd: try fields["cwd"].map(folder) ?? "project",
          timeoutMs: try fields["timeoutMs"]?.integer(1...86_400_000) ?? 600_000,
          maxOutputBytes: try fields["maxOutputBytes"]?.integer(1...1_073_741_824) ?? 5_242_880,
          idempotent: try fields["idempotent"]?.flag() ?? false))
    }
    return commands
  }

  private static func argv(_ entry: ManifestEntry) throws(Refusal) -> [String] {
    let words = try entry.entries()
    if words.isEmpty { throw entry.refusal("is empty", expected: "a program and its arguments") }
    var argv: [String] = []
    for (at, word) in words.enumerated() {
      let text = try word.text()
      if at == 0 && text.isEmpty { throw word.refusal("is empty", expected: "a program") }
      if text.utf8.contains(0) { throw word.refusal("holds a NUL", expected: "text without U+0000") }
      argv.append(text)
    }
    return argv
  }

  /// `project`, or a folder that cannot lie outside.
  private static func folder(_ entry: ManifestEntry) throws(Refusal) -> String {
    let text = try entry.text("`project` or a relative folder")
    let isInside =
      !text.isEmpty && !text.hasPrefix("/") && text.utf8.count <= 4096 && !text.utf8.contains(0)
      && !text.split(separator: "/").contains("..")
    guard isInside else {
      throw entry.refusal(
        "is no folder of the project", expected: "`project` or a relative folder without `..`")
    }
    return text
  }
}

extension Manifest.Limits {
  fileprivate init(_ entry: ManifestEntry) throws(Refusal) {
    self.init()
    let fields = try entry.fields(["tickCpuMs", "memoryMiB", "outputBytes", "operations"])
    tickCpuMs = try fields["tickCpuMs"]?.integer(1...60_000) ?? tickCpuMs
    // V8 does not start with a heap of less.
    memoryMiB = try fields["memoryMiB"]?.integer(16...2048) ?? memoryMiB
    outputBytes = try fields["outputBytes"]?.integer(1...1_073_741_824) ?? outputBytes
    operations = try fields["operations"]?.integer(1...1_000_000) ?? operations
  }
}

extension Manifest.Phase {
  fileprivate static func list(_ entry: ManifestEntry) throws(Refusal) -> [Self] {
    let entries = try entry.entries()
    if entries.isEmpty { throw entry.refusal("is empty", expected: "at least one phase") }
    var phases: [Self] = []
    var seen: Set<String> = []
    for entry in entries {
      let fields = try entry.fields(["id", "maxAgents"])
      let id = try fields.required("id")
      guard try seen.insert(id.id()).inserted else {
        throw id.refusal("stands twice", expected: "ids that differ")
      }
      phases.append(Self(id: try id.id(), maxAgents: try fields["maxAgents"]?.integer(1...100_000)))
    }
    return phases
  }
}
