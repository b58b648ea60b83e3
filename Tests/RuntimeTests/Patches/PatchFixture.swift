import Glibc
import QueueRunner
import Testing

@testable import Runtime

/// A file of a tree in a test: bytes and whether it may be executed.
struct TestFile: Equatable, CustomStringConvertible {
  var bytes: [UInt8]
  var isExecutable = false

  init(_ text: String, isExecutable: Bool = false) {
    self.init(bytes: Array(text.utf8), isExecutable: isExecutable)
  }
  init(bytes: [UInt8], isExecutable: Bool = false) { (self.bytes, self.isExecutable) = (bytes, isExecutable) }

  var description: String {
    "\(isExecutable ? "755 " : "")\(String(decoding: bytes.prefix(300), as: UTF8.self))"
  }
}

/// A project and a run's folder in a scratch folder of their own.
final class PatchFixture {
  let root: String
  var project: String { "\(root)/project" }
  var operation: String { "\(root)/run/integrate" }

  init(_ files: [String: String] = [:], mode: mode_t = 0o644) throws {
    let temporary = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    root = "\(temporary)/flowdex-pätches e\u{301}-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
    try FileSystem.makeDirectories("\(root)/project")
    try FileSystem.makeDirectories("\(root)/run")
    for (path, text) in files { try write(path, text, mode: mode) }
  }

  deinit { try? FileSystem.removeTree(root) }

  func write(_ path: String, _ text: String, mode: mode_t = 0o644) throws {
    try Self.write(TestFile(text), to: "\(project)/\(path)", mode: mode)
  }

  static func write(_ file: TestFile, to place: String, mode: mode_t? = nil) throws {
    try FileSystem.makeDirectories(FileSystem.split(place).parent)
    try FileSystem.write(file.bytes, to: place)
    chmod(place, mode ?? (file.isExecutable ? 0o755 : 0o644))
  }

  static func write(_ tree: [String: TestFile], to folder: String) throws {
    try FileSystem.makeDirectories(folder)
    for (path, file) in tree { try write(file, to: "\(folder)/\(path)") }
  }

  func text(_ path: String) throws -> String? {
    let place = "\(project)/\(path)"
    return FileSystem.exists(place) ? String(decoding: try FileSystem.read(place), as: UTF8.self) : nil
  }

  func integration(_ globs: [String] = ["src/**"]) -> PatchIntegration {
    PatchIntegration(projectRoot: project, writeGlobs: GlobSet(globs), folder: operation)
  }

  /// Everything in a folder: kind, mode and content by path; links by their target.
  static func everything(_ folder: String) throws -> [String: String] {
    var found: [String: String] = [:]
    func visit(_ path: String, _ relative: String) throws {
      for name in try FileSystem.names(in: path) {
        let place = "\(path)/\(name)"
        guard let entry = try FileSystem.entry(place) else { continue }
        let shown = relative + name
        let mode = String(entry.mode, radix: 8)
        switch entry.kind {
        case .directory:
          found[shown + "/"] = mode
          try visit(place, shown + "/")
        case .file: found[shown] = "\(mode) \(Digest.sha256Hex(try FileSystem.read(place)))"
        case .symlink: found[shown] = "link"
        case .other: found[shown] = "other"
        }
      }
    }
    try visit(folder, "")
    return found
  }

  /// The files of a folder, as `git apply` and `integrate` leave them.
  static func files(_ folder: String, except: Set<String> = []) throws -> [String: TestFile] {
    var found: [String: TestFile] = [:]
    for path in try everything(folder).keys where !path.hasSuffix("/") && !except.contains(path) {
      if path.hasPrefix(".git/") { continue }
      let mode = try FileSystem.entry("\(folder)/\(path)")?.mode ?? 0
      found[path] = TestFile(
        bytes: try FileSystem.read("\(folder)/\(path)"), isExecutable: mode & 0o100 != 0)
    }
    return found
  }
}

/// Git, where it is installed: the second opinion.
enum TestGit {
  static let isThere = (try? run(in: "/", ["--version"]))?.status == 0

  struct Outcome {
    let status: Int32
    let output: [UInt8]
    var text: String { String(decoding: output, as: UTF8.self) }
  }

  /// Runs git with no configuration but its own; `output` is stdout and stderr together.
  static func run(in folder: String, _ arguments: [String]) throws -> Outcome {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw FileSystem.failure("make", "a pipe") }
    defer { close(ends[0]) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
    posix_spawn_file_actions_addclose(&actions, ends[0])
    posix_spawn_file_actions_addclose(&actions, ends[1])
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
    let environment = [
      "PATH=\(path)", "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
      "GIT_CEILING_DIRECTORIES=\(FileSystem.split(folder).parent)", "LC_ALL=C",
    ]
    let settings = ["-c", "core.autocrlf=false", "-c", "core.safecrlf=false", "-C", folder]
    var pid = pid_t()
    let status = withCStrings(["git"] + settings + arguments) { argv in
      withCStrings(environment) { posix_spawnp(&pid, "git", &actions, nil, argv, $0) }
    }
    close(ends[1])
    guard status == 0 else { return Outcome(status: 127, output: []) }
    let output = try FileSystem.readAll(ends[0], "git", limitBytes: 1 << 28)
    var code: Int32 = 0
    FileSystem.retrying { waitpid(pid, &code, 0) }
    return Outcome(status: code & 0x7F == 0 ? code >> 8 & 0xFF : 128, output: output)
  }

  private static func withCStrings<Result>(
    _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
  ) -> Result {
    let pointers = texts.map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    return body(pointers + [nil])
  }

  /// Applies a patch in a folder that is no repository.
  static func apply(_ patch: String, in folder: String) throws -> Outcome {
    let file = "\(folder).patch-\(UInt32.random(in: 0...UInt32.max))"
    try FileSystem.write(Array(patch.utf8), to: file)
    defer { unlink(file) }
    return try run(in: folder, ["apply", "--whitespace=nowarn", file])
  }
}
