// A report as it is stored: what the callback reported, and beside its `claimIds` the claims that they name, each
// with what flowdex found when it checked the evidence. Done once, when the callback has returned.

import QueueRunner

/// What became of a report.
public enum ReportOutcome: Sendable, Equatable {
  /// The run fails with this message.
  case refused(String)
  /// The report's JSON text, and every staged claim with its standing.
  case verified(text: String, claims: [VerifiedClaim])
}

/// Builds reports.
public enum ReportBuilder {
  /// Checks all staged claims and adds those that the report cites.
  ///
  /// The report's members keep their order and `claims` comes last; a `claims` of the workflow's own beside
  /// `claimIds` gives way, for there it would look like something that flowdex checked. A report without `claimIds`
  /// is kept byte for byte.
  ///
  /// - Parameters:
  ///   - valueText: the value as JSON text.
  ///   - staged: the arguments of `ctx.claim`, in order.
  /// - Throws: only what keeps the facts from being read.
  public static func build(
    valueText: String, staged: [JSONValue], facts: some EvidenceFacts
  ) throws -> ReportOutcome {
    let value: JSONValue
    do {
      value = try JSONValue(parsing: valueText, limits: .unlimited)
    } catch {
      return .refused("the report cannot be kept: \(error)")
    }
    let claims: [Claim]
    do {
      claims = try Claim.staged(staged)
    } catch let error as FlowdexError {
      return .refused(error.description)
    }
    let verifier = EvidenceVerifier(facts)
    let verified = try claims.map(verifier.verify)
    guard case .object(let report) = value, let ids = report["claimIds"] else {
      return .verified(text: valueText, claims: verified)
    }
    switch cited(ids, verified) {
    case .failure(let refusal): return .refused(refusal.message)
    case .success(let cited):
      var report = report
      report["claims"] = nil
      report["claims"] = .array(cited.map(\.json))
      return .verified(text: JSONValue.object(report).compactText, claims: verified)
    }
  }

  private struct Refusal: Error {
    let message: String
  }

  /// The claims that are cited, each once, in the order of their first citation.
  private static func cited(
    _ ids: JSONValue, _ claims: [VerifiedClaim]
  ) -> Result<[VerifiedClaim], Refusal> {
    guard let items = ids.array else {
      return .failure(
        Refusal(message: "the report's `claimIds` must be an array of claim ids, not \(ids.typeName)"))
    }
    let known = Dictionary(
      claims.map { (Array($0.claim.id.utf8), $0) }, uniquingKeysWith: { first, _ in first })
    var seen: Set<[UInt8]> = []
    var cited: [VerifiedClaim] = []
    for (at, item) in items.enumerated() {
      guard let id = item.string else {
        return .failure(
          Refusal(message: "`claimIds/\(at)` of the report must be a claim id, not \(item.typeName)"))
      }
      guard let claim = known[Array(id.utf8)] else { return .failure(missing(id, claims)) }
      if claim.standing == .unverified { return .failure(unverified(claim)) }
      if seen.insert(Array(id.utf8)).inserted { cited.append(claim) }
    }
    return .success(cited)
  }

  private static func missing(_ id: String, _ claims: [VerifiedClaim]) -> Refusal {
    let nearest = Nearest.of(id, in: claims.map(\.claim.id)).map { "; did you mean `\($0)`?" } ?? ""
    return Refusal(
      message:
        "the report cites claim \(EvidenceText.quote(id)), which was never staged with `ctx.claim`\(nearest)")
  }

  private static func unverified(_ claim: VerifiedClaim) -> Refusal {
    let id = claim.claim.id
    for (at, outcome) in claim.outcomes.enumerated() {
      guard case .failed(let reason) = outcome else { continue }
      let piece = claim.claim.evidence[at]
      let kind = (piece.json["type"] ?? piece.json["kind"])?.string ?? ""
      return Refusal(
        message: "the report cites claim `\(id)`, which is unverified: evidence \(at) (`\(kind)`): \(reason)")
    }
    return Refusal(message: "the report cites claim `\(id)`, which is unverified: it has no evidence")
  }
}
