// A session's process: started, looked at, written to and read from without waiting, and ended for good.

import CSpawn
import Glibc
import QueueRunner

/// One process with its channel. Confined to the thread that started it, which must outlive it.
final class SessionProcess {
  /// How a process ended.
  enum Ending: Equatable {
    case exit(Int32)
    case signal(Int32)

    var text: String {
      switch self {
      case .exit(let code): "it ended with exit status \(code)"
      case .signal(let number): "it was ended by signal \(number)"
      }
    }
  }

  let pid: Int32
  let channel: Int32
  private let errors: Int32
  private var hasClosedErrors = false
  /// What to poll for standard error; -1, which poll(2) skips, once it is closed: a hang-up would be news for
  /// ever.
  var errorsToWatch: Int32 { hasClosedErrors ? -1 : errors }
  private(set) var ending: Ending?
  /// What it last wrote to standard error, at most `errorsKept` bytes.
  private(set) var lastErrors: [UInt8] = []
  private let errorsKept: Int
  private var chunk = [UInt8](repeating: 0, count: 1 << 16)

  /// - Parameters:
  ///   - arguments: other words than a session's: for the check of types, and for tests.
  ///   - errorsKept: how many bytes of its standard error are kept, the last ones.
  init(_ configuration: DenoSession.Configuration, arguments: [String]? = nil, errorsKept: Int = 4096) throws
  {
    self.errorsKept = errorsKept
    let arguments =
      arguments ?? SessionCommand.arguments(deno: configuration.deno, limits: configuration.limits)
    var started = flowdex_session_process()
    let code = Self.start(configuration, arguments, &started)
    if code != 0 { throw Self.failure(code, stage: started.stage, configuration) }
    pid = started.pid
    channel = started.channel
    errors = started.errors
  }

  private static func start(
    _ configuration: DenoSession.Configuration, _ arguments: [String],
    _ started: inout flowdex_session_process
  ) -> Int32 {
    withCStrings(arguments + [configuration.deno, configuration.workingFolder]) { words in
      withCStrings(SessionCommand.environment) { environment in
        configuration.containment.withPointer { containment in
          // One array holds all words; the arguments end where it is cut.
          var argv = Array(UnsafeBufferPointer(start: words, count: arguments.count))
          argv.append(nil)
          return argv.withUnsafeBufferPointer { argv in
            var options = flowdex_session_options(
              path: words[arguments.count], arguments: argv.baseAddress, environment: environment,
              workingFolder: words[arguments.count + 1],
              dataBytes: SessionCommand.dataBytes(configuration.limits), openFiles: 128,
              containment: containment)
            return flowdex_session_start(&options, &started)
          }
        }
      }
    }
  }

  deinit {
    end()
    close(channel)
    close(errors)
  }

  private static func failure(
    _ code: Int32, stage: Int32, _ configuration: DenoSession.Configuration
  ) -> FlowdexError {
    switch UInt32(clamping: stage) {
    case FLOWDEX_SESSION_FOLDER.rawValue:
      FileSystem.failure("enter", configuration.workingFolder, code)
    case FLOWDEX_SESSION_EXEC.rawValue:
      DenoLocator.cannotStart(configuration.deno, reasonOfNoExec(code, configuration.deno))
    default: FileSystem.failure("start", configuration.deno, code)
    }
  }

  private static func reasonOfNoExec(_ code: Int32, _ path: String) -> String {
    let said = String(cString: strerror(code)).lowercased()
    guard FileSystem.exists(path), ELFProgram(path) == nil else { return said }
    return "\(said); it is not a program but perhaps a script that starts one, which a session cannot"
  }

