// What a result of a task must satisfy beyond the envelope, and the private copy that a writing task works on.

import GRDB

/// What one task demands of its result.
struct TaskRules: Sendable {
  /// The schema of `data`, as it was given.
  let schema: JSONValue?
  let compiled: JSONSchema?
  let isWrite: Bool

  static let none = TaskRules(schema: nil, compiled: nil, isWrite: false)
}

extension TaskRules {
  /// - Parameter text: what `TaskStore.demands` found.
  init(demanded text: String?) throws {
    if let text {
      try self.init(of: TaskSpec(stored: JSONValue(stored: text)))
    } else {
      self = .none
    }
  }

  init(of spec: TaskSpec) throws {
    self.init(
      schema: spec.schema, compiled: try spec.schema.map { try JSONSchema(compiling: $0) },
      isWrite: spec.isWrite)
  }
}

extension TaskRecord {
  /// The schema of `data`, not compiled.
  func schema() throws -> JSONValue? { specText.contains("\"schema\":") ? try spec().schema : nil }

  /// Read from the specification, which is parsed only if it holds anything of interest.
  func rules() throws -> TaskRules {
    guard specText.contains("\"schema\":") || specText.contains("\"mode\":\"\(TaskSpec.writeMode)\"") else {
      return .none
    }
    return try TaskRules(of: spec())
  }
}

/// What became of a worker's private copy.
public enum WorkOutcome: Sendable {
  case unchanged
  /// The changes as a unified diff in git's format, UTF-8.
  case diff(String)
  /// Changes that the task may not make, one sentence each.
  case refused([String])
}

/// How private copies are made and judged: given by the module that knows of permissions and patches.
public struct WorkCopies: Sendable {
  /// Makes a writable copy of a workspace in a folder that does not exist yet.
  let make: @Sendable (_ workspace: String?, _ folder: String) throws -> Void
  /// Compares a copy with the workspace that it was made of.
  let judge: @Sendable (_ workspace: String?, _ folder: String) throws -> WorkOutcome
  /// Makes all copies under a folder durable. A copy that a power cut empties would look as if its worker had
  /// emptied the files, and nothing could tell.
  let sync: @Sendable (_ folder: String) throws -> Void

  /// The closures may be called on any thread; what they throw fails the hand-out or the take-in.
  public init(
    make: @escaping @Sendable (_ workspace: String?, _ folder: String) throws -> Void,
    judge: @escaping @Sendable (_ workspace: String?, _ folder: String) throws -> WorkOutcome,
    sync: @escaping @Sendable (_ folder: String) throws -> Void
  ) {
    self.make = make
    self.judge = judge
    self.sync = sync
  }

  /// For queues without writing tasks.
  public static let none = WorkCopies(
    make: { _, _ in throw FlowdexError.bug("work-copies", "this queue has no writing tasks") },
    judge: { _, _ in throw FlowdexError.bug("work-copies", "this queue has no writing tasks") },
    sync: { _ in })
}
