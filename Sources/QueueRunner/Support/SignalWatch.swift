import Glibc

/// SIGINT, SIGTERM and SIGHUP as a readable descriptor. One a process; installed before anything is driven.
public enum SignalWatch {
  nonisolated(unsafe) private static var wakeup: Wakeup?

  /// Installs the handlers (children reset them at exec) and gives the descriptor, which stays readable once
  /// a signal has come. A second signal of the same kind ends the process at once.
  public static func install() throws -> Int32 {
    if let wakeup { return wakeup.descriptor }
    let made = try Wakeup()
    wakeup = made
    writeEnd = made.signalDescriptor
    signal(SIGPIPE, SIG_IGN)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      signal(number) { number in
        Wakeup.signal(SignalWatch.writeEnd)
        signal(number, SIG_DFL)
      }
    }
    return made.descriptor
  }

  /// Plain storage, for a handler may touch nothing that locks.
  nonisolated(unsafe) private static var writeEnd: Int32 = -1
}
