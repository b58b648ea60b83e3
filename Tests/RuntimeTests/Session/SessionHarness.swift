// What the tests of the session share: a real Deno, and workflows that are played against scripted
// deliveries.

import Glibc
import QueueRunner
import Testing

@testable import Runtime

/// All tests that start processes: one after another, for each uses a core.
@Suite(.serialized) enum SessionTests {}

enum TestDeno {
  /// FLOWDEX_DENO, else the package's own, else the first on PATH.
  static let path: Result<String, any Error> = Result {
    var folder = FileSystem.split(#filePath).parent
    while folder != "/", !FileSystem.exists("\(folder)/Package.swift") {
      folder = FileSystem.split(folder).parent
    }
    return try DenoLocator.find(projectRoot: folder)
  }

  static func withFolder<Value>(_ body: (String) throws -> Value) throws -> Value {
    let root = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var name = Array("\(root)/flowdex-session-XXXXXX".utf8CString)
    guard mkdtemp(&name) != nil else { throw FileSystem.failure("make", root) }
    let folder = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { try? FileSystem.removeTree(folder) }
    return try body(folder)
  }
}

/// A workflow to play.
struct Play: Sendable {
  /// A tick may take as long as a manifest can allow: how fast the machine is decides no test.
  private static let patient: Manifest.Limits = {
    var limits = Manifest.Limits()
    limits.tickCpuMs = 60_000
    return limits
  }()

  var source: String
  var input = "{}"
  var limits = Self.patient
  var silentMs = 30_000
  var manifestHash = Digest.sha256Hex(#"{"name":"t"}"#)

  /// A callback whose body begins at line 3.
  init(_ body: String) {
    source = """
      import { workflow } from "@flowdex/runtime";
      export default workflow({ name: "t" }, async (ctx: any) => {
      \(body)
      });
      """
  }

  init(source: String) { self.source = source }

  /// Runs the body with a started session, on a thread that lives as long as the process.
  func session<Value: Sendable>(_ body: @escaping @Sendable (DenoSession) throws -> Value) throws -> Value {
    let deno = try TestDeno.path.get()
    return try PermanentThread.run {
      try TestDeno.withFolder { folder in
        let session = try DenoSession(
          configuration: .init(deno: deno, limits: limits, workingFolder: folder, silentMs: silentMs))
        defer { session.close() }
        try session.start(
          SessionStart(source: source, inputText: input, nowMs: 1000, manifestHash: manifestHash))
        return try body(session)
      }
    }
  }

  /// The first turn and one for each delivery, until the callback has ended.
  func turns(_ deliveries: [SessionDelivery] = [], ahead: Bool = false) throws -> [Turn] {
    try session { session in
      if ahead { for delivery in deliveries { try session.deliver(delivery) } }
      var turns = [try #require(try session.receive(wakeups: []))]
      for delivery in deliveries {
        if turns.last?.state != .suspended { break }
        if !ahead { try session.deliver(delivery) }
        turns.append(try #require(try session.receive(wakeups: [])))
      }
      return turns
    }
  }

  /// The state after the last delivery.
  func outcome(_ deliveries: [SessionDelivery] = []) throws -> Turn.State {
    try #require(try turns(deliveries).last).state
  }

  /// Why the session ended without a turn.
  func failure(_ deliveries: [SessionDelivery] = []) throws -> SessionFailure? {
    do {
      _ = try turns(deliveries)
      return nil
    } catch let failure as SessionFailure {
      return failure
    }
  }
}

extension SessionDelivery {
  static func resolved(_ key: String, _ value: String, at nowMs: Int64 = 2000) -> SessionDelivery {
    SessionDelivery(key: key, outcome: .resolved(valueText: value), nowMs: nowMs)
  }
  static func rejected(_ key: String, _ message: String, at nowMs: Int64 = 2000) -> SessionDelivery {
    SessionDelivery(key: key, outcome: .rejected(message: message), nowMs: nowMs)
  }
}

extension Turn.State {
  var failure: String { if case .failed(let reason) = self { reason } else { "\(self), not failed" } }
}
