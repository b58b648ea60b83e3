import Testing

/// A result as a worker might write it, and what is to be said of it.
struct EnvelopeCase: Sendable, CustomTestStringConvertible {
  let name: String
  let bytes: [UInt8]
  /// What the problems must say, in their order; empty for a result that is taken.
  let says: [String]
  var testDescription: String { name }

  init(_ name: String, _ bytes: [UInt8], _ says: String...) {
    (self.name, self.bytes, self.says) = (name, bytes, says)
  }

  /// The plain envelope with some members written otherwise.
  init(_ changes: [String: String], _ says: String...) {
    name = changes.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    bytes = Array(Self.text(changes).utf8)
    self.says = says
  }

  /// The envelope, with members replaced, left out (an empty text) or added at its end.
  static func text(_ changes: [String: String] = [:]) -> String {
    let plain = [
      ("status", "\"completed\""), ("summary", "\"done\""), ("data", "{}"), ("claims", "[]"),
      ("artifacts", "[]"), ("diff", "null"), ("usage", "{}"), ("error", "null"),
    ]
    var members = plain.compactMap { name, value in
      let value = changes[name] ?? value
      return value.isEmpty ? nil : "\"\(name)\":\(value)"
    }
    let extra = changes.keys.filter { key in !plain.contains { $0.0 == key } }.sorted()
    members += extra.map { "\"\($0)\":\(changes[$0] ?? "")" }
    return "{" + members.joined(separator: ",") + "}"
  }

  static func claim(_ evidence: String, _ more: String = "") -> [String: String] {
    [
      "claims":
        "[{\"id\":\"c\",\"text\":\"t\",\"kind\":\"risk\",\"confidence\":\"low\",\"evidence\":\(evidence)\(more)}]"
    ]
  }

  static func artifact(_ changes: [String: String] = [:]) -> [String: String] {
    let plain = [
      ("id", "\"a\""), ("sha256", "\"\(hash)\""), ("mediaType", "\"text/plain\""), ("size", "0"),
      ("path", "\"scratch/x\""), ("redactionStatus", "\"none\""),
    ]
    var members = plain.compactMap { name, value in
      let value = changes[name] ?? value
      return value.isEmpty ? nil : "\"\(name)\":\(value)"
    }
    for key in changes.keys.sorted() where !plain.contains(where: { $0.0 == key }) {
      members.append("\"\(key)\":\(changes[key] ?? "")")
    }
    return ["artifacts": "[{" + members.joined(separator: ",") + "}]"]
  }

  static let hash = String(repeating: "0a", count: 32)
}

extension EnvelopeCase {
  static let taken =
    [
      EnvelopeCase([:]), EnvelopeCase(["status": "\"failed\"", "error": "\"no compiler\""]),
      EnvelopeCase(["status": "\"blocked\""]), EnvelopeCase(["status": "\"needs-approval\""]),
      EnvelopeCase(["summary": "\"\""]), EnvelopeCase(["summary": "\"é\\u0000\\ud83d\\ude00\""]),
      EnvelopeCase(["data": "null"]), EnvelopeCase(["data": "0"]), EnvelopeCase(["data": "\"text\""]),
      EnvelopeCase(["data": "[1,[2],{\"a\":null}]"]), EnvelopeCase(["usage": "null"]),
      EnvelopeCase(["usage": "{\"inputTokens\":12}"]), EnvelopeCase(["diff": "\"--- a\\n+++ b\\n\""]),
      EnvelopeCase(["error": "\"\""]), EnvelopeCase(claim("[]")),
      EnvelopeCase(
        claim("[{\"type\":\"command\",\"artifactId\":\"a\",\"command\":[\"make\",\"test\"],\"exitCode\":-1}]")
      ),
      EnvelopeCase(
        claim(
          "[{\"type\":\"test\",\"artifactId\":\"a\",\"command\":[],\"exitCode\":0,\"passed\":3,\"failed\":0}]"
        )),
      EnvelopeCase(claim("[{\"type\":\"test\",\"artifactId\":\"a\",\"command\":[],\"exitCode\":0}]")),
      EnvelopeCase(
        claim(
          "[{\"type\":\"fileRange\",\"path\":\"a.c\",\"startLine\":1,\"endLine\":2,\"contentHash\":\"\(hash)\"}]"
        )),
      EnvelopeCase(
        claim("[{\"type\":\"diffHunk\",\"artifactId\":\"a\",\"file\":\"f\",\"hunkHash\":\"\(hash)\"}]")),
      EnvelopeCase(
        claim("[{\"type\":\"schemaValidation\",\"artifactId\":\"a\",\"schema\":{},\"status\":\"valid\"}]")),
      EnvelopeCase(claim("[{\"type\":\"agentResult\",\"artifactId\":\"a\",\"childKey\":\"agent:x\"}]")),
      EnvelopeCase(claim("[{\"type\":\"agentResult\",\"artifactId\":\"a\",\"taskId\":\"x\"}]")),
      EnvelopeCase(artifact()),
      EnvelopeCase(artifact(["producer": "\"p\"", "redactionStatus": "\"redacted\""])),
      EnvelopeCase(artifact(["size": "9007199254740992"])), EnvelopeCase(artifact(["size": "1.0"])),
      EnvelopeCase("white space around", Array(" \r\n\t\(text()) \n".utf8)),
      EnvelopeCase("keys with escapes", Array(text().replacing("\"status\"", with: "\"st\\u0061tus\"").utf8)),
    ]

