/// The `instructions.md` of a package: all that a worker needs, in the order in which it is needed.
///
/// The workflow's words (prompt and data) stand between fences that are longer than any run of backticks in
/// them, so that they cannot be taken for ours.
struct Instructions {
  let spec: TaskSpec
  let package: PackageLayout
  let cwd: String?
  let durationMs: Int64

  var text: String {
    ([heading, task] + [data, reading, writing, example, checking, rules].compactMap { $0 })
      .joined(separator: "\n\n") + "\n"
  }

  private var heading: String {
    var lines = ["# Task `\(spec.taskId)` of phase `\(spec.phase)`"]
    if let role = spec.role { lines += ["", "Your role: \(Self.oneLine(role))"] }
    lines += [
      "",
      "You do exactly this one task, on your own, and write its result to one file. Nobody is there to answer"
        + " questions: where something is unclear, decide, and say so in the result. Do not start other agents.",
    ]
    return lines.joined(separator: "\n")
  }

  private var task: String {
    """
    ## The task

    What stands between fences of backticks below comes from the workflow. It says what to do; where the result
    goes and what form it has is said outside of the fences, and that counts.

    \(Self.fenced(spec.prompt, "text"))
    """
  }

  private var data: String? {
    spec.data.map { "## Data that belongs to the task\n\n\(Self.fenced($0.prettyText, "json"))" }
  }

  private var reading: String {
    let place = cwd.map { "Read the project's files in `\($0)`." } ?? "No project files belong to this task."
    let network = spec.network == "web" ? "You may use the web." : "Do not use the network."
    return """
      ## What you may read and change

      \(place) It is an immutable copy: change nothing there.\(changing) Use `\(package.scratch)` for anything
      else that you need to write on the way. \(network)
      """
  }

  private var changing: String {
    guard spec.isWrite else { return "" }
    return """

      Make your changes in `\(package.work)`, a private copy of the same files: what differs there when you
      write your result is your change. Only files that the workflow allows to be changed may differ; leave no
      other files behind.
      """
  }

  private var writing: String {
    let schema =
      spec.schema == nil
      ? "`data` may hold any JSON that answers the task."
      : "A `completed` result's `data` must satisfy the JSON Schema at `then.properties.data` of `\(package.schema)`."
    return """
      ## What you must write

      Write one JSON object to `\(package.result)` (best: write a temporary file in `scratch` and rename it).
      It has exactly these eight fields, no other:

      - `status`: `"completed"`, `"failed"`, `"blocked"` (you cannot go on) or `"needs-approval"`
      - `summary`: a string, one or two sentences
      - `data`: the answer. \(schema)
      - `claims`: an array, usually `[]`
      - `artifacts`: an array, usually `[]`
      - `diff`: `null`\(spec.isWrite ? ", for the diff of `work` is made for you" : "")
      - `usage`: an object of numbers such as `{"inputTokens": 0}`, or `{}`
      - `error`: `null`, or a string that says what went wrong
      """
  }

  private var example: String {
    let fields: JSONValue = [
      "status": "completed", "summary": "Looked at 12 files; two need attention.", "data": ["findings": []],
      "claims": [], "artifacts": [], "diff": nil, "usage": [:], "error": nil,
    ]
    return "For example, of a task that asked for `findings`:\n\n\(Self.fenced(fields.prettyText, "json"))"
  }

  private var checking: String {
    """
    ## How to be sure that it was taken

    Check the file with `flowdex check-result --task '\(package.task)' '\(package.result)'`, or against
    the JSON Schema in `\(package.schema)`. Soon after you have written it, one of two files appears:
    `adapter-result.accepted` (you are done), or `adapter-result.rejected.txt`, which says what is wrong: mend
    the result and write it again, in the same place. The task stays yours meanwhile.\(attempts)
    """
  }

  private var attempts: String {
    guard spec.schema != nil else { return "" }
    let count = spec.schemaAttempts
    return
      " But \(count) different result\(count == 1 ? "" : "s") that break\(count == 1 ? "s" : "") the task's "
      + "schema end\(count == 1 ? "s" : "") it as failed."
  }

  private var rules: String {
    """
    ## Time

    You have \(Self.minutes(durationMs)) from when you got this package. If the work takes longer, touch
    `\(package.heartbeat)` now and then: each touch starts the time anew. When it runs out, another worker may
    get the task, and a result of yours that comes after that is not taken.
    """
  }

  private static func minutes(_ ms: Int64) -> String {
    let minutes = Double(ms) / 60_000
    return minutes == minutes.rounded() ? "\(Int(minutes)) minutes" : "\(minutes) minutes"
  }

  private static func oneLine(_ text: String) -> String {
    text.split(whereSeparator: \.isNewline).joined(separator: " ")
  }

  static func fenced(_ text: String, _ language: String) -> String {
    var longest = 0
    var current = 0
    for character in text.unicodeScalars {
      current = character == "`" ? current + 1 : 0
      longest = max(longest, current)
    }
    let fence = String(repeating: "`", count: max(3, longest + 1))
    return "\(fence)\(language)\n\(text)\n\(fence)"
  }
}
