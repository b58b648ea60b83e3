import FuzzTargets
import QueueRunner
import Testing

/// What fuzzing has found worth keeping, replayed: each file once broke something, or reaches code that others do not.
@Suite("the fuzzing corpus", .timeLimit(.minutes(15)))
struct FuzzCorpusTests {
  private static let folder = FileSystem.split(FileSystem.split(#filePath).parent).parent + "/Fuzz/Corpus"

  @Test("is read without a fault", arguments: FuzzTarget.allCases)
  func replay(target: FuzzTarget) throws {
    let names = try FileSystem.names(in: "\(Self.folder)/\(target.rawValue)").sorted()
    #expect(names.count >= 10)
    for name in names {
      let bytes = try FileSystem.read("\(Self.folder)/\(target.rawValue)/\(name)")
      let problem = target.problem(bytes)
      #expect(problem == nil, "\(target.rawValue)/\(name)")
    }
  }

  /// What is JSON by the RFC's letter is named so: a reader that refuses it has gone wrong, whatever else it gets right.
  @Test("has texts that are to be accepted")
  func accepted() throws {
    let folder = "\(Self.folder)/result"
    let names = try FileSystem.names(in: folder).filter { $0.hasPrefix("valid-") }.sorted()
    #expect(names.count >= 14)
    for name in names {
      let bytes = try FileSystem.read("\(folder)/\(name)")
      #expect(throws: Never.self, "\(name)") { try JSONValue(parsing: bytes) }
    }
  }

  @Test("is small enough to be kept")
  func size() throws {
    let sizes = try FuzzTarget.allCases.flatMap { target in
      try FileSystem.names(in: "\(Self.folder)/\(target.rawValue)").map { name in
        try FileSystem.entry("\(Self.folder)/\(target.rawValue)/\(name)")?.size ?? 0
      }
    }
    #expect(sizes.reduce(0, +) <= 300 << 10)
  }
}
