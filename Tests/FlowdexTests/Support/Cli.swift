import Glibc
import QueueRunner
import Subprocess
import SystemPackage
import Testing

/// Runs the built binary, as a person or a script would.
enum Cli {
  struct Output: Sendable, CustomStringConvertible {
    let status: Int32
    let stdout: String
    let stderr: String
    var description: String { "exit \(status)\n--- stdout\n\(stdout)\n--- stderr\n\(stderr)" }

    /// stdout as JSON; a text that is none fails the test.
    func json() throws -> JSONValue { try JSONValue(parsing: Array(stdout.utf8)) }
  }

  /// The binary beside the tests' own.
  static let binary: String = {
    guard let own = realpath("/proc/self/exe", nil) else { return "flowdex" }
    defer { free(own) }
    let beside = FileSystem.split(String(cString: own)).parent + "/flowdex"
    return FileSystem.exists(beside) ? beside : "\(packageRoot)/.build/debug/flowdex"
  }()

  static let packageRoot: String = {
    var folder = FileSystem.split(#filePath).parent
    while !FileSystem.exists("\(folder)/Package.swift"), folder != "/" {
      folder = FileSystem.split(folder).parent
    }
    return folder
  }()

  /// The Deno that `make setup` installed, unless the environment names another.
  static let deno: String? = {
    if let named = getenv("FLOWDEX_DENO") { return String(cString: named) }
    return ["bin/deno", "deno-pkg/bin/deno"].map { "\(packageRoot)/.tools/\($0)" }.first(
      where: FileSystem.exists)
  }()

  private static func configuration(
    _ arguments: [String], _ folder: String, _ variables: [String: String]
  ) -> Configuration {
    var environment: [Environment.Key: String?] = [:]
    if let deno { environment["FLOWDEX_DENO"] = deno }
    for (name, value) in variables { environment[Environment.Key(stringLiteral: name)] = value }
    return Configuration(
      executable: .path(FilePath(binary)), arguments: Arguments(arguments),
      environment: .inherit.updating(environment), workingDirectory: FilePath(folder))
  }

  /// Runs one command to its end.
  static func run(
    _ arguments: [String], in folder: String, stdin: String = "", environment: [String: String] = [:]
  ) async throws -> Output {
    let result = try await Subprocess.run(
      configuration(arguments, folder, environment),
      input: .fileDescriptor(try file(holding: stdin), closeAfterSpawningProcess: true),
      output: .string(limit: 64 << 20), error: .string(limit: 64 << 20))
    return Output(
      status: status(result.terminationStatus), stdout: result.standardOutput,
      stderr: result.standardError)
  }

  /// A file without a name, at its beginning. Not a pipe: a command that refuses its arguments may be gone before
  /// it has read what it is given, and the library that starts it does not survive a write that nobody reads.
  private static func file(holding text: String) throws -> FileDescriptor {
    var template = Array("/tmp/flowdex-stdin-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw FileSystem.failure("make", "a file for standard input") }
    unlink(template)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    let file = FileDescriptor(rawValue: descriptor)
    try file.writeAll(text.utf8)
    try file.seek(offset: 0, from: .start)
    return file
  }

  /// Starts one command, to be waited for or killed later.
  static func start(
    _ arguments: [String], in folder: String, environment: [String: String] = [:]
  ) async throws -> Running {
    let (pids, continuation) = AsyncStream<Int32>.makeStream()
    let configuration = configuration(arguments, folder, environment)
    let task = Task {
      defer { continuation.finish() }
      let result = try await Subprocess.run(
        configuration, input: .none, output: .string(limit: 64 << 20), error: .string(limit: 64 << 20)
      ) { execution in
        continuation.yield(execution.processIdentifier.value)
      }
      return Output(
        status: status(result.terminationStatus), stdout: result.standardOutput,
        stderr: result.standardError)
    }
    for await pid in pids { return Running(pid: pid, task: task) }
    _ = try await task.value
    throw FlowdexError.bug("test", "`\(arguments)` did not start")
  }

  private static func status(_ status: TerminationStatus) -> Int32 {
    switch status {
    case .exited(let code): Int32(code)
    case .signaled(let number): 128 + Int32(number)
    }
  }
}

/// A command that is running.
struct Running: Sendable {
  let pid: Int32
  fileprivate let task: Task<Cli.Output, any Error>

  func signal(_ number: Int32) { kill(pid, number) }
  func output() async throws -> Cli.Output { try await task.value }
}
