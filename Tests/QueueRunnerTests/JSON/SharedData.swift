import Glibc

/// The test data that lies beside the project: `shared/data` next to the project's folder. It is not ours to
/// copy, so tests that need it are skipped, with `SharedData.absent` as the reason, where it is missing.
enum SharedData {
  static let absent = "skipped: no `shared/data` beside the project"

  /// The folder, found by walking up from this file; nil where there is none.
  static let root: String? = {
    var folder = #filePath[...]
    while let slash = folder.utf8.lastIndex(of: UInt8(ascii: "/")) {
      folder = folder[..<slash]
      let candidate = "\(folder)/shared/data"
      if access(candidate, R_OK | X_OK) == 0 { return candidate }
    }
    return nil
  }()

  static var isPresent: Bool { root != nil }

  /// The file's bytes; a missing one ends the test run, for the folder itself was there.
  static func bytes(_ name: String) -> [UInt8] {
    guard let file = fopen("\(root ?? "")/\(name)", "re") else { fatalError("no \(name) in shared/data") }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = fread(&chunk, 1, chunk.count, file)
      if count == 0 { return bytes }
      bytes += chunk[..<count]
    }
  }

  static func text(_ name: String) -> String { String(decoding: bytes(name), as: UTF8.self) }

  /// The names in a subfolder, sorted.
  static func names(in folder: String) -> [String] {
    guard let root, let handle = opendir("\(root)/\(folder)") else { return [] }
    defer { closedir(handle) }
    var names: [String] = []
    while let entry = readdir(handle) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }
}
