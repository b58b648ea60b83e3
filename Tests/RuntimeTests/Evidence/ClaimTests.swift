import QueueRunner
import Testing

@testable import Runtime

@Suite("claims")
struct ClaimTests {
  static let good = JSONValue.claim([EvidenceTests.command("a", ["x"], 0)])
  static let hash = String(repeating: "0", count: 64)

  static func evidence(_ json: JSONValue) -> JSONValue { .claim([json]) }
  static let command = EvidenceTests.command("a", ["x"], 0)
  static let range = FileRangeTests.range("f", 1, 2, hash)

  static let bad: [(JSONValue, String)] = [
    (1, "expected an object"), (good.setting("id", nil), "`/id`: expected 1 to 120"),
    (good.setting("id", "a b"), "`/id`"), (good.setting("id", ""), "`/id`"),
    (good.setting("id", "é"), "`/id`"),
    (good.setting("id", .string(String(repeating: "a", count: 121))), "`/id`"),
    (good.setting("id", 1), "`/id`"),
    (good.setting("text", ""), "`/text`: expected text that is not empty, found an empty string"),
    (good.setting("text", nil), "`/text`: expected text that is not empty, found nothing"),
    (good.setting("kind", "findings"), "`/kind`: expected one of `finding`, `change`"),
    (good.setting("confidence", "High"), "`/confidence`: expected one of `high`, `medium`, `low`"),
    (good.setting("confidence", nil), "`/confidence`"), (good.setting("evidence", nil), "`/evidence`"),
    (good.setting("evidence", [:]), "`/evidence`: expected an array, found an object"),
    (good.setting("evidences", []), "`evidences`; did you mean `evidence`?"),
    (good.setting("standing", "verified"), "unknown field `standing`"),
    (evidence("x"), "`/evidence/0`: expected an object"),
    (evidence([:]), "`/evidence/0/type`: expected one of"),
    (evidence(["type": "Command"]), "`/evidence/0/type`"),
    (evidence(command.setting("artifactId", nil)), "`/evidence/0/artifactId`"),
    (evidence(command.setting("command", "x")), "`/evidence/0/command`"),
    (evidence(command.setting("command", [])), "`/evidence/0/command`"),
    (
      evidence(command.setting("command", ["x", 1])), "`/evidence/0/command/1`: expected a string, found `1`"
    ),
    (evidence(command.setting("exitCode", 0.5)), "`/evidence/0/exitCode`: expected an integer, found `0.5`"),
    (evidence(command.setting("exitCode", nil)), "`/evidence/0/exitCode`"),
    (evidence(command.setting("passed", 1)), "unknown field `passed`"),
    (evidence(command.setting("kind", "command")), "unknown field `kind`"),
    (evidence(command.setting("type", "test").setting("passed", -1)), "`/evidence/0/passed`"),
    (evidence(command.setting("how", "x")), "unknown field `how`"),
    (evidence(range.setting("startLine", 0)), "`/evidence/0/startLine`: expected an integer of 1 or more"),
    (evidence(range.setting("endLine", 1e300)), "`/evidence/0/endLine`"),
    (evidence(range.setting("contentHash", "abc")), "`/evidence/0/contentHash`: expected 64 lowercase"),
    (evidence(range.setting("contentHash", .string(String(repeating: "A", count: 64)))), "contentHash"),
    (evidence(range.setting("path", "")), "`/evidence/0/path`"),
    (evidence(["type": "diffHunk", "artifactId": "a", "file": "f", "hunkHash": "x"]), "hunkHash"),
    (
      evidence(["type": "schemaValidation", "schema": "x", "artifactId": "a", "status": "valid"]),
      "`/evidence/0/schema`"
    ),
    (evidence(["type": "schemaValidation", "artifactId": "a", "status": "valid"]), "`/evidence/0/schema`"),
    (evidence(["type": "schemaValidation", "schema": [:], "artifactId": "a", "status": "ok"]), "status"),
    (evidence(["type": "agentResult", "artifactId": "a"]), "`childKey` or `taskId`, found neither"),
  ]

  @Test("what is not well-formed is refused by name and place", arguments: bad)
  func malformed(json: JSONValue, word: String) throws {
    let error = try #require(throws: FlowdexError.self) { try Claim(json) }
    #expect(error.code == "claim-shape")
    #expect(error.message.contains(word), "\(error.message)")
    #expect(error.message.hasPrefix("claim `") || error.message.hasPrefix("a claim without an id"))
  }

  @Test("what is well-formed is read")
  func wellFormed() throws {
    let claim = try Claim(Self.good)
    #expect(claim.id == "c" && claim.kind == .finding && claim.confidence == .high)
    #expect(claim.evidence.map(\.json) == [Self.command.object])
    _ = try Claim(.claim([], id: String(repeating: "a", count: 120)))
    for kind in Claim.Kind.allCases { _ = try Claim(Self.good.setting("kind", .string(kind.rawValue))) }
  }

  @Test("staged again with equal content it is the same, with other content an error at the first path")
  func stagedTwice() throws {
    let shuffled = JSONValue.object(JSONObject(Self.good.object!.members.reversed()))
    #expect(try Claim.staged([Self.good, shuffled, .claim([], id: "d")]).map(\.id) == ["c", "d"])
    let other = Self.evidence(Self.command.setting("exitCode", 1))
    let error = try #require(throws: FlowdexError.self) { try Claim.staged([Self.good, other]) }
    #expect(error.code == "claim-differs")
    #expect(
      error.message.contains("`c`") && error.message.contains("`/evidence/0/exitCode`"), "\(error.message)")
  }
}

