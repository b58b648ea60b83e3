// The skill that teaches coding agents this tool: part of the binary, copied to where agents look for skills.

import Glibc
import QueueRunner

/// Installs the bundled skill.
public enum BundledSkill {
  /// The skill's folder name, wherever it is installed.
  public static let name = "flowdex"

  private static let files: [(String, [UInt8])] = [
    ("SKILL.md", PackageResources.SKILL_md), ("agents/openai.yaml", PackageResources.openai_yaml),
  ]

  /// `$CODEX_HOME/skills/flowdex`, else `~/.codex/skills/flowdex`.
  public static func codexFolder() throws -> String {
    if let home = getenv("CODEX_HOME"), home.pointee != 0 { return "\(String(cString: home))/skills/\(name)" }
    return "\(try home())/.codex/skills/\(name)"
  }

  /// `~/.claude/skills/flowdex`.
  public static func claudeFolder() throws -> String { "\(try home())/.claude/skills/\(name)" }

  private static func home() throws -> String {
    if let home = getenv("HOME"), home.pointee != 0 { return String(cString: home) }
    throw FlowdexError.usage("no-home", "`HOME` is not set", next: "name the folder with --target")
  }

  /// Writes the files that are missing or differ; their names.
  public static func install(in folder: String) throws -> [String] {
    var changed: [String] = []
    for (name, bytes) in files {
      let path = "\(folder)/\(name)"
      if try FileSystem.entry(path)?.kind == .file, try FileSystem.read(path) == bytes { continue }
      try FileSystem.makeDirectories(FileSystem.split(path).parent)
      try FileSystem.writeAtomically(bytes, to: path, sync: false)
      changed.append(name)
    }
    return changed
  }
}
