// Starts the commands that a manifest allows (contract §4): no shell, no inherited environment, no inherited
// descriptors, and a supervisor for each that ends everything the command started.

import CSpawn
import Glibc
import QueueRunner

/// What to run.
struct HostCommandSpec: Sendable, Equatable {
  /// The program and its arguments, none of them with a NUL.
  var argv: [String]
  /// Absolute.
  var cwd: String
  /// The whole environment. Its PATH is where `argv[0]` is looked for, if that has no slash.
  var environment: [String: String]
  /// What `argv[0]` was found to be, if it was: run without looking again.
  var program: ProgramFile?
  /// Until the process group gets SIGTERM.
  var timeoutMs: Int
  /// Bytes kept of each stream.
  var maxOutputBytes: Int
  /// From that SIGTERM to SIGKILL for every descendant.
  var graceMs = 5000
}

enum HostCommandRunner {
  /// Where a program is looked for if the environment has no PATH.
  static let defaultPath = "/usr/local/bin:/usr/bin:/bin"

  /// Gives a command to a supervisor, which waits at its gate and is known by `identity` from now on. The
  /// caller opens the gate with `go`, once the identity is committed, or calls `abandon`.
  ///
  /// - Parameters:
  ///   - spillFolder: an existing folder, on the artifacts' file system, for output over 64 KiB.
  ///   - pool: where the supervisor is taken from, if one is there, and goes when nothing of the command is left;
  ///     without a pool it is a new one and goes away with its command.
  /// - Throws: `host-command-text` for what cannot be passed to a program; a machine error if there are no
  ///   processes or descriptors to be had, or no `/proc`.
  static func prepare(
    _ spec: HostCommandSpec, spillFolder: String, pool: SupervisorPool? = nil
  ) throws -> PreparedCommand {
    try check(spec)
    while let known = pool?.take() {
      var streams = flowdex_command_streams()
      // One that has died this very moment is not the last there is.
      let error = give(spec, to: known, &streams)
      if error == 0 { return PreparedCommand(spec, known, streams, spillFolder: spillFolder, pool: pool) }
      known.end()
      if error != EPIPE, error != ECONNRESET { throw Supervisor.failure(spec.argv[0], error) }
    }
    let fresh = try Supervisor(for: spec.argv[0])
    var streams = flowdex_command_streams()
    let error = give(spec, to: fresh, &streams)
    if error != 0 { throw Supervisor.failure(spec.argv[0], error) }
    return PreparedCommand(spec, fresh, streams, spillFolder: spillFolder, pool: pool)
  }

  private static func give(
    _ spec: HostCommandSpec, to supervisor: Supervisor, _ streams: inout flowdex_command_streams
  ) -> Int32 {
    let candidates = CStrings(candidates(spec))
    let argv = CStrings(spec.argv)
    let environment = CStrings(spec.environment.map { "\($0.key)=\($0.value)" }.sorted())
    return spec.cwd.withCString { cwd in
      var command = flowdex_command(
        candidates: candidates.pointers, argv: argv.pointers, environment: environment.pointers, cwd: cwd,
        timeout_ms: Int64(clamped(spec.timeoutMs)), grace_ms: Int64(clamped(spec.graceMs)))
      return flowdex_command_prepare(supervisor.link, &command, &streams)
    }
  }

  /// Ten years at most, so that no sum of times overflows.
  private static func clamped(_ ms: Int) -> Int { min(max(ms, 0), 315_360_000_000) }

  private static func check(_ spec: HostCommandSpec) throws {
    guard !spec.argv.isEmpty else {
      throw FlowdexError.failed("host-command-text", "a host command needs a program: `argv` is empty")
    }
    let texts = spec.argv + [spec.cwd] + spec.environment.flatMap { [$0.key, $0.value] }
    if let text = texts.first(where: { $0.utf8.contains(0) }) {
      throw FlowdexError.failed(
        "host-command-text",
        "`\(spec.argv[0].prefix { $0 != "\0" })`: no program can be given text with a NUL",
        next: "\(text.utf8.count) bytes of an argument, the folder or the environment hold one")
    }
    if let name = spec.environment.keys.first(where: { $0.isEmpty || $0.utf8.contains(UInt8(ascii: "=")) }) {
      throw FlowdexError.failed("host-command-text", "`\(name)` is no name for an environment variable")
    }
  }

  /// The paths that execvp(3) would try. An empty entry of PATH is the working directory (POSIX XBD 8.3).
  static func candidates(_ spec: HostCommandSpec) -> [String] {
    let program = spec.argv[0]
    if let found = spec.program, !program.utf8.contains(UInt8(ascii: "/")) { return [found.path] }
    return candidates(program, path: spec.environment["PATH"] ?? defaultPath)
  }

  static func candidates(_ program: String, path: String) -> [String] {
    if program.isEmpty || program.utf8.contains(UInt8(ascii: "/")) { return [program] }
    return
      path
      .split(separator: ":", omittingEmptySubsequences: false)
      .map { $0.isEmpty ? "./\(program)" : "\($0)/\(program)" }
  }
}

/// A NULL-terminated array of C strings, freed with its owner.
private final class CStrings {
  let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  private let count: Int

  init(_ texts: [String]) {
    count = texts.count
    pointers = .allocate(capacity: texts.count + 1)
    for (at, text) in texts.enumerated() { (pointers + at).initialize(to: strdup(text)) }
    (pointers + count).initialize(to: nil)
  }

  deinit {
    for at in 0..<count { free(pointers[at]) }
    pointers.deallocate()
  }
}
