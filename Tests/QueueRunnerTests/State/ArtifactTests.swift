import Testing

@testable import QueueRunner

@Suite("artifacts")
struct ArtifactTests {
  private struct TakenBack: Error {}

  @Test("a file that was taken over in a transaction that failed is taken over by the next one")
  func adoptedAgain() throws {
    let fixture = try QueueFixture()
    let layout = fixture.layout
    let bytes = [UInt8](repeating: 7, count: ArtifactStore.inlineLimitBytes + 1)
    let file = "\(layout.root)/output"
    try FileSystem.write(bytes, to: file, sync: true)
    let digest = Digest.sha256Hex(bytes)
    func adopt(isFailing: Bool) throws {
      try fixture.queue.database.transition { tx in
        try ArtifactStore.adopt(tx, file: file, digest: digest, sizeBytes: bytes.count, layout: layout)
        if isFailing { throw TakenBack() }
      }
    }
    #expect(throws: TakenBack.self) { try adopt(isFailing: true) }
    try adopt(isFailing: false)
    #expect(try fixture.queue.database.read { try ArtifactStore.get($0, digest, layout: layout) } == bytes)
    // Where neither is there it is not taken for done.
    #expect(throws: FlowdexError.self) {
      try fixture.queue.database.transition { tx in
        try ArtifactStore.adopt(
          tx, file: file, digest: String(repeating: "0", count: 64), sizeBytes: 9, layout: layout)
      }
    }
  }
}
