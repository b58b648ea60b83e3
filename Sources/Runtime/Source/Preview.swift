// What an approval covers, as JSON for programs; PreviewText.swift shows the same to the person who gives it.

import QueueRunner

/// Shows a workflow without running it (contract §3).
public struct Preview: Sendable {
  /// The name of the format, of which there is one so far.
  public static let format = "flowdex.workflow.ts.v1"

  let document: WorkflowDocument
  let facts: PreviewFacts?
  var manifest: Manifest { document.manifest }

  /// A preview of a workflow that has been read, without a look at this machine.
  public init(_ document: WorkflowDocument) { self.init(document, facts: nil) }

  /// A preview that also says what was found here.
  public init(_ document: WorkflowDocument, facts: PreviewFacts?) {
    self.document = document
    self.facts = facts
  }

  /// What a person should not overlook, the gravest first.
  public var warnings: [PreviewWarning] { PreviewWarning.of(manifest, facts) }

  /// All that is shown, with the defaults filled in; `manifest` is as written. `files`, `environment` and the
  /// `program` of a host command are there only if somebody has looked.
  public var json: JSONValue {
    var object = JSONObject([
      ("name", .string(manifest.name)), ("format", .string(Self.format)), ("file", .string(document.file)),
      ("sourceHash", .string(document.sourceHash)), ("manifestHash", .string(document.manifestHash)),
      ("approvalHash", .string(document.approvalHash)),
      (
        "warnings",
        .array(warnings.map { ["code": .string($0.code), "text": .string($0.text)] })
      ),
      ("limits", .object(JSONObject(limits.map { (key: $0.name, value: JSONValue($0.value)) }))),
      ("adapter", JSONValue(manifest.defaultAdapter)), ("adapters", adaptersJSON),
      ("network", .string(manifest.permissions.network.rawValue)),
      ("read", Self.array(manifest.permissions.read)),
      ("write", Self.array(manifest.permissions.write)),
      ("hostCommands", .array(manifest.permissions.hostCommands.map(json))),
      ("env", ["inherit": Self.array(manifest.permissions.inheritedEnvironment)]),
    ])
    if let facts {
      object["files"] = Self.files(facts)
      object["environment"] = .array(
        manifest.permissions.inheritedEnvironment.map {
          ["name": .string($0), "isSet": .bool(!facts.unsetVariables.contains($0))]
        })
    }
    object["phases"] = .array(manifest.phases.map(Self.json))
    object["manifest"] = document.writtenManifest
    return .object(object)
  }

  var limits: [(name: String, value: Int)] {
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

  private func json(_ command: Manifest.HostCommand) -> JSONValue {
    var fields = JSONObject([
      ("id", .string(command.id)), ("argv", Self.array(command.argv)), ("cwd", .string(command.cwd)),
      ("timeoutMs", JSONValue(command.timeoutMs)), ("maxOutputBytes", JSONValue(command.maxOutputBytes)),
      ("idempotent", .bool(command.idempotent)),
    ])
    if let facts {
      fields["program"] =
        facts.programs[command.id].map {
          ["path": .string($0.path), "sha256": JSONValue($0.sha256)]
        } ?? .null
    }
    return .object(fields)
  }

  private static func json(_ phase: Manifest.Phase) -> JSONValue {
    phase.maxAgents.map { ["id": .string(phase.id), "maxAgents": JSONValue($0)] } ?? ["id": .string(phase.id)]
  }

  private static func files(_ facts: PreviewFacts) -> JSONValue {
    func counts(_ globs: [PreviewFacts.GlobCount]) -> JSONValue {
      .array(globs.map { ["glob": .string($0.glob), "files": JSONValue($0.files)] })
    }
    return [
      "read": counts(facts.read), "snapshotFiles": JSONValue(facts.snapshotFiles),
      "write": counts(facts.write), "isWhole": .bool(facts.isWhole),
      "secretsLeftOut": array(facts.secretsLeftOut), "secretsNamed": array(facts.secretsNamed),
    ]
  }
}
