// A live evaluation of a workflow's callback in a process of its own. What it says is not trusted: frames are
// checked here, operations by the planner.
//
// One thread does both directions: the channel never blocks, what cannot be sent yet waits in memory, and
// while `receive` waits it sends as well as reads. So deliveries may be written far ahead of their turns
// (which is what makes a replay fast) and the two ends can never wait for each other.

import Glibc
import QueueRunner

/// A session with Deno. Confined to one permanent thread, which must outlive it: the process is killed when
/// the thread that started it ends.
public final class DenoSession {
  /// What a session runs with.
  public struct Configuration: Sendable {
    /// The path of Deno.
    public var deno: String
    /// What the manifest grants a session.
    public var limits: Manifest.Limits
    /// An empty folder: the process's working directory.
    public var workingFolder: String
    /// What the kernel enforces besides.
    public var containment: SessionContainment
    /// Milliseconds without an answer or any use of CPU after which the session counts as dead.
    public var silentMs: Int
    /// Only its `bootMs` is asked.
    public var clock: any WallClock

    /// A session of that Deno, within the manifest's limits; contained as far as the kernel can, unless told
    /// otherwise.
    public init(
      deno: String, limits: Manifest.Limits, workingFolder: String, containment: SessionContainment? = nil,
      silentMs: Int = 30_000, clock: any WallClock = SystemClock()
    ) {
      self.deno = deno
      self.limits = limits
      self.workingFolder = workingFolder
      self.containment = containment ?? SessionContainment(program: deno)
      self.silentMs = silentMs
      self.clock = clock
    }
  }

  /// How long a wait goes on before the process is looked at.
  private static let lookMs = 50
  /// How much of a text in parts waits in memory to be sent.
  private static let heldBytes = 1 << 20

  private let configuration: Configuration
  private let process: SessionProcess
  private let secret: [UInt8]
  private var reader: SessionFrameReader
  private var outgoing = OutgoingBytes()
  /// Deliveries that go in one frame, which is sent when it is full or when a turn is asked for.
  private var together = DeliveryBatch()
  /// Turns that came while something was sent.
  private var ready: [Turn] = []
  /// Turns that have been told, and brought nothing.
  private var quiet = 0
  /// Turns that the session owes: one for the start, and one for each delivery.
  private var owed = 0
  private var watch: TickWatch
  private var lookedAtMs: Int64
  private var manifestHash: String?
  /// The next delivery is the end of a text in parts.
  private var isAfterPart = false
  private var hasGreeted = false
  private var hasEnded = false
  private var failure: SessionFailure?

  /// Starts the process, which makes itself ready while the caller does something else.
  ///
  /// - Throws: an error of the machine, where there is no such Deno or no process to be had.
  public init(configuration: Configuration) throws {
    self.configuration = configuration
    let hex = Array("0123456789abcdef".utf8)
    var generator = SystemRandomNumberGenerator()
    let secret = (0..<SessionFrame.secretBytes).map { _ in hex[Int(generator.next(upperBound: UInt(16)))] }
    self.secret = secret
    reader = SessionFrameReader(secret: secret, limitBytes: configuration.limits.outputBytes)
    watch = TickWatch(limits: configuration.limits, silentMs: configuration.silentMs)
    lookedAtMs = configuration.clock.bootMs()
    process = try SessionProcess(configuration)
    send("H", SessionCommand.contextScripts)
  }

  /// The process's id: for tests and for people.
  var pid: Int32 { process.pid }

  /// Evaluates the module and calls the callback; the first turn comes from `receive`.
  public func start(_ start: SessionStart) throws {
    manifestHash = start.manifestHash
    watch.begin()
    owed += 1
    send("S", [start.source, start.inputText, String(start.nowMs)])
  }

  /// Sends a part of the text of the next delivery, which goes before the delivery's own: for a text that is too
  /// long to be held whole. What the session does not take yet is held, up to `heldBytes`; then this waits, and keeps
  /// the turns that come back meanwhile.
  public func deliver(part: String) throws {
    sendTogether()
    isAfterPart = true
    send("P", [part])
    while outgoing.count > Self.heldBytes {
      if let failure { throw failure }
      while let turn = try nextTurn() { ready.append(turn) }
      // What ended it is said by `receive`, and what is sent to it from now on is lost.
      if hasEnded { return }
      _ = try wait([])
      try look()
    }
  }

  /// Queues one delivery; it may be far ahead of the turns. Each brings exactly one turn, in this order.
  public func deliver(_ delivery: SessionDelivery) throws {
    owed += 1
    let fields = SessionFrame.fields(of: delivery)
    if isAfterPart || !together.add(fields) {
      sendTogether()
      send("D", fields)
    } else if together.isFull {
      sendTogether()
    }
    isAfterPart = false
  }

  private func sendTogether() {
    if let text = together.take() { send("B", [text]) }
  }

  /// Waits for the next turn; nil if one of the descriptors became readable first.
  ///
  /// - Throws: `SessionFailure`, after which the session is over; an error of the machine for a Deno
  ///   that cannot be used.
  public func receive(wakeups: [Int32]) throws -> Turn? {
    sendTogether()
    if !ready.isEmpty { return ready.removeFirst() }
    watch.begin()
    while true {
      if let failure { throw failure }
      if let turn = try nextTurn() { return turn }
      if hasEnded { throw fail(try reasonOfEnd()) }
      if try wait(wakeups) { return nil }
      try look()
    }
  }

  /// Kills the process and reaps it. Nothing may be asked of the session afterwards.
  public func close() {
    process.end()
    if failure == nil { failure = .died("the session was closed") }
  }

