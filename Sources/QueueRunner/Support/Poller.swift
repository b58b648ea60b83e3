import Glibc

/// Waiting for descriptors, with poll(2).
public enum Poller {
  /// Those that are readable, hung up or broken; empty when the time is over or a signal came.
  ///
  /// - Parameter timeoutMs: nil waits for ever.
  public static func wait(_ descriptors: [Int32], timeoutMs: Int?) throws -> Set<Int32> {
    var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    let timeout = timeoutMs.map { Int32(clamping: $0) } ?? -1
    let count = poll(&entries, nfds_t(entries.count), timeout)
    if count < 0 {
      if errno == EINTR { return [] }
      throw FileSystem.failure("wait for", "descriptors")
    }
    return Set(entries.filter { $0.revents != 0 }.map(\.fd))
  }
}

/// A descriptor that one thread makes readable for another: a pipe to itself, for Swift imports no eventfd(2).
public final class Wakeup: Sendable {
  /// Readable once `signal` was called, until it is drained.
  public let descriptor: Int32
  private let writeEnd: Int32

  /// Both ends are non-blocking and closed on exec.
  ///
  /// - Throws: where the process has no descriptors left.
  public init() throws {
    var ends: [Int32] = [-1, -1]
    if pipe(&ends) != 0 { throw FileSystem.failure("make", "a pipe") }
    for end in ends where fcntl(end, F_SETFD, FD_CLOEXEC) != 0 || fcntl(end, F_SETFL, O_NONBLOCK) != 0 {
      // One that waits for bytes when it is drained would wait for ever.
      let error = FileSystem.failure("make", "a pipe")
      for end in ends { close(end) }
      throw error
    }
    descriptor = ends[0]
    writeEnd = ends[1]
  }

  deinit {
    close(descriptor)
    close(writeEnd)
  }

  /// Makes the descriptor readable until it is drained. A full pipe is as readable as one can be.
  public func signal() { Self.signal(writeEnd) }

  /// What a signal handler, which may touch no object, calls with `signalDescriptor`.
  static func signal(_ descriptor: Int32) {
    var byte: UInt8 = 1
    _ = FileSystem.retrying { write(descriptor, &byte, 1) }
  }

  var signalDescriptor: Int32 { writeEnd }

  /// Takes back every signal that has been given; to be called before looking, never after.
  public func drain() {
    var bytes = [UInt8](repeating: 0, count: 256)
    while read(descriptor, &bytes, bytes.count) == bytes.count {}
  }
}

/// Values that other threads leave for the owner of a descriptor.
public final class Mailbox<Element: Sendable>: Sendable {
  private let wakeup: Wakeup
  private let contents = Guarded<[Element]>([])

  /// Empty.
  ///
  /// - Throws: where the process has no descriptors left.
  public init() throws { wakeup = try Wakeup() }

  /// Readable while something may be there.
  public var descriptor: Int32 { wakeup.descriptor }

  /// Never waits; safe on any thread.
  public func post(_ element: Element) {
    contents.withLock { $0.append(element) }
    wakeup.signal()
  }

  /// Everything that was posted, oldest first.
  public func takeAll() -> [Element] {
    wakeup.drain()
    return contents.withLock { elements in
      defer { elements = [] }
      return elements
    }
  }
}
