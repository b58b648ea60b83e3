// Finds the project files that a snapshot holds.
//
// Left out without a word, unless a glob spells their name (`GlobSet.names(literally:)`): `.git`, and the folders
// `.flowdex`, `node_modules`, `.build`, `target` and `.tools`, and what `.gitignore` names. Inside a folder that
// was let in by its name nothing of that is left out. Left out with a reason: what looks like a secret
// (`SecretNames`), unless a glob spells its name or that of its folder of secrets; symlinks, special files, names
// that are not UTF-8 or hold control characters, what may not be read.

import Glibc
import QueueRunner

/// Something that the globs reach and a snapshot does not hold.
public struct SnapshotSkip: Sendable, Equatable {
  /// Relative to the project root; bytes that cannot be shown as `\xNN`.
  public let path: String
  /// A few words, such as `symbolic link`.
  public let reason: String
}

/// A file as the walk saw it.
struct SnapshotCandidate {
  let path: String
  let entry: FileSystem.Entry
}

/// One walk over the project.
struct SnapshotWalk {
  static let prunedFolders: Set<String> = [
    ProjectLayout.folderName, "node_modules", ".build", "target", ".tools",
  ]
  static let limitDepth = 200

  /// What the found files are wanted for.
  enum Purpose {
    /// A snapshot holds them.
    case snapshot
    /// They are counted, for a patch may change them: only what no patch may touch is left out.
    case counting
  }

  let globs: GlobSet
  /// Changes what is left out.
  var purpose = Purpose.snapshot
  /// A walk that has looked at so many entries ends early.
  var limitEntries = Int.max
  private var entriesLeft = 0
  /// Whether that happened.
  private(set) var isCut = false
  /// Folders of flowdex's own, which no glob lets in: a snapshot would hold the ones before it.
  let ownFolders: [FileSystem.Entry]
  private(set) var found: [SnapshotCandidate] = []
  private(set) var skipped: [SnapshotSkip] = []
  /// Those of `skipped` that look like secrets.
  private(set) var secretsLeftOut: [String] = []
  /// What looks like a secret, or like a folder of them, and is held because a glob spells its name.
  private(set) var secretsNamed: [String] = []

  init(globs: GlobSet, ownFolders: [FileSystem.Entry]) {
    self.globs = globs
    self.ownFolders = ownFolders
  }

  /// Where the walk is.
  private struct Place {
    var path: [ArraySlice<UInt8>] = []
    var ignores: [GitIgnore] = []
    /// Nothing is pruned any more.
    var isFree = false
    /// Within a folder of secrets that a glob named.
    var mayHoldSecrets = false
  }

  /// Walks everything; afterwards `found` is sorted by the bytes of the paths.
  mutating func run(_ root: OpenFolder) throws {
    entriesLeft = limitEntries
    try visit(root, Place())
    found.sort { PathOrder.precedes($0.path, $1.path) }
  }

  private mutating func visit(_ folder: OpenFolder, _ place: Place) throws {
    var place = place
    if !place.isFree, let ignore = try Self.gitIgnore(in: folder, depth: place.path.count) {
      place.ignores.append(ignore)
    }
    for name in try folder.names() {
      if entriesLeft == 0 { isCut = true }
      if isCut { return }
      entriesLeft -= 1
      guard let text = String(validating: name, as: UTF8.self) else {
        skip(place.path + [name[...]], "the name is not UTF-8")
        continue
      }
      if Self.holdsControl(text) {
        skip(place.path + [name[...]], "the name holds a control character")
        continue
      }
      guard let entry = try folder.entry(text) else { continue }
      try visit(text, entry, in: folder, place)
    }
  }

