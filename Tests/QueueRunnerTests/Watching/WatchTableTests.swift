import Testing

@testable import QueueRunner

@Suite("who watches what")
struct WatchTableTests {
  private func entry(_ subscription: Int, _ path: String, _ kind: DropWatcher.WatchKind = .folder)
    -> WatchTable.Entry
  {
    WatchTable.Entry(subscription: subscription, path: path, kind: kind)
  }

  @Test("a descriptor lives as long as somebody watches it")
  func sharing() {
    var table = WatchTable()
    table.add(entry(1, "a"), 7)
    table.add(entry(1, "a"), 7)
    table.add(entry(2, "a"), 7)
    #expect(table.descriptor(of: "a", .folder) == 7 && table.descriptor(of: "a", .file) == nil)
    #expect(table.listeners(7) == [entry(1, "a"), entry(2, "a")])
    #expect(table.remove("a", subscription: 1) == [])
    #expect(table.remove("a", subscription: 1) == [])
    #expect(table.descriptor(of: "a", .folder) == 7)
    #expect(table.remove("a", subscription: 2) == [7])
    #expect(table.descriptor(of: "a", .folder) == nil && table.count == 0)
  }

  @Test("two paths of one inode, and one path in two ways")
  func aliases() {
    var table = WatchTable()
    table.add(entry(1, "a"), 7)
    table.add(entry(1, "a/"), 7)
    table.add(entry(1, "a", .file), 8)
    #expect(table.remove("a", subscription: 1) == [8])
    #expect(table.listeners(7) == [entry(1, "a/")])
    #expect(table.descriptor(of: "a/", .folder) == 7 && table.descriptor(of: "a", .folder) == nil)
    #expect(table.forget(7) == [entry(1, "a/")] && table.forget(7) == [])
    #expect(table.descriptor(of: "a/", .folder) == nil)
  }

  @Test("a forgotten descriptor does not take the path's new one with it")
  func rewatched() {
    var table = WatchTable()
    table.add(entry(1, "a"), 7)
    table.add(entry(1, "a"), 9)
    #expect(table.forget(7) == [entry(1, "a")])
    #expect(table.descriptor(of: "a", .folder) == 9)
  }

  @Test("a subscriber that leaves takes only what is its own")
  func leaving() {
    var table = WatchTable()
    for number in 0..<100 {
      table.add(entry(1, "p\(number)"), Int32(number + 1))
      if number % 2 == 0 { table.add(entry(2, "p\(number)"), Int32(number + 1)) }
    }
    let odd = (0..<100).filter { $0 % 2 == 1 }.map { Int32($0 + 1) }
    #expect(table.remove(subscription: 1).sorted() == odd)
    #expect(table.count == 50)
    #expect(table.remove(subscription: 2).count == 50 && table.count == 0)
  }

  @Test("random moves leave no path without its descriptor and no descriptor without a watcher")
  func random() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var state = seed
    func next(_ below: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % below
    }
    var table = WatchTable()
    var truth: Set<[Int]> = []
    var fresh: Int32 = 1
    for _ in 0..<5000 {
      let (who, place) = (next(3), next(8))
      switch next(4) {
      case 0:
        let known = table.descriptor(of: "\(place)", .folder)
        if known == nil { fresh += 1 }
        table.add(entry(who, "\(place)"), known ?? fresh)
        truth.insert([who, place])
      case 1:
        _ = table.remove("\(place)", subscription: who)
        truth.remove([who, place])
      case 2:
        if let known = table.descriptor(of: "\(place)", .folder) { _ = table.forget(known) }
        truth = truth.filter { $0[1] != place }
      default:
        if next(20) == 0 {
          _ = table.remove(subscription: who)
          truth = truth.filter { $0[0] != who }
        }
      }
      for place in 0..<8 {
        let known = table.descriptor(of: "\(place)", .folder)
        let listeners = known.map { table.listeners($0).map(\.subscription) } ?? []
        #expect(Set(listeners) == Set(truth.filter { $0[1] == place }.map { $0[0] }), "seed \(seed)")
        #expect((known == nil) == listeners.isEmpty, "seed \(seed)")
      }
    }
  }
}
