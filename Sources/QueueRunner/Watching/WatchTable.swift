/// Who watches what: pure bookkeeping between the kernel's watch descriptors and the subscribers' paths.
///
/// One descriptor stands for one inode, which several paths may name and several subscribers may watch.
struct WatchTable {
  /// One subscriber's interest in one path.
  struct Entry: Equatable {
    let subscription: Int
    /// As the subscriber wrote it.
    let path: String
    let kind: DropWatcher.WatchKind
    fileprivate var key: Key { Key(path: path, kind: kind) }
  }

  fileprivate struct Key: Hashable {
    let path: String
    let kind: DropWatcher.WatchKind
  }

  private var entries: [Int32: [Entry]] = [:]
  private var descriptors: [Key: Int32] = [:]

  var count: Int { entries.count }
  var all: [Int32] { Array(entries.keys) }

  /// The descriptor that already watches the path in that way.
  func descriptor(of path: String, _ kind: DropWatcher.WatchKind) -> Int32? {
    descriptors[Key(path: path, kind: kind)]
  }

  /// Whoever is to hear of an event on the descriptor; none for one that has been forgotten.
  func listeners(_ descriptor: Int32) -> [Entry] { entries[descriptor] ?? [] }

  mutating func add(_ entry: Entry, _ descriptor: Int32) {
    descriptors[entry.key] = descriptor
    if entries[descriptor]?.contains(entry) != true { entries[descriptor, default: []].append(entry) }
  }

  /// Ends one subscriber's interest in a path; the descriptors that nobody watches any more.
  mutating func remove(_ path: String, subscription: Int) -> [Int32] {
    DropWatcher.WatchKind.allCases.compactMap { kind in
      guard let descriptor = descriptors[Key(path: path, kind: kind)] else { return nil }
      return remove(descriptor) { $0.subscription == subscription && $0.path == path && $0.kind == kind }
    }
  }

  /// Ends all interest of one subscriber; the descriptors that nobody watches any more.
  mutating func remove(subscription: Int) -> [Int32] {
    all.compactMap { descriptor in remove(descriptor) { $0.subscription == subscription } }
  }

  /// Forgets a descriptor that the kernel has ended; those who watched it.
  mutating func forget(_ descriptor: Int32) -> [Entry] {
    let lost = entries.removeValue(forKey: descriptor) ?? []
    for entry in lost where descriptors[entry.key] == descriptor { descriptors[entry.key] = nil }
    return lost
  }

  /// The descriptor, if nobody is left who watches it.
  private mutating func remove(_ descriptor: Int32, where isGone: (Entry) -> Bool) -> Int32? {
    guard let old = entries[descriptor] else { return nil }
    let left = old.filter { !isGone($0) }
    if left.count == old.count { return nil }
    for entry in old where descriptors[entry.key] == descriptor {
      if !left.contains(where: { $0.key == entry.key }) { descriptors[entry.key] = nil }
    }
    entries[descriptor] = left.isEmpty ? nil : left
    return left.isEmpty ? descriptor : nil
  }
}
