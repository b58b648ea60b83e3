/// URI references (RFC 3986) as `$id` and `$ref` use them: split, resolved against a base, never fetched.
///
/// Texts are compared as they are written; nothing is normalised but `.` and `..` in a resolved path.
struct SchemaURI: Equatable, Sendable {
  private var scheme: String?
  private var authority: String?
  private var path = ""
  private var query: String?
  /// What follows `#`, still percent-encoded; nil without `#`.
  private(set) var fragment: String?

  /// Splits any text, as the expression of RFC 3986 appendix B does.
  init(_ text: String) {
    var rest = text.utf8[...]
    if let hash = rest.firstIndex(of: UInt8(ascii: "#")) {
      fragment = String(rest[rest.index(after: hash)...])
      rest = rest[..<hash]
    }
    if let mark = rest.firstIndex(of: UInt8(ascii: "?")) {
      query = String(rest[rest.index(after: mark)...])
      rest = rest[..<mark]
    }
    if let colon = rest.firstIndex(of: UInt8(ascii: ":")), colon > rest.startIndex,
      !rest[..<colon].contains(UInt8(ascii: "/"))
    {
      scheme = String(rest[..<colon])
      rest = rest[rest.index(after: colon)...]
    }
    if rest.starts(with: "//".utf8) {
      rest = rest.dropFirst(2)
      let slash = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
      authority = String(rest[..<slash])
      rest = rest[slash...]
    }
    path = String(rest) ?? ""
  }

  /// The reference seen from a base (RFC 3986 §5.2.2); the fragment is the reference's own.
  func resolved(against base: SchemaURI) -> SchemaURI {
    var target = self
    if scheme != nil || authority != nil {
      target.path = Self.removingDots(path)
      target.scheme = scheme ?? base.scheme
      return target
    }
    target.scheme = base.scheme
    target.authority = base.authority
    if path.isEmpty {
      target.path = base.path
      target.query = query ?? base.query
    } else if path.utf8.first == UInt8(ascii: "/") {
      target.path = Self.removingDots(path)
    } else {
      target.path = Self.removingDots(merged(with: base))
    }
    return target
  }

  /// The same without its fragment, as text: the name of a whole schema.
  var name: String {
    var text = scheme.map { $0 + ":" } ?? ""
    if let authority { text += "//" + authority }
    text += path
    if let query { text += "?" + query }
    return text
  }

  /// The fragment with its percent-encoding undone; nil when that is malformed or no UTF-8.
  var decodedFragment: String? {
    let bytes = Array((fragment ?? "").utf8)
    var out: [UInt8] = []
    var at = 0
    while at < bytes.count {
      if bytes[at] == UInt8(ascii: "%") {
        guard at + 2 < bytes.count, let high = Self.hexDigit(bytes[at + 1]),
          let low = Self.hexDigit(bytes[at + 2])
        else { return nil }
        out.append(high << 4 | low)
        at += 3
      } else {
        out.append(bytes[at])
        at += 1
      }
    }
    return String(validating: out, as: UTF8.self)
  }

  private func merged(with base: SchemaURI) -> String {
    if base.authority != nil, base.path.isEmpty { return "/" + path }
    guard let slash = base.path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
    return String(base.path[...slash]) + path
  }

  /// RFC 3986 §5.2.4, by segments.
  private static func removingDots(_ path: String) -> String {
    let isAbsolute = path.utf8.first == UInt8(ascii: "/")
    let segments = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      .map { String($0) ?? "" }
    guard segments.contains(where: { $0 == "." || $0 == ".." }) else { return path }
    var kept: [String] = []
    for (at, segment) in segments.enumerated() {
      let isLast = at == segments.count - 1
      switch segment {
      case ".": if isLast { kept.append("") }
      case "..":
        if kept.count > (isAbsolute ? 1 : 0) { kept.removeLast() }
        if isLast { kept.append("") }
      default: kept.append(segment)
      }
    }
    return kept.joined(separator: "/")
  }

  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
