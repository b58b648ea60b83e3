import GRDB

/// What one look at the packages found and did.
public struct CollectReport: Sendable {
  /// What was found under a lease: `missing` is no file, `invalid` one that was refused, `stale` one that came
  /// without a right to the task, `skipped` one that may still be being written.
  public enum Status: String, Sendable { case collected, missing, invalid, stale = "stale-result", skipped }

  /// What became of one lease.
  public struct Item: Sendable {
    /// `agent:id` or `fanout:id#task`.
    public let childKey: String
    /// The task's id within its operation.
    public let taskId: String
    /// The fencing token that the result was looked for under.
    public let token: String
    /// What the look found; `taskState` is what became of the task.
    public let status: Status
    /// nil where the pass did not touch the task; the caller reads it.
    public internal(set) var taskState: TaskState?
    /// The file that was judged; nil where none was.
    public let resultPath: String?
    /// The `status` of a taken envelope.
    public let adapterStatus: String?
    /// Why the file was refused, or the error that a taken envelope tells of.
    public let error: String?
    /// Whether this is news, not something that an earlier pass of the same collector has said.
    public let isNews: Bool
  }

  /// What a report has of each lease.
  public enum Detail: Sendable {
    /// Also those under which nothing was found.
    case everything
    /// Those under which something was found.
    case news
    /// Nothing but what has ended and what is to be looked at again.
    case sums
  }

  let detail: Detail
  /// In no order that means anything.
  public var items: [Item] = []
  /// When a file that may still be being written should be looked at again.
  public var lookAgainInMs: Int64?
  /// Whose files those are.
  public var lookAgainAt: Set<String> = []
  /// Leases that this pass has ended.
  public var ended: [String] = []
  /// When the first of the leases that were looked at runs out, in milliseconds from now; may be negative.
  public var nextExpiryInMs: Int64?
  /// Tasks that went back to be handed out, or that ended because nobody answered.
  public var reclaimed: [String] = []

  /// Whether anything was committed that a run can go on from.
  public var didCollect: Bool { !ended.isEmpty || !reclaimed.isEmpty }

  init(detail: Detail = .news) { self.detail = detail }

  /// The items with the tasks as they stand now, whatever has happened to them since each was looked at.
  public func itemsAsTheyStand(_ db: Database) throws -> [Item] {
    try items.map { item in
      var item = item
      item.taskState = try LeaseStore.find(db, token: item.token)?.taskState
      return item
    }
  }

  mutating func add(_ item: Item) {
    switch detail {
    case .everything, .news: items.append(item)
    case .sums: break
    }
  }

  mutating func note(_ lease: LeaseRecord, _ status: Status) {
    switch (detail, status) {
    case (.everything, _), (.news, .collected), (.news, .invalid), (.news, .stale), (.news, .skipped): break
    case (.news, .missing), (.sums, _): return
    }
    add(
      Item(
        childKey: lease.childKey, taskId: lease.taskId, token: lease.token, status: status,
        taskState: lease.taskState,
        resultPath: nil, adapterStatus: nil, error: nil, isNews: false))
  }

  /// A lease that moved on between two parts of a pass was met twice: what was found last counts.
  mutating func keepLast() {
    var seen: Set<String> = []
    items = items.reversed().filter { seen.insert($0.token).inserted }.reversed()
  }

  mutating func willRunOut(_ leases: [LeaseRecord], _ clock: any WallClock) {
    guard let next = leases.lazy.compactMap({ $0.runsOutInMs(clock) }).min() else { return }
    nextExpiryInMs = min(nextExpiryInMs ?? next, next)
  }

  mutating func settle(_ lease: LeaseRecord, _ inMs: Int64) {
    lookAgainInMs = min(lookAgainInMs ?? inMs, inMs)
    lookAgainAt.insert(lease.token)
    note(lease, .skipped)
  }

  mutating func took(
    _ lease: LeaseRecord, _ result: AdapterResult, _ state: TaskState?, _ layout: RunLayout
  ) {
    if state != nil { ended.append(lease.token) }
    switch detail {
    case .everything, .news: break
    case .sums: return
    }
    items.append(
      Item(
        childKey: lease.childKey, taskId: lease.taskId, token: lease.token,
        status: state == nil ? .stale : .collected,
        taskState: state, resultPath: layout.package(lease).result, adapterStatus: result.status.rawValue,
        error: result.error,
        isNews: true))
  }
}