@Suite("reports")
struct ReportBuilderTests {
  static let proof = EvidenceTests.command(EvidenceTests.out, ["make", "test"], 0)
  static let words: JSONValue = ["type": "agentResult", "childKey": "agent:solo", "artifactId": "r3"]
  static let wrong = EvidenceTests.command(EvidenceTests.out, ["make", "test"], 7)
  static let staged: [JSONValue] = [
    .claim([proof], id: "proved"), .claim([words], id: "said"), .claim([words, wrong], id: "wrong"),
    .claim([], id: "bare"),
  ]

  static func build(_ value: String, _ claims: [JSONValue] = staged) throws -> ReportOutcome {
    try ReportBuilder.build(valueText: value, staged: claims, facts: EvidenceTests.facts)
  }

  @Test("the cited claims come last, in the order of citation, with what was checked")
  func cited() throws {
    let outcome = try Self.build(#"{"z":1,"claimIds":["said","proved","said"],"a":{"y":1,"x":2}}"#)
    guard case .verified(let text, let claims) = outcome else {
      Issue.record("refused: \(outcome)")
      return
    }
    #expect(
      text.hasPrefix(#"{"z":1,"claimIds":["said","proved","said"],"a":{"y":1,"x":2},"claims":[{"id":"said","#)
    )
    #expect(claims.map(\.standing) == [.verified, .attested, .unverified, .unverified])
    let report = try JSONValue(parsing: text)
    let cited = try #require(report["claims"]?.array)
    #expect(cited.map { $0["id"]?.string } == ["said", "proved"])
    #expect(cited.map { $0["standing"]?.string } == ["attested", "verified"])
    #expect(cited[1].object?.keys == ["id", "text", "kind", "confidence", "standing", "evidence"])
    let piece = try #require(cited[1]["evidence"]?.array?.first)
    #expect(piece.setting("how", nil) == Self.proof)
    #expect(piece["how"]?.string?.contains("`make test`") == true)
  }

  @Test(
    "a report without `claimIds` is kept byte for byte",
    arguments: [
      "null", "1", "\"x\"", "[1, 2]", "{ \"b\" : 1e2, \"a\":[] }",
      "{\"claims\":[{\"standing\":\"verified\"}]}",
    ])
  func untouched(text: String) throws {
    guard case .verified(let out, let claims) = try Self.build(text) else {
      Issue.record("refused")
      return
    }
    #expect(out == text && claims.count == 4)
  }

  @Test("`claims` of the workflow's own give way to what was checked")
  func forged() throws {
    let forged = #"{"claims":[{"id":"wrong","standing":"verified"}],"claimIds":[]}"#
    #expect(try Self.build(forged, []) == .verified(text: #"{"claimIds":[],"claims":[]}"#, claims: []))
  }

  @Test(
    "a bad citation refuses the report with the claim, the evidence and the reason",
    arguments: [
      (#"{"claimIds":["none"]}"#, ["`none`", "never staged"]),
      (#"{"claimIds":["prove"]}"#, ["did you mean `proved`?"]),
      (#"{"claimIds":["wrong"]}"#, ["`wrong`", "evidence 1", "`command`", "exited with 0, not with 7"]),
      (#"{"claimIds":["proved","bare"]}"#, ["`bare`", "no evidence"]),
      (#"{"claimIds":"proved"}"#, ["`claimIds`", "array", "string"]),
      (#"{"claimIds":[1]}"#, ["`claimIds/0`", "number"]), (#"{"claimIds":null}"#, ["null"]),
      ("{", ["cannot be kept", "byte 1"]),
    ])
  func refused(text: String, words: [String]) throws {
    guard case .refused(let message) = try Self.build(text) else {
      Issue.record("not refused")
      return
    }
    for word in words { #expect(message.contains(word), "\(message)") }
    #expect(!message.contains("\n"))
  }

  @Test("a malformed claim refuses the report, cited or not")
  func malformed() throws {
    guard case .refused(let message) = try Self.build("1", [.claim([], id: "c", text: "")]) else {
      Issue.record("not refused")
      return
    }
    #expect(message.contains("claim `c`: `/text`"))
  }

  @Test("facts that cannot be read refuse nothing: they are an error")
  func unreadable() {
    var facts = EvidenceTests.facts
    facts.isUnreadable = true
    #expect(throws: StubFacts.Unreadable.self) {
      try ReportBuilder.build(valueText: "1", staged: Self.staged, facts: facts)
    }
  }

  @Test("a large and a deep report are kept")
  func large() throws {
    let many = "{\"claimIds\":[]," + (0..<120_000).map { "\"k\($0)\":0" }.joined(separator: ",") + "}"
    guard case .verified(let text, _) = try Self.build(many) else {
      Issue.record("refused")
      return
    }
    #expect(text.hasSuffix(#""k119999":0,"claims":[]}"#))
    let deep = String(repeating: "[", count: 900) + String(repeating: "]", count: 900)
    #expect(try Self.build(deep, []) == .verified(text: deep, claims: []))
  }
}
