// Which of a project's runs are watched now, and which wait for others to end: decided here, done by RunWatchers.

/// How many runs can be watched at once.
enum WatchRoom {
  /// State, locks, session, pipes: up to 35 were counted for each of three that took bursts of 600 results, beside a
  /// companion, while two host commands ran. Each further command has three.
  static let perRun = 36
  /// What the process has open for itself, and what is always to be left (`ConnectionRoom`).
  static let spare = 32

  /// At least one: whether its files can be opened shows when it is watched.
  static func runs(descriptorLimit: Int) -> Int { max(1, (descriptorLimit - spare) / perRun) }
}

/// The runs of a watch over all.
struct WatchRoster {
  private let room: Int
  private(set) var running: Set<String> = []
  /// Running, ended or waiting.
  private var added: Set<String> = []
  /// In the order in which they are to be watched.
  private var waiting: [String] = []
  /// What is not to be watched, by the stamp of its state.
  private var passedOver: [String: String] = [:]
  private var faulty: Set<String> = []
  private var hasSaid = false

  init(room: Int) { self.room = room }

  /// Whether there is nothing to find out about a run whose state has this stamp.
  func knows(_ id: String, _ stamp: String?) -> Bool {
    added.contains(id) || stamp != nil && passedOver[id] == stamp
  }

  mutating func add(_ ids: [String]) {
    waiting += ids
    added.formUnion(ids)
  }

  mutating func passOver(_ id: String, _ stamp: String) { passedOver[id] = stamp }

  /// Those that begin now.
  mutating func start() -> [String] {
    let ids = Array(waiting.prefix(max(0, room - running.count)))
    waiting.removeFirst(ids.count)
    running.formUnion(ids)
    return ids
  }

  mutating func end(_ ids: [String]) { running.subtract(ids) }

  /// Nothing begins any more.
  mutating func leave() { waiting = [] }

  var isOver: Bool { running.isEmpty && waiting.isEmpty }

  /// How many wait, the first time that any do.
  mutating func takeNews() -> Int? {
    if hasSaid || waiting.isEmpty { return nil }
    hasSaid = true
    return waiting.count
  }

  mutating func isFirstFault(of id: String) -> Bool { faulty.insert(id).inserted }
}
