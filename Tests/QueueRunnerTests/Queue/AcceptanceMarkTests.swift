import Glibc
import Testing

@testable import QueueRunner

@Suite("the mark of an accepted result")
struct AcceptanceMarkTests {
  private static let text = Array("accepted\n".utf8)

  @Test("marks are whole, and one file under many names")
  func links() throws {
    let (fixture, mark) = (try QueueFixture(), AcceptanceMark())
    let paths = (0..<3).map { "\(fixture.layout.root)/mark\($0)" }
    for path in paths { try mark.put(at: path) }
    for path in paths { #expect(try FileSystem.read(path) == Self.text) }
    #expect(Set(try paths.map { try #require(try FileSystem.entry($0)).inode }).count == 1)
  }

  @Test(
    "what lies in its place is replaced, neither opened nor followed", arguments: ["file", "fifo", "symlink"])
  func replaces(what: String) throws {
    let (fixture, mark) = (try QueueFixture(), AcceptanceMark())
    let path = "\(fixture.layout.root)/mark"
    let other = "\(fixture.layout.root)/other"
    switch what {
    case "fifo": #expect(mkfifo(path, 0o600) == 0)
    case "symlink": #expect(symlink(other, path) == 0)
    default: try FileSystem.write([1], to: path)
    }
    try mark.put(at: path)
    #expect(try FileSystem.entry(path)?.kind == .file)
    #expect(try FileSystem.read(path) == Self.text)
    #expect(!FileSystem.exists(other))
  }

  @Test("all marks may go, and the next one is there again; a folder that is gone is an error")
  func goes() throws {
    let (fixture, mark) = (try QueueFixture(), AcceptanceMark())
    let path = "\(fixture.layout.root)/mark"
    for _ in 0..<2 {
      try mark.put(at: path)
      #expect(try FileSystem.read(path) == Self.text)
      try FileSystem.remove(path)
    }
    // One that has lost all its names is made anew, and linked again.
    try mark.put(at: path)
    try mark.put(at: "\(path)2")
    #expect(try FileSystem.entry(path)?.inode == FileSystem.entry("\(path)2")?.inode)
    try FileSystem.remove(path)
    #expect(throws: FlowdexError.self) { try mark.put(at: "\(path)/not-there/mark") }
    try mark.put(at: path)
    #expect(try FileSystem.read(path) == Self.text)
  }
}
