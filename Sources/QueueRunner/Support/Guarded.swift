import Synchronization

/// A value behind a lock.
public final class Guarded<Value: Sendable>: Sendable {
  private let mutex: Mutex<Value>

  /// Takes the value over: from now on it is reached only through the lock.
  public init(_ value: Value) { mutex = Mutex(value) }

  /// Runs the body while nobody else does. Not recursive: the body must not come back here.
  public func withLock<Result: Sendable>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    try mutex.withLock { value in try body(&value) }
  }
}
