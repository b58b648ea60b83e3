// A burst on two cores: while results are committed, the next ones are read and judged, and those before are acknowledged.
// Nothing is decided here: what is not simply right is looked at again by the one who decides.

/// Results that are right, read before they are asked for. For one part of a pass, and its thread.
final class ReadAhead {
  /// Below, a thread costs more than it brings.
  static let worthwhile = 2 * Collector.batchSize
  /// These the caller reads itself, while its companion reads what comes after them.
  private static let head = Collector.batchSize / 2

  /// A lease whose package may hold a result, and what its task demands of one.
  struct Wanted: Sendable {
    let childKey: String
    let attempt: Int
    let package: PackageLayout
    let rules: TaskRules
  }

  /// A result that is right, as it was read.
  struct Good: Sendable {
    /// With the schema that it was judged by: the rules of its task may be forgotten before it is taken.
    let right: RightResult
    let stamp: ResultFile.Stamp
  }

  private struct Chunk {
    let range: Range<Int>
    let number: Int
    let found: Guarded<[Good?]>
  }

  private let companion: Companion
  /// In the order in which they are asked for; nil where reading ahead is of no use.
  private let wanted: [Wanted?]
  private var next = ReadAhead.head
  private var handed: Chunk?
  private var current: Chunk?
  private var good: [Good?] = []

  init(_ wanted: [Wanted?], _ companion: Companion) {
    self.wanted = wanted
    self.companion = companion
    handed = hand()
  }

  /// A batch at most, so that no more results are in memory than twice what is committed together.
  private func hand() -> Chunk? {
    let end = min(wanted.count, (next / Collector.batchSize + 1) * Collector.batchSize)
    if next >= end { return nil }
    let range = next..<end
    next = end
    let found = Guarded<[Good?]>([])
    let part = Array(wanted[range])
    let number = companion.hand {
      let good = part.map { $0.flatMap(Self.read) }
      found.withLock { $0 = good }
    }
    return Chunk(range: range, number: number, found: found)
  }

  private static func read(_ wanted: Wanted) -> Good? {
    guard case .bytes(let bytes, let stamp)? = try? ResultFile.read(package: wanted.package.root),
      case .valid(let result) = AdapterResult.judge(bytes, schema: wanted.rules.compiled)
    else { return nil }
    let right = RightResult(
      result, bytes, schema: wanted.rules.schema, childKey: wanted.childKey, attempt: wanted.attempt)
    return Good(right: right, stamp: stamp)
  }

  /// What was read for the lease at that place; places are asked for in their order.
  func take(_ index: Int) -> Good? {
    if let handed, index >= handed.range.lowerBound {
      companion.wait(for: handed.number)
      good = handed.found.withLock { found in
        defer { found = [] }
        return found
      }
      current = handed
      self.handed = hand()
    }
    guard let current, current.range.contains(index) else { return nil }
    let at = index - current.range.lowerBound
    defer { good[at] = nil }
    return good[at]
  }
}
