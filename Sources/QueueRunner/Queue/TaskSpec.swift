/// What one task asks of a worker: everything that its package and its instructions are made from.
///
/// Two tasks are the same work exactly if their `hash` is equal.
public struct TaskSpec: Sendable, Equatable {
  /// Unique within its operation.
  public var taskId: String
  /// One of the manifest's phases.
  public var phase: String
  /// Which of the manifest's adapters the worker is to be.
  public var adapter: String
  /// `read-only` or `write`.
  public var mode: String
  /// The work in the author's words, never empty.
  public var prompt: String
  /// Who the worker is to be, for the instructions.
  public var role: String?
  /// A name for people to know the task by.
  public var nickname: String?
  /// Recorded intent for the worker; flowdex starts no model.
  public var model: String?
  /// Recorded intent for the worker, in its adapter's own words.
  public var reasoningEffort: String?
  /// Recorded intent for the worker: `none` or `web`.
  public var network: String
  /// The JSON Schema that the result's `data` must satisfy.
  public var schema: JSONValue?
  /// How many distinct results the schema may refuse before the task ends `failed`.
  public var schemaAttempts: Int
  /// Given to the worker beside the prompt.
  public var data: JSONValue?
  /// Minutes from hand-over or claim, or from the last renewal.
  public var leaseMinutes: Double
  /// How many leases may run out before the task ends `failed`.
  public var maxAttempts: Int

  /// The defaults are those of a workflow that does not say (contract §4).
  public init(
    taskId: String, phase: String, adapter: String, mode: String, prompt: String, role: String? = nil,
    nickname: String? = nil, model: String? = nil, reasoningEffort: String? = nil, network: String = "none",
    schema: JSONValue? = nil, schemaAttempts: Int = 3, data: JSONValue? = nil, leaseMinutes: Double = 30,
    maxAttempts: Int = 3
  ) {
    self.taskId = taskId
    self.phase = phase
    self.adapter = adapter
    self.mode = mode
    self.prompt = prompt
    self.role = role
    self.nickname = nickname
    self.model = model
    self.reasoningEffort = reasoningEffort
    self.network = network
    self.schema = schema
    self.schemaAttempts = schemaAttempts
    self.data = data
    self.leaseMinutes = leaseMinutes
    self.maxAttempts = maxAttempts
  }

  /// Whether the worker gets a private copy of the files, whose changes become a diff.
  public var isWrite: Bool { mode == Self.writeMode }
  /// The value of `mode` that asks for a private copy.
  public static let writeMode = "write"

  /// `leaseMinutes` in milliseconds.
  public var leaseMs: Int64 { Int64((leaseMinutes * 60_000).rounded()) }

  /// The specification as it is stored; optional fields that were not given are absent.
  public var json: JSONValue {
    var object = JSONObject([
      ("taskId", .string(taskId)), ("phase", .string(phase)), ("adapter", .string(adapter)),
      ("mode", .string(mode)), ("prompt", .string(prompt)), ("network", .string(network)),
      ("schemaAttempts", JSONValue(schemaAttempts)), ("leaseMinutes", .number(leaseMinutes)),
      ("maxAttempts", JSONValue(maxAttempts)),
    ])
    object["role"] = role.map(JSONValue.string)
    object["nickname"] = nickname.map(JSONValue.string)
    object["model"] = model.map(JSONValue.string)
    object["reasoningEffort"] = reasoningEffort.map(JSONValue.string)
    object["schema"] = schema
    object["data"] = data
    return .object(object)
  }

  /// Reads what `json` wrote.
  public init(stored json: JSONValue) throws {
    guard let taskId = json["taskId"]?.string, let phase = json["phase"]?.string,
      let adapter = json["adapter"]?.string, let mode = json["mode"]?.string,
      let prompt = json["prompt"]?.string, let network = json["network"]?.string,
      let schemaAttempts = json["schemaAttempts"]?.int, let leaseMinutes = json["leaseMinutes"]?.number,
      let maxAttempts = json["maxAttempts"]?.int
    else { throw FlowdexError.bug("task-spec", "a stored task specification lacks a field") }
    self.init(
      taskId: taskId, phase: phase, adapter: adapter, mode: mode, prompt: prompt,
      role: json["role"]?.string, nickname: json["nickname"]?.string, model: json["model"]?.string,
      reasoningEffort: json["reasoningEffort"]?.string, network: network, schema: json["schema"],
      schemaAttempts: schemaAttempts, data: json["data"], leaseMinutes: leaseMinutes,
      maxAttempts: maxAttempts)
  }
}
