import Glibc

/// Work on many equal pieces that do not touch each other, on as many threads as there are cores.
enum Parallel {
  /// A thread for fewer pieces than this costs more than it brings.
  private static let worthwhile = 32
  private static let mostThreads = 8

  private struct State {
    var next = 0
    var error: (any Error)?
  }

  /// Runs the body for each of `0..<count`, in any order, and waits for all of them. After an error no further piece
  /// is begun.
  ///
  /// - Throws: what the first body to fail threw. Where no thread can be had, the calling one does the work.
  static func forEach(
    _ count: Int, cores: Int = sysconf(Int32(_SC_NPROCESSORS_ONLN)),
    _ body: @escaping @Sendable (Int) throws -> Void
  ) throws {
    let state = Guarded(State())
    let work: @Sendable () -> Void = {
      while true {
        let index = state.withLock { state -> Int? in
          if state.error != nil || state.next == count { return nil }
          defer { state.next += 1 }
          return state.next
        }
        guard let index else { return }
        do { try body(index) } catch { state.withLock { $0.error = $0.error ?? error } }
      }
    }
    let others = min(cores, mostThreads, count / worthwhile) - 1
    var threads: [PermanentThread] = []
    for _ in 0..<max(0, others) {
      guard let thread = try? PermanentThread({ work() }) else { break }
      threads.append(thread)
    }
    work()
    threads.forEach { $0.join() }
    if let error = state.withLock({ $0.error }) { throw error }
  }
}
