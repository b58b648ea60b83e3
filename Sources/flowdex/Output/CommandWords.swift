import QueueRunner

/// What was written on the command line.
enum CommandWords {
  /// Without the program's own name.
  ///
  /// Swift looks for the words below the environment on the stack, and finds none at all where a library that was
  /// loaded before has moved the environment, as libfaketime does; the kernel still has them.
  static func given() -> [String] {
    let found = CommandLine.arguments
    if !found.isEmpty { return Array(found.dropFirst()) }
    guard let bytes = try? FileSystem.read("/proc/self/cmdline") else { return [] }
    return split(bytes)
  }

  /// Each word ends with a zero byte; the first is the program's name.
  static func split(_ bytes: [UInt8]) -> [String] {
    bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast().dropFirst()
      .map { String(decoding: $0, as: UTF8.self) }
  }
}
