import Glibc

/// The project's own files, as a fresh clone would hold them.
enum ProjectTree {
  /// The folder that holds Package.swift, found by walking up from this file.
  static let root: String = {
    var folder = #filePath[...]
    while let slash = folder.utf8.lastIndex(of: UInt8(ascii: "/")) {
      folder = folder[..<slash]
      if access("\(folder)/Package.swift", R_OK) == 0 { return String(folder) }
    }
    return "."
  }()

  /// What is built, fetched or made by running: never part of a clone.
  private static let made: Set<String> = [".git", ".build", ".tools", ".demo", ".flowdex", "node_modules"]

  /// Paths relative to the root, sorted.
  static let paths: [String] = list("").sorted()

  static func paths(under folder: String, endings: [String]) -> [String] {
    paths.filter { path in path.hasPrefix(folder + "/") && endings.contains { path.hasSuffix($0) } }
  }

  /// The file as text; bytes that are no UTF-8 are replaced.
  static func text(_ path: String) -> String { text(absolute: "\(root)/\(path)") }

  /// As `text`, of a file anywhere; empty where there is none.
  static func text(absolute path: String) -> String {
    guard let file = fopen(path, "re") else { return "" }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = fread(&chunk, 1, chunk.count, file)
      if count == 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += chunk[..<count]
    }
  }

  static func lineCount(_ text: String) -> Int {
    text.utf8.count { $0 == 10 } + (text.isEmpty || text.hasSuffix("\n") ? 0 : 1)
  }

  static func exists(_ path: String) -> Bool { access("\(root)/\(path)", F_OK) == 0 }

  /// Every Swift file of a folder, read into its parts.
  static func swiftFiles(under folder: String) -> [SwiftFile] {
    paths(under: folder, endings: [".swift"]).map { SwiftFile(path: $0, text: text($0)) }
  }

  private static func list(_ folder: String) -> [String] {
    guard let handle = opendir("\(root)/\(folder)") else { return [] }
    defer { closedir(handle) }
    var found: [String] = []
    while let entry = readdir(handle) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name == "." || name == ".." || made.contains(name) || name.hasPrefix(".build") { continue }
      let path = folder.isEmpty ? name : "\(folder)/\(name)"
      switch Int32(entry.pointee.d_type) {
      case 4: found += list(path)  // DT_DIR: symlinks are not followed
      case 8: found.append(path)  // DT_REG
      default: if isFile(path) { found.append(path) }
      }
    }
    return found
  }

  private static func isFile(_ path: String) -> Bool {
    var status = stat()
    return stat("\(root)/\(path)", &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }
}
