import Glibc
import QueueRunner
import Testing

@testable import Runtime

/// What a test throws where a process would die: nothing tidies up after it.
private struct Death: Error {}

/// Counts steps and dies at one of them.
private final class Fate {
  var left: Int
  private(set) var lived: [PatchStep] = []
  init(dieAt step: Int) { left = step }

  func step(_ step: PatchStep) throws {
    if left == 0 { throw Death() }
    left -= 1
    lived.append(step)
  }
}

@Suite("integrate: death at every step")
struct PatchCrashTests {
  /// Every kind of change: created, changed, deleted, mode, folder made, folder emptied, file to folder and back.
  private static let before: [String: String] = [
    "src/changed": "one\n", "src/gone/deep/file": "one\n", "src/tool": "one\n", "src/turn": "one\n",
    "src/fold/in": "one\n", "src/moved": "one\n", "README": "one\n",
  ]
  private static let patch =
    HostilePatch.change("src/changed") + HostilePatch.create("src/new/deep/file")
    + HostilePatch.delete("src/gone/deep/file")
    + "diff --git a/src/tool b/src/tool\nold mode 100644\nnew mode 100755\n"
    + HostilePatch.delete("src/turn") + HostilePatch.create("src/turn/inside")
    + HostilePatch.delete("src/fold/in") + HostilePatch.create("src/fold")
    + HostilePatch.rename("src/moved", "src/there")

  private func prepared(_ fixture: PatchFixture) throws -> PreparedPatches {
    guard case .ready(let prepared) = try fixture.integration().prepare([Self.patch]) else { throw Death() }
    return prepared
  }

  /// The trees before and after, and how many steps lie between.
  private func ends() throws -> (before: [String: String], after: [String: String], steps: [PatchStep]) {
    let fixture = try PatchFixture(Self.before)
    let before = try PatchFixture.everything(fixture.project)
    let fate = Fate(dieAt: Int.max)
    let outcome = try fixture.integration().promote(try prepared(fixture), step: fate.step)
    #expect(outcome.error == nil)
    return (before, try PatchFixture.everything(fixture.project), fate.lived)
  }

