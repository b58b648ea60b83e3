// The globs of a manifest (contract §3): which project files a snapshot holds and which `integrate` may change.

/// Globs anchored at the project root, matched against paths relative to it, byte for byte (case-sensitive,
/// no Unicode normalisation).
///
/// | in a pattern | matches |
/// | --- | --- |
/// | `*` | any run of characters within one segment, a leading dot included |
/// | `?` | one character (one Unicode scalar) within one segment |
/// | `**` as a whole segment | any number of segments, also none; at the end at least one |
/// | `[a-z]`, `[!a]`, `[^a]` | one character in, or not in, the set; a first `]` is a member |
/// | `{a,b}` | either; nestable, may be empty, may hold `/` |
/// | `\` | makes the next character plain |
public struct GlobSet: Sendable {
  private let patterns: [GlobPattern]

  /// A union of globs; one that is not legal (`problem(in:)`) matches nothing.
  public init(_ patterns: [String]) {
    self.patterns = patterns.flatMap { (try? GlobPattern.alternatives(of: $0)) ?? [] }
  }

  /// Whether a path such as `src/a.swift` matches one of the globs.
  public func matches(_ path: String) -> Bool {
    if path.isEmpty { return false }
    let segments = GlobSet.segments(path)
    return patterns.contains { $0.matches(segments) }
  }

  /// Whether a path somewhere below the folder could match: if not, the folder need not be walked.
  ///
  /// The project root is the empty string. May say yes where no path matches, never the other way round.
  public func mayMatchBelow(_ folder: String) -> Bool {
    let segments = folder.isEmpty ? [] : GlobSet.segments(folder)
    return patterns.contains { $0.mayMatchBelow(segments) }
  }

  /// Whether a glob spells out the path's last name, leading to it: `a/*/node_modules/**` names
  /// `a/b/node_modules` literally, `**` and `a/**` do not.
  ///
  /// What is usually left out of a snapshot is let in by such a glob.
  public func names(literally path: String) -> Bool {
    let segments = GlobSet.segments(path)
    return patterns.contains { $0.names(literally: segments) }
  }

  /// Why a pattern is not a legal glob, as the end of a sentence; nil if it is one.
  public static func problem(in pattern: String) -> String? {
    do throws(GlobProblem) {
      _ = try GlobPattern.alternatives(of: pattern)
      return nil
    } catch {
      return error.reason
    }
  }

  /// The names of a path, as bytes.
  static func segments(_ path: String) -> [ArraySlice<UInt8>] {
    Array(path.utf8).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
  }
}
