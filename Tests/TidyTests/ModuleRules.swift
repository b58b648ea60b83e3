/// Who may know whom, and what is said in one place only. Each rule takes one file and gives its complaints.
enum ModuleRules {
  /// What a module may not import; what may be imported in one place only.
  static func arrows(_ file: SwiftFile) -> [String] {
    file.imports.compactMap { line, module in
      let allowed: Bool? =
        switch module {
        case "Runtime": !isIn(file, "QueueRunner") && !isIn(file, "Runtime")
        case "ArgumentParser": isIn(file, "flowdex")
        case "GRDB", "Crypto", "CSQLiteShim": !isIn(file, "flowdex")
        case "CSpawn": isIn(file, "Runtime")
        case "CInotifyTools": file.path.hasPrefix("Sources/QueueRunner/Watching/")
        case "QueueRunner": !isIn(file, "QueueRunner")
        case "flowdex": false
        default: nil
        }
      return allowed == false ? "\(file.path):\(line): imports `\(module)`, against the arrows" : nil
    }
  }

  private static func isIn(_ file: SwiftFile, _ module: String) -> Bool {
    file.path.hasPrefix("Sources/\(module)/")
  }

  /// libinotifytools is called in one file and in its shim. Two of its functions swallow overflows and new folders, or go
  /// child first: they are called nowhere.
  static func watching(path: String, code: [String]) -> [String] {
    let seam = ["Sources/QueueRunner/Watching/InotifyLibrary.swift", "Sources/CInotifyTools/shim.h"]
    let never = [
      "watch_recursively", "watch_recursively_with_exclude", "ignore_events_by_regex",
      "ignore_events_by_inverted_regex",
    ]
    return code.enumerated().flatMap { at, line in
      SwiftFile.words(line).filter { $0.hasPrefix(library) }.compactMap { word in
        if never.contains(String(word.dropFirst(library.count))) {
          return "\(path):\(at + 1): `\(word)` loses hints"
        }
        return seam.contains(path) ? nil : "\(path):\(at + 1): names `\(word)`; ask the seam"
      }
    }
  }

  private static let library = "inotifytools_"

  /// QueueRunner has never heard of the language that workflows are written in, nor of what runs them.
  static func foreignWords(_ file: SwiftFile) -> [String] {
    guard isIn(file, "QueueRunner") else { return [] }
    let everything = SwiftFile.words(file.text.lowercased())
    let said = ["deno", "typescript", "harness", "ctx"].filter(everything.contains)
    let inCode =
      queueMayName.contains(file.path)
      ? []
      : file.code.enumerated().compactMap { at, line in
        line.lowercased().contains("workflow") ? "\(file.path):\(at + 1): code says `workflow`" : nil
      }
    return said.map { "\(file.path): says `\($0)`, which QueueRunner does not know" } + inCode
  }

  /// The layout names the file that a run keeps, and the events the ones that a run tells of: both are format.
  private static let queueMayName = [
    "Sources/QueueRunner/QueueLayout.swift", "Sources/QueueRunner/State/Transaction.swift",
  ]

  /// SQL is written in a folder named State, and nowhere else.
  static func sql(_ file: SwiftFile) -> [String] {
    guard !file.path.contains("/State/") else { return [] }
    let verbs = [
      "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "PRAGMA", "REPLACE", "ALTER", "DROP", "WITH",
    ]
    return file.literals.compactMap { literal in
      let words = literal.text.split { $0.isWhitespace }
      guard words.count > 1, let verb = words.first, verbs.contains(String(verb)) else { return nil }
      return "\(file.path):\(literal.line): SQL outside a State folder: \(literal.text.prefix(40))"
    }
  }

  /// Names under `.flowdex` that only QueueLayout spells. A literal with white space in it is prose for people.
  static func paths(_ file: SwiftFile) -> [String] {
    guard file.path.hasPrefix("Sources/"), file.path != "Sources/QueueRunner/QueueLayout.swift" else {
      return []
    }
    let names = [
      "state.sqlite", "events.jsonl", "task.json", "instructions.md", "adapter-result", "heartbeat",
      "dispatches", "write.lock", "driver.lock", "dispatch.lock", "sha256", "snapshots", ".flowdex", "queue",
    ]
    return file.literals.compactMap { literal in
      guard !literal.text.contains(where: { $0.isWhitespace }) else { return nil }
      let parts = literal.text.split(separator: "/").map(String.init)
      let isPath = literal.text.contains("/") || literal.text.contains(".")
      guard isPath,
        let name = names.first(where: { name in parts.contains { $0 == name || $0.hasPrefix(name + ".") } })
      else { return nil }
      return "\(file.path):\(literal.line): spells `\(name)`, which QueueLayout names"
    }
  }

  /// Time comes from a clock that is passed in; one file asks the machine for it.
  static func clocks(_ file: SwiftFile) -> [String] {
    guard file.path != "Sources/QueueRunner/Support/Clock.swift" else { return [] }
    let dates = file.code.enumerated().compactMap { at, line in
      line.contains("Date()") && !line.contains("\"Date()") ? "\(file.path):\(at + 1): makes a `Date`" : nil
    }
    guard file.path.hasPrefix("Sources/") else { return dates }
    return dates
      + ["clock_gettime", "gettimeofday", "ContinuousClock", "SuspendingClock", "DispatchTime"].flatMap {
        word in
        file.lines(withWord: word).map { "\(file.path):\($0): asks `\(word)`; pass the clock in" }
      }
  }

  /// A command says its name. One that does not is asked for the name of its type each time the words of a command line
  /// are gone through, and that search took two thirds of a cold start.
  static func commandNames(_ file: SwiftFile) -> [String] {
    let silent = file.lines(withWord: "CommandConfiguration").filter { line in
      !file.code[(line - 1)..<min(line + 1, file.code.count)].contains { $0.contains("commandName:") }
    }
    let bare = file.lines(withWord: "ParsableCommand").filter { line in
      file.code[line - 1].contains("struct ") && !file.code.contains { $0.contains("CommandConfiguration(") }
    }
    return (silent + bare).map { "\(file.path):\($0): a command without `commandName:`" }
  }
}
