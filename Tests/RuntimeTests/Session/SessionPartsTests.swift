// The parts of a session that are pure: frames, turns, the watch over limits, the way to Deno.

import Glibc
import QueueRunner
import Testing

@testable import Runtime

@Suite struct SessionParts {
  static let secret = Array("0123456789abcdef0123456789abcdef".utf8)

  static func reader(limitBytes: Int = 1 << 20) -> SessionFrameReader {
    SessionFrameReader(secret: secret, limitBytes: limitBytes)
  }

  static let frames = [
    SessionFrame(kind: 0x74, fields: []), SessionFrame(kind: 0x68, fields: ["", "2.9.8"]),
    SessionFrame(kind: 0x74, fields: ["é\0😀", String(repeating: "x", count: 300)]),
  ]

  @Test(arguments: [1, 2, 3, 7, 64, 1000]) func framesSurviveAnyCut(size: Int) throws {
    let bytes = Self.frames.flatMap { $0.encoded(secret: Self.secret) }
    var reader = Self.reader()
    var seen: [SessionFrame] = []
    for at in stride(from: 0, to: bytes.count, by: size) {
      reader.append(bytes[at..<min(at + size, bytes.count)])
      while let frame = try reader.next() { seen.append(frame) }
    }
    #expect(seen == Self.frames)
    #expect(reader.totalBytes == bytes.count - 4 * Self.frames.count)
  }

  @Test func aFrameWithoutTheSecretIsRefused() {
    var reader = Self.reader()
    reader.append(Self.frames[1].encoded(secret: [UInt8](repeating: 0x61, count: 32)))
    #expect(throws: SessionWireError.self) { try reader.next() }
  }

  @Test(arguments: [
    [0, 0, 0, 0], [1, 0, 0, 0, 0x61], [32, 0, 0, 0] + secret, [34, 0, 0, 0] + secret + [0x74, 1],
    [37, 0, 0, 0] + secret + [0x74, 1, 0, 0, 0], [37, 0, 0, 0] + secret + [0x74, 255, 255, 255, 255],
  ])
  func brokenFramesAreRefused(bytes: [UInt8]) {
    var reader = Self.reader()
    reader.append(bytes)
    #expect(throws: SessionWireError.self) { try reader.next() }
  }

  /// The announcement alone is enough: nothing so large is ever held.
  @Test(arguments: [[0xff, 0xff, 0xff, 0xff], [0x01, 0x00, 0x10, 0x00]] as [[UInt8]])
  func anAnnouncedFloodIsOverTheLimit(length: [UInt8]) throws {
    var reader = Self.reader()
    reader.append(length)
    #expect(try reader.next() == nil)
    #expect(reader.isOverLimit)
  }

  @Test func mutatedFramesAreReadOrRefusedAndNeverTrap() {
    var generator = SeededBytes(seed: 7)
    for _ in 0..<5000 {
      var bytes = Self.frames.flatMap { $0.encoded(secret: Self.secret) }
      for _ in 0..<Int(generator.next() % 4 + 1) {
        bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
      }
      var reader = Self.reader()
      reader.append(bytes)
      while let frame = try? reader.next() { _ = try? TurnMessage(frame.fields) }
    }
  }

