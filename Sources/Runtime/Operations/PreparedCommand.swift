// A host command from the moment its supervisor stands at the gate to its end.

import CSpawn
import Glibc
import QueueRunner

/// One host command. `go` or `abandon` is called once; `cancel` may be called at any time, from any thread.
final class PreparedCommand: Sendable {
  private enum State {
    case waiting
    case running
    /// Told to end; the outcome is still to come.
    case cancelled
    case over
  }

  /// Who the supervisor is: committed as the operation's intent before `go`.
  var identity: ProcessIdentity { supervisor.identity }
  /// What is run: recorded with the intent.
  var program: ProgramFile? { spec.program }
  private let spec: HostCommandSpec
  private let supervisor: Supervisor
  private let streams: flowdex_command_streams
  private let spillFolder: String
  private let pool: SupervisorPool?
  private let state = Guarded(State.waiting)

  init(
    _ spec: HostCommandSpec, _ supervisor: Supervisor, _ streams: flowdex_command_streams,
    spillFolder: String,
    pool: SupervisorPool?
  ) {
    self.spec = spec
    self.supervisor = supervisor
    self.streams = streams
    self.spillFolder = spillFolder
    self.pool = pool
  }

  deinit { abandon() }

  /// Opens the gate: the command starts. `done` is called once, on a thread of the command's own, when it and
  /// all its descendants are gone and its output is synced.
  ///
  /// - Throws: a machine error if there is no thread to be had; the command has then not started.
  func go(_ done: @escaping @Sendable (HostCommandOutcome) -> Void) throws {
    let mayGo = state.withLock { state in
      guard case .waiting = state else { return false }
      state = .running
      return true
    }
    guard mayGo else {
      throw FlowdexError.bug("host-command", "`\(spec.argv[0])` was already started or dropped")
    }
    do {
      _ = try PermanentThread(stackBytes: 1 << 20) { self.live(done) }
    } catch {
      state.withLock { $0 = .over }
      release()
      throw error
    }
  }

  /// The life of the command's thread.
  private func live(_ done: @Sendable (HostCommandOutcome) -> Void) {
    var collector = OutcomeCollector(spec, supervisor, streams, spillFolder: spillFolder)
    // If it does not arrive, the supervisor is dead, which the collector sees for itself.
    var gate: UInt8 = 1
    _ = FileSystem.retrying { send(supervisor.link, &gate, 1, Int32(MSG_NOSIGNAL)) }
    let ending = collector.collect()
    let wasCancelled = state.withLock { state in
      defer { state = .over }
      return state == .cancelled
    }
    let outcome = collector.outcome(ending, cancelled: wasCancelled)
    if ending.goesOn, !wasCancelled, let pool {
      closeStreams()
      pool.put(supervisor)
    } else if !ending.hasLeftover {
      release()
    }
    done(outcome)
    // What cannot be killed must not keep the run waiting; its supervisor is collected whenever it ends.
    if ending.hasLeftover { release() }
  }

  /// Kills the command and all its descendants. The outcome still comes, with `cancelled` set. Before `go`
  /// this is `abandon`; after the end it does nothing.
  func cancel() {
    let wasWaiting = state.withLock { state in
      switch state {
      case .waiting:
        state = .over
        return true
      case .running:
        state = .cancelled
        supervisor.tellToEnd()
        return false
      case .cancelled, .over: return false
      }
    }
    if wasWaiting { release() }
  }

  /// Sends the supervisor away without starting the command, and waits until it is gone.
  func abandon() {
    let wasWaiting = state.withLock { state in
      guard case .waiting = state else { return false }
      state = .over
      return true
    }
    if wasWaiting { release() }
  }

  /// Sends the supervisor away, and reaps it.
  private func release() {
    closeStreams()
    supervisor.end()
  }

  private func closeStreams() {
    close(streams.standard_output)
    close(streams.standard_error)
  }
}
