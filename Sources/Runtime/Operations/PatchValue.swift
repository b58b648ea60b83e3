// What `ctx.integrate` resolves to (contract §4), and how the outcome of an integration is stored.

import QueueRunner

/// The values that an integration is delivered as.
enum IntegrationValue {
  /// `{ status, applied, paths }`, or `{ status, error }` when nothing was applied.
  static func of(_ outcome: PatchOutcome) -> JSONValue {
    switch outcome {
    case .completed(let applied, let paths):
      [
        "status": "completed", "applied": JSONValue(applied),
        "paths": .array(paths.map(JSONValue.string)),
      ]
    case .failed(let error): ["status": "failed", "error": .string(error)]
    }
  }

  /// Reads a stored outcome; nil for anything else.
  static func read(_ json: JSONValue) -> PatchOutcome? {
    if json["status"]?.string == "failed" { return json["error"]?.string.map(PatchOutcome.failed) }
    guard json["status"]?.string == "completed", let applied = json["applied"]?.int,
      let items = json["paths"]?.array
    else { return nil }
    let paths = items.compactMap(\.string)
    return paths.count == items.count ? .completed(applied: applied, paths: paths) : nil
  }
}
