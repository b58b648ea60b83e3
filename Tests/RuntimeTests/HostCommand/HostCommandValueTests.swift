import Glibc
import QueueRunner
import Testing

@testable import Runtime

@Suite("What `ctx.hostCommand` resolves to")
struct HostCommandValueTests {
  private static let command = Manifest.HostCommand(
    id: "unit", argv: ["make", "test"], cwd: "project", timeoutMs: 60_000, maxOutputBytes: 1024,
    idempotent: false)

  private static func stream(truncated: Bool = false, problem: String? = nil) -> CapturedStream {
    CapturedStream(
      storage: .inline([]), sha256: Digest.sha256Hex([]), sizeBytes: 0, truncated: truncated, problem: problem
    )
  }

  private static func outcome(
    exitCode: Int? = 0, signal: Int? = nil, timedOut: Bool = false, stdout: CapturedStream = stream(),
    stderr: CapturedStream = stream()
  ) -> HostCommandOutcome {
    HostCommandOutcome(
      exitCode: exitCode, signal: signal, timedOut: timedOut, cancelled: false, startError: nil,
      lacksMachine: false,
      stdout: stdout,
      stderr: stderr, durationMs: 12)
  }

  private static func text(
    _ status: String, exitCode: String = "0", signal: String? = nil, timedOut: Bool = false,
    stdoutTruncated: Bool = false, stderrTruncated: Bool = false
  ) -> String {
    #"{"data":{"command":["make","test"],"durationMs":12,"exitCode":\#(exitCode),"maxOutputBytes":1024,"#
      + (signal.map { #""signal":"\#($0)","# } ?? "")
      + #""stderrArtifactId":"e","stderrTruncated":\#(stderrTruncated),"#
      + #""stdoutArtifactId":"o","stdoutTruncated":\#(stdoutTruncated),"timedOut":\#(timedOut)},"#
      + #""status":"\#(status)"}"#
  }

  @Test(
    "after it ran",
    arguments: [
      (outcome(), text("completed")), (outcome(exitCode: 2), text("failed", exitCode: "2")),
      (outcome(exitCode: nil, signal: 9), text("failed", exitCode: "null", signal: "SIGKILL")),
      (outcome(timedOut: true), text("failed", timedOut: true)),
      (
        outcome(exitCode: nil, signal: 15, timedOut: true),
        text("failed", exitCode: "null", signal: "SIGTERM", timedOut: true)
      ),
      (outcome(stdout: stream(truncated: true)), text("completed", stdoutTruncated: true)),
      (outcome(stderr: stream(truncated: true)), text("completed", stderrTruncated: true)),
      (outcome(stderr: stream(truncated: true, problem: "full")), text("completed", stderrTruncated: true)),
    ])
  func ran(outcome: HostCommandOutcome, expected: String) {
    #expect(HostCommandValue.of(Self.command, outcome, stdout: "o", stderr: "e").canonicalText == expected)
  }

  @Test("when the manifest does not list it")
  func needsApproval() {
    #expect(
      HostCommandValue.needsApproval("rm").canonicalText
        == #"{"data":{"command":null,"commandId":"rm","durationMs":0,"exitCode":null,"maxOutputBytes":null,"#
        + #""stderrArtifactId":null,"stderrTruncated":false,"stdoutArtifactId":null,"stdoutTruncated":false,"#
        + #""timedOut":false},"status":"needs-approval"}"#)
  }

  @Test("when a crash left nobody who knows")
  func indeterminate() {
    #expect(
      HostCommandValue.indeterminate(Self.command, empty: "x").canonicalText
        == #"{"data":{"command":["make","test"],"durationMs":0,"exitCode":null,"indeterminate":true,"#
        + #""maxOutputBytes":1024,"stderrArtifactId":"x","stderrTruncated":false,"stdoutArtifactId":"x","#
        + #""stdoutTruncated":false,"timedOut":false},"status":"failed"}"#)
  }

  @Test(
    "names signals",
    arguments: [
      (1, "SIGHUP"), (9, "SIGKILL"), (11, "SIGSEGV"), (15, "SIGTERM"), (31, "SIGSYS"), (34, "SIGRTMIN+0"),
      (64, "SIGRTMIN+30"), (0, "signal 0"), (99, "signal 99"), (-1, "signal -1"),
    ])
  func signals(number: Int, name: String) { #expect(SignalName.of(number) == name) }

  @Test("keeps as much in memory as an artifact keeps in the database")
  func inlineLimit() { #expect(StreamCapture.inlineLimitBytes == 65_536) }
}