  private mutating func visit(
    _ name: String, _ entry: FileSystem.Entry, in folder: OpenFolder, _ place: Place
  ) throws {
    var inner = place
    inner.path.append(Array(name.utf8)[...])
    let path = Self.text(inner.path)
    let mayHold = entry.kind != .file && globs.mayMatchBelow(path)
    guard mayHold || entry.kind != .directory && globs.matches(path) else { return }
    if !place.mayHoldSecrets, purpose == .snapshot, let reason = Self.secret(name, entry) {
      guard globs.names(literally: path) else { return skipSecret(path, reason) }
      secretsNamed.append(path)
      inner.mayHoldSecrets = true
    }
    if !place.isFree, isPruned(name, entry, inner) {
      guard purpose == .snapshot, globs.names(literally: path) else { return }
      inner.isFree = true
    }
    switch entry.kind {
    case .file: found.append(SnapshotCandidate(path: path, entry: entry))
    case .symlink: skipped.append(SnapshotSkip(path: path, reason: "symbolic link"))
    case .other: skipped.append(SnapshotSkip(path: path, reason: "not a regular file"))
    case .directory:
      guard mayHold, !ownFolders.contains(where: { $0.inode == entry.inode && $0.device == entry.device })
      else { return }
      if inner.path.count > Self.limitDepth {
        skipped.append(SnapshotSkip(path: path, reason: "more than \(Self.limitDepth) folders deep"))
        return
      }
      do {
        try visit(try folder.folder(name), inner)
      } catch OpenFolder.Refusal.unusable(let reason) {
        skipped.append(SnapshotSkip(path: path, reason: reason))
      } catch OpenFolder.Refusal.gone {}
    }
  }

  private static func secret(_ name: String, _ entry: FileSystem.Entry) -> String? {
    switch entry.kind {
    case .file: SecretNames.reason(file: name)
    case .directory: SecretNames.reason(folder: name)
    case .symlink, .other: nil
    }
  }

  private mutating func skipSecret(_ path: String, _ reason: String) {
    secretsLeftOut.append(path)
    skipped.append(SnapshotSkip(path: path, reason: reason))
  }

  private func isPruned(_ name: String, _ entry: FileSystem.Entry, _ place: Place) -> Bool {
    if purpose == .counting { return name == ".git" || name == ProjectLayout.folderName }
    let isFolder = entry.kind == .directory
    return name == ".git" || entry.kind != .file && Self.prunedFolders.contains(name)
      || GitIgnore.isIgnored(place.path, isFolder: isFolder, by: place.ignores)
  }

  /// Names a thing that was seen but not taken, later than the walk.
  mutating func skip(_ path: String, _ reason: String) {
    skipped.append(SnapshotSkip(path: path, reason: reason))
  }

  /// A path that may hold anything, made fit to be shown; what no glob could reach is not mentioned.
  private mutating func skip(_ path: [ArraySlice<UInt8>], _ reason: String) {
    let text = Self.text(path)
    guard globs.matches(text) || globs.mayMatchBelow(text) else { return }
    let shown = path.map { name in
      if let text = String(validating: name, as: UTF8.self),
        !Self.holdsControl(text)
      {
        return text
      }
      return name.map { byte in
        (0x20...0x7E).contains(byte)
          ? String(UnicodeScalar(byte)) : "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }.joined()
    }
    skipped.append(SnapshotSkip(path: shown.joined(separator: "/"), reason: reason))
  }

  private static func text(_ path: some Sequence<ArraySlice<UInt8>>) -> String {
    String(decoding: Array(path.joined(separator: [UInt8(ascii: "/")])), as: UTF8.self)
  }

  /// C0, DEL and C1; in UTF-8 the last are C2 80 to C2 9F.
  private static func holdsControl(_ name: String) -> Bool {
    var last: UInt8 = 0
    for byte in name.utf8 {
      if byte < 0x20 || byte == 0x7F || last == 0xC2 && byte < 0xA0 { return true }
      last = byte
    }
    return false
  }

  /// The folder's `.gitignore`; one that is a link, too large or forbidden to us is as good as none.
  ///
  /// - Throws: what the machine refuses (no descriptors, a broken disk): a snapshot would hold what must be left out.
  private static func gitIgnore(in folder: OpenFolder, depth: Int) throws -> GitIgnore? {
    let opened: (descriptor: Int32, entry: FileSystem.Entry)
    do { opened = try folder.file(GitIgnore.fileName) } catch is OpenFolder.Refusal { return nil }
    defer { close(opened.descriptor) }
    guard opened.entry.size <= GitIgnore.limitBytes else { return nil }
    let path = "\(folder.path)/\(GitIgnore.fileName)"
    do {
      return GitIgnore(
        try FileSystem.readAll(opened.descriptor, path, limitBytes: GitIgnore.limitBytes), depth: depth)
    } catch let error as FlowdexError where error.code == FileSystem.tooLarge {
      return nil
    }
  }
}
