// One glob without braces, as a list of segments, and its matching.
//
// Both levels (segments with `**`, characters with `*`) use the same rule: on a mismatch go back to the last
// star only and let it take one more. That is enough, because everything between two stars has a fixed length,
// and so the earliest place that fits is as good as any; the cost is at most (path length × pattern length).

/// One alternative of a glob.
struct GlobPattern: Sendable {
  /// One name of a path, as a pattern.
  enum Segment: Sendable, Equatable {
    /// `**`: any number of names.
    case anyNames
    case literal([UInt8])
    case pattern([GlobToken])
  }

  let segments: [Segment]

  /// A last `**` must match something: `dir/**` holds what is under `dir`, not a file of that name.
  init(_ segments: [Segment]) {
    self.segments = segments.last == .anyNames ? segments + [.pattern([.star])] : segments
  }

  func matches(_ names: [ArraySlice<UInt8>]) -> Bool {
    var at = 0
    var name = 0
    var star: (at: Int, name: Int)?
    while name < names.count {
      if at < segments.count, segments[at] == .anyNames {
        star = (at, name)
        at += 1
      } else if at < segments.count, segments[at].matches(names[name]) {
        at += 1
        name += 1
      } else if let last = star {
        star = (last.at, last.name + 1)
        at = last.at + 1
        name = last.name + 1
      } else {
        return false
      }
    }
    while at < segments.count, segments[at] == .anyNames { at += 1 }
    return at == segments.count
  }

  func mayMatchBelow(_ folder: [ArraySlice<UInt8>]) -> Bool {
    positions(after: folder).contains { $0 < segments.count }
  }

  func names(literally path: [ArraySlice<UInt8>]) -> Bool {
    guard let last = path.last else { return false }
    return positions(after: path.dropLast()).contains { at in
      guard at < segments.count, case .literal(let bytes) = segments[at] else { return false }
      return bytes.elementsEqual(last)
    }
  }

  /// Where in `segments` one may stand once the names have been matched.
  private func positions(after names: some Sequence<ArraySlice<UInt8>>) -> Set<Int> {
    var current = closure([0])
    for name in names {
      var next: Set<Int> = []
      for at in current where at < segments.count {
        if segments[at] == .anyNames {
          next.insert(at)
        } else if segments[at].matches(name) {
          next.insert(at + 1)
        }
      }
      current = closure(next)
      if current.isEmpty { break }
    }
    return current
  }

  /// Adds the positions that are reached because `**` may match nothing.
  private func closure(_ positions: Set<Int>) -> Set<Int> {
    var all = positions
    for start in positions {
      var at = start
      while at < segments.count, segments[at] == .anyNames {
        at += 1
        all.insert(at)
      }
    }
    return all
  }
}

extension GlobPattern.Segment {
  func matches(_ name: ArraySlice<UInt8>) -> Bool {
    switch self {
    case .anyNames: true
    case .literal(let bytes): bytes.elementsEqual(name)
    case .pattern(let tokens): GlobToken.match(tokens, name)
    }
  }
}

/// A piece of a segment.
enum GlobToken: Sendable, Equatable {
  case byte(UInt8)
  case slash
  case star
  case anyCharacter
  case set([ClosedRange<UInt32>], isNegated: Bool)

  static func match(_ tokens: [GlobToken], _ name: ArraySlice<UInt8>) -> Bool {
    var at = 0
    var byte = name.startIndex
    var star: (at: Int, byte: Int)?
    while byte < name.endIndex {
      if at < tokens.count, tokens[at] == .star {
        star = (at, byte)
        at += 1
      } else if at < tokens.count, let next = tokens[at].step(name, byte) {
        at += 1
        byte = next
      } else if let last = star {
        let after = scalar(name, last.byte).end
        star = (last.at, after)
        at = last.at + 1
        byte = after
      } else {
        return false
      }
    }
    while at < tokens.count, tokens[at] == .star { at += 1 }
    return at == tokens.count
  }

  /// Where matching goes on if this token, which is no star, matches at `byte`.
  private func step(_ name: ArraySlice<UInt8>, _ byte: Int) -> Int? {
    switch self {
    case .byte(let value): return name[byte] == value ? byte + 1 : nil
    case .slash, .star: return nil
    case .anyCharacter: return Self.scalar(name, byte).end
    case .set(let ranges, let isNegated):
      let (value, end) = Self.scalar(name, byte)
      return ranges.contains { $0.contains(value) } != isNegated ? end : nil
    }
  }

  /// The scalar that begins at a byte and where it ends; the bytes are UTF-8, for they come from a string.
  static func scalar(_ bytes: ArraySlice<UInt8>, _ at: Int) -> (value: UInt32, end: Int) {
    let lead = UInt32(bytes[at])
    let length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
    guard length > 1, at + length <= bytes.endIndex else { return (lead, at + 1) }
    var value = lead & (0xFF >> UInt32(length + 1))
    for byte in bytes[at + 1..<at + length] { value = value << 6 | UInt32(byte & 0x3F) }
    return (value, at + length)
  }
}
