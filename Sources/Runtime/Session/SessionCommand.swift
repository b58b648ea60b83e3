// How Deno is started for a session: what stands on its command line and in its environment, and nothing
// else.
//
// The harness comes as a `data:` URL: of the ways to hand over a main module it is the one that needs no
// file, so the process may be kept from every file; standard input stays free for frames. It holds no secret.

import QueueRunner

/// The words of a session's process.
enum SessionCommand {
  /// The harness's two sides of the context, which the first frame brings.
  static let contextScripts = [
    String(decoding: PackageResources.lockdown_js, as: UTF8.self),
    String(decoding: PackageResources.context_js, as: UTF8.self),
  ]

  private static let harnessURL = "data:text/javascript;base64," + base64(PackageResources.harness_js)

  private static let denied = ["read", "write", "net", "env", "sys", "run", "ffi", "import"]

  static func arguments(deno: String, limits: Manifest.Limits) -> [String] {
    // Without a compiler all frames of a function are equal, so the stack overflows at the same depth in
    // equal runs (with it, measured: 21,312 or 21,586 calls; without, always 12,951), no memory is executable
    // and 512 MiB less are reserved. An operation's round trip takes as long as before.
    let engine = [
      "max-old-space-size=\(limits.memoryMiB)", "disallow-code-generation-from-strings", "jitless",
    ]
    return [
      deno, "run", "--quiet", "--no-prompt", "--no-config", "--no-lock", "--no-npm", "--no-remote",
      "--cached-only", "--no-code-cache",
    ] + denied.map { "--deny-\($0)" } + [
      "--v8-flags=" + engine.map { "--\($0)" }.joined(separator: ","), harnessURL,
    ]
  }

  static let environment = [
    "TZ=UTC", "LC_ALL=C", "HOME=/nonexistent", "DENO_DIR=/dev/null", "NO_COLOR=1", "DENO_NO_UPDATE_CHECK=1",
    "DENO_NO_PROMPT=1",
  ]

  /// Bytes of data that the process may have (RLIMIT_DATA): a backstop well above what the watch of its
  /// resident memory allows, with room for the stacks of as many threads as a large machine has cores.
  static func dataBytes(_ limits: Manifest.Limits) -> UInt64 {
    UInt64(clamping: 640 + max(limits.memoryMiB, 0)) << 20
  }

  /// Base64 (RFC 4648 §4).
  static func base64(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for at in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[at..<min(at + 3, bytes.count)]
      let bits = group.reduce(0) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
      for place in 0...3 {
        let isPadding = place > group.count
        text.append(isPadding ? UInt8(ascii: "=") : alphabet[Int(bits >> UInt32(18 - 6 * place) & 63)])
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
