// What fuzzing holds our readers to. Each takes any bytes, must not trap or hang, and says what is wrong with what it
// made of them. `make fuzz` drives them with libFuzzer; `make test` replays the corpus that was found so far.

import Foundation
import QueueRunner

@testable import Runtime

/// A reader of what comes from outside.
public enum FuzzTarget: String, CaseIterable, Sendable {
  /// Results: the strict reader against Foundation's, and the envelope's judge.
  case result
  /// Whole workflow files.
  case workflow
  /// The literal of a manifest, in a workflow that is right otherwise.
  case manifest
  /// Patches, parsed, and if that goes well applied to a small project.
  case patch

  /// What is wrong; nil where all is well.
  public func problem(_ bytes: [UInt8]) -> String? {
    switch self {
    case .result: Self.result(bytes)
    case .workflow: Self.workflow(bytes)
    case .manifest: Self.workflow(Self.head + bytes + Self.tail)
    case .patch: Self.patch(bytes)
    }
  }

  // MARK: results

  private static func result(_ bytes: [UInt8]) -> String? {
    if case .invalid(let refusal) = AdapterResult.judge(bytes) {
      for problem in refusal.problems {
        if let wrong = message(problem.text) { return wrong }
      }
    }
    if let ours = try? JSONValue(parsing: bytes) {
      guard let again = try? JSONValue(parsing: ours.canonicalBytes), again == ours else {
        return "its canonical text reads as another value"
      }
    }
    return ForeignJSON.difference(bytes)
  }

  // MARK: workflows

  private static let head = Array(
    "import { workflow } from \"@flowdex/runtime\";\nexport default workflow(".utf8)
  private static let tail = Array(", async (ctx) => { ctx.report(1); });\n".utf8)

  private static func workflow(_ bytes: [UInt8]) -> String? {
    do {
      let read = try WorkflowDocument.read(text: bytes, file: "w.ts")
      guard let manifest = try? JSONValue(parsing: read.manifestText) else {
        return "its manifest is no JSON"
      }
      if manifest.canonicalText != read.manifestText { return "its manifest is not canonical" }
      return try WorkflowDocument.read(text: bytes, file: "w.ts").approvalHash == read.approvalHash
        ? nil : "read twice, it has two hashes"
    } catch let error as FlowdexError {
      if error.kind == .bug { return "an internal error: \(error)" }
      return message(error.message)
    } catch {
      return "an error of another kind: \(error)"
    }
  }

  // MARK: patches

  /// - Parameter beside: what somebody else does to the scratch folder's `p`, the project, while the patch is applied:
  ///   for the test that whatever is done outside the globs is seen.
  public static func patch(_ bytes: [UInt8], beside: (String) throws -> Void = { _ in }) -> String? {
    let files: [PatchFile]
    do throws(PatchProblem) {
      files = try PatchParser.parse(bytes, limitBytes: 1 << 20)
    } catch {
      return message(error.message)
    }
    if files.isEmpty { return nil }
    var template = Array("/tmp/flowdex-fuzz-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { return nil }
    let root = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    defer { try? FileSystem.removeTree(root) }
    do {
      for (path, text) in [
        ("README", "one\n"), (".git/config", "one\n"), ("srcx/a", "one\n"), ("src/a", "one\ntwo\n"),
        ("src/b", "one\n"),
      ] {
        try FileSystem.makeDirectories(FileSystem.split("\(root)/p/\(path)").parent)
        try FileSystem.write(Array(text.utf8), to: "\(root)/p/\(path)")
      }
      // The operation's own folder is `o`.
      let before = try FolderListing(of: root, passingOver: "o")
      let integration = PatchIntegration(
        projectRoot: "\(root)/p", writeGlobs: GlobSet(["src/**"]), folder: "\(root)/o")
      let outcome = try integration.run([String(decoding: bytes, as: UTF8.self)])
      try beside("\(root)/p")
      let after = try FolderListing(of: root, passingOver: "o")
      if let problem = before.problem(after: after, allowed: "p/src") { return problem }
      if case .failed(let error) = outcome { return message(error) }
      return nil
    } catch {
      return "an error of the machine: \(error)"
    }
  }

  // MARK: messages

  /// What is said of any bytes is one short line of plain text.
  private static func message(_ text: String) -> String? {
    if text.utf8.count > 4000 { return "a message of \(text.utf8.count) bytes" }
    let odd = text.unicodeScalars.first { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }
    return odd.map { "U+\(String($0.value, radix: 16)) in the message `\(text)`" }
  }
}
