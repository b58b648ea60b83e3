import Glibc
import QueueRunner

/// A project folder of a test's own, removed when the test is done; `FLOWDEX_KEEP_SCRATCH=1` keeps it for a look.
final class Scratch: Sendable {
  let path: String

  init(_ name: String = "flowdex-test") throws {
    var template = Array("/tmp/\(name)-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template), let real = realpath(made, nil) else {
      throw FileSystem.failure("make", "a scratch folder")
    }
    defer { free(real) }
    path = String(cString: real)
    try FileSystem.makeDirectories("\(path)/.flowdex/runs")
  }

  deinit {
    if getenv("FLOWDEX_KEEP_SCRATCH") == nil { try? FileSystem.removeTree(path) }
  }

  @discardableResult
  func file(_ name: String, _ text: String) throws -> String {
    let place = "\(path)/\(name)"
    try FileSystem.makeDirectories(FileSystem.split(place).parent)
    try FileSystem.write(Array(text.utf8), to: place)
    return place
  }

  func text(_ name: String) throws -> String {
    String(decoding: try FileSystem.read("\(path)/\(name)"), as: UTF8.self)
  }

  func exists(_ name: String) -> Bool { FileSystem.exists("\(path)/\(name)") }

  var layout: ProjectLayout { ProjectLayout(projectRoot: path) }

  /// A workflow of a manifest's members and a callback's body.
  @discardableResult
  func workflow(_ body: String, manifest: String = "", name: String = "workflow.ts") throws -> String {
    try file(name, Self.source(body, manifest: manifest))
  }

  static func source(_ body: String, manifest: String = "") -> String {
    """
    import { workflow } from "@flowdex/runtime";
    export default workflow({
      name: "test", maxAgents: 10000, maxConcurrency: 10000,
      permissions: { read: ["src/**"], write: [], hostCommands: [
        { id: "echo", argv: ["echo", "hello"] }, { id: "fail", argv: ["false"] },
        { id: "true", argv: ["true"], idempotent: true },
      ] },
      phases: [{ id: "one" }, { id: "two" }],
      \(manifest)
    }, async (ctx) => {
    \(body)
    });
    """
  }
}
