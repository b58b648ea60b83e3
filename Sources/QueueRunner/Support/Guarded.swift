#if THREAD_SANITIZER
  import Glibc
#else
  import Synchronization
#endif

#if !THREAD_SANITIZER
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
#else
  /// The same with a lock that the thread sanitizer knows. `Mutex` hands itself over by futex(2) when threads compete
  /// for it, which the sanitizer does not see: a counter behind it is then called a race, and one behind a POSIX mutex
  /// is not. So nothing has to be suppressed, and what happens within the lock is still looked at. The value has a place of
  /// its own, for one without a size (`Void`) would share the address of the object's type, which is read without the lock.
  public final class Guarded<Value: Sendable>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let value = UnsafeMutablePointer<Value>.allocate(capacity: 1)

    /// Takes the value over: from now on it is reached only through the lock.
    public init(_ value: Value) {
      self.value.initialize(to: value)
      pthread_mutex_init(mutex, nil)
    }

    deinit {
      value.deinitialize(count: 1)
      value.deallocate()
      pthread_mutex_destroy(mutex)
      mutex.deallocate()
    }

    /// Runs the body while nobody else does. Not recursive: the body must not come back here.
    public func withLock<Result: Sendable>(_ body: (inout Value) throws -> Result) rethrows -> Result {
      pthread_mutex_lock(mutex)
      defer { pthread_mutex_unlock(mutex) }
      return try body(&value.pointee)
    }
  }
#endif
