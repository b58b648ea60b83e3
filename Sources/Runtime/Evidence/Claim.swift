// A statement in a report and what is offered to prove it (contract §5). Read strictly: a claim that is not
// well-formed is an error that names the claim and the place in it.

import QueueRunner

/// A well-formed claim that the workflow staged with `ctx.claim`.
public struct Claim: Sendable, Equatable {
  /// What the claim is about.
  public enum Kind: String, Sendable, CaseIterable { case finding, change, verification, blocker, risk }
  /// How sure its author is.
  public enum Confidence: String, Sendable, CaseIterable { case high, medium, low }

  /// 1 to 120 of `A-Z a-z 0-9 _ . -`.
  public let id: String
  /// The statement; not empty.
  public let text: String
  /// What it is about.
  public let kind: Kind
  /// How sure its author is.
  public let confidence: Confidence
  /// What is offered to prove it; may be empty.
  public let evidence: [Evidence]

  /// Reads a claim.
  ///
  /// - Throws: `claim-shape`, with the claim's id, a JSON pointer into it, what was expected and what was found.
  public init(_ json: JSONValue) throws {
    let name = json["id"]?.string.map { "claim \(Excerpt.quote($0))" } ?? "a claim without an id"
    do throws(ShapeProblem) {
      var fields = try FieldReader(json, path: "", expected: "an object")
      id = try fields.id("id")
      text = try fields.text("text")
      kind = try fields.word("kind")
      confidence = try fields.word("confidence")
      evidence = try Self.evidence(try fields.array("evidence"))
      try fields.finish()
    } catch {
      throw FlowdexError.failed("claim-shape", "\(name): \(error.text)")
    }
  }

  private static func evidence(_ items: [JSONValue]) throws(ShapeProblem) -> [Evidence] {
    var all: [Evidence] = []
    for (at, item) in items.enumerated() { all.append(try Evidence(item, path: "/evidence/\(at)")) }
    return all
  }

  /// Reads the claims of a run, in the order in which they were staged.
  ///
  /// A claim that is staged again with equal content is the same claim.
  /// - Throws: `claim-shape`; `claim-differs` for an id that stands for two contents, with the first path that
  ///   differs.
  public static func staged(_ values: [JSONValue]) throws -> [Claim] {
    var claims: [Claim] = []
    var first: [[UInt8]: JSONValue] = [:]
    for value in values {
      let claim = try Claim(value)
      let key = Array(claim.id.utf8)
      guard let earlier = first[key] else {
        first[key] = value
        claims.append(claim)
        continue
      }
      if let path = JSONDifference.firstPath(earlier, value) {
        throw FlowdexError.failed(
          "claim-differs",
          "claim `\(claim.id)` was staged twice with different content: it differs at `\(path)`",
          next: "give each claim an id of its own")
      }
    }
    return claims
  }
}