  /// Sends what the channel takes now; false once nobody reads it any more.
  func write(_ bytes: inout OutgoingBytes) -> Bool {
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { rest in
        FileSystem.retrying { send(channel, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL)) }
      }
      if count < 0 { return errno == EAGAIN }
      bytes.consume(count)
    }
    return true
  }

  /// What is there to be read, at most 64 KiB; empty at the end, nil when there is nothing yet.
  func read() -> ArraySlice<UInt8>? { read(channel) }

  /// Keeps the last of what has come on standard error.
  func drainErrors() {
    while let bytes = read(errors) {
      if bytes.isEmpty {
        hasClosedErrors = true
        return
      }
      lastErrors += bytes
      if lastErrors.count > errorsKept { lastErrors.removeFirst(lastErrors.count - errorsKept) }
    }
  }

  private func read(_ descriptor: Int32) -> ArraySlice<UInt8>? {
    let count = FileSystem.retrying { Glibc.read(descriptor, &chunk, chunk.count) }
    if count < 0 { return errno == EAGAIN ? nil : [] }
    return chunk[..<count]
  }

  /// Kills the process if it lives, and reaps it: no zombie is left. Harmless when done twice.
  func end() {
    if ending != nil { return }
    kill(pid, SIGKILL)
    reap()
  }

  /// Waits for the end of a process that has closed its channel, and so is about to end by itself.
  func wait() -> Ending {
    if let ending { return ending }
    return reap()
  }

  @discardableResult
  private func reap() -> Ending {
    var status: Int32 = 0
    let reaped = FileSystem.retrying { waitpid(pid, &status, 0) }
    // wait(2): the low seven bits are the signal, the next byte is the exit status.
    let signal = status & 0x7f
    let ended: Ending =
      reaped == pid && signal == 0 ? .exit(status >> 8 & 0xff) : .signal(reaped == pid ? signal : SIGKILL)
    ending = ended
    drainErrors()
    return ended
  }

  /// CPU and memory now; nil when the process is gone.
  func sample() -> ProcessSample? {
    guard let stat = Self.text("/proc/\(pid)/stat"), let memory = Self.text("/proc/\(pid)/statm"),
      let name = stat.utf8.lastIndex(of: UInt8(ascii: ")"))
    else { return nil }
    // After the name, which may hold anything, `state` is the first word; utime and stime are words 14 and
    // 15.
    let words = stat[stat.utf8.index(after: name)...].split(separator: " ")
    let pages = memory.split(separator: " ")
    guard words.count > 12, pages.count > 1, let user = Int(words[11]), let system = Int(words[12]),
      let resident = Int(pages[1])
    else { return nil }
    let perSecond = max(sysconf(Int32(_SC_CLK_TCK)), 1)
    let pageBytes = max(sysconf(Int32(_SC_PAGESIZE)), 1)
    return ProcessSample(
      cpuMs: (user + system) * 1000 / perSecond, residentMiB: resident * pageBytes >> 20)
  }

  private static func text(_ path: String) -> String? {
    (try? FileSystem.read(path, limitBytes: 1 << 16)).map { String(decoding: $0, as: UTF8.self) }
  }
}

/// Bytes that wait to be sent.
struct OutgoingBytes {
  private var bytes: [UInt8] = []
  private var sent = 0

  var isEmpty: Bool { sent == bytes.count }
  var count: Int { bytes.count - sent }

  mutating func append(_ more: [UInt8]) {
    if isEmpty {
      bytes = more
      sent = 0
    } else {
      if sent > 1 << 20 {
        bytes.removeFirst(sent)
        sent = 0
      }
      bytes += more
    }
  }

  mutating func consume(_ count: Int) { sent = min(sent + max(count, 0), bytes.count) }

  func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
  }
}

/// Calls a body with the strings as a null-terminated array of C strings.
private func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var pointers = strings.map { strdup($0) }
  pointers.append(nil)
  defer { for pointer in pointers { free(pointer) } }
  return pointers.withUnsafeBufferPointer { buffer in
    guard let base = buffer.baseAddress else { preconditionFailure("an array of one element has an address") }
    return body(base)
  }
}
