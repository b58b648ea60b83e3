// Adding up what workers say they used. Nothing here is checked: the numbers are the workers' words.

import QueueRunner

extension RunViews {
  /// `{run, phases, tasks}`: what the results of the current generation say they used, added up.
  ///
  /// Phases and tasks without such a number are left out.
  public static func usage(_ run: Run) throws -> JSONValue {
    try run.database.read { db in
      let tasks = try TaskStore.all(db, generation: RunStore.get(db).generation)
      return ["run": Usage.of(tasks), "phases": Usage.byPhase(tasks), "tasks": Usage.byTask(tasks)]
    }
  }
}

/// Sums of the numbers in `usage`, key by key; objects within it are added up the same way.
enum Usage {
  /// The sums over all results.
  static func of(_ tasks: [TaskRecord]) -> JSONValue {
    sum(tasks.compactMap { task in task.usage.flatMap { try? JSONValue(stored: $0) } })
  }

  /// The sums for each phase that has any.
  static func byPhase(_ tasks: [TaskRecord]) -> JSONValue { sums(tasks, by: \.phase) }

  /// Each task's own numbers, by child key.
  static func byTask(_ tasks: [TaskRecord]) -> JSONValue { sums(tasks, by: \.childKey) }

  private static func sums(_ tasks: [TaskRecord], by key: (TaskRecord) -> String) -> JSONValue {
    let groups = Dictionary(grouping: tasks.filter { $0.usage != nil }, by: key).mapValues(of)
    return .object(
      JSONObject(groups.filter { $0.value != [:] }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
  }

  /// What is neither a number nor an object is passed over: there is nothing to add.
  static func sum(_ usages: [JSONValue]) -> JSONValue {
    var numbers: [String: Double] = [:]
    var objects: [String: [JSONValue]] = [:]
    for (key, value) in usages.flatMap({ $0.object?.members ?? [] }) {
      if let number = value.number { numbers[key, default: 0] += number }
      if value.object != nil { objects[key, default: []].append(value) }
    }
    var sums = objects.mapValues(sum).filter { $0.value != [:] }
    // JSON knows no infinity; and where one worker writes a number and another an object, the number counts.
    let most = Double.greatestFiniteMagnitude
    for (key, number) in numbers { sums[key] = .number(min(max(number, -most), most)) }
    return .object(JSONObject(sums.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
  }
}
