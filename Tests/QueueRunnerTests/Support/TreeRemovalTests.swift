import Glibc
import Testing

@testable import QueueRunner

@Suite("removing a tree", .timeLimit(.minutes(15)))
struct TreeRemovalTests {
  private let root: String

  init() throws {
    root = "/tmp/flowdex-removal-\(UInt64.random(in: 0...UInt64.max))"
    try FileSystem.makeDirectories("\(root)/tree")
  }

  private func end() throws {
    #expect(try FileSystem.names(in: root) == ["outside"])
    #expect(try FileSystem.names(in: "\(root)/outside") == ["file"])
    try FileSystem.remove("\(root)/outside/file")
    rmdir("\(root)/outside")
    rmdir(root)
  }

  private func outside() throws {
    try FileSystem.makeDirectories("\(root)/outside")
    try FileSystem.write([1], to: "\(root)/outside/file")
  }

  @Test("names that are no UTF-8, of files and of folders")
  func foreignNames() throws {
    try outside()
    for name: [UInt8] in [[0xff, 0xfe], [0x61, 0xc3], [0x80]] {
      let bytes = "\(root)/tree/".utf8.map(CChar.init(bitPattern:)) + name.map(CChar.init(bitPattern:))
      #expect(mkdir(bytes + [0], 0o755) == 0)
      let inner = bytes + [47, -1, 0]
      let file = open(inner, O_CREAT | O_WRONLY, 0o600)
      #expect(file >= 0)
      close(file)
    }
    try FileSystem.removeTree("\(root)/tree")
    try end()
  }

  @Test("deeper than a path may be long, in folders that nobody may read, with links that lead out")
  func deep() throws {
    try outside()
    var folder = open("\(root)/tree", O_RDONLY | O_DIRECTORY)
    for depth in 0..<600 {
      #expect(mkdirat(folder, "folder-\(depth)", 0o700) == 0)
      let next = openat(folder, "folder-\(depth)", O_RDONLY | O_DIRECTORY)
      #expect(next >= 0)
      #expect(symlinkat("\(root)/outside", folder, "link") == 0)
      // A name that a removal might want for itself.
      #expect(mkdirat(folder, ".removed-\(depth)", 0o700) == 0)
      if depth % 7 == 0 { fchmod(folder, 0) }
      close(folder)
      folder = next
    }
    close(folder)
    try FileSystem.removeTree("\(root)/tree")
    try end()
  }

  @Test("a link is removed, not what it leads to; what is not there is no error")
  func links() throws {
    try outside()
    rmdir("\(root)/tree")
    symlink("outside", "\(root)/tree")
    try FileSystem.removeTree("\(root)/tree")
    try FileSystem.removeTree("\(root)/tree")
    try end()
  }
}
