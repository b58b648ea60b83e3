/// The kernel's limits on watching, each the tighter of the user's and the user namespace's.
public struct InotifyLimits: Sendable, Equatable {
  /// Folders and files that a user may watch at one time.
  public var watches: Int?
  /// Processes of a user that may watch at one time, one instance each.
  public var instances: Int?
  /// Events that may be pending for one instance before they are dropped.
  public var queuedEvents: Int?

  /// nil stands for a limit that the kernel does not tell.
  public init(watches: Int?, instances: Int?, queuedEvents: Int?) {
    (self.watches, self.instances, self.queuedEvents) = (watches, instances, queuedEvents)
  }

  /// Those of this machine, from `/proc/sys`.
  public static func ofMachine() -> InotifyLimits {
    InotifyLimits(
      watches: tighter("watches"), instances: tighter("instances"),
      queuedEvents: InotifyLibrary.setting("fs/inotify/max_queued_events"))
  }

  private static func tighter(_ what: String) -> Int? {
    [
      InotifyLibrary.setting("fs/inotify/max_user_\(what)"),
      InotifyLibrary.setting("user/max_inotify_\(what)"),
    ].compactMap { $0 }.min()
  }
}
