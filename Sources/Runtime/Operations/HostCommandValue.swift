// What `ctx.hostCommand` resolves to (contract §4). One shape for every status, so that a callback may read
// any field without asking first; `signal` and `indeterminate` are there only when they say something.

import Glibc
import QueueRunner

/// The values that a host command is delivered as.
enum HostCommandValue {
  /// A command that ran, or could not be started.
  ///
  /// - Parameters:
  ///   - stdout: the id of the artifact that holds what was kept of the stream; `stderr` likewise.
  static func of(
    _ command: Manifest.HostCommand, _ outcome: HostCommandOutcome, stdout: String, stderr: String
  ) -> JSONValue {
    var data: [(key: String, value: JSONValue)] = [
      ("command", argv(command)),
      ("exitCode", outcome.exitCode.map { JSONValue($0) } ?? .null),
    ]
    if let signal = outcome.signal { data.append(("signal", .string(SignalName.of(signal)))) }
    data += [
      ("timedOut", .bool(outcome.timedOut)),
      ("stdoutArtifactId", .string(stdout)),
      ("stderrArtifactId", .string(stderr)),
      ("stdoutTruncated", .bool(outcome.stdout.truncated)),
      ("stderrTruncated", .bool(outcome.stderr.truncated)),
      ("maxOutputBytes", JSONValue(command.maxOutputBytes)),
      ("durationMs", JSONValue(outcome.durationMs)),
    ]
    return value(outcome.succeeded ? "completed" : "failed", data)
  }

  /// An id that the manifest does not list: nothing ran. `command`, `maxOutputBytes` and the artifacts are
  /// null, for there is no such command to tell of; `commandId` says what was asked for.
  static func needsApproval(_ commandId: String) -> JSONValue {
    value(
      "needs-approval",
      [
        ("command", .null), ("commandId", .string(commandId)), ("exitCode", .null), ("timedOut", false),
        ("stdoutArtifactId", .null), ("stderrArtifactId", .null), ("stdoutTruncated", false),
        ("stderrTruncated", false), ("maxOutputBytes", .null), ("durationMs", 0),
      ])
  }

  /// A command that was begun before a crash and may have run, in part or whole; it is not run again.
  ///
  /// - Parameter empty: the id of the empty artifact, which stands for both streams.
  static func indeterminate(_ command: Manifest.HostCommand, empty: String) -> JSONValue {
    value(
      "failed",
      [
        ("command", argv(command)), ("exitCode", .null), ("timedOut", false), ("indeterminate", true),
        ("stdoutArtifactId", .string(empty)), ("stderrArtifactId", .string(empty)),
        ("stdoutTruncated", false), ("stderrTruncated", false),
        ("maxOutputBytes", JSONValue(command.maxOutputBytes)), ("durationMs", 0),
      ])
  }

  private static func argv(_ command: Manifest.HostCommand) -> JSONValue {
    .array(command.argv.map(JSONValue.string))
  }

  private static func value(_ status: String, _ data: [(key: String, value: JSONValue)]) -> JSONValue {
    .object(JSONObject([("status", .string(status)), ("data", .object(JSONObject(data)))]))
  }
}

/// Names of signals, as kill(1) spells them with SIG before.
enum SignalName {
  private static let names: [Int32: String] = [
    SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP",
    SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGUSR1: "SIGUSR1",
    SIGSEGV: "SIGSEGV", SIGUSR2: "SIGUSR2", SIGPIPE: "SIGPIPE", SIGALRM: "SIGALRM", SIGTERM: "SIGTERM",
    SIGSTKFLT: "SIGSTKFLT", SIGCHLD: "SIGCHLD", SIGCONT: "SIGCONT", SIGSTOP: "SIGSTOP", SIGTSTP: "SIGTSTP",
    SIGTTIN: "SIGTTIN", SIGTTOU: "SIGTTOU", SIGURG: "SIGURG", SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ",
    SIGVTALRM: "SIGVTALRM", SIGPROF: "SIGPROF", SIGWINCH: "SIGWINCH", SIGIO: "SIGIO", SIGPWR: "SIGPWR",
    SIGSYS: "SIGSYS",
  ]

  /// Real-time signals, which glibc counts from 34 to 64, are `SIGRTMIN+n`.
  static func of(_ number: Int) -> String {
    if let known = Int32(exactly: number).flatMap({ names[$0] }) { return known }
    return (34...64).contains(number) ? "SIGRTMIN+\(number - 34)" : "signal \(number)"
  }
}
