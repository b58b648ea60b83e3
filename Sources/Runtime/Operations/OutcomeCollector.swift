// Reads a running command's pipes and its supervisor's report.

import CSpawn
import Glibc
import QueueRunner

/// What the supervisor said, or nil if it died without a word.
struct CommandEnding {
  let report: flowdex_command_report?
  var hasLeftover: Bool { report?.leftover == 1 }
}

/// The work of a command's thread. Memory stays constant, however much the command writes.
struct OutcomeCollector {
  private let spec: HostCommandSpec
  private let made: flowdex_supervisor
  private let identity: ProcessIdentity
  private var stdout: StreamCapture
  private var stderr: StreamCapture
  private var buffer = [UInt8](repeating: 0, count: 64 << 10)

  init(_ spec: HostCommandSpec, _ made: flowdex_supervisor, _ identity: ProcessIdentity, spillFolder: String)
  {
    self.spec = spec
    self.made = made
    self.identity = identity
    // No two supervisors of one boot have the same pid and start; a file that an earlier boot left behind
    // may have them, so the name has something of its own too.
    let unique = UInt32.random(in: 0...UInt32.max)
    let name = "\(spillFolder)/command-\(made.pid)-\(made.start_ticks)-\(unique)"
    stdout = StreamCapture(spillPath: "\(name).stdout", limitBytes: spec.maxOutputBytes)
    stderr = StreamCapture(spillPath: "\(name).stderr", limitBytes: spec.maxOutputBytes)
  }

  /// Blocks until the supervisor reports. Both pipes are read all the while: the command never waits for us.
  mutating func collect() -> CommandEnding {
    var open: Set<Int32> = [made.standard_output, made.standard_error]
    var ending: CommandEnding?
    while ending == nil {
      let ready: Set<Int32>
      do {
        ready = try Poller.wait([made.link] + open, timeoutMs: nil)
      } catch {
        break
      }
      for descriptor in open where ready.contains(descriptor) {
        if !read(descriptor, atMost: buffer.count).isOpen { open.remove(descriptor) }
      }
      if ready.contains(made.link) { ending = CommandEnding(report: readReport()) }
    }
    // Everything that could write is gone, or is a stranger that was handed the pipe: what lies in it is
    // taken and nobody is waited for.
    for descriptor in open { drain(descriptor) }
    let known = ending ?? CommandEnding(report: nil)
    if known.report == nil { try? identity.killIfAlive() }
    return known
  }

  /// - Parameter cancelled: nobody will take the output: no file of it stays.
  mutating func outcome(_ ending: CommandEnding, cancelled: Bool) -> HostCommandOutcome {
    let failure = ending.report.flatMap { StartFailure($0, spec) }
    if let failure {
      Array("flowdex: \(failure.message)\n".utf8).withUnsafeBytes { stderr.append($0) }
    }
    // wait(2): the low seven bits are the signal, the next eight the exit code.
    let status = ending.report?.status ?? SIGKILL
    let signal = failure == nil && status & 0x7f != 0 ? Int(status & 0x7f) : nil
    return HostCommandOutcome(
      exitCode: failure?.exitCode ?? (signal == nil ? Int(status >> 8 & 0xff) : nil), signal: signal,
      timedOut: ending.report?.timed_out == 1, cancelled: cancelled, startError: failure?.message,
      lacksMachine: failure?.lacksMachine == true,
      stdout: stdout.finish(discardFile: cancelled), stderr: stderr.finish(discardFile: cancelled),
      durationMs: Int(ending.report?.duration_ms ?? 0))
  }

  private mutating func read(_ descriptor: Int32, atMost count: Int) -> (bytes: Int, isOpen: Bool) {
    let got = FileSystem.retrying {
      buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, min(count, $0.count)) }
    }
    if got < 0 { return (0, errno == EAGAIN) }
    let isStdout = descriptor == made.standard_output
    buffer.withUnsafeBytes { bytes in
      let piece = UnsafeRawBufferPointer(rebasing: bytes[0..<got])
      if isStdout { stdout.append(piece) } else { stderr.append(piece) }
    }
    return (got, got > 0)
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
    let got = FileSystem.retrying { recv(made.link, &report, size, Int32(MSG_WAITALL)) }
    return got == size ? report : nil
  }
}
