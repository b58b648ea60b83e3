// A preview for a person: sections, one thing a line, and nothing in a name that a terminal would not show. What
// can do harm comes first and fits one screen for a usual manifest; the manifest itself comes last.

import QueueRunner

extension Preview {
  /// The preview without colour.
  public var text: String { text(isColoured: false) }

  /// - Parameter isColoured: write globs in red and warnings in yellow (ECMA-48 SGR), for a terminal.
  public func text(isColoured: Bool) -> String {
    var page = PreviewPage(isColoured: isColoured)
    page.rows(
      [
        .init("workflow", VisibleText.name(manifest.name)), .init("file", VisibleText.name(document.file)),
        .init("approval", "sha256 \(document.approvalHash)"),
      ] + warnings.map { .init("warning", $0.text, .yellow) })
    page.section("host commands", manifest.permissions.hostCommands.flatMap(rows), none: "none")
    page.section("files", fileRows)
    page.section("workers and environment", workerRows)
    page.section(
      "phases",
      manifest.phases.map { phase in .init(phase.id, phase.maxAgents.map { "at most \($0) agents" } ?? "") })
    page.section(
      "limits and hashes",
      [
        .init("session", limits.dropFirst(2).map { "\($0.name) \($0.value)" }.joined(separator: ", ")),
        .init("format", Self.format), .init("source", "sha256 \(document.sourceHash)"),
        .init("manifest", "sha256 \(document.manifestHash)"),
      ])
    page.block("manifest", VisibleText.escapeKeepingLines(document.writtenManifest.prettyText))
    return page.text
  }

  private func rows(_ command: Manifest.HostCommand) -> [PreviewPage.Row] {
    let argv = command.argv.map(VisibleText.quoted).joined(separator: ", ")
    let repeats = command.idempotent ? "may be run again after a crash" : "never run again after a crash"
    var rows = [PreviewPage.Row(command.id, "[\(argv)]")]
    if let facts { rows.append(.init("", Self.words(facts.programs[command.id]))) }
    rows.append(
      .init(
        "",
        "in \(VisibleText.name(command.cwd)), at most \(command.timeoutMs) ms, \(command.maxOutputBytes) bytes of "
          + "output, \(repeats)"))
    return rows
  }

  private static func words(_ program: ProgramFile?) -> String {
    guard let program else { return "not found along PATH" }
    return "\(VisibleText.name(program.path)) sha256 \(program.sha256 ?? "unknown: it cannot be read")"
  }

  private var fileRows: [PreviewPage.Row] {
    let permissions = manifest.permissions
    var rows = list("read", permissions.read, facts?.read, .plain)
    rows += list("write", permissions.write, facts?.write, .red)
    guard let facts else { return rows }
    if !facts.isWhole {
      rows.append(
        .init("", "the project is large: the counts are of its first \(PreviewFacts.limitEntries) entries"))
    }
    if !facts.secretsLeftOut.isEmpty {
      let shown = facts.secretsLeftOut.prefix(5).map(VisibleText.name).joined(separator: ", ")
      let more = facts.secretsLeftOut.count > 5 ? " and \(facts.secretsLeftOut.count - 5) more" : ""
      rows.append(.init("left out", "\(shown)\(more), by the name a secret"))
    }
    return rows
  }

  /// One glob a line with its count, the name before the first.
  private func list(
    _ name: String, _ globs: [String], _ counts: [PreviewFacts.GlobCount]?, _ colour: PreviewPage.Colour
  ) -> [PreviewPage.Row] {
    if globs.isEmpty { return [.init(name, "nothing")] }
    return globs.enumerated().map { at, glob in
      let count = counts.flatMap { at < $0.count ? $0[at].files : nil }
      let note = count.map { $0 == 1 ? "  (1 file now)" : "  (\($0) files now)" } ?? ""
      return .init(at == 0 ? name : "", VisibleText.name(glob), colour, note: note)
    }
  }

  private var workerRows: [PreviewPage.Row] {
    let permissions = manifest.permissions
    let network =
      switch permissions.network {
      case .none: "none: workers are told to do without"
      case .web: "web: workers are told that they may use it"
      }
    let names = ["PATH"] + permissions.inheritedEnvironment.filter { $0 != "PATH" }
    let variables = names.map { name in
      VisibleText.name(name) + (facts?.unsetVariables.contains(name) == true ? " (not set)" : "")
    }
    return [
      .init("agents", "at most \(manifest.maxAgents), \(manifest.maxConcurrency) at a time"),
      .init("network", network), .init("environment", variables.joined(separator: ", ")),
      .init("adapter", manifest.defaultAdapter.map(VisibleText.name) ?? "any"),
    ]
      + manifest.adapters.sorted { $0.key < $1.key }.map { name, adapter in
        let details = [
          "type \(VisibleText.name(adapter.type))", adapter.model.map { "model \(VisibleText.name($0))" },
          adapter.reasoningEffort.map { "reasoning effort \(VisibleText.name($0))" },
        ]
        return .init(VisibleText.name(name), details.compactMap { $0 }.joined(separator: ", "))
      }
  }
}

/// Lines of a preview.
private struct PreviewPage {
  /// Of a value; names stay as they are.
  enum Colour { case plain, red, yellow }

  /// One line: a name, a value beside it, and a note that is never coloured.
  struct Row {
    let name: String
    let value: String
    let colour: Colour
    let note: String

    init(_ name: String, _ value: String, _ colour: Colour = .plain, note: String = "") {
      (self.name, self.value, self.colour, self.note) = (name, value, colour, note)
    }
  }

  let isColoured: Bool
  private(set) var text = ""

  init(isColoured: Bool) { self.isColoured = isColoured }

  /// Names in a column as wide as the widest, values beside them.
  mutating func rows(_ rows: [Row], indent: Int = 0) {
    let width = rows.map { $0.name.unicodeScalars.count }.max() ?? 0
    for row in rows {
      let pad = String(repeating: " ", count: width - row.name.unicodeScalars.count + 2)
      let line = row.value.isEmpty ? row.name : row.name + pad + painted(row) + row.note
      text += String(repeating: " ", count: indent) + line + "\n"
    }
  }

  private func painted(_ row: Row) -> String {
    guard isColoured else { return row.value }
    return switch row.colour {
    case .plain: row.value
    case .red: "\u{1B}[31m\(row.value)\u{1B}[0m"
    case .yellow: "\u{1B}[33m\(row.value)\u{1B}[0m"
    }
  }

  mutating func section(_ title: String, _ rows: [Row], none: String? = nil) {
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
