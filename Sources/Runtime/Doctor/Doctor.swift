// Whether flowdex can work here: facts in, findings out. Pure; DoctorLook.swift goes and sees.

import Glibc
import QueueRunner

/// One thing that was looked at.
public struct DoctorFinding: Sendable, Equatable {
  /// How it stands.
  public enum Standing: String, Sendable {
    /// As it should be.
    case ok
    /// It works, but more slowly, or with one layer of protection less.
    case warning
    /// It does not work, or will not for long: somebody must do something.
    case problem
  }

  /// What was looked at; a stable name for programs.
  public let id: String
  /// How it stands.
  public let standing: Standing
  /// What was found, in a few words.
  public let found: String
  /// What to do; nil where there is nothing to do.
  public let next: String?
}

/// The findings of one visit.
public struct Doctor: Sendable {
  /// In the order in which they are shown.
  public let findings: [DoctorFinding]

  init(judging facts: DoctorFacts) {
    findings =
      [
        Self.deno(facts.deno), Self.sqlite(facts.sqliteVersion), Self.supervision(facts.kernel),
        Self.landlock(facts.kernel), Self.seccomp(facts.kernel),
      ] + Self.watching(facts) + Self.disk(facts) + [Self.clock(facts)] + Self.project(facts)
  }

  /// Whether somebody must do something.
  public var hasProblem: Bool { findings.contains { $0.standing == .problem } }

  /// `{ok,findings:[{id,standing,found,next}]}`.
  public var json: JSONValue {
    [
      "ok": .bool(!hasProblem),
      "findings": .array(
        findings.map {
          [
            "id": .string($0.id), "standing": .string($0.standing.rawValue), "found": .string($0.found),
            "next": JSONValue($0.next),
          ]
        }),
    ]
  }

  static func ok(_ id: String, _ found: String) -> DoctorFinding {
    DoctorFinding(id: id, standing: .ok, found: found, next: nil)
  }

  static func warning(_ id: String, _ found: String, _ next: String?) -> DoctorFinding {
    DoctorFinding(id: id, standing: .warning, found: found, next: next)
  }

  static func problem(_ id: String, _ found: String, _ next: String?) -> DoctorFinding {
    DoctorFinding(id: id, standing: .problem, found: found, next: next)
  }

  // MARK: programs and libraries

  static func deno(_ deno: DoctorFacts.Deno) -> DoctorFinding {
    if let error = deno.error { return problem("deno", error.message, error.next) }
    return ok("deno", "\(deno.version ?? "?") at \(deno.path ?? "?")")
  }

  static func sqlite(_ version: String) -> DoctorFinding {
    switch SQLiteLibrary.hasWALResetFault(version: version) {
    case false?: return ok("sqlite", version)
    case true?:
      return ok(
        "sqlite", "\(version), which has the WAL-reset fault; flowdex's write lock keeps clear of it")
    case nil: return warning("sqlite", "`\(version)` is no version that is known", nil)
    }
  }

  // MARK: kernel

  static func supervision(_ kernel: DoctorFacts.Kernel) -> DoctorFinding {
    kernel.canSupervise
      ? ok("processes", "host commands can be supervised")
      : problem(
        "processes", "no pidfd or no `/proc`: host commands cannot run", "use Linux 5.3 or later, with /proc")
  }

  static func landlock(_ kernel: DoctorFacts.Kernel) -> DoctorFinding {
    kernel.landlockABI > 0
      ? ok("landlock", "ABI \(kernel.landlockABI)")
      : warning(
        "landlock", "none: a session that broke out of Deno would not be kept from files by the kernel",
        "use Linux 5.13 or later with `landlock` among its security modules, where workflows are not trusted")
  }

  static func seccomp(_ kernel: DoctorFacts.Kernel) -> DoctorFinding {
    kernel.hasSeccomp
      ? ok("seccomp", "filters work")
      : warning(
        "seccomp", "none: a session that broke out of Deno would not be kept from system calls",
        "use a kernel with CONFIG_SECCOMP_FILTER, where workflows are not trusted")
  }

  // MARK: watching

  /// Below these even a small run may have to look on a timer.
  static let leastWatches = 1024
  static let leastInstances = 16
  static let leastQueuedEvents = 4096

  static func watching(_ facts: DoctorFacts) -> [DoctorFinding] {
    let needed = max(leastWatches, facts.runs.reduce(0) { $0 + $1.watches })
    let limits = facts.inotify
    func judge(_ id: String, _ limit: Int?, _ least: Int, _ setting: String, _ effect: String)
      -> DoctorFinding
    {
      guard let limit else { return warning(id, "the kernel does not tell `\(setting)`", nil) }
      if limit >= least { return ok(id, "\(limit); \(least) are enough") }
      return warning(
        id, "\(limit), and \(least) are wanted: \(effect)", "raise it: `sysctl -w \(setting)=\(least)`")
    }
    var findings = [
      judge(
        "inotify-watches", limits.watches, needed, "fs.inotify.max_user_watches",
        "results beyond it are looked for every 0.25 s"),
      judge(
        "inotify-instances", limits.instances, leastInstances, "fs.inotify.max_user_instances",
        "a `watch` that gets none looks every 0.25 s"),
      judge(
        "inotify-events", limits.queuedEvents, leastQueuedEvents, "fs.inotify.max_queued_events",
        "a burst makes `watch` look at everything again"),
    ]
    if facts.inotifyError != 0 {
      let cause = String(cString: strerror(facts.inotifyError)).lowercased()
      findings[1] = warning(
        "inotify-instances", "no process can watch now: \(cause)",
        "end programs that watch, or raise `fs.inotify.max_user_instances`")
    }
    return findings
  }
}
