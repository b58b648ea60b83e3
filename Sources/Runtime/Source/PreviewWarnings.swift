// What a person should not overlook before saying yes: a manifest that grants more than work usually needs. Pure:
// the manifest, and what was found where somebody looked.

import QueueRunner

/// A risk that an approval takes.
public struct PreviewWarning: Sendable, Equatable {
  /// A stable name for programs, such as `write-everything`.
  public let code: String
  /// One line that names the risk; nothing in it can hide.
  public let text: String

  /// The risks of a manifest, the gravest first.
  static func of(_ manifest: Manifest, _ facts: PreviewFacts?) -> [PreviewWarning] {
    let permissions = manifest.permissions
    return writes(permissions) + permissions.hostCommands.flatMap { commands($0, permissions, facts) }
      + reads(permissions, facts) + environment(permissions)
  }

  // MARK: files

  /// No glob that means something in particular matches this.
  private static let anywhere = "any/where/at.all"

  static func isBroad(_ glob: String) -> Bool { GlobSet([glob]).matches(anywhere) }

  private static func writes(_ permissions: Manifest.Permissions) -> [PreviewWarning] {
    permissions.write.filter(isBroad).map { glob in
      PreviewWarning(
        code: "write-everything",
        text:
          "`write` has \(VisibleText.quoted(glob)): patches may change every file of the project, also what you "
          + "build and run")
    }
  }

  private static func reads(
    _ permissions: Manifest.Permissions, _ facts: PreviewFacts?
  ) -> [PreviewWarning] {
    var warnings: [PreviewWarning] = []
    let broad = permissions.read.first(where: isBroad)
    if let named = facts?.secretsNamed, !named.isEmpty {
      warnings.append(
        PreviewWarning(
          code: "read-secrets",
          text: "workers are given \(some(named)), by the name a secret: a glob of `read` spells it"))
    }
    if let broad, let left = facts?.secretsLeftOut, !left.isEmpty {
      warnings.append(
        PreviewWarning(
          code: "secrets-in-reach",
          text:
            "`read` has \(VisibleText.quoted(broad)) where there are secrets: \(some(left)) left out by the "
            + "name; others may not be known by theirs"))
    }
    if let broad, permissions.network == .web {
      warnings.append(
        PreviewWarning(
          code: "read-everything-web",
          text:
            "workers read \(VisibleText.quoted(broad)) and may use the network: what they read can leave this "
            + "machine"))
    }
    return warnings
  }

  /// Up to three names, and how many more.
  private static func some(_ names: [String]) -> String {
    let shown = names.prefix(3).map { "`\(VisibleText.name($0))`" }.joined(separator: ", ")
    return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
  }

  // MARK: commands

  private static func commands(
    _ command: Manifest.HostCommand, _ permissions: Manifest.Permissions, _ facts: PreviewFacts?
  ) -> [PreviewWarning] {
    let name = "host command `\(command.id)`"
    var warnings: [PreviewWarning] = []
    if let program = CodeInArguments.program(command.argv) {
      warnings.append(
        PreviewWarning(
          code: "code-in-arguments",
          text: "\(name) gives code to \(VisibleText.name(program)) in its arguments: read it as a program"))
    }
    let changeable = GlobSet(permissions.write)
    let folder = command.cwd == "project" ? "" : command.cwd + "/"
    for argument in command.argv where !argument.hasPrefix("/") && !argument.hasPrefix("-") {
      let path = folder + (argument.hasPrefix("./") ? String(argument.dropFirst(2)) : argument)
      // The first word is looked for along PATH, unless it is a path.
      if argument == command.argv[0], !argument.contains("/") { continue }
      guard argument.contains("/") || argument.contains(".") else { continue }
      if changeable.matches(path) {
        warnings.append(
          PreviewWarning(
            code: "writes-what-it-runs",
            text:
              "\(name) is given \(VisibleText.quoted(argument)), which a patch may change: a worker may decide what "
              + "runs"))
        break
      }
    }
    if let facts, facts.programs[command.id] == nil {
      warnings.append(
        PreviewWarning(
          code: "no-program",
          text: "\(name): there is no program \(VisibleText.quoted(command.argv[0])) here; it would fail"))
    }
    return warnings
  }

  private static func environment(_ permissions: Manifest.Permissions) -> [PreviewWarning] {
    let secrets = permissions.inheritedEnvironment.filter(SecretNames.isSecret(variable:))
    if secrets.isEmpty { return [] }
    return [
      PreviewWarning(
        code: "secret-environment",
        text:
          "host commands inherit \(some(secrets)), by its name a secret: what they print is kept in the run")
    ]
  }
}

/// Command lines whose arguments are a program.
enum CodeInArguments {
  private static let wrappers: Set<String> = [
    "env", "sudo", "doas", "timeout", "nice", "ionice", "nohup", "xargs", "time", "stdbuf", "setsid",
    "setpriv",
    "unshare", "chroot", "flock", "busybox", "docker", "podman", "ssh", "npx", "uv", "poetry",
  ]

  private static func name(_ word: String) -> String { String(word.split(separator: "/").last ?? "") }

  /// The letters and long words of an interpreter that are followed by code.
  private struct Flags {
    var letters: Set<Character>
    var words: Set<String> = []
  }

  private static let shells: Set<String> = [
    "sh", "bash", "dash", "zsh", "ksh", "mksh", "ash", "fish", "csh", "tcsh",
  ]

  private static func flags(of name: String) -> Flags? {
    if shells.contains(name) { return Flags(letters: ["c"], words: ["--command"]) }
    let stem = String(name.prefix { $0.isLetter })
    switch stem {
    case "python", "pypy": return Flags(letters: ["c"])
    case "perl": return Flags(letters: ["e", "E"])
    case "ruby", "lua", "luajit": return Flags(letters: ["e"])
    case "node", "nodejs", "bun": return Flags(letters: ["e", "p"], words: ["--eval", "--print"])
    case "deno": return Flags(letters: [], words: ["eval"])
    case "php": return Flags(letters: ["r", "B", "R", "E"], words: ["--run"])
    case "osascript", "Rscript", "groovy", "scala", "swift", "elixir", "julia":
      return Flags(letters: ["e"])
    case "pwsh", "powershell":
      return Flags(letters: ["c"], words: ["-Command", "-command", "-EncodedCommand"])
    default: return nil
    }
  }

  /// The interpreter that is given code; nil if none is. It is found behind `env`, `sudo`, `timeout` and their
  /// like, too.
  static func program(_ argv: [String]) -> String? {
    let isWrapped = wrappers.contains(name(argv[0]))
    for (at, word) in argv.enumerated() where at == 0 || isWrapped {
      let name = name(word)
      guard let flags = flags(of: name) else { continue }
      for argument in argv[(at + 1)...] {
        if flags.words.contains(where: { argument == $0 || argument.hasPrefix($0 + "=") }) { return name }
        guard argument.hasPrefix("-"), !argument.hasPrefix("--") else {
          // What follows is the script, and its own arguments.
          if argument.hasPrefix("--") { continue }
          break
        }
        if argument.dropFirst().contains(where: flags.letters.contains) { return name }
      }
    }
    return nil
  }
}
