/// Judges a file as the watcher would: for a worker that wants to be sure before it delivers.
public enum ResultCheck {
  /// What is wrong with the file, a line each; empty if it would be taken.
  ///
  /// - Parameters:
  ///   - file: the result's path.
  ///   - task: the path of the package's `task.json`, whose `schema` is then applied to `data`.
  /// - Throws: `file-not-found`, `file-changing`, `task-invalid`, `schema-invalid`, or trouble of the machine.
  public static func judge(file: String, task: String?) throws -> [String] {
    let schema = try task.map(schema(ofTask:)) ?? nil
    let (folder, name) = FileSystem.split(file)
    switch try ResultFile.read(folder: folder, name: name) {
    case .missing:
      throw FlowdexError.failed("file-not-found", "there is no file `\(file)`")
    case .changing:
      throw FlowdexError.failed(
        "file-changing", "`\(file)` is being written", next: "check it again when it is done")
    case .refused(let why, _): return [why]
    case .bytes(let bytes, _):
      switch AdapterResult.judge(bytes, schema: schema) {
      case .valid: return []
      case .invalid(let refusal): return refusal.problems.map(\.text)
      }
    }
  }

  /// The schema that the task sets for `data`; nil if it sets none.
  private static func schema(ofTask path: String) throws -> JSONSchema? {
    let bytes = try FileSystem.read(path, limitBytes: 256 << 20)
    let value: JSONValue
    do throws(JSONSyntaxError) {
      // Written by us around a workflow's data, so nested deeper than that data may be.
      value = try JSONValue(parsing: bytes, limits: JSONLimits(maxDepth: 160, maxKeys: .max))
    } catch {
      throw FlowdexError.failed("task-invalid", "`\(path)` is no task: \(error)")
    }
    guard value["format"]?.string == "flowdex.task.v1" else {
      throw FlowdexError.failed(
        "task-invalid", "`\(path)` is no task: expected `format` to be `flowdex.task.v1`",
        next: "give the `task.json` of the result's package")
    }
    guard let schema = value["schema"], !schema.isNull else { return nil }
    return try JSONSchema(compiling: schema)
  }
}
