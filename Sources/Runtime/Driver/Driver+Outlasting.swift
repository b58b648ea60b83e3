// When the machine fails a drive while its host commands run, they are not ended with it: what they had done would be
// unknown, and one that must not run again could only be told as failed.

import Glibc
import QueueRunner

extension Driver {
  /// How often the outcome of a command is tried to be committed that could not be.
  private static let tryEveryMs = 1000
  /// How often that is done once nothing runs any more. Somebody who frees a disk takes longer, but a command line that
  /// gives no answer for minutes is taken for hung.
  private static let lastTries = 10

  /// Waits for the host commands that run, and commits how they ended, before a drive ends by an error of the machine.
  ///
  /// - Parameter say: told what is waited for, in one line.
  /// - Returns: whether the drive can go on: all that was wrong is that outcomes could not be committed, and now they are.
  func outlast(_ fault: any Error, say: (String) -> Void) -> Bool {
    guard let fault = fault as? FlowdexError, fault.kind == .machine else { return false }
    if board.running == 0, board.held.isEmpty { return false }
    var isHeldTold = !board.held.isEmpty
    let mayGoOn = isHeldTold
    if isHeldTold {
      say(holding(fault))
    } else {
      // It would only take from a machine that has too little.
      closeSession()
      say("\(fault.message): waiting for \(Self.list(board.runningKeys)) to end")
    }
    var triesLeft = Self.lastTries
    while board.running > 0 || !board.held.isEmpty {
      guard waitForCommands(isPatient: !board.held.isEmpty) else { return false }
      board.holdFinished()
      do {
        guard try isStillOurs() else { return false }
        try commitFinishedCommands()
        if mayGoOn { return true }
      } catch let error as FlowdexError where error.kind == .machine {
        if survival != nil, board.running == 0 { return false }
        if board.held.isEmpty { continue }
        if !isHeldTold { say(holding(error)) }
        isHeldTold = true
        if board.running > 0 { continue }
        triesLeft -= 1
        if triesLeft == 0 { return false }
      } catch {
        return false
      }
    }
    return false
  }

  /// False for an interrupt. A machine that cannot even wait is given time.
  ///
  /// - Parameter isPatient: the whole time, whatever ends meanwhile.
  private func waitForCommands(isPatient: Bool) -> Bool {
    let commands = isPatient ? [] : [board.descriptor]
    do {
      let ready = try Poller.wait(commands + environment.interrupts, timeoutMs: Self.tryEveryMs)
      return ready.isDisjoint(with: environment.interrupts)
    } catch {
      poll(nil, 0, Int32(Self.tryEveryMs))
      return true
    }
  }

  /// Whether what the commands come to is still of use: the run is there, is not stopped, and is driven by us.
  private func isStillOurs() throws -> Bool {
    guard try FileSystem.isThere(run.layout.database) else { return false }
    let record = try run.database.read(RunStore.get)
    return record.driverEpoch == epoch && record.generation == replay.generation
      && (record.status.isLive || record.status == .paused)
  }

  private func holding(_ fault: FlowdexError) -> String {
    "how \(Self.list(board.held.map(\.key))) ended could not be stored, and is tried again every second: "
      + fault.message
  }

  private static func list(_ keys: [String]) -> String { keys.map { "`\($0)`" }.joined(separator: ", ") }
}