  @Test func aTurnIsReadWhole() throws {
    let message = try TurnMessage([
      "completed", "1", "{}", "oagent", "a", "{}", "lé", "c[1]", "ofanout", "b", "[]",
    ])
    #expect(message.manifestText == "{}" && !message.isOutOfMemory)
    #expect(
      message.turn
        == Turn(
          scheduled: [
            ScheduledOperation(kind: .agent, id: "a", argsText: "{}"),
            ScheduledOperation(kind: .fanout, id: "b", argsText: "[]"),
          ], logs: ["é"], claims: [[1]], state: .completed("1")))
  }

  @Test func entriesThatComeAsOneTextAreCut() throws {
    let batch = ["joagent", "a", "{}", "lé", "", "c[1]", "ofanout", "b", "[]"]
    #expect(throws: SessionWireError.self) {
      try TurnMessage(["suspended", "", "", batch.joined(separator: "\u{1F}")])
    }
    let whole = batch.filter { !$0.isEmpty }.joined(separator: "\u{1F}")
    let turn = try TurnMessage(["suspended", "", "", "la\u{1F}b", whole, "l"]).turn
    #expect(turn.scheduled.map(\.key) == ["agent:a", "fanout:b"] && turn.claims == [[1]])
    #expect(turn.logs == ["a\u{1F}b", "é", ""])
  }

  /// The process is not trusted: of turns that nobody asked for there is no end.
  @Test(arguments: [["1"], ["7"], ["8"], ["0"], ["-1"], [""], ["x"], [], ["1", "1"]])
  func noMoreQuietTurnsThanAreOwed(fields: [String]) throws {
    let count = try? TurnMessage.quiet(fields, most: 7)
    #expect(count == (fields == ["1"] ? 1 : fields == ["7"] ? 7 : nil))
  }

  @Test func shortDeliveriesGoTogetherAndOthersDoNot() {
    let short = ["agent:a", "resolved", "1", "5"]
    let long = String(repeating: "x", count: DeliveryBatch.fullBytes)
    var batch = DeliveryBatch()
    let taken = [
      batch.add(short), batch.add(["agent:b", "rejected", "", "6"]),
      batch.add(["agent:a\u{1F}", "resolved", "1", "5"]), batch.add(["agent:a", "resolved", long, "5"]),
    ]
    #expect(taken == [true, true, false, false])
    #expect(!batch.isFull)
    let texts = [batch.take(), batch.take()]
    #expect(
      texts == ["agent:a\u{1F}resolved\u{1F}1\u{1F}5\u{1F}agent:b\u{1F}rejected\u{1F}\u{1F}6", nil])
    while !batch.isFull, batch.add(short) {}
    let bytes = batch.take()?.utf8.count ?? 0
    #expect(bytes >= DeliveryBatch.fullBytes && bytes < DeliveryBatch.fullBytes + 32)
  }

  @Test(arguments: [
    [], ["suspended", ""], ["running", "", ""], ["suspended", "", "", ""], ["suspended", "", "", "x"],
    ["suspended", "", "", "oagent", "a"], ["suspended", "", "", "oAgent", "a", "{}"],
    ["suspended", "", "", "c{"],
    ["suspended", "", "", "oagent"], ["suspended", "", "", "c"],
    ["suspended", "", "", "j"], ["suspended", "", "", "joagent\u{1F}a"], ["suspended", "", "", "jjl"],
    ["suspended", "", "", "joagent\u{1F}a", "{}"],
  ])
  func brokenTurnsAreRefused(fields: [String]) {
    #expect(throws: SessionWireError.self) { try TurnMessage(fields) }
  }

  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
    ("foobar", "Zm9vYmFy"), ("ûïþ~", "w7vDr8O+fg=="),
  ])
  func base64IsThatOfTheRFC(text: String, encoded: String) {
    #expect(SessionCommand.base64(Array(text.utf8)) == encoded)
  }

  /// One word of a command line holds at most 128 KiB (execve(2)).
  @Test func theHarnessFitsACommandLine() {
    let words = SessionCommand.arguments(deno: "deno", limits: .init())
    #expect(words.allSatisfy { $0.utf8.count < 128 * 1024 - 1 })
    #expect(
      words.contains("--v8-flags=--max-old-space-size=256,--disallow-code-generation-from-strings,--jitless"))
    for right in ["read", "write", "net", "env", "sys", "run", "ffi", "import"] {
      #expect(words.contains("--deny-\(right)"))
    }
  }

  @Test func outgoingBytesKeepTheirOrder() {
    var bytes = OutgoingBytes()
    var seen: [UInt8] = []
    for round in 0..<200 {
      bytes.append([UInt8](repeating: UInt8(round), count: 20_000))
      bytes.withUnsafeBytes { seen += $0.prefix(7_000) }
      bytes.consume(7_000)
    }
    bytes.withUnsafeBytes { seen += $0 }
    bytes.consume(4_000_000)
    #expect(bytes.isEmpty)
    #expect(seen == (0..<200).flatMap { [UInt8](repeating: UInt8($0), count: 20_000) })
  }

  // The watch.

  static func watch(_ silentMs: Int = 1000) -> TickWatch {
    var limits = Manifest.Limits()
    limits.tickCpuMs = 100
    limits.memoryMiB = 10
    return TickWatch(limits: limits, silentMs: silentMs)
  }

  @Test func onlyCpuWithinOneTickCounts() {
    var watch = Self.watch()
    #expect(watch.look(ProcessSample(cpuMs: 5000, residentMiB: 1), elapsedMs: 50) == nil)
    #expect(watch.look(ProcessSample(cpuMs: 5100, residentMiB: 1), elapsedMs: 50) == nil)
    watch.begin()
    #expect(watch.look(ProcessSample(cpuMs: 5190, residentMiB: 1), elapsedMs: 50) == nil)
    #expect(watch.look(ProcessSample(cpuMs: 5290, residentMiB: 1), elapsedMs: 50) == nil)
    #expect(
      watch.look(ProcessSample(cpuMs: 5300, residentMiB: 1), elapsedMs: 50)
        == .limit(
          name: "tickCpuMs", value: 100, message: "one tick has used 110 ms of CPU and has not come to an end"
        ))
  }

  @Test func whatTheStartTakesIsNotTheCallbacks() {
    var watch = Self.watch()
    for cpu in [0, 90, 300, 600] {
      #expect(watch.look(ProcessSample(cpuMs: cpu, residentMiB: 1), elapsedMs: 50, isStarting: true) == nil)
    }
    #expect(watch.look(ProcessSample(cpuMs: 700, residentMiB: 1), elapsedMs: 50) == nil)
    #expect(watch.look(ProcessSample(cpuMs: 701, residentMiB: 1), elapsedMs: 50) != nil)
  }

  @Test func residentMemoryBeyondTheSlackIsTheLimit() {
    var watch = Self.watch()
    #expect(watch.look(ProcessSample(cpuMs: 0, residentMiB: 10 + TickWatch.slackMiB), elapsedMs: 50) == nil)
    guard
      case .limit("memoryMiB", 10, _) =
        watch.look(ProcessSample(cpuMs: 0, residentMiB: 11 + TickWatch.slackMiB), elapsedMs: 50)
    else {
      Issue.record("memory is not limited")
      return
    }
  }

  @Test func silenceIsDeathUnlessCpuIsUsedOrTheClockJumped() {
    var watch = Self.watch(2500)
    let quiet = ProcessSample(cpuMs: 10, residentMiB: 1)
    #expect(watch.look(quiet, elapsedMs: 900) == nil)
    #expect(watch.look(quiet, elapsedMs: 1_000_000) == nil)
    #expect(watch.look(quiet, elapsedMs: 1_000_000) == nil)
    #expect(watch.look(ProcessSample(cpuMs: 20, residentMiB: 1), elapsedMs: 900) == nil)
    #expect(watch.look(ProcessSample(cpuMs: 20, residentMiB: 1), elapsedMs: -5) == nil)
    #expect(watch.look(ProcessSample(cpuMs: 20, residentMiB: 1), elapsedMs: 1000) == nil)
    #expect(watch.look(ProcessSample(cpuMs: 20, residentMiB: 1), elapsedMs: 1000) == nil)
    guard case .died = watch.look(ProcessSample(cpuMs: 20, residentMiB: 1), elapsedMs: 1000) else {
      Issue.record("silence goes unnoticed")
      return
    }
  }

  // The way to Deno.

  @Test(arguments: [
    ("2.9.0", true), ("2.9.8", true), ("2.10.0", true), ("3.0.0", true), ("2.9.0-rc.1", true),
    ("2.8.9", false),
    ("1.46.3", false), ("", false), ("two", false), ("2", false), ("2.x", false),
  ])
  func versions(version: String, isTaken: Bool) {
    var code: String?
    do {
      try DenoLocator.check(version: version, path: "/d")
    } catch {
      code = (error as? FlowdexError)?.code
    }
    #expect(code == (isTaken ? nil : "deno-too-old"))
  }

  @Test func theFirstOfTheKnownPlacesIsTaken() throws {
    try TestDeno.withFolder { root in
      func program(_ path: String, mode: mode_t = 0o755) throws -> String {
        try FileSystem.makeDirectories(FileSystem.split("\(root)/\(path)").parent)
        try FileSystem.write(Array("#!/bin/sh\n".utf8), to: "\(root)/\(path)", mode: mode)
        return "\(root)/\(path)"
      }
      var variables = ["PATH": "relative::\(root)/first:\(root)/second"]
      func found() throws -> String { try DenoLocator.find(projectRoot: root) { variables[$0] } }

      let error = #expect(throws: FlowdexError.self) { try found() }
      #expect(error?.kind == .machine && error?.next?.contains("FLOWDEX_DENO") == true)
      _ = try program("first/deno", mode: 0o644)
      let second = try program("second/deno")
      #expect(try found() == second)
      let package = try program(".tools/deno-pkg/bin/deno")
      #expect(try found() == package)
      let own = try program(".tools/bin/deno")
      #expect(try found() == own)
      variables["FLOWDEX_DENO"] = try program("named")
      #expect(try found() == "\(root)/named")
      variables["FLOWDEX_DENO"] = "\(root)/missing"
      #expect(throws: FlowdexError.self) { try found() }
      variables["FLOWDEX_DENO"] = root
      #expect(throws: FlowdexError.self) { try found() }
    }
  }
}

/// A seeded generator (a linear congruence with its high half taken), so that a failure can be repeated.
private struct SeededBytes {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 33
  }
}
