// A patch as it was read, before anything is known of the files that it is for.

/// What a patch does to one file.
struct PatchFile {
  enum Kind: Equatable { case modify, create, delete, rename, copy }

  enum Change {
    case none
    case hunks([PatchHunk])
    case binary(PatchBinary)
  }

  let kind: Kind
  /// The file that is read; nil for one that is created.
  let source: PatchPath?
  /// The file that is written; nil for one that is deleted.
  let target: PatchPath?
  /// The mode that the file gets (755 or else 644); nil: as it was.
  let isExecutable: Bool?
  let change: Change
  /// The full id of the source's blob, where the patch gives it.
  let sourceId: String?
  /// From a unified diff without git's header, which may create a file without saying so.
  let isPlain: Bool

  /// What messages call the section.
  var path: PatchPath { target ?? source ?? PatchPath("") }
}

/// One hunk: lines with their line feeds, but for a last line that has none.
struct PatchHunk {
  /// In the patch, from 1.
  let line: Int
  let oldStart: Int
  let old: [ArraySlice<UInt8>]
  let new: [ArraySlice<UInt8>]
  /// Ends in lines that are not changed; a hunk that does not must reach the end of the file, as git has it.
  let hasTrailingContext: Bool
}

/// The forward half of a `GIT binary patch`, decoded.
enum PatchBinary {
  /// The whole new content.
  case literal([UInt8])
  /// Instructions that make the new content from the old.
  case delta([UInt8])
}

/// How much a patch may ask for.
enum PatchLimits {
  /// Bytes of one patch: as long as the envelope that it came in may be.
  static let patchBytes = 16 << 20
  /// Bytes of all patches of one operation, of all files before, and of all files after: each.
  static let bytes = 64 << 20
  /// Files that one operation may name.
  static let files = 10_000
  /// Bytes of one line of a header.
  static let headerBytes = 16 << 10
  /// Places at which a `diff --git` line with unquoted names may be cut in two.
  static let cuts = 100
}
