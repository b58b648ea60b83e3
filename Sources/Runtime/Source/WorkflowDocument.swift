// A workflow, read from its text without running it: what a person approves and what a run is held to.

import QueueRunner

/// A workflow whose shape and manifest have been checked.
public struct WorkflowDocument: Sendable {
  /// The name the file was read under, for messages.
  public let file: String
  /// The manifest with the defaults filled in.
  public let manifest: Manifest
  /// The manifest as written, without defaults: the canonical JSON (RFC 8785) that the module must evaluate to.
  public let manifestText: String
  /// SHA-256 of the file's bytes.
  public let sourceHash: String
  /// SHA-256 of `manifestText`.
  public let manifestHash: String
  /// SHA-256 of the canonical JSON `{"manifest": manifestHash, "source": sourceHash}`: what an approval covers.
  public let approvalHash: String
  /// The manifest as written, members in their own order.
  let writtenManifest: JSONValue

  /// Reads a workflow's bytes; `file` is the name that errors show.
  ///
  /// - Throws: `workflow-invalid`: `file:line:column: what, expected X, found Y`, for the first thing that is wrong.
  ///   Lines and columns count from 1, columns in UTF-16 code units.
  public static func read(text bytes: [UInt8], file: String) throws -> WorkflowDocument {
    let source = SourceText(bytes: bytes, file: file)
    do throws(Refusal) {
      let written = try WorkflowSource(source).manifest
      return WorkflowDocument(source, try Manifest(written), written.json)
    } catch {
      throw source.error(error)
    }
  }

  /// The first thing that is wrong with the bytes, in shape or manifest; nil where `read` takes them.
  public static func problem(in bytes: [UInt8]) -> SourceProblem? {
    let source = SourceText(bytes: bytes, file: "")
    do throws(Refusal) {
      _ = try Manifest(try WorkflowSource(source).manifest)
      return nil
    } catch {
      let at = source.position(error.offset)
      return SourceProblem(
        line: at.line, column: at.column, code: nil,
        message: "\(error.what), expected \(error.expected), found \(error.found)")
    }
  }

  private init(_ source: SourceText, _ manifest: Manifest, _ written: JSONValue) {
    self.file = source.file
    self.manifest = manifest
    writtenManifest = written
    manifestText = written.canonicalText
    sourceHash = Digest.sha256Hex(source.bytes)
    manifestHash = Digest.sha256Hex(manifestText)
    let approved: JSONValue = ["manifest": .string(manifestHash), "source": .string(sourceHash)]
    approvalHash = Digest.sha256Hex(approved.canonicalText)
  }
}
