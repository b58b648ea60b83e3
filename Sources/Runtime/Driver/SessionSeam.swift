// What a driver needs of a session: the seam at which tests put one that runs no Deno.

import Glibc
import QueueRunner

/// A live evaluation of a workflow's callback. One delivery, one turn; confined to one thread.
protocol WorkflowSession: AnyObject {
  /// Evaluates the module and calls the callback; its first turn comes from `receive`.
  func start(_ start: SessionStart) throws
  /// Sends a part of the text of the next delivery, which goes before the delivery's own.
  func deliver(part: String) throws
  /// Queues one delivery; may be called ahead of the turns.
  func deliver(_ delivery: SessionDelivery) throws
  /// Waits for the next turn; nil if one of the descriptors became readable first.
  func receive(wakeups: [Int32]) throws -> Turn?
  func close()
}

extension DenoSession: WorkflowSession {}

/// What the composition root gives every driver.
public struct DriverEnvironment: Sendable {
  /// Starts a session for a manifest's limits in an empty folder.
  let makeSession: @Sendable (Manifest, String) throws -> any WorkflowSession
  /// Descriptors that become readable when the process was asked to stop.
  let interrupts: [Int32]
  /// How many host commands of one run may run at a time.
  let cores: Int
  /// Descriptors that become readable when a watch is to end as soon as none of its host commands runs.
  let leavings: [Int32]
  /// Told a line about what a drive waits for.
  let say: @Sendable (String) -> Void

  init(
    makeSession: @escaping @Sendable (Manifest, String) throws -> any WorkflowSession, interrupts: [Int32],
    cores: Int, leavings: [Int32] = [], say: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.makeSession = makeSession
    self.interrupts = interrupts
    self.cores = cores
    self.leavings = leavings
    self.say = say
  }

  /// Sessions in the Deno that is found for the project, and as many host commands as there are cores.
  ///
  /// - Throws: `deno-not-found`, which says how to get it.
  public static func system(
    projectRoot: String, interrupts: [Int32], say: @escaping @Sendable (String) -> Void = { _ in }
  ) throws -> DriverEnvironment {
    let deno = try DenoLocator.find(projectRoot: projectRoot)
    return DriverEnvironment(
      makeSession: { manifest, folder in
        try DenoSession(configuration: .init(deno: deno, limits: manifest.limits, workingFolder: folder))
      }, interrupts: interrupts, cores: Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), say: say)
  }
}
