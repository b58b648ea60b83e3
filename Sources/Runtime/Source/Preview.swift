// What an approval covers, for programs and for the person who gives it.

import QueueRunner

/// Shows a workflow without running it (contract §3).
public struct Preview: Sendable {
  /// The name of the format, of which there is one so far.
  public static let format = "flowdex.workflow.ts.v1"

  private let document: WorkflowDocument
  private var manifest: Manifest { document.manifest }

  /// A preview of a workflow that has been read.
  public init(_ document: WorkflowDocument) { self.document = document }

  /// All that is shown, with the defaults filled in; `manifest` is as written.
  public var json: JSONValue {
    [
      "name": .string(manifest.name), "format": .string(Self.format), "file": .string(document.file),
      "sourceHash": .string(document.sourceHash), "manifestHash": .string(document.manifestHash),
      "approvalHash": .string(document.approvalHash),
      "limits": .object(JSONObject(limits.map { (key: $0.name, value: JSONValue($0.value)) })),
      "adapter": JSONValue(manifest.defaultAdapter), "adapters": adaptersJSON,
      "network": .string(manifest.permissions.network.rawValue),
      "read": Self.array(manifest.permissions.read),
      "write": Self.array(manifest.permissions.write),
      "hostCommands": .array(manifest.permissions.hostCommands.map(Self.json)),
      "env": ["inherit": Self.array(manifest.permissions.inheritedEnvironment)],
      "phases": .array(
        manifest.phases.map { phase in
          phase.maxAgents.map { ["id": .string(phase.id), "maxAgents": JSONValue($0)] } ?? [
            "id": .string(phase.id)
          ]
        }),
      "manifest": document.writtenManifest,
    ]
  }

  private var limits: [(name: String, value: Int)] {
    [
      ("maxAgents", manifest.maxAgents), ("maxConcurrency", manifest.maxConcurrency),
      ("tickCpuMs", manifest.limits.tickCpuMs), ("memoryMiB", manifest.limits.memoryMiB),
      ("outputBytes", manifest.limits.outputBytes), ("operations", manifest.limits.operations),
    ]
  }

  private var adaptersJSON: JSONValue {
    var object = JSONObject()
    for (name, adapter) in manifest.adapters.sorted(by: { $0.key < $1.key }) {
      var fields = JSONObject()
      fields["type"] = .string(adapter.type)
      if let model = adapter.model { fields["model"] = .string(model) }
      if let effort = adapter.reasoningEffort { fields["reasoningEffort"] = .string(effort) }
      object[name] = .object(fields)
    }
    return .object(object)
  }

  private static func array(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }

  private static func json(_ command: Manifest.HostCommand) -> JSONValue {
    [
      "id": .string(command.id), "argv": array(command.argv), "cwd": .string(command.cwd),
      "timeoutMs": JSONValue(command.timeoutMs), "maxOutputBytes": JSONValue(command.maxOutputBytes),
      "idempotent": .bool(command.idempotent),
    ]
  }

  // MARK: - Text

  /// The same for a person: sections, one thing a line, and nothing in a name that a terminal would not show.
  public var text: String {
    var page = PreviewPage()
    page.rows([
      ("workflow", VisibleText.name(manifest.name)), ("file", VisibleText.name(document.file)),
      ("format", Self.format), ("source", "sha256 \(document.sourceHash)"),
      ("manifest", "sha256 \(document.manifestHash)"), ("approval", "sha256 \(document.approvalHash)"),
    ])
    page.section("limits", limits.map { ($0.name, "\($0.value)") })
    page.section("workers", workerRows)
    page.section("permissions", permissionRows)
    page.section("host commands", manifest.permissions.hostCommands.flatMap(Self.rows), none: "none")
    page.section(
      "phases",
      manifest.phases.map { phase in (phase.id, phase.maxAgents.map { "at most \($0) agents" } ?? "") })
    page.block("manifest", VisibleText.escapeKeepingLines(document.writtenManifest.prettyText))
    return page.text
  }

  private var workerRows: [(String, String)] {
    [("adapter", manifest.defaultAdapter.map(VisibleText.name) ?? "any")]
      + manifest.adapters.sorted { $0.key < $1.key }.map { name, adapter in
        let details = [
          "type \(VisibleText.name(adapter.type))", adapter.model.map { "model \(VisibleText.name($0))" },
          adapter.reasoningEffort.map { "reasoning effort \(VisibleText.name($0))" },
        ]
        return (VisibleText.name(name), details.compactMap { $0 }.joined(separator: ", "))
      }
  }

  private var permissionRows: [(String, String)] {
    let permissions = manifest.permissions
    return [("network", permissions.network.rawValue)] + Self.list("read", permissions.read)
      + Self.list("write", permissions.write)
      + Self.list("environment", ["PATH"] + permissions.inheritedEnvironment.filter { $0 != "PATH" })
  }

  /// One value a line, the name before the first.
  private static func list(_ name: String, _ values: [String]) -> [(String, String)] {
    if values.isEmpty { return [(name, "nothing")] }
    return values.enumerated().map { ($0 == 0 ? name : "", VisibleText.name($1)) }
  }

  private static func rows(_ command: Manifest.HostCommand) -> [(String, String)] {
    let argv = command.argv.map(VisibleText.quoted).joined(separator: ", ")
    let repeats = command.idempotent ? "may be run again after a crash" : "never run again after a crash"
    return [
      (command.id, "[\(argv)]"),
      (
        "",
        "in \(VisibleText.name(command.cwd)), at most \(command.timeoutMs) ms, \(command.maxOutputBytes) bytes of output, "
          + repeats
      ),
    ]
  }
}

/// Lines of a preview.
private struct PreviewPage {
  private(set) var text = ""

  /// Names in a column as wide as the widest, values beside them.
  mutating func rows(_ rows: [(String, String)], indent: Int = 0) {
    let width = rows.map { $0.0.unicodeScalars.count }.max() ?? 0
    for (name, value) in rows {
      let pad = String(repeating: " ", count: width - name.unicodeScalars.count + 2)
      let line = String(repeating: " ", count: indent) + (value.isEmpty ? name : name + pad + value)
      text += line + "\n"
    }
  }

  mutating func section(_ title: String, _ rows: [(String, String)], none: String? = nil) {
    text += "\n\(title)\n"
    if rows.isEmpty, let none { text += "  \(none)\n" }
    self.rows(rows, indent: 2)
  }

  mutating func block(_ title: String, _ body: String) {
    text += "\n\(title)\n"
    for line in body.split(separator: "\n", omittingEmptySubsequences: false) { text += "  \(line)\n" }
    text.removeLast()
  }
}
