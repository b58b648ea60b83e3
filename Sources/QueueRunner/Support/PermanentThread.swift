import Glibc

/// A thread of our own that lives until its work is done. Children are forked from such threads: a
/// parent-death signal follows the thread that forked, and the cooperative pool retires its threads.
public final class PermanentThread: Sendable {
  private let done: Guarded<Bool>
  private let finished: Wakeup

  /// Starts at once.
  public init(stackBytes: Int = 8 << 20, _ body: @escaping @Sendable () -> Void) throws {
    let wakeup = try Wakeup()
    let flag = Guarded(false)
    finished = wakeup
    done = flag
    try Self.start(stackBytes: stackBytes) {
      body()
      flag.withLock { $0 = true }
      wakeup.signal()
    }
  }

  /// Starts one that nobody waits for, and which needs no descriptors.
  static func start(stackBytes: Int, _ body: @escaping @Sendable () -> Void) throws {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, stackBytes)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    let box = Unmanaged.passRetained(Body(body))
    var thread = pthread_t()
    let code = pthread_create(
      &thread, &attributes,
      { argument in
        Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, box.toOpaque())
    if code != 0 {
      box.release()
      throw FileSystem.failure("start", "a thread", code)
    }
  }

  /// Readable once the body has returned.
  public var descriptor: Int32 { finished.descriptor }

  /// Waits until the body has returned.
  public func join() {
    while !done.withLock({ $0 }) { _ = try? Poller.wait([finished.descriptor], timeoutMs: 1000) }
  }

  /// Runs a body on a thread of its own and waits for what it returns or throws.
  public static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
    let outcome = Guarded<Result<Value, any Error>?>(nil)
    try PermanentThread { outcome.withLock { $0 = Result { try body() } } }.join()
    guard let result = outcome.withLock({ $0 }) else {
      throw FlowdexError.bug("thread", "a thread ended without a result")
    }
    return try result.get()
  }

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }
}
