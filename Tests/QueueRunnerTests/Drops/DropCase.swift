import Glibc
import Testing

@testable import QueueRunner

/// What a worker did to its package, step by step, and what must be said of it after each step.
struct DropCase: Sendable, CustomTestStringConvertible {
  /// How the lease stands after a step.
  enum Outcome: Sendable, Equatable {
    case taken
    /// Refused, in a text that holds these words; the lease stays.
    case refused(String)
    /// Neither taken nor refused: nothing is there, or it may still be being written.
    case waiting
  }

  struct Step: Sendable {
    let outcome: Outcome
    /// False where the kernel tells nobody: the look on the timer finds it.
    let isTold: Bool
    let act: @Sendable (DropPlace) throws -> Void
  }

  let name: String
  private(set) var steps: [Step] = []
  /// Makes the package fit for a valid result again, where it is not enough to remove what lies in its place.
  private(set) var repair: @Sendable (DropPlace) throws -> Void = { try FileSystem.removeTree($0.result) }
  var testDescription: String { name }

  init(_ name: String) { self.name = name }

  init(
    _ name: String, _ outcome: Outcome, told: Bool = true,
    _ act: @escaping @Sendable (DropPlace) throws -> Void
  ) {
    self = DropCase(name).step(outcome, told: told, act)
  }

  /// One more step.
  func step(
    _ outcome: Outcome, told: Bool = true, _ act: @escaping @Sendable (DropPlace) throws -> Void
  ) -> DropCase {
    var changed = self
    changed.steps.append(Step(outcome: outcome, isTold: told, act: act))
    return changed
  }

  /// How the package is mended before the valid result comes.
  func mended(_ repair: @escaping @Sendable (DropPlace) throws -> Void) -> DropCase {
    var changed = self
    changed.repair = repair
    return changed
  }

  /// A file of these bytes, refused in these words.
  static func bytes(_ name: String, _ bytes: [UInt8], _ says: String) -> DropCase {
    DropCase(name, .refused(says)) { try $0.write(bytes) }
  }
}

/// Cases that are dropped together, a lease each, before one collector.
struct DropGroup: Sendable, CustomTestStringConvertible {
  let name: String
  let cases: [DropCase]
  /// Between two steps, less time passes than a file is left to settle in.
  var isQuick = false
  /// Run as a user who may not read everything; file access rights are checked.
  var isNobody = false
  var testDescription: String { "\(name) (\(cases.count))" }
}

/// One lease's package, and things beside it.
struct DropPlace: Sendable {
  let package: PackageLayout
  /// Another lease's package, whose worker does nothing.
  let other: PackageLayout
  /// A folder outside of the run, on the same file system.
  let aside: String
  var result: String { package.result }

  static let valid = QueueFixture.envelope()

  func write(_ bytes: [UInt8]) throws { try FileSystem.write(bytes, to: result) }
  func write(_ text: String) throws { try write(Array(text.utf8)) }

  /// A finished file beside the result, to be moved or linked into its place.
  func made(_ bytes: [UInt8] = valid, _ name: String = "made") throws -> String {
    let path = "\(package.scratch)/\(name)"
    try FileSystem.write(bytes, to: path)
    return path
  }

  /// Adds to the end, and closes.
  func append(_ bytes: some Sequence<UInt8>) throws {
    let file = try FileSystem.open(result, O_WRONLY | O_CREAT | O_APPEND)
    defer { close(file) }
    let bytes = Array(bytes)
    try bytes.withUnsafeBytes { try FileSystem.writeAll(file, $0, result) }
  }

  private static let kept = Guarded<[String: Int32]>([:])

  /// Leaves the file open until `finishKept`.
  func keep(_ file: Int32) { Self.kept.withLock { $0[result] = file } }

  /// Writes the rest through what was left open, and closes it.
  func finishKept(_ rest: ArraySlice<UInt8>, at offset: off_t) throws {
    guard let file = Self.kept.withLock({ $0.removeValue(forKey: result) }) else { return }
    defer { close(file) }
    let written = rest.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, offset) }
    try check(written == rest.count ? 0 : -1, "write the rest of")
  }

  /// Where a shell of `shell` waits until it is told to go on.
  var gate: String { "\(aside)/gate-\(FileSystem.split(package.root).name)" }

  func openGate() throws { try FileSystem.write(Array("go\n".utf8), to: gate) }

  /// The valid result in two, as a shell's words between single quotes.
  func texts(cutAt place: Int) -> (first: String, rest: String) {
    let bytes = Self.valid
    return (
      String(decoding: bytes[..<place], as: UTF8.self), String(decoding: bytes[place...], as: UTF8.self)
    )
  }

  /// Waits for the shell, not for what it leaves in the background.
  func shell(_ script: String) throws { try check(system(script), "run a shell for") }

  /// The call must succeed.
  func check(_ code: Int32, _ what: String) throws {
    if code != 0 { throw FileSystem.failure(what, result) }
  }
}
