import Glibc
import Testing

@testable import QueueRunner

/// A real watcher and a real collector over real leases, and everything that workers may do to them.
@Suite("hostile drops", .serialized, .timeLimit(.minutes(15)))
struct HostileDropTests {
  @Test("the table has at least 300 rows, each under a name of its own")
  func rows() {
    #expect(DropTable.count >= 300)
    let names = DropTable.groups.flatMap(\.cases).map(\.name)
    #expect(Set(names).count == names.count, "\(names.filter { name in names.count { $0 == name } > 1 })")
  }

  @Test(
    "is taken, refused with the reason, or waited for; a valid result is taken afterwards",
    arguments: DropTable.groups)
  func drop(group: DropGroup) throws {
    let stage = try DropStage(group)
    defer { stage.close() }
    let steps = group.cases.map(\.steps.count).max() ?? 0
    for step in 0..<steps { try stage.perform(step) }
    try stage.dropValid()
  }
}

/// The leases of one group of cases, before one collector.
private final class DropStage {
  private let group: DropGroup
  private let fixture: QueueFixture
  private let collector: Collector
  private let subscription: DropWatcher.Subscription
  private let aside = try! ScratchFolder()
  private let leases: [IssuedLease]
  private var taken: Set<String> = []

  init(_ group: DropGroup) throws {
    self.group = group
    fixture = try QueueFixture(tasks: group.cases.count + 1, maxConcurrency: 10_000) { spec in
      guard group.name == DropTable.schemas.name else { return }
      spec.schema = ["type": "object", "required": ["n"], "properties": ["n": ["type": "integer"]]]
    }
    leases = try fixture.lease(group.cases.count + 1)
    if group.isNobody { try Nobody.become(owning: [fixture.root, aside.path]) }
    collector = Collector(fixture.queue)
    subscription = try DropWatcher.shared().subscribe()
    for outcome in subscription.watch(leases.map { $0.package!.root }, kind: .folder) {
      #expect(outcome == .watching)
    }
    #expect(try collector.pass().items.allSatisfy { $0.status == .missing })
  }

  func close() { Nobody.resign() }

  private func place(_ number: Int) -> DropPlace {
    DropPlace(package: leases[number].package!, other: leases[group.cases.count].package!, aside: aside.path)
  }

  /// One step of every case that has it, then what a watcher does about it.
  func perform(_ step: Int) throws {
    let active = group.cases.indices.filter { step < group.cases[$0].steps.count }
    for number in active {
      do {
        try group.cases[number].steps[step].act(place(number))
      } catch {
        Issue.record("\(group.cases[number].name), step \(step): \(error)")
      }
    }
    let told = try hints(from: active.filter { group.cases[$0].steps[step].isTold })
    try pass(.only(told))
    if !group.isQuick { for number in active { try checkUnsaid(number, step) } }
    fixture.clock.advance(ms: group.isQuick ? 100 : Collector.settleMs)
    try pass(.all)
    // What only the timer found has been seen once by now, and must be left alone for as long.
    if !group.isQuick {
      fixture.clock.advance(ms: Collector.settleMs)
      try pass(.all)
    }
    for number in active { try check(number, group.cases[number].steps[step].outcome, "step \(step)") }
  }

  /// A valid result after all that, for whoever has not delivered.
  func dropValid() throws {
    let open = group.cases.indices.filter { !taken.contains(leases[$0].token) }
    for number in open {
      let place = place(number)
      try group.cases[number].repair(place)
      let schema = group.name == DropTable.schemas.name
      let valid = QueueFixture.envelope(data: schema ? ["n": 1] : [:])
      let made = "\(aside.path)/valid-\(number)"
      try FileSystem.write(valid, to: made)
      try FileSystem.rename(made, place.result)
    }
    try pass(.all)
    for number in open { try check(number, .taken, "a valid result at last") }
    #expect(try FileSystem.names(in: fixture.layout.claimed).isEmpty)
    let ended = try fixture.eventTypes().filter { $0.hasPrefix("agent.") && $0 != "agent.task.created" }
    #expect(ended.count == group.cases.count, "each task ended once")
  }

  private func pass(_ scope: Collector.Scope) throws {
    let report = try collector.pass(scope)
    #expect(report.reclaimed.isEmpty)
    for item in report.items where item.status == .collected {
      #expect(taken.insert(item.token).inserted, "\(item.childKey) was taken twice")
    }
  }

