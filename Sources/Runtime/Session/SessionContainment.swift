// What a session's process may still read once the kernel contains it, and what this kernel can enforce. How
// it does so is said in CSpawnContainment.h.

import CSpawn
import Glibc
import QueueRunner

/// The files that a contained process may read; or no containment at all.
public struct SessionContainment: Sendable, Equatable {
  /// One file, or one folder with all that is beneath it.
  struct File: Sendable, Equatable {
    var path: String
    var isExecutable = false
  }

  /// Nil for no containment.
  let files: [File]?

  /// Nothing beyond what every session has: limits, a session of its own, no new privileges.
  public static let none = SessionContainment(files: nil)

  init(files: [File]?) { self.files = files }

  /// That program, its loader and its libraries, which the process could not start without; the loader's list
  /// of libraries; random bytes, which every process can ask for without a file; and where its own memory
  /// lies, from which the C library learns the end of the stack (Deno's parser of types ends without it).
  public init(program: String) {
    let parts = ELFProgram.parts(of: program)
    files =
      [File(path: program, isExecutable: true)]
      + parts.loaders.map { File(path: $0, isExecutable: true) }
      + (parts.libraries + ["/etc/ld.so.cache", "/dev/urandom", "/proc/self/maps"]).map { File(path: $0) }
  }

  /// Calls a body with what the C side reads; null for no containment.
  func withPointer<Result>(_ body: (UnsafePointer<flowdex_containment>?) -> Result) -> Result {
    guard let files else { return body(nil) }
    let paths = files.map { strdup($0.path) }
    defer { for path in paths { free(path) } }
    let entries = zip(files, paths).map { file, path in
      flowdex_readable(path: path, executable: file.isExecutable ? 1 : 0)
    }
    return entries.withUnsafeBufferPointer { buffer in
      var containment = flowdex_containment(files: buffer.baseAddress, count: buffer.count)
      return body(&containment)
    }
  }
}

/// What this kernel can enforce on sessions: for `doctor`, and for tests.
public struct SessionContainmentSupport: Sendable, Equatable {
  /// The version of Landlock's interface, from 1; 0 where there is none.
  public let landlockVersion: Int
  /// Why there is none, in the kernel's words; nil where there is one.
  public let landlockReason: String?
  /// Whether system calls can be filtered (seccomp).
  public let hasSeccomp: Bool

  init(landlockVersion: Int, landlockReason: String?, hasSeccomp: Bool) {
    self.landlockVersion = landlockVersion
    self.landlockReason = landlockReason
    self.hasSeccomp = hasSeccomp
  }

  /// Asks the kernel; costs two system calls.
  public static func ofThisKernel() -> SessionContainmentSupport {
    let support = flowdex_containment_support()
    return SessionContainmentSupport(
      landlockVersion: Int(support.landlock),
      landlockReason: support.landlock > 0
        ? nil : String(cString: strerror(support.landlockError)).lowercased(),
      hasSeccomp: support.seccomp != 0)
  }

  /// What sessions go without here, a line each, with what it means; empty where nothing is missing.
  public var missing: [String] {
    var lines: [String] = []
    if landlockVersion == 0 {
      lines.append(
        "Landlock is not there (\(landlockReason ?? "no reason given")): a workflow that broke out of Deno"
          + " could read files of yours")
    } else if landlockVersion < 6, !hasSeccomp {
      lines.append(
        "Landlock is of version \(landlockVersion): network and signals are kept from sessions from 4 and 6")
    }
    if !hasSeccomp {
      lines.append(
        "system calls cannot be filtered (seccomp): a workflow that broke out of Deno could start processes"
          + " and open sockets")
    }
    return lines
  }
}
