// Workflows that each try one thing. Those that end in an exception share a session, a function for each;
// those that end the run, or use up what it has, have one of their own.

import QueueRunner
import Testing

@testable import Runtime

/// The body of a function that must throw, and how what it throws begins, as `name: message`.
struct Probe: Sendable, CustomTestStringConvertible {
  let body: String
  let expected: String

  init(_ body: String, _ expected: String) {
    self.body = body
    self.expected = expected
  }

  var testDescription: String { body }

  /// What came of each body, by body. One session plays them all.
  static let outcomes: Result<[String: String], any Error> = Result {
    let bodies = (valueProbes + objectProbes + nameProbes).map(\.body)
    let play = Play(
      """
      const outcomes: string[] = [];
      const attempt = async (body: () => unknown) => {
        try { outcomes.push("went on with " + String(await body())); }
        catch (e: any) { outcomes.push(e instanceof Error ? e.name + ": " + e.message : "not an Error"); }
      };
      """ + bodies.map { "await attempt(async () => { \($0) });" }.joined(separator: "\n")
        + "\nctx.report(outcomes);")
    guard case .completed(let text) = try play.outcome() else {
      throw FlowdexError.bug("test", "the probes did not come to their end")
    }
    let outcomes = try JSONValue(parsing: text).array?.compactMap(\.string) ?? []
    return Dictionary(zip(bodies, outcomes)) { first, _ in first }
  }
}

/// How a run of its own ends.
enum ProbeEnd: Sendable {
  /// The run fails, with a reason that holds this.
  case fails(String)
  /// It completes with this value: what was tried was of no use.
  case completes(String)
  /// It waits, having got nowhere.
  case waits
  /// A limit ends it: one of these, for which comes first is the machine's choice.
  case passes([String])
  /// Its process dies of it.
  case dies
}

/// A whole workflow.
struct RunProbe: Sendable, CustomTestStringConvertible {
  let source: String
  let end: ProbeEnd

  /// A callback's body, or what ends the callback early.
  init(_ body: String, _ end: ProbeEnd) {
    source = Play(body).source
    self.end = end
  }

  init(source: String, _ end: ProbeEnd) {
    self.source = source
    self.end = end
  }

  var testDescription: String { source.count > 400 ? "\(source.prefix(200))…" : source }

  func check(_ limits: Manifest.Limits) throws {
    var play = Play(source: source)
    play.limits = limits
    let ended: Result<Turn.State, SessionFailure>
    do { ended = .success(try play.outcome()) } catch let failure as SessionFailure {
      ended = .failure(failure)
    }
    let isExpected =
      switch (end, ended) {
      case (.fails(let part), .success(.failed(let reason))): reason.contains(part)
      case (.completes(let value), .success(.completed(let text))): value == text
      case (.waits, .success(.suspended)): true
      case (.passes(let names), .failure(.limit(let name, _, _))): names.contains(name)
      case (.dies, .failure(.died)): true
      case (.fails, _), (.completes, _), (.waits, _), (.passes, _), (.dies, _): false
      }
    #expect(isExpected, "expected \(end), found \(String(describing: ended).prefix(400))")
  }
}
