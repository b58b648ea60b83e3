// Reads a running command's pipes and its supervisor's report.

import CSpawn
import Glibc
import QueueRunner

/// What the supervisor said, or nil if it died without a word, or could not be listened to.
struct CommandEnding {
  let report: flowdex_command_report?
  /// Why it is not known that nothing of the command is left.
  var survival: FlowdexError?
  var hasLeftover: Bool { report?.leftover == 1 || survival != nil }
  /// Whether the supervisor takes another command: it knows of no signal to end, and nothing is left.
  var goesOn: Bool { report?.goes_on == 1 }
}

/// The work of a command's thread. Memory stays constant, however much the command writes.
struct OutcomeCollector {
  private let spec: HostCommandSpec
  private let supervisor: Supervisor
  private let streams: flowdex_command_streams
  private var stdout: StreamCapture
  private var stderr: StreamCapture
  /// A pipe's worth at once. Not zeroed: what is not read into it costs no memory.
  private static let pieceBytes = 64 << 10

  init(
    _ spec: HostCommandSpec, _ supervisor: Supervisor, _ streams: flowdex_command_streams, spillFolder: String
  ) {
    self.spec = spec
    self.supervisor = supervisor
    self.streams = streams
    // No two supervisors of one boot have the same pid and start; but one has several commands, and a file that an
    // earlier boot left behind may have them, so the name has something of its own too.
    let unique = UInt64.random(in: 0...UInt64.max)
    let name = "\(spillFolder)/command-\(supervisor.identity.pid)-\(supervisor.identity.startTicks)-\(unique)"
    stdout = StreamCapture(spillPath: "\(name).stdout", limitBytes: spec.maxOutputBytes)
    stderr = StreamCapture(spillPath: "\(name).stderr", limitBytes: spec.maxOutputBytes)
  }

  /// Blocks until the supervisor reports. Both pipes are read all the while: the command never waits for us.
  mutating func collect() -> CommandEnding {
    var open: Set<Int32> = [streams.standard_output, streams.standard_error]
    var ending: CommandEnding?
    while ending == nil {
      let ready: Set<Int32>
      do {
        ready = try Poller.wait([supervisor.link] + open, timeoutMs: nil)
      } catch {
        break
      }
      for descriptor in open where ready.contains(descriptor) {
        if !read(descriptor, atMost: Self.pieceBytes).isOpen { open.remove(descriptor) }
      }
      if ready.contains(supervisor.link) { ending = CommandEnding(report: readReport()) }
    }
    // Everything that could write is gone, or is a stranger that was handed the pipe: what lies in it is
    // taken and nobody is waited for.
    for descriptor in open { drain(descriptor) }
    if let ending, ending.report != nil { return ending }
    return CommandEnding(report: nil, survival: endRest())
  }

  /// Ends what the supervisor can no longer be asked to end.
  private func endRest() -> FlowdexError? {
    do {
      try supervisor.identity.killIfAlive()
      return nil
    } catch {
      return error as? FlowdexError ?? .bug("host-command", "\(error)")
    }
  }

  /// - Parameter cancelled: nobody will take the output: no file of it stays.
  mutating func outcome(_ ending: CommandEnding, cancelled: Bool) -> HostCommandOutcome {
    let failure = ending.report.flatMap { StartFailure($0, spec) }
    if let failure {
      Array("flowdex: \(failure.message)\n".utf8).withUnsafeBytes { stderr.append($0) }
    }
    // wait(2): the low seven bits are the signal, the next eight the exit code.
    let status = ending.report?.status ?? SIGKILL
    // Nobody keeps the output of a command of which nobody knows how it ended.
    let isUntold = cancelled || ending.report == nil
    let signal = failure == nil && status & 0x7f != 0 ? Int(status & 0x7f) : nil
    return HostCommandOutcome(
      exitCode: failure?.exitCode ?? (signal == nil ? Int(status >> 8 & 0xff) : nil), signal: signal,
      timedOut: ending.report?.timed_out == 1, cancelled: cancelled, startError: failure?.message,
      lacksMachine: failure?.lacksMachine == true, isUnknown: ending.report == nil, survival: ending.survival,
      stdout: stdout.finish(discardFile: isUntold), stderr: stderr.finish(discardFile: isUntold),
      durationMs: Int(ending.report?.duration_ms ?? 0))
  }

  private mutating func read(_ descriptor: Int32, atMost count: Int) -> (bytes: Int, isOpen: Bool) {
    withUnsafeTemporaryAllocation(byteCount: min(count, Self.pieceBytes), alignment: 16) { buffer in
      let got = FileSystem.retrying { Glibc.read(descriptor, buffer.baseAddress, buffer.count) }
      if got < 0 { return (0, errno == EAGAIN) }
      let piece = UnsafeRawBufferPointer(rebasing: buffer[..<got])
      if descriptor == streams.standard_output { stdout.append(piece) } else { stderr.append(piece) }
      return (got, got > 0)
    }
  }

  /// Takes no more than lay in the pipe at this moment, for a stranger could go on writing for ever.
  private mutating func drain(_ descriptor: Int32) {
    var lying: Int32 = 0
    if ioctl(descriptor, UInt(FIONREAD), &lying) != 0 { return }
    var left = Int(lying)
    while left > 0 {
      let (got, _) = read(descriptor, atMost: left)
      if got == 0 { return }
      left -= got
    }
  }

  private func readReport() -> flowdex_command_report? {
    var report = flowdex_command_report()
    let size = MemoryLayout<flowdex_command_report>.size
    let got = FileSystem.retrying { recv(supervisor.link, &report, size, Int32(MSG_WAITALL)) }
    return got == size ? report : nil
  }
}