  private func send(_ kind: Unicode.Scalar, _ fields: [String]) {
    outgoing.append(SessionFrame(kind: UInt8(ascii: kind), fields: fields).encoded(secret: secret))
    if !process.write(&outgoing) { outgoing = OutgoingBytes() }
  }

  /// A whole turn that has come, if there is one.
  private func nextTurn() throws -> Turn? {
    do {
      if let turn = quietTurn() { return turn }
      while let frame = try reader.next() {
        switch frame.kind {
        case UInt8(ascii: "h"): try greet(frame)
        case UInt8(ascii: "t"):
          owed -= 1
          return try turn(TurnMessage(frame.fields))
        case UInt8(ascii: "q"):
          quiet = try TurnMessage.quiet(frame.fields, most: owed)
          if let turn = quietTurn() { return turn }
        default: throw SessionWireError(text: "a frame has the unknown kind \(frame.kind)")
        }
      }
    } catch let error as SessionWireError {
      try refuseStranger()
      throw fail(.died("it does not keep to the protocol: \(error.text)"))
    }
    if reader.isOverLimit {
      try refuseStranger()
      throw fail(
        limit("outputBytes", configuration.limits.outputBytes, "it has written \(reader.totalBytes) bytes"))
    }
    return nil
  }

  private func quietTurn() -> Turn? {
    guard quiet > 0 else { return nil }
    quiet -= 1
    owed -= 1
    watch.begin()
    return Turn(state: .suspended)
  }

  /// What speaks otherwise before its first frame is not the harness, and nothing of it is the callback's doing.
  private func refuseStranger() throws {
    if hasGreeted { return }
    close()
    throw DenoLocator.cannotStart(
      configuration.deno, "what it says first is no greeting of the harness, as deno 2.9 or newer brings")
  }

  private func greet(_ frame: SessionFrame) throws {
    do {
      try DenoLocator.check(version: frame.fields.first ?? "", path: configuration.deno)
    } catch {
      close()
      throw error
    }
    hasGreeted = true
    // Its own start is not the callback's doing.
    watch.begin()
  }

  private func turn(_ message: TurnMessage) throws -> Turn {
    watch.begin()
    if message.isOutOfMemory {
      throw fail(limit("memoryMiB", configuration.limits.memoryMiB, "an array buffer could not be allocated"))
    }
    guard let expected = manifestHash, !message.manifestText.isEmpty else { return message.turn }
    manifestHash = nil
    if Digest.sha256Hex(message.manifestText) == expected { return message.turn }
    return Turn(
      state: .failed(
        "the manifest that the module passes to `workflow` is not the one that was approved: its hash is "
          + "`\(Digest.sha256Hex(message.manifestText))`, expected was `\(expected)`"))
  }

  /// True if a wakeup came and nothing of the session's.
  private func wait(_ wakeups: [Int32]) throws -> Bool {
    let events = Int16(POLLIN) | (outgoing.isEmpty ? 0 : Int16(POLLOUT))
    var entries = [
      pollfd(fd: process.channel, events: events, revents: 0),
      pollfd(fd: process.errorsToWatch, events: Int16(POLLIN), revents: 0),
    ]
    entries += wakeups.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    if poll(&entries, nfds_t(entries.count), Int32(Self.lookMs)) < 0 {
      if errno == EINTR { return false }
      throw FileSystem.failure("wait for", "a session")
    }
    if entries[1].revents != 0 { process.drainErrors() }
    if entries[0].revents == 0 { return entries.dropFirst(2).contains { $0.revents != 0 } }
    if !process.write(&outgoing) { outgoing = OutgoingBytes() }
    while !reader.isOverLimit, let bytes = process.read() {
      if bytes.isEmpty {
        hasEnded = true
        break
      }
      reader.append(bytes)
      if bytes.count < 1 << 16 { break }
    }
    return false
  }

  /// Looks at the process now and then, whatever else goes on.
  private func look() throws {
    let now = configuration.clock.bootMs()
    let elapsed = Int(clamping: now - lookedAtMs)
    guard elapsed >= Self.lookMs else { return }
    lookedAtMs = now
    guard let sample = process.sample() else { return }
    if let failure = watch.look(sample, elapsedMs: elapsed, isStarting: !hasGreeted) { throw fail(failure) }
  }

  private func fail(_ reason: SessionFailure) -> SessionFailure {
    process.end()
    failure = reason
    return reason
  }

  private func limit(_ name: String, _ value: Int, _ message: String) -> SessionFailure {
    .limit(name: name, value: value, message: message)
  }

  /// Why the channel has closed.
  private func reasonOfEnd() throws -> SessionFailure {
    process.end()
    let said = String(decoding: process.lastErrors, as: UTF8.self)
    // The last is of a size that no heap could hold.
    let isMemory = ["out of memory", "memory allocation of", "Allocation failed", "invalid size error"]
      .contains { said.contains($0) }
    if hasGreeted, isMemory {
      return limit("memoryMiB", configuration.limits.memoryMiB, "its heap is full")
    }
    // Without the addresses and rules that a fatal error of the engine ends in.
    let lines = said.split(whereSeparator: \.isNewline)
      .filter { line in line.contains { $0.isLetter } && !line.contains("[0x") && !line.hasPrefix("=") }
      .suffix(3).joined(separator: "; ")
    let text = (process.ending?.text ?? "it ended") + (lines.isEmpty ? "" : ": \(lines)")
    if !hasGreeted, case .exit = process.ending { throw DenoLocator.cannotStart(configuration.deno, text) }
    return .died(text)
  }
}
