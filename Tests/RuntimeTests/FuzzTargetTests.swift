import Glibc
import QueueRunner
import Testing

@testable import FuzzTargets

/// That the fuzz targets see what they are there to see: each fault is planted.
@Suite struct FuzzTargetTests {
  /// A patch that is right, and does as it should.
  private static let patch = Array(
    "--- a/src/b\n+++ b/src/b\n@@ -1 +1 @@\n-one\n+two\n--- /dev/null\n+++ b/src/new\n@@ -0,0 +1 @@\n+n\n"
      .utf8)

  private static func write(_ path: String, mode: mode_t = 0o644) throws {
    try FileSystem.makeDirectories(FileSystem.split(path).parent)
    try FileSystem.write(Array("x\n".utf8), to: path)
    chmod(path, mode)
  }

  @Test("a patch within the globs is no problem")
  func within() {
    #expect(FuzzTarget.patch(Self.patch) == nil)
    #expect(FuzzTarget.patch(Self.patch) { try Self.write("\($0)/src/tool", mode: 0o755) } == nil)
    #expect(FuzzTarget.patch(Self.patch) { unlink("\($0)/src/a") } == nil)
  }

  static let faults: [(String, @Sendable (String) throws -> Void)] = [
    ("it made p/.git/hooks", { try write("\($0)/.git/hooks/x", mode: 0o755) }),
    ("it made p/.git/x", { try write("\($0)/.git/x") }),
    ("it changed p/.git/config", { try write("\($0)/.git/config") }),
    ("it changed p/README", { chmod("\($0)/README", 0o755) }),
    ("it made p/new", { try write("\($0)/new") }),
    ("it made beside", { try write("\(FileSystem.split($0).parent)/beside") }),
    ("it made p/srcx/a2", { try write("\($0)/srcx/a2") }),
    ("it removed p/srcx/a", { unlink("\($0)/srcx/a") }),
    ("it changed p/srcx/a", { _ = (unlink("\($0)/srcx/a"), symlink("../README", "\($0)/srcx/a")) }),
    ("it changed p/src", { chmod("\($0)/src", 0o700) }),
    ("it made p/src/l something else than a plain file", { symlink("/etc", "\($0)/src/l") }),
    ("it made p/src/f something else than a plain file", { mkfifo("\($0)/src/f", 0o644) }),
    ("it made p/src/s something else than a plain file", { try write("\($0)/src/s", mode: 0o4755) }),
    ("it made p/src/w something else than a plain file", { try write("\($0)/src/w", mode: 0o666) }),
  ]

  @Test("whatever else is written is seen", arguments: faults.indices)
  func outside(at: Int) {
    #expect(FuzzTarget.patch(Self.patch, beside: Self.faults[at].1) == Self.faults[at].0)
  }

  private static func number(_ value: JSONValue, _ change: (Double) -> JSONValue) -> JSONValue {
    switch value {
    case .null, .bool, .string: value
    case .number(let number): change(number)
    case .array(let items): .array(items.map { Self.number($0, change) })
    case .object(let object):
      .object(JSONObject(object.members.map { (key: $0.key, value: Self.number($0.value, change)) }))
    }
  }

  @Test("a reader that reads as it should differs in nothing, whatever is spelled how")
  func right() {
    for text in [
      "[0.1, 1e2, -0, 12345678901234567890, {\"a\": [true, null, \"\\u00e9\"]}]", "[1,]", "{\"a\":1,\"a\":2}",
      "\"\\ud800\"", String(repeating: "[", count: 200) + String(repeating: "]", count: 200), "1e400",
    ] {
      #expect(ForeignJSON.difference(Array(text.utf8)) == nil, "\(text)")
    }
  }

  @Test("a reader that refuses everything is seen, as is one that is off by the last bit or takes 1 for true")
  func wrong() {
    let text = Array("[0.1, 1e2, {\"a\": 7}]".utf8)
    #expect(ForeignJSON.difference(text, read: { _ in nil }) == "it refuses what Foundation has read")
    let off = { (bytes: [UInt8]) in
      (try? JSONValue(parsing: bytes)).map {
        Self.number($0) { $0 == 0.1 ? .number($0.nextUp) : .number($0) }
      }
    }
    #expect(ForeignJSON.difference(text, read: off) == "it reads `0.1` as another number")
    let flags = { (bytes: [UInt8]) in
      (try? JSONValue(parsing: bytes)).map { Self.number($0) { $0 == 1 ? true : .number($0) } }
    }
    #expect(ForeignJSON.difference(Array("[1]".utf8), read: flags) == "Foundation reads another value")
  }
}
