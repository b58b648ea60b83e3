import Glibc
import QueueRunner

/// stdout for data, stderr for everything else.
enum Console {
  static let isTerminal = isatty(1) == 1
  static let isInteractive = isatty(0) == 1 && isatty(2) == 1
  /// Colour and live display: only on a terminal that can, and that was not asked to be plain.
  static let isLive = isColoured(1)
  static func isColoured(_ descriptor: Int32) -> Bool {
    isatty(descriptor) == 1 && getenv("NO_COLOR") == nil && String(cString: getenv("TERM") ?? dumb) != "dumb"
  }
  nonisolated(unsafe) private static let dumb = strdup("dumb")!

  /// Called before each word: what is told of a run must be on disk.
  nonisolated(unsafe) private static var beforeWords: (() throws -> Void)?
  nonisolated(unsafe) private static var isUnsettled = false
  static func ensure(beforeWords ensure: @escaping () throws -> Void) { beforeWords = ensure }

  /// Before anything is opened: a descriptor that the caller has closed would be given to the next file, and
  /// what is printed would land in it. A closed stdout stays one that cannot be written to.
  static func settle() {
    signal(SIGPIPE, SIG_IGN)
    for (descriptor, access) in [(Int32(0), O_RDONLY), (1, O_RDONLY), (2, O_WRONLY)]
    where fcntl(descriptor, F_GETFD) == -1 { _ = open("/dev/null", access) }
  }

  static func out(_ text: String) { put(text + "\n") }
  static func raw(_ text: String) { put(text) }
  /// Whatever may have several lines, such as a preview.
  static func error(_ text: String) { say(text + "\n") }
  static func prompt(_ text: String) { say(text) }
  /// One line about what happened: `flowdex: `, then the text.
  static func note(_ text: String) { say("flowdex: \(oneLine(text))\n") }

  static func json(_ value: JSONValue) { out(value.prettyText) }
  /// One value a line, for those who read as it comes.
  static func json(compact value: JSONValue) { out(value.compactText) }

  /// The same text as of one array of them, but never all of it at once.
  static func json(each values: some Sequence<JSONValue>) {
    var hasAny = false
    for value in values {
      let lines = value.prettyText.split(separator: "\n", omittingEmptySubsequences: false)
      put((hasAny ? ",\n" : "[\n") + lines.map { "  \($0)" }.joined(separator: "\n"))
      hasAny = true
    }
    put(hasAny ? "\n]\n" : "[]\n")
  }

  /// Tab-separated where nobody looks; aligned, with heads, where somebody does.
  static func table(_ rows: [[String]], heads: [String]? = nil) {
    if rows.isEmpty { return }
    if isTerminal {
      for line in Table.lines((heads.map { [$0] } ?? []) + rows, width: size().columns) { out(line) }
    } else {
      for row in rows { out(row.map(oneLine).joined(separator: "\t")) }
    }
  }

  /// A time as RFC 3339 gives it where nobody looks; how long ago it was where somebody does.
  static func time(_ text: String) -> String {
    guard isTerminal, let ms = Timestamp.ms(text) else { return text }
    return TimeWords.ago(ms: SystemClock().nowMs() - ms)
  }

  /// Of the terminal; 80 by 24 where it does not say.
  static func size() -> (columns: Int, rows: Int) {
    var size = winsize()
    guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return (80, 24) }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// What workers wrote must not move the cursor or break a row.
  static func oneLine(_ text: String) -> String {
    // Nearly always; what category a scalar is of, Unicode's tables would have to be asked.
    if text.utf8.allSatisfy({ 0x20 <= $0 && $0 < 0x7f }) { return text }
    return String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
  }

  /// A word of another thread than the command's, about no run's state.
  static func aside(_ text: String) { try? write(2, "flowdex: \(oneLine(text))\n") }

  private static func put(_ text: String) {
    // What cannot be made durable is not told as data.
    guard settleRuns() else { exit(1) }
    do {
      try write(1, text)
    } catch let error as FlowdexError {
      // A reader that has had enough is no error of ours.
      if error.code == "errno-\(EPIPE)" { exit(0) }
      note(error.description)
      exit(1)
    } catch {
      exit(1)
    }
  }

  private static func say(_ text: String) {
    _ = settleRuns()
    // Nobody can be told that stderr is gone, and the work is worth more than the word about it.
    try? write(2, text)
  }

  /// False once it has failed, which has been said.
  private static func settleRuns() -> Bool {
    guard let ensure = beforeWords else { return !isUnsettled }
    do {
      try ensure()
      return true
    } catch {
      beforeWords = nil
      isUnsettled = true
      note((error as? FlowdexError)?.description ?? "\(error)")
      return false
    }
  }

  private static func write(_ descriptor: Int32, _ text: String) throws {
    var text = text
    try text.withUTF8 {
      try FileSystem.writeAll(
        descriptor, UnsafeRawBufferPointer($0), descriptor == 1 ? "standard output" : "standard error")
    }
  }
}
