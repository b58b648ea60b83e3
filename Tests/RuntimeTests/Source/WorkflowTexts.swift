import QueueRunner
import Testing

@testable import Runtime

/// A workflow that must be refused at a place with a word.
struct BadWorkflow: Sendable, CustomTestStringConvertible {
  let text: String
  let place: String
  let word: String
  var testDescription: String { text }
  init(_ text: String, _ place: String, _ word: String) {
    (self.text, self.place, self.word) = (text, place, word)
  }

  /// Reads the text and compares the error.
  func check() {
    do {
      _ = try WorkflowDocument.read(text: Array(text.utf8), file: "w.ts")
      Issue.record("taken: \(text)")
    } catch let error as FlowdexError {
      #expect(error.code == "workflow-invalid" && error.kind == .failed)
      #expect(error.message.hasPrefix("w.ts:\(place): "), "\(error.message)")
      #expect(error.message.contains(word), "\(error.message)")
      #expect(error.message.contains(", expected ") && error.message.contains(", found "), "\(error.message)")
      #expect(
        !error.message.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }, "\(error.message)")
    } catch {
      Issue.record("not a FlowdexError: \(error)")
    }
  }
}

/// Workflows put together from parts.
enum WorkflowTexts {
  static let importLine = #"import { workflow } from "@flowdex/runtime";"#
  /// The least that the rules ask for, on one line, from its brace to its brace.
  static let manifest =
    #"{ name: "n", maxAgents: 1, maxConcurrency: 1, permissions: { read: ["a/**"], write: [] }, phases: [{ id: "p" }] }"#
  static let callback = "async (ctx) => { ctx.report(1); }"

  /// The import on line 1, the export on line 2: `export default workflow(` is 24 columns wide.
  static func whole(_ manifest: String = manifest, _ callback: String = callback) -> String {
    "\(importLine)\nexport default workflow(\(manifest), \(callback));\n"
  }

  /// A manifest with a member more, which begins in column 1 of line 3 of `whole`.
  static func with(_ member: String) -> String {
    whole("{\n\(member),\n" + manifest.dropFirst())
  }

  /// A manifest whose members of these names are replaced or, where empty, left out, one a line from line 3 on.
  static func replacing(_ name: String, _ text: String) -> String {
    let members = [
      ("name", #""n""#), ("maxAgents", "1"), ("maxConcurrency", "1"),
      ("permissions", #"{ read: ["a/**"], write: [] }"#),
      ("phases", #"[{ id: "p" }]"#),
    ]
    let lines = members.map { $0.0 == name ? (name, text) : $0 }.filter { !$0.1.isEmpty }.map {
      "\($0.0): \($0.1)"
    }
    return whole("{\n" + lines.joined(separator: ",\n") + "\n}")
  }

  static func read(_ text: String) throws -> WorkflowDocument {
    try WorkflowDocument.read(text: Array(text.utf8), file: "w.ts")
  }
}
