import Glibc
import QueueRunner
import Testing

@testable import Runtime

@Suite("What a host command writes")
struct OutputTests {
  private let fixture: HostCommandFixture

  init() throws { fixture = try HostCommandFixture() }

  private static func lines(_ count: Int) -> [UInt8] {
    (0..<count).map { $0 % 2 == 0 ? UInt8(ascii: "y") : 10 }
  }

  @Test(
    "is in memory up to 64 KiB and in a synced file beyond",
    arguments: [0, 1, 65_535, 65_536, 65_537, 250_001])
  func whole(count: Int) async throws {
    let outcome = try await fixture.run(["sh", "-c", "yes | head -c \(count)"])
    let stream = outcome.stdout
    #expect(try stream.bytes == Self.lines(count))
    #expect(stream.isInline == (count <= 65_536))
    #expect(stream.sizeBytes == count)
    #expect(stream.sha256 == Digest.sha256Hex(Self.lines(count)))
    #expect(!stream.truncated)
    #expect(stream.problem == nil)
    #expect(try FileSystem.names(in: fixture.spill).count == (stream.isInline ? 0 : 1))
  }

  @Test(
    "is cut at the cap and flagged, which is no failure",
    arguments: [
      (10, 4), (5, 5), (5, 0), (0, 0), (65_537, 65_536), (65_536, 65_536), (300_000, 100_000),
      (200_000, 65_537),
    ])
  func cut(count: Int, cap: Int) async throws {
    let outcome = try await fixture.run(
      fixture.spec(["sh", "-c", "yes | head -c \(count)"], maxOutputBytes: cap))
    let kept = Self.lines(min(count, cap))
    #expect(try outcome.stdout.bytes == kept)
    #expect(outcome.stdout.sizeBytes == kept.count)
    #expect(outcome.stdout.sha256 == Digest.sha256Hex(kept))
    #expect(outcome.stdout.truncated == (count > cap))
    #expect(outcome.exitCode == 0)
    #expect(outcome.succeeded)
  }

  @Test("comes as bytes, not text")
  func binary() async throws {
    let bytes = (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 31) } + [0xff, 0xfe, 0x00, 0xc3]
    let path = try fixture.file("binary", bytes)
    #expect(try await fixture.run(["cat", path]).stdout.bytes == bytes)
  }

  @Test("is kept apart by stream, and read from both at once")
  func bothStreams() async throws {
    let script = "yes o | head -c 400000 & yes e | head -c 300000 >&2; wait"
    let outcome = try await fixture.run(["sh", "-c", script])
    #expect(outcome.stdout.sizeBytes == 400_000)
    #expect(outcome.stderr.sizeBytes == 300_000)
    #expect(try outcome.stdout.bytes.first == UInt8(ascii: "o"))
    #expect(try outcome.stderr.bytes.first == UInt8(ascii: "e"))
    #expect(try FileSystem.names(in: fixture.spill).count == 2)
  }

  @Test("takes constant memory when it floods")
  func flood() async throws {
    let before = Self.residentKiB()
    let outcome = try await fixture.run(
      fixture.spec(["head", "-c", "200000000", "/dev/zero"], maxOutputBytes: 300_000))
    let kept = [UInt8](repeating: 0, count: 300_000)
    #expect(outcome.exitCode == 0)
    #expect(outcome.stdout.truncated)
    #expect(outcome.stdout.sizeBytes == kept.count)
    #expect(outcome.stdout.sha256 == Digest.sha256Hex(kept))
    // A number, not an assertion: other tests share this process.
    print("flood of 200 MB: resident before \(before) KiB, after \(Self.residentKiB()) KiB")
  }

  @Test("without room for it is cut and says why; the command has ended as it has ended")
  func noRoom() async throws {
    let prepared = try HostCommandRunner.prepare(
      fixture.spec(["sh", "-c", "yes | head -c 200000"]), spillFolder: "\(fixture.root)/not-there")
    let outcome = try await prepared.outcome()
    #expect(outcome.exitCode == 0)
    #expect(outcome.succeeded && outcome.problem != nil)
    #expect(outcome.stdout.truncated)
    #expect(outcome.stdout.problem?.contains("not-there") == true)
    #expect(outcome.stdout.isInline)
    #expect(outcome.stdout.sha256 == Digest.sha256Hex(try outcome.stdout.bytes))
    #expect(try Self.lines(200_000).starts(with: outcome.stdout.bytes))
  }

  @Test("of a cancelled command leaves no file behind")
  func cancelled() async throws {
    let ready = try fixture.signal("ready")
    let script = "yes | head -c 200000; echo >ready; sleep 1000"
    let prepared = try fixture.prepare(fixture.spec(["sh", "-c", script]))
    let pending = try prepared.begin()
    try ready.await()
    prepared.cancel()
    let outcome = try await pending.only()
    #expect(outcome.cancelled)
    #expect(outcome.stdout.isInline)
    #expect(try FileSystem.names(in: fixture.spill) == [])
  }

  private static func residentKiB() -> Int {
    let bytes = (try? FileSystem.read("/proc/self/statm", limitBytes: 1 << 12)) ?? []
    let fields = bytes.split(separator: UInt8(ascii: " "))
    return fields.count > 1 ? (Int(String(decoding: fields[1], as: UTF8.self)) ?? 0) * 4 : 0
  }
}
