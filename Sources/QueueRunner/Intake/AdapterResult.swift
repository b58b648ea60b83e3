// The envelope in which a worker delivers: eight fields, strictly judged, because whatever a worker got wrong
// it can mend now, while it still holds the task, and nobody can later.

/// A worker's result, well-formed (contract §6).
public struct AdapterResult: Sendable {
  /// How the worker says that the task ended.
  public enum Status: String, Sendable, CaseIterable {
    case completed
    case failed
    /// The worker cannot go on.
    case blocked
    /// A person must say yes first.
    case needsApproval = "needs-approval"
  }

  /// How the task ended.
  public var status: Status
  /// A sentence or two for a person.
  public var summary: String
  /// The answer; the task's schema has been applied to it where there is one.
  public var data: JSONValue
  /// Well-formed claims (contract §5); not trusted.
  public var claims: [JSONValue]
  /// Well-formed descriptions of files; not trusted.
  public var artifacts: [JSONValue]
  /// A unified diff.
  public var diff: String?
  /// What the work cost, in the worker's words.
  public var usage: JSONValue
  /// What went wrong, for a person.
  public var error: String?

  /// A result from its eight fields, which are not checked: flowdex makes such for tasks that end by its doing.
  public init(
    status: Status, summary: String, data: JSONValue, claims: [JSONValue], artifacts: [JSONValue],
    diff: String?, usage: JSONValue, error: String?
  ) {
    self.status = status
    self.summary = summary
    self.data = data
    self.claims = claims
    self.artifacts = artifacts
    self.diff = diff
    self.usage = usage
    self.error = error
  }

  /// The envelope again, its fields in the order in which the contract lists them.
  public var json: JSONValue {
    [
      "status": .string(status.rawValue), "summary": .string(summary), "data": data,
      "claims": .array(claims), "artifacts": .array(artifacts), "diff": JSONValue(diff), "usage": usage,
      "error": JSONValue(error),
    ]
  }

  /// The value that `json` is made of; nil if it is not an envelope.
  private init?(envelope value: JSONValue) {
    guard let status = value["status"]?.string.flatMap(Status.init), let summary = value["summary"]?.string,
      let data = value["data"], let claims = value["claims"]?.array,
      let artifacts = value["artifacts"]?.array, let usage = value["usage"]
    else { return nil }
    self.init(
      status: status, summary: summary, data: data, claims: claims, artifacts: artifacts,
      diff: value["diff"]?.string, usage: usage, error: value["error"]?.string)
  }
}

extension AdapterResult: Equatable {
  /// Equal as JSON: by code units, whatever the order of members.
  public static func == (a: AdapterResult, b: AdapterResult) -> Bool { a.json == b.json }
}

extension AdapterResult {
  /// What `judge` found.
  public enum Verdict: Sendable, Equatable {
    /// To be taken.
    case valid(AdapterResult)
    /// Not to be taken; why.
    case invalid(Refusal)
  }

  /// Why bytes are not taken as a result.
  public struct Refusal: Error, Sendable, Equatable {
    /// One to twenty, in the order of the contract's fields.
    public let problems: [Problem]
    /// The envelope is right and `data` breaks the task's schema: the only refusal that counts against
    /// `schemaAttempts`.
    public let isSchemaOnly: Bool
  }

  /// One thing that is wrong, and where.
  public struct Problem: Sendable, Equatable, CustomStringConvertible {
    /// A JSON pointer (RFC 6901); nil where the bytes are no JSON.
    public let pointer: String?
    /// One line for a person and for the worker: the place, what was expected, what was found. What it quotes
    /// of the input is short and escaped.
    public let text: String

    /// The text.
    public var description: String { text }

    init(pointer: String, expected: String, found: String) {
      self.pointer = pointer
      text = "\(Self.place(pointer)): expected \(expected), found \(found)"
    }

    init(_ error: JSONSyntaxError) {
      pointer = nil
      text = error.description
    }

    init(_ problem: JSONSchemaProblem) {
      let pointer = "/data" + problem.instancePointer
      self.pointer = pointer
      let rule = Self.shown(problem.rulePointer)
      text =
        "\(Self.place(pointer)): \(problem.message) (rule `\(rule.isEmpty ? "/" : rule)` of the task's schema)"
    }

    private static func place(_ pointer: String) -> String {
      pointer.isEmpty ? "the envelope" : "`\(shown(pointer))`"
    }

    /// A pointer for display: each of its keys is cut and escaped as any other quotation.
    private static func shown(_ pointer: String) -> String {
      pointer.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        .map { Excerpt.plain(String(decoding: $0, as: UTF8.self)) }.joined(separator: "/")
    }
  }

  /// Judges a result as it lies in a file: strict JSON (RFC 8259; no key twice, depth 128, 100,000 keys),
  /// exactly the eight fields, then the task's schema on `data`. A worker that did not complete its task has no
  /// answer that a schema could be asked of, so only a `completed` result is held to it.
  ///
  /// The caller has limited the size (`ResultFile.limitBytes`). Never throws and never traps.
  public static func judge(_ bytes: [UInt8], schema: JSONSchema? = nil) -> Verdict {
    let value: JSONValue
    do throws(JSONSyntaxError) {
      value = try JSONValue(parsing: bytes)
    } catch {
      return .invalid(Refusal(problems: [Problem(error)], isSchemaOnly: false))
    }
    let problems = ShapeJudge.problems(value, EnvelopeShape.envelope)
    guard problems.isEmpty else { return .invalid(Refusal(problems: problems, isSchemaOnly: false)) }
    guard let result = AdapterResult(envelope: value) else {
      let problem = Problem(pointer: "", expected: EnvelopeShape.envelope.expected, found: "something else")
      return .invalid(Refusal(problems: [problem], isSchemaOnly: false))
    }
    let broken = result.status == .completed ? schema?.validate(result.data) ?? [] : []
    if broken.isEmpty { return .valid(result) }
    let shown = broken.prefix(ShapeJudge.maxProblems).map(Problem.init)
    return .invalid(Refusal(problems: shown, isSchemaOnly: true))
  }
}