  /// The tokens that the kernel told of, once it has told of all that it should.
  private func hints(from numbers: [Int]) throws -> Set<String> {
    let roots = Dictionary(uniqueKeysWithValues: leases.map { ($0.package!.root, $0.token) })
    var told: Set<String> = []
    let expected = Set(numbers.map { leases[$0].token })
    var waits = 0
    while !told.isSuperset(of: expected), waits < 100 {
      let hints = subscription.take()
      if hints.overflowed { return Set(roots.values) }
      told.formUnion(hints.paths.keys.compactMap { roots[$0] })
      told.formUnion(hints.lost.compactMap { roots[$0] })
      if try Poller.wait([subscription.descriptor], timeoutMs: 100).isEmpty { waits += 1 }
    }
    let missing = numbers.filter { !told.contains(leases[$0].token) }
    #expect(missing.isEmpty, "nothing was told of \(missing.map { group.cases[$0].name })")
    return told
  }

  /// Before a file has been left alone for a while, nothing bad is said of it.
  private func checkUnsaid(_ number: Int, _ step: Int) throws {
    let place = place(number)
    guard step == 0, let entry = try? FileSystem.entry(place.package.rejected), entry.kind == .file else {
      return
    }
    let text =
      (try? FileSystem.read(place.package.rejected)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    #expect(!text.contains("was not taken"), "\(group.cases[number].name): refused too early")
  }

  private func check(_ number: Int, _ outcome: DropCase.Outcome, _ when: String) throws {
    let what = "\(group.cases[number].name), \(when)"
    let token = leases[number].token
    let package = place(number).package
    let task = try fixture.task(number)
    switch outcome {
    case .taken:
      #expect(taken.contains(token), "\(what): not taken; \(task.state), \(task.error ?? "no error")")
      #expect(task.state.isFinal && task.result != nil, "\(what)")
      guard group.name != DropTable.answers.name, !group.isNobody else { return }
      #expect(FileSystem.exists(package.accepted), "\(what): not acknowledged")
      #expect(!FileSystem.exists(package.rejected), "\(what): still called rejected")
    case .refused(let words):
      #expect(!taken.contains(token) && task.state == .leased, "\(what): \(task.state)")
      let error = task.error ?? "nothing"
      #expect(error.contains(words), "\(what): expected `\(words)`, found `\(error)`")
      checkQuotation(error, what)
      let text = (try? FileSystem.read(package.rejected)).map { String(decoding: $0, as: UTF8.self) } ?? ""
      let isMissing = group.name == DropTable.answers.name || group.isNobody
      #expect(isMissing || text.contains(words), "\(what): beside it stands `\(text)`")
    case .waiting:
      #expect(!taken.contains(token) && task.state == .leased, "\(what): \(task.state)")
      #expect(task.error == nil || step(number) > 1, "\(what): \(task.error ?? "")")
      #expect(!FileSystem.exists(package.accepted), "\(what)")
    }
  }

  private func step(_ number: Int) -> Int { group.cases[number].steps.count }

  /// Whatever a file holds, what is said of it is short, and plain text.
  private func checkQuotation(_ text: String, _ what: String) {
    #expect(text.utf8.count < 8000, "\(what): \(text.utf8.count) bytes")
    let odd = text.unicodeScalars.first {
      $0 != "\n" && ($0.value < 0x20 || (0x7F...0x9F).contains($0.value))
    }
    #expect(odd == nil, "\(what): \(String(describing: odd)) in the text")
  }
}

/// File access rights of this thread, without root's power to read everything.
private enum Nobody {
  private static let id: uid_t = 65534

  static func become(owning folders: [String]) throws {
    guard geteuid() == 0 else { return }
    for folder in folders { try own(folder) }
    set(id)
  }

  static func resign() { if geteuid() == 0 { set(0) } }

  private static func own(_ path: String) throws {
    lchown(path, id, id)
    guard try FileSystem.entry(path)?.kind == .directory else { return }
    for name in try FileSystem.names(in: path) { try own("\(path)/\(name)") }
  }

  private static func set(_ id: uid_t) {
    typealias Call = @convention(c) (uid_t) -> Int32
    guard let symbol = dlsym(nil, "setfsuid") else { return }
    _ = unsafeBitCast(symbol, to: Call.self)(id)
  }
}