  @Test("a resume finishes, and applies nothing twice")
  func everyStep() throws {
    let (before, after, steps) = try ends()
    #expect(steps.count >= 20)
    #expect(
      Set(steps.map { "\($0)" }).isSuperset(of: ["journaled", "deleted", "removedFolder", "madeFolder"]))
    for at in steps.indices {
      let fixture = try PatchFixture(Self.before)
      let integration = fixture.integration()
      let prepared = try prepared(fixture)
      #expect(try PatchFixture.everything(fixture.project) == before)
      #expect(throws: Death.self) { try integration.promote(prepared, step: Fate(dieAt: at).step) }
      // And again, dying one step further each time, as a machine would that keeps failing.
      for again in 0..<3 {
        do { _ = try integration.recover(step: Fate(dieAt: again).step) } catch is Death {}
      }
      let outcome = try integration.recover()
      #expect(outcome == .completed(applied: 1, paths: prepared.paths), "\(at): \(steps[at])")
      #expect(try PatchFixture.everything(fixture.project) == after, "\(at): \(steps[at])")
      #expect(try integration.recover() == outcome)
      #expect(try integration.run([Self.patch]) == outcome)
      #expect(try PatchFixture.everything(fixture.project) == after)
    }
  }

  @Test("a temporary file that a death left beside its target is removed")
  func leftTemporary() throws {
    let (before, after, _) = try ends()
    for isConflict in [false, true] {
      let fixture = try PatchFixture(Self.before)
      let integration = fixture.integration()
      let prepared = try prepared(fixture)
      let fate = Fate(dieAt: Int.max)
      #expect(throws: Death.self) {
        try integration.promote(prepared) { step in
          if step == .placed, fate.lived.contains(.placed) { throw Death() }
          try fate.step(step)
        }
      }
      // As between link(2) and unlink(2) of the first file that is placed.
      let bytes = try FileSystem.read("\(fixture.operation)/journal.json")
      let journal = try #require(PatchJournal(reading: bytes))
      #expect(journal.changes.files.first?.path.text == "src/changed")
      try fixture.write("src/\(journal.temporary(0))", "two\n")
      if isConflict { try fixture.write("src/tool", "theirs\n") }
      let outcome = try #require(try integration.recover())
      #expect((outcome.error != nil) == isConflict)
      var now = try PatchFixture.everything(fixture.project)
      if isConflict { now["src/tool"] = before["src/tool"] }
      #expect(now == (isConflict ? before : after))
    }
  }

  @Test("nothing had begun: there is nothing to recover")
  func nothingBegun() throws {
    let fixture = try PatchFixture(Self.before)
    #expect(try fixture.integration().recover() == nil)
    _ = try prepared(fixture)
    #expect(try fixture.integration().recover() == nil)
    #expect(try fixture.integration().run([Self.patch]).error == nil)
  }

  @Test(
    "a file that somebody changed after the death: all else goes back, theirs stays, both versions are kept")
  func changedAfterDeath() throws {
    let (before, _, steps) = try ends()
    for at in steps.indices where steps[at] != .pruned {
      let fixture = try PatchFixture(Self.before)
      let integration = fixture.integration()
      let prepared = try prepared(fixture)
      #expect(throws: Death.self) { try integration.promote(prepared, step: Fate(dieAt: at).step) }
      let isDecided = FileSystem.exists("\(fixture.operation)/outcome.json")
      try fixture.write("src/changed", "theirs\n")
      // The way back may be cut short too.
      for again in 0..<4 {
        do { _ = try integration.recover(step: Fate(dieAt: again).step) } catch is Death {}
      }
      let outcome = try #require(try integration.recover())
      #expect(try fixture.text("src/changed") == "theirs\n")
      if isDecided {
        #expect(outcome.error == nil)
        continue
      }
      #expect(outcome.error?.contains("`src/changed` changed while the patches were promoted") == true)
      var now = try PatchFixture.everything(fixture.project)
      now["src/changed"] = before["src/changed"]
      #expect(now == before, "\(at): \(steps[at])")
      let kept = try FileSystem.names(in: "\(fixture.operation)/before").map {
        String(decoding: try FileSystem.read("\(fixture.operation)/before/\($0)"), as: UTF8.self)
      }
      #expect(kept.contains("one\n"))
      let after = try FileSystem.read("\(fixture.operation)/scratch/src/changed")
      #expect(String(decoding: after, as: UTF8.self) == "two\n")
      #expect(try integration.recover() == outcome)
    }
  }

  @Test(
    "the project changed between judgement and promotion: nothing is touched",
    arguments: [
      "src/changed", "src/new/deep/file", "src/gone/deep/file", "src/turn", "src/fold/in", "src/fold/other",
      "src/there", "src/tool",
    ])
  func conflict(_ path: String) throws {
    let fixture = try PatchFixture(Self.before)
    let prepared = try prepared(fixture)
    try fixture.write(path, "theirs\n")
    let before = try PatchFixture.everything(fixture.project)
    let outcome = try fixture.integration().promote(prepared)
    #expect(outcome.error != nil)
    #expect(try PatchFixture.everything(fixture.project) == before)
    #expect(try fixture.integration().recover() == outcome)
  }

  @Test("a file changes while the promotion is under way: taken back, theirs stays")
  func changedMeanwhile() throws {
    let fixture = try PatchFixture(Self.before)
    let prepared = try prepared(fixture)
    let before = try PatchFixture.everything(fixture.project)
    var isDone = false
    let outcome = try fixture.integration().promote(prepared) { step in
      guard step == .staged, !isDone else { return }
      isDone = true
      try fixture.write("src/there", "theirs\n")
    }
    #expect(outcome.error?.contains("`src/there`") == true)
    var now = try PatchFixture.everything(fixture.project)
    #expect(try fixture.text("src/there") == "theirs\n")
    now["src/there"] = nil
    #expect(now == before)
  }

  @Test("a file changes while the promotion is taken back: all others still go back")
  func changedOnTheWayBack() throws {
    let fixture = try PatchFixture(Self.before)
    let prepared = try prepared(fixture)
    let before = try PatchFixture.everything(fixture.project)
    var isDone = false
    let outcome = try fixture.integration().promote(prepared) { step in
      if step == .staged, !isDone {
        isDone = true
        // The last path of all, so that everything else is placed before it is found.
        try fixture.write("src/turn/inside", "theirs\n")
      }
      if step == .restoring, try fixture.text("src/changed") == "two\n" {
        try fixture.write("src/changed", "theirs\n")
      }
    }
    #expect(outcome.error?.contains("`src/changed`, `src/turn`, `src/turn/inside`") == true)
    #expect(try fixture.text("src/changed") == "theirs\n")
    #expect(try fixture.text("src/turn/inside") == "theirs\n")
    var now = try PatchFixture.everything(fixture.project)
    now["src/changed"] = before["src/changed"]
    now["src/turn/"] = nil
    now["src/turn/inside"] = nil
    now["src/turn"] = before["src/turn"]
    #expect(now == before)
  }

  @Test("an error of the machine decides nothing: everything is as before, and the next call begins anew")
  func machineErrors() throws {
    let (before, after, steps) = try ends()
    let decided = try #require(steps.firstIndex(of: .decided))
    for at in 1..<decided {
      let fixture = try PatchFixture(Self.before)
      let integration = fixture.integration()
      let prepared = try prepared(fixture)
      var left = at
      #expect(throws: FlowdexError.self) {
        try integration.promote(prepared) { _ in
          left -= 1
          if left == -1 { throw FlowdexError.machine("write-failed", "cannot write: input/output error") }
        }
      }
      #expect(try PatchFixture.everything(fixture.project) == before, "\(at): \(steps[at])")
      #expect(
        try integration.run([Self.patch]) == .completed(applied: 1, paths: prepared.paths), "\(at)")
      #expect(try PatchFixture.everything(fixture.project) == after, "\(at): \(steps[at])")
    }
  }

  @Test("an outcome that cannot be read is not said to be damaged")
  func unreadableOutcome() throws {
    let fixture = try PatchFixture(Self.before)
    let integration = fixture.integration()
    _ = try integration.promote(try prepared(fixture))
    let path = "\(fixture.operation)/outcome.json"
    let bytes = try FileSystem.read(path)
    try FileSystem.remove(path)
    try FileSystem.makeDirectories(path)
    let error = #expect(throws: FlowdexError.self) { try integration.recover() }
    #expect(error?.code == "errno-\(EISDIR)")
    rmdir(path)
    try FileSystem.write(bytes, to: path)
    #expect(try integration.recover()?.error == nil)
  }

  @Test("a mode that changes meanwhile is a conflict too")
  func modeConflict() throws {
    let fixture = try PatchFixture(Self.before)
    let prepared = try prepared(fixture)
    chmod("\(fixture.project)/src/changed", 0o600)
    let before = try PatchFixture.everything(fixture.project)
    #expect(try fixture.integration().promote(prepared).error != nil)
    #expect(try PatchFixture.everything(fixture.project) == before)
  }

  @Test("a link that is swapped in for a folder leads nowhere")
  func swappedLink() throws {
    let fixture = try PatchFixture(Self.before)
    try PatchFixture.write(TestFile("one\n"), to: "\(fixture.root)/outside/deep/file")
    let prepared = try prepared(fixture)
    try FileSystem.removeTree("\(fixture.project)/src/gone")
    symlink("../../outside", "\(fixture.project)/src/gone")
    let outside = try PatchFixture.everything("\(fixture.root)/outside")
    #expect(try fixture.integration().promote(prepared).error != nil)
    #expect(try PatchFixture.everything("\(fixture.root)/outside") == outside)
    #expect(try fixture.text("src/changed") == "one\n")
  }

  @Test("bytes that rotted in the journal's folder are not written into the project")
  func rot() throws {
    let fixture = try PatchFixture(Self.before)
    let prepared = try prepared(fixture)
    let before = try PatchFixture.everything(fixture.project)
    try FileSystem.write(Array("rot\n".utf8), to: "\(fixture.operation)/scratch/src/there")
    let error = #expect(throws: FlowdexError.self) { try fixture.integration().promote(prepared) }
    #expect(error?.message.contains("no longer hashes as it was written") == true)
    #expect(try PatchFixture.everything(fixture.project) == before)
    #expect(try fixture.integration().run([Self.patch]).error == nil)
  }

  @Test("a journal or an outcome that flowdex did not write is an error, not a guess")
  func damagedJournal() throws {
    let fixture = try PatchFixture(Self.before)
    let integration = fixture.integration()
    let prepared = try prepared(fixture)
    #expect(throws: Death.self) { try integration.promote(prepared, step: Fate(dieAt: 3).step) }
    let path = "\(fixture.operation)/journal.json"
    let bytes = try FileSystem.read(path)
    let journal = try #require(PatchJournal(reading: bytes))
    #expect(journal.changes == prepared.changes)
    #expect(PatchJournal(reading: Array(journal.json.compactText.utf8)) == journal)
    for bad in ["", "{}", String(decoding: bytes.dropLast(), as: UTF8.self)] {
      try FileSystem.write(Array(bad.utf8), to: path)
      #expect(throws: FlowdexError.self) { try integration.recover() }
    }
    let text = String(decoding: bytes, as: UTF8.self).replacing("src/changed", with: "../outside")
    #expect(PatchJournal(reading: Array(text.utf8)) == nil)
    try FileSystem.write(bytes, to: path)
    #expect(throws: FlowdexError.self) { try integration.prepare([Self.patch]) }
    #expect(try integration.recover()?.error == nil)
  }
}
