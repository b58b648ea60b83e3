// Workflows kept by name in `.flowdex/workflows`, to be run again without their file.

import QueueRunner

extension Project {
  /// Keeps the workflow of a run under a name; saving the same text again is a no-op.
  ///
  /// - Returns: where it lies.
  /// - Throws: `workflow-name`, or `workflow-exists` where another workflow has that name.
  public func save(_ run: Run, as name: String) throws -> String {
    guard OperationNames.isId(name), !name.hasPrefix(".") else {
      throw FlowdexError.usage(
        "workflow-name",
        "`\(name)` is not a workflow's name: 1 to 120 of `A-Z a-z 0-9 _ . -`, not beginning with a dot")
    }
    let source = try run.approvedSource()
    let path = layout.savedWorkflow(name)
    if try FileSystem.entry(path) != nil {
      if try FileSystem.read(path) == source { return path }
      throw FlowdexError.failed(
        "workflow-exists", "`\(path)` holds another workflow",
        next: "choose another name, or remove that file")
    }
    try FileSystem.makeDirectories(layout.workflows)
    try FileSystem.writeAtomically(source, to: path, sync: true)
    return path
  }

  /// The names and files of the saved workflows, by name.
  public func savedWorkflows() throws -> [(name: String, path: String)] {
    try FileSystem.names(in: layout.workflows)
      .filter { $0.hasSuffix(".ts") && !$0.hasPrefix(".") }.sorted()
      .map { (String($0.dropLast(3)), "\(layout.workflows)/\($0)") }
  }
}

extension Run {
  /// The bytes of the workflow as approved.
  func approvedSource() throws -> [UInt8] {
    _ = try approvedDocument()
    return try FileSystem.read(layout.workflow)
  }
}
