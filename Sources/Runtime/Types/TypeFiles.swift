// The files by which an editor and a checker find the types of `@flowdex/runtime`. The types are ours and are written
// anew each time; `deno.json` and `tsconfig.json` are the project's, and one that is there is never touched.

import QueueRunner

/// Types and the files that point to them.
public enum TypeFiles {
  /// What a workflow imports.
  public static let module = "@flowdex/runtime"

  /// What became of one file.
  public enum Outcome: String, Sendable {
    case written
    case unchanged
    /// It is there, and says nothing of the types: a person has to add it.
    case foreign
  }

  /// Writes what is missing or out of date.
  ///
  /// - Returns: each file, relative to the project root, with what became of it; and for a foreign one, what to add.
  public static func write(in project: ProjectLayout) throws -> [(
    file: String, outcome: Outcome, add: String?
  )] {
    try FileSystem.makeDirectories(project.types)
    let types = ProjectLayout.runtimeTypesName
    var found: [(file: String, outcome: Outcome, add: String?)] = []
    let isCurrent =
      try FileSystem.entry(project.runtimeTypes)?.kind == .file
      && FileSystem.read(project.runtimeTypes) == PackageResources.runtime_d_ts
    if !isCurrent {
      try FileSystem.writeAtomically(PackageResources.runtime_d_ts, to: project.runtimeTypes, sync: false)
    }
    found.append((types, isCurrent ? .unchanged : .written, nil))
    for (name, text, add) in pointers {
      let path = "\(project.projectRoot)/\(name)"
      if try FileSystem.entry(path) == nil {
        try FileSystem.writeAtomically(Array(text.utf8), to: path, sync: false)
        found.append((name, .written, nil))
      } else {
        let isPointing = try String(decoding: FileSystem.read(path), as: UTF8.self).contains("\"\(module)\"")
        found.append((name, isPointing ? .unchanged : .foreign, isPointing ? nil : add))
      }
    }
    return found
  }

  /// Whether `write` was called in the project: then its runs say so when types fail.
  public static func areWanted(in project: ProjectLayout) -> Bool { FileSystem.exists(project.runtimeTypes) }

  private static let pointers = [
    (
      "deno.json", "{\n  \"imports\": { \(denoEntry) }\n}\n", "`\(denoEntry)` to its `imports`"
    ),
    (
      "tsconfig.json",
      """
      {
        "compilerOptions": {
          "target": "ESNext", "module": "ESNext", "moduleResolution": "bundler", "lib": ["ES2023"],
          "types": [], "strict": true, "noEmit": true,
          "paths": { \(editorEntry) }
        }
      }

      """, "`\(editorEntry)` to its `compilerOptions.paths`"
    ),
  ]

  private static let denoEntry = "\"\(module)\": \"./\(ProjectLayout.runtimeTypesName)\""
  private static let editorEntry = "\"\(module)\": [\"./\(ProjectLayout.runtimeTypesName)\"]"
}
