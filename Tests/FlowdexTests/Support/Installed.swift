import Glibc
import QueueRunner

/// Programs that a test needs besides flowdex.
enum Installed {
  static func has(_ name: String) -> Bool {
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    return (path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin"]).contains { folder in
      FileSystem.exists("\(folder)/\(name)")
    }
  }
}
