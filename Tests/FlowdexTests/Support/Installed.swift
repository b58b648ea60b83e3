import QueueRunner

/// Programs that a test needs besides flowdex.
enum Installed {
  static func has(_ name: String) -> Bool {
    ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"].contains {
      FileSystem.exists("\($0)/\(name)")
    }
  }
}
