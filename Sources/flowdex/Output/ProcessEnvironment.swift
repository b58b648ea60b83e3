import Glibc

/// What this process was started with.
enum ProcessEnvironment {
  /// Where programs are looked for if there is no PATH.
  static let defaultPath = "/usr/local/bin:/usr/bin:/bin"

  static var all: [String: String] {
    var all: [String: String] = [:]
    var at = environ
    while let entry = at.pointee {
      let text = String(cString: entry)
      if let equals = text.firstIndex(of: "="), equals != text.startIndex {
        all[String(text[..<equals])] = String(text[text.index(after: equals)...])
      }
      at += 1
    }
    return all
  }

  static var folder: String {
    guard let here = getcwd(nil, 0) else { return "/" }
    defer { free(here) }
    return String(cString: here)
  }
}
