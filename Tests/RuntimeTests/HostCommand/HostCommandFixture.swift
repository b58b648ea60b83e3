import Glibc
import QueueRunner
import Testing

@testable import Runtime

/// A scratch folder for one test's commands, removed with the fixture.
final class HostCommandFixture: Sendable {
  let root: String
  var spill: String { "\(root)/spill" }

  init() throws {
    let temporary = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    root = "\(temporary)/flowdex-host-command-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
    try FileSystem.makeDirectories("\(root)/spill")
  }

  deinit { try? FileSystem.removeTree(root) }

  func spec(
    _ argv: [String], environment: [String: String] = ["PATH": "/usr/bin:/bin"], timeoutMs: Int = 600_000,
    maxOutputBytes: Int = 5 << 20, graceMs: Int = 5000
  ) -> HostCommandSpec {
    HostCommandSpec(
      argv: argv, cwd: root, environment: environment, timeoutMs: timeoutMs, maxOutputBytes: maxOutputBytes,
      graceMs: graceMs)
  }

  func prepare(_ spec: HostCommandSpec) throws -> PreparedCommand {
    try HostCommandRunner.prepare(spec, spillFolder: spill)
  }

  func run(_ argv: [String]) async throws -> HostCommandOutcome { try await run(spec(argv)) }

  func run(_ spec: HostCommandSpec) async throws -> HostCommandOutcome { try await prepare(spec).outcome() }

  /// Writes a file into the scratch folder and gives its path.
  @discardableResult
  func file(_ name: String, _ bytes: [UInt8], mode: mode_t = 0o644) throws -> String {
    let path = "\(root)/\(name)"
    try FileSystem.write(bytes, to: path)
    chmod(path, mode)
    return path
  }

  func file(_ name: String, _ text: String, mode: mode_t = 0o644) throws -> String {
    try file(name, Array(text.utf8), mode: mode)
  }

  /// A pipe with a name, through which a command says that it has got somewhere.
  func signal(_ name: String) throws -> NamedSignal { try NamedSignal("\(root)/\(name)") }
}

/// A fifo(7) that is held open, so that whoever writes to it never waits.
final class NamedSignal: Sendable {
  let path: String
  private let descriptor: Int32

  init(_ path: String) throws {
    self.path = path
    guard mkfifo(path, 0o600) == 0 else { throw FileSystem.failure("make", path) }
    descriptor = try FileSystem.open(path, O_RDWR | O_NONBLOCK)
  }

  deinit { close(descriptor) }

  /// Returns when somebody has written; fails the test if nobody does.
  func await() throws {
    let ready = try Poller.wait([descriptor], timeoutMs: 60_000)
    #expect(!ready.isEmpty, "nobody wrote to `\(path)` in a minute")
  }
}

extension PreparedCommand {
  /// Opens the gate at once; the end can be waited for afterwards, without a thread of the test's being held.
  func begin() throws -> AsyncStream<HostCommandOutcome> {
    let (outcomes, continuation) = AsyncStream.makeStream(of: HostCommandOutcome.self)
    try go {
      continuation.yield($0)
      continuation.finish()
    }
    return outcomes
  }

  /// Opens the gate and waits for the end.
  func outcome() async throws -> HostCommandOutcome { try await begin().only() }

  /// Whether the supervisor has gone and was collected: it is then no child of ours any more.
  var isCollected: Bool { waitpid(identity.pid, nil, WNOHANG) == -1 && errno == ECHILD }
}

extension AsyncStream where Element: Sendable {
  /// The one element that comes before the end.
  func only() async throws -> Element {
    var elements: [Element] = []
    for await element in self { elements.append(element) }
    #expect(elements.count == 1)
    return try #require(elements.first)
  }
}

extension CapturedStream {
  /// What was kept, from wherever it is.
  var bytes: [UInt8] {
    get throws {
      switch storage {
      case .inline(let bytes): bytes
      case .file(let path): try FileSystem.read(path)
      }
    }
  }

  var text: String { get throws { String(decoding: try bytes, as: UTF8.self) } }

  var isInline: Bool {
    switch storage {
    case .inline: true
    case .file: false
    }
  }
}
