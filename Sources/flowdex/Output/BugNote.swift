// What a person is told of a bug of flowdex: one line, and a file with what a developer needs to know.

import Glibc
import QueueRunner
import Runtime

/// Says of an internal error that it is one, and where its details lie.
enum BugNote {
  static func text(_ error: FlowdexError) -> String {
    let next = error.next.map { " (\($0))" } ?? ""
    guard let path = keep(error) else { return "internal error: \(error.message)\(next)" }
    return "internal error: \(error.message); its details are in `\(path)`\(next)"
  }

  /// In the folder for temporary files: the run's own may be what cannot be written.
  private static func keep(_ error: FlowdexError) -> String? {
    let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(folder)/flowdex-bug-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var text = """
      flowdex \(Version.text)
      arguments: \(CommandWords.given())
      code: \(error.code)
      message: \(error.message)
      details: \(error.details ?? "none")

      """
    let isKept = (try? text.withUTF8 { try FileSystem.writeAll(descriptor, .init($0), folder) }) != nil
    return isKept ? String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self) : nil
  }
}
