// What the shell offers when a person presses the tab key: ids of runs and keys of tasks as they are now. The scripts
// are the argument parser's; it calls flowdex back for these.

import ArgumentParser
import QueueRunner
import Runtime

extension CompletionKind {
  /// Ids of runs, newest first, and `latest`.
  static var run: CompletionKind {
    .custom { words, _, prefix in
      (Completions.project(words)?.ids ?? []).filter { $0.hasPrefix(prefix) }
    }
  }

  /// Child keys of the run that the line names.
  static var childKey: CompletionKind {
    .custom { words, _, prefix in Completions.keys(words).filter { $0.hasPrefix(prefix) } }
  }
}

/// Looks things up for a half-typed command line. Whatever goes wrong, there is nothing to offer.
enum Completions {
  struct Found {
    let project: Project
    /// Newest first.
    let ids: [String]
  }

  /// The project that the line would work in: `-C DIR` counts.
  static func project(_ words: [String]) -> Found? {
    let at = words.firstIndex(of: "-C")
    let folder = at.flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil } ?? "."
    guard let project = (try? Project.find(from: folder)) ?? nil, let ids = try? project.runIds() else {
      return nil
    }
    return Found(project: project, ids: ids.isEmpty ? [] : ids + [Project.latest])
  }

  static func keys(_ words: [String]) -> [String] {
    guard let found = project(words) else { return [] }
    // The run comes before the key: the first word that names one.
    for word in words.dropFirst(2) {
      guard let id = try? found.project.resolve(word), found.ids.contains(id),
        let run = try? found.project.open(id),
        let status = try? RunViews.status(run, isCompact: true)
      else { continue }
      return (status["tasks"]?.array ?? []).compactMap { $0["childKey"]?.string }
    }
    return []
  }
}