  static let noJSON = [
    EnvelopeCase("nothing", [], "byte 0: expected a JSON value, found the end of the text"),
    EnvelopeCase(
      "a byte order mark", [0xEF, 0xBB, 0xBF] + Array(text().utf8),
      "byte 0: expected a JSON value, found a byte order mark"),
    EnvelopeCase(
      "UTF-16", [0xFF, 0xFE] + text().utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] },
      "byte 0: expected a JSON value, found a UTF-16 byte order mark"),
    EnvelopeCase(
      "UTF-16 without a mark", text().utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] },
      "byte 1: expected a key in double quotes or `}`, found byte 0x00"),
    EnvelopeCase(
      "NUL bytes", [UInt8](repeating: 0, count: 4096), "byte 0: expected a JSON value, found byte 0x00"),
    EnvelopeCase(
      "trailing text", Array("\(text()) Done!".utf8),
      "expected the end of the text after the value, found `Done`"),
    EnvelopeCase(
      "two envelopes", Array("\(text())\n\(text())".utf8),
      "expected the end of the text after the value, found `{`"),
    EnvelopeCase("a fenced block", Array("```json\n\(text())\n```".utf8), "byte 0: expected a JSON value"),
    EnvelopeCase("half a file", Array(text().utf8.prefix(40)), "byte 40"),
    EnvelopeCase(
      ["summary": "\"\\ud800\""], "byte 33 at `/summary`: expected a low surrogate after the high surrogate"),
    EnvelopeCase(
      ["summary": "\"\\udc00x\""], "at `/summary`: expected a high surrogate before the low surrogate"),
    EnvelopeCase(["data": "NaN"], "at `/data`: expected a JSON value, found `NaN`"),
    EnvelopeCase(["data": "{\"a\":[-Infinity]}"], "at `/data/a/0`: expected a digit after `-`"),
    EnvelopeCase(["data": "1e999"], "at `/data`: expected a number within the range of a double"),
    EnvelopeCase(["data": "{\"a\":1,\"\\u0061\":2}"], "`/data", "a"),
    EnvelopeCase("status twice", Array(text().replacing("\"error\"", with: "\"status\"").utf8), "status"),
    EnvelopeCase(
      "ill-formed UTF-8", Array("{\"summary\":\"".utf8) + [0xC0, 0x80] + Array("\"}".utf8),
      "byte 12 at `/summary`: expected well-formed UTF-8, found byte 0xc0"),
    EnvelopeCase(
      "an encoded surrogate", Array("{\"summary\":\"".utf8) + [0xED, 0xA0, 0x80] + Array("\"}".utf8),
      "byte 12 at `/summary`: expected well-formed UTF-8"),
    EnvelopeCase(["data": String(repeating: "[", count: 128) + String(repeating: "]", count: 128)], "128"),
    EnvelopeCase(["data": "{" + (0..<100_000).map { "\"\($0)\":0" }.joined(separator: ",") + "}"], "100000"),
    EnvelopeCase(["data": "[1,]"], "at `/data/1`: expected a JSON value, found `]`"),
    EnvelopeCase(["summary": "\"a\nb\""], "at `/summary`: expected control characters escaped"),
  ]

  static let noEnvelope = [
    EnvelopeCase(
      "an array", Array("[]".utf8),
      "the envelope: expected an object with `status`, `summary`, `data`, `claims`, `artifacts`, `diff`, `usage`, `error`, found an array"
    ),
    EnvelopeCase("null", Array("null".utf8), "found null"),
    EnvelopeCase("a string", Array("\"x\"".utf8), "found the string `x`"),
    EnvelopeCase(
      "empty", Array("{}".utf8),
      "`/status`: expected one of `completed`, `failed`, `blocked`, `needs-approval`, found nothing",
      "`/summary`: expected a string, found nothing", "`/data`: expected a value, found nothing",
      "`/claims`: expected an array, found nothing", "`/artifacts`",
      "`/diff`: expected a string or null, found nothing", "`/usage`", "`/error`"),
    EnvelopeCase(["status": ""], "`/status`: expected one of"),
    EnvelopeCase(["summary": ""], "`/summary`: expected a string, found nothing"),
    EnvelopeCase(["data": ""], "`/data`: expected a value, found nothing"),
    EnvelopeCase(["claims": ""], "`/claims`: expected an array, found nothing"),
    EnvelopeCase(["artifacts": ""], "`/artifacts`: expected an array, found nothing"),
    EnvelopeCase(["diff": ""], "`/diff`: expected a string or null, found nothing"),
    EnvelopeCase(["usage": ""], "`/usage`: expected a value, found nothing"),
    EnvelopeCase(["error": ""], "`/error`: expected a string or null, found nothing"),
    EnvelopeCase(
      ["status": "\"done\""],
      "`/status`: expected one of `completed`, `failed`, `blocked`, `needs-approval`, found the string `done`"
    ),
    EnvelopeCase(["status": "\"Completed\""], "found the string `Completed`"),
    EnvelopeCase(["status": "\"needsApproval\""], "`/status`"),
    EnvelopeCase(
      ["status": "\"\""],
      "`/status`: expected one of `completed`, `failed`, `blocked`, `needs-approval`, found an empty string"),
    EnvelopeCase(["status": "true"], "`/status`", "found true"),
    EnvelopeCase(["summary": "null"], "`/summary`: expected a string, found null"),
    EnvelopeCase(["summary": "12.50"], "`/summary`: expected a string, found the number `12.5`"),
    EnvelopeCase(["summary": "[]"], "`/summary`: expected a string, found an array"),
    EnvelopeCase(["claims": "{}"], "`/claims`: expected an array, found an object"),
    EnvelopeCase(["claims": "null"], "`/claims`: expected an array, found null"),
    EnvelopeCase(
      ["claims": "[1]"],
      "`/claims/0`: expected an object with `id`, `text`, `kind`, `confidence`, `evidence`, found the number `1`"
    ),
    EnvelopeCase(["artifacts": "\"x\""], "`/artifacts`: expected an array"),
    EnvelopeCase(["diff": "false"], "`/diff`: expected a string or null, found false"),
    EnvelopeCase(["error": "{\"m\":1}"], "`/error`: expected a string or null, found an object"),
    EnvelopeCase(
      ["summry": "\"x\"", "summary": ""], "`/summary`: expected a string, found nothing",
      "`/summry`: expected only the members `status`, `summary`, `data`, `claims`, `artifacts`, `diff`, `usage`, `error`, found the unknown `summry`; did you mean `summary`?"
    ),
    EnvelopeCase(["Status": "1"], "did you mean `status`?"),
    EnvelopeCase(["notes": "1"], "found the unknown `notes`"),
    EnvelopeCase(["": "1"], "`/`: expected only the members"),
    EnvelopeCase(["a/b~c\\n": "1"], "`/a~1b~0c\\n`: expected only"),
    EnvelopeCase(["flowdex": "{}"], "`/flowdex`: expected only"),
    EnvelopeCase(["status": "1", "error": "1", "x": "1"], "`/status`", "`/error`", "`/x`"),
  ]

  static let brokenParts = [
    EnvelopeCase(
      ["claims": "[{}]"], "`/claims/0/id`: expected a string that is not empty, found nothing",
      "`/claims/0/text`",
      "`/claims/0/kind`: expected one of `finding`, `change`, `verification`, `blocker`, `risk`, found nothing",
      "`/claims/0/confidence`: expected one of `high`, `medium`, `low`",
      "`/claims/0/evidence`: expected an array"),
    EnvelopeCase(
      claim("[]", ",\"evidenc\":1"), "`/claims/0/evidenc`: expected only the members",
      "did you mean `evidence`?"),
    EnvelopeCase(claim("[]", ",\"standing\":\"verified\""), "`/claims/0/standing`"),
    EnvelopeCase(claim("{}"), "`/claims/0/evidence`: expected an array, found an object"),
    EnvelopeCase(
      claim("[\"x\"]"),
      "`/claims/0/evidence/0`: expected an object whose `type` is one of `command`, `test`, `fileRange`, `diffHunk`, `schemaValidation`, `agentResult`, found the string `x`"
    ),
    EnvelopeCase(claim("[{}]"), "`/claims/0/evidence/0/type`: expected one of `command`", "found nothing"),
    EnvelopeCase(
      claim("[{\"type\":\"Command\"}]"), "`/claims/0/evidence/0/type`", "found the string `Command`"),
    EnvelopeCase(
      claim("[{\"type\":\"command\"}]"), "`/claims/0/evidence/0/artifactId`",
      "`/claims/0/evidence/0/command`", "`/claims/0/evidence/0/exitCode`: expected an integer, found nothing"),
    EnvelopeCase(
      claim("[{\"type\":\"command\",\"artifactId\":\"a\",\"command\":\"make\",\"exitCode\":0.5}]"),
      "`/claims/0/evidence/0/command`: expected an array, found the string `make`",
      "`/claims/0/evidence/0/exitCode`: expected an integer, found the number `0.5`"),
    EnvelopeCase(
      claim("[{\"type\":\"command\",\"artifactId\":\"a\",\"command\":[\"a\",1],\"exitCode\":1e300}]"),
      "`/claims/0/evidence/0/command/1`: expected a string", "`/claims/0/evidence/0/exitCode`"),
    EnvelopeCase(
      claim("[{\"type\":\"command\",\"artifactId\":\"a\",\"command\":[],\"exitCode\":0,\"passed\":1}]"),
      "`/claims/0/evidence/0/passed`: expected only the members"),
    EnvelopeCase(
      claim("[{\"type\":\"test\",\"artifactId\":\"a\",\"command\":[],\"exitCode\":0,\"failed\":-1}]"),
      "`/claims/0/evidence/0/failed`: expected an integer of 0 or more, found the number `-1`"),
    EnvelopeCase(
      claim(
        "[{\"type\":\"fileRange\",\"path\":\"\",\"startLine\":0,\"endLine\":\"2\",\"contentHash\":\"\(hash.uppercased())\"}]"
      ), "`/claims/0/evidence/0/path`: expected a string that is not empty, found an empty string",
      "`/claims/0/evidence/0/startLine`: expected an integer of 1 or more, found the number `0`",
      "`/claims/0/evidence/0/endLine`",
      "`/claims/0/evidence/0/contentHash`: expected 64 lowercase hexadecimal digits"),
    EnvelopeCase(
      claim("[{\"type\":\"diffHunk\",\"artifactId\":\"a\",\"file\":\"f\",\"hunkHash\":\"abc\"}]"),
      "`/claims/0/evidence/0/hunkHash`"),
    EnvelopeCase(
      claim("[{\"type\":\"schemaValidation\",\"artifactId\":\"a\",\"status\":\"valid\"}]"),
      "`/claims/0/evidence/0/schema`: expected a value"),
    EnvelopeCase(
      claim("[{\"type\":\"agentResult\",\"artifactId\":\"a\"}]"),
      "`/claims/0/evidence/0`: expected at least one of `childKey`, `taskId`, found neither"),
    EnvelopeCase(
      ["artifacts": "[null]"],
      "`/artifacts/0`: expected an object with `id`, `sha256`, `mediaType`, `size`, `path`, `redactionStatus`, found null"
    ),
    EnvelopeCase(artifact(["id": "\"\""]), "`/artifacts/0/id`"),
    EnvelopeCase(artifact(["sha256": "\"\(hash)0\""]), "`/artifacts/0/sha256`: expected 64 lowercase"),
    EnvelopeCase(artifact(["sha256": "\"\(hash.dropLast())g\""]), "`/artifacts/0/sha256`"),
    EnvelopeCase(artifact(["sha256": ""]), "`/artifacts/0/sha256`", "found nothing"),
    EnvelopeCase(
      artifact(["size": "-1"]), "`/artifacts/0/size`: expected an integer of 0 or more, found the number `-1`"
    ), EnvelopeCase(artifact(["size": "1.5"]), "`/artifacts/0/size`"),
    EnvelopeCase(artifact(["size": "\"1\""]), "`/artifacts/0/size`"),
    EnvelopeCase(artifact(["size": "1e16"]), "`/artifacts/0/size`"),
    EnvelopeCase(artifact(["mediaType": "null"]), "`/artifacts/0/mediaType`: expected a string, found null"),
    EnvelopeCase(artifact(["path": ""]), "`/artifacts/0/path`"),
    EnvelopeCase(artifact(["producer": "null"]), "`/artifacts/0/producer`: expected a string, found null"),
    EnvelopeCase(
      artifact(["redactionStatus": "\"full\""]),
      "`/artifacts/0/redactionStatus`: expected one of `none`, `redacted`, found the string `full`"),
    EnvelopeCase(artifact(["mediatype": "\"x\""]), "did you mean `mediaType`?"),
  ]
}
