// Usage errors in one line. The parser words them in several, in capitals and single quotes, and does not know
// the commands that are near to a mistyped one.

import ArgumentParser
import QueueRunner
import Runtime

/// What the command line was used wrongly in.
enum UsageWords {
  /// Refuses a command that is not there, with the one that was probably meant.
  static func checkCommand(_ arguments: [String], of root: any ParsableCommand.Type) throws {
    var command = root
    for argument in arguments {
      let known = command.configuration.subcommands
      if known.isEmpty || argument.hasPrefix("-") || argument == "help" { return }
      guard let next = known.first(where: { $0._commandName == argument }) else {
        let path = command == root ? root._commandName : "\(root._commandName) \(command._commandName)"
        throw FlowdexError.usage(
          "usage", "`\(path)` has no command `\(argument)`",
          next: Nearest.of(argument, in: known.map { $0._commandName }).map { "did you mean `\($0)`?" }
            ?? "run `\(path) --help` to see the commands")
      }
      command = next
    }
  }

  /// The parser's message as ours, with the next step from its help.
  static func error(_ message: String, help: String) -> FlowdexError {
    let text = backticked(lowerCased(message))
    let parts = text.split(separator: ". did you mean ", maxSplits: 1)
    if parts.count == 2 { return .usage("usage", String(parts[0]), next: "did you mean \(parts[1])") }
    return .usage("usage", text.hasSuffix(".") ? String(text.dropLast()) : text, next: nextStep(help))
  }

  /// `  See 'flowdex status --help' for more information.` as a step to take.
  private static func nextStep(_ help: String) -> String? {
    guard let line = help.split(separator: "\n").last(where: { $0.hasPrefix("  See '") }) else { return nil }
    return "run `\(line.dropFirst(7).prefix { $0 != "'" })` to see how it is used"
  }

  private static func lowerCased(_ text: String) -> String {
    let text = text.replacing(". Did you mean ", with: ". did you mean ")
      .replacing("Missing expected argument", with: "missing argument")
    // `--limit` is a name; a word in capitals is one too.
    guard text.dropFirst().first?.isUppercase != true else { return text }
    return text.prefix(1).lowercased() + text.dropFirst()
  }

  /// Quotes around a name as backticks; an apostrophe within a word stays.
  private static func backticked(_ text: String) -> String {
    let letters = Array(text)
    return String(
      letters.enumerated().map { at, letter -> Character in
        guard letter == "'" else { return letter }
        let before = at == 0 ? " " : letters[at - 1]
        let after = at + 1 == letters.count ? " " : letters[at + 1]
        return before.isLetter && after.isLetter ? letter : "`"
      })
  }
}
