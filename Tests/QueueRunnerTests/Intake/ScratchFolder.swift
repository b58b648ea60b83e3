import Glibc
import QueueRunner

/// A folder of a test's own, removed with the object.
final class ScratchFolder: Sendable {
  let path: String

  init() throws {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    path = "\(parent)/flowdex-test-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
    try FileSystem.makeDirectories(path)
  }

  deinit { try? FileSystem.removeTree(path) }

  func write(_ name: String, _ text: String) throws {
    try FileSystem.write(Array(text.utf8), to: "\(path)/\(name)")
  }
}
