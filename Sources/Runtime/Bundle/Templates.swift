// The workflows that `flowdex init` writes. They are files of this package, embedded in the binary, so that
// the one binary is all there is to install.

import Glibc
import QueueRunner

/// Workflow templates.
public enum Templates {
  private static let all: [(name: String, bytes: [UInt8])] = [
    ("code-audit", PackageResources.code_audit_ts),
    ("parallel-review", PackageResources.parallel_review_ts),
    ("implementation-fanout", PackageResources.implementation_fanout_ts),
  ]

  /// What `write` knows, in the order in which help lists it.
  public static let names: [String] = all.map(\.name)

  /// The template's text; nil for a name that is none.
  public static func bytes(_ name: String) -> [UInt8]? { all.first { $0.name == name }?.bytes }

  /// Writes a template to a file that must not be there yet, with the folders above it.
  ///
  /// - Throws: `template-unknown`, `template-exists`, or what the file system says.
  public static func write(_ name: String, to path: String) throws {
    guard let bytes = bytes(name) else { throw unknown(name) }
    try FileSystem.makeDirectories(FileSystem.split(path).parent)
    let descriptor = try create(path)
    defer { close(descriptor) }
    do {
      try bytes.withUnsafeBytes { try FileSystem.writeAll(descriptor, $0, path) }
    } catch {
      // Half a template would stand in the way of the next try.
      unlink(path)
      throw error
    }
  }

  /// `O_EXCL` also refuses a dangling symlink: nothing that is there is ever written through or over.
  private static func create(_ path: String) throws -> Int32 {
    let descriptor = FileSystem.retrying {
      open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
    }
    if descriptor >= 0 { return descriptor }
    guard errno == EEXIST else { throw FileSystem.failure("write", path) }
    throw FlowdexError.failed(
      "template-exists", "`\(path)` is there already, and `init` never overwrites",
      next: "choose another file name")
  }

  private static func unknown(_ name: String) -> FlowdexError {
    let known = names.map { "`\($0)`" }.joined(separator: ", ")
    let nearest = Nearest.of(name, in: names).map { "did you mean `\($0)`?" }
    return .usage(
      "template-unknown", "there is no template `\(name)`: expected one of \(known)", next: nearest)
  }
}
