import Glibc

@testable import QueueRunner

/// Everything hostile that the tests drop. What each row must come to stands beside it.
enum DropTable {
  static let groups = [
    kinds, ways, packages, answers, unreadable, slow, texts, dataTexts, envelopes, foreign, large, schemas,
  ]

  static let count = groups.map(\.cases.count).reduce(0, +)

  /// A writer that takes its time; nothing is said of what it has not finished.
  static let slow = DropGroup(
    name: "slow writers",
    cases: [
      pieces("a byte less than all, then the last", at: [DropPlace.valid.count - 1]),
      pieces("ten pieces", at: stride(from: 10, to: DropPlace.valid.count, by: 12).map { $0 }),
      pieces("cut within a key", at: [4]), pieces("cut within a word", at: [DropPlace.valid.count - 30]),
      pieces("nothing, then all", at: [0]),
      DropCase("an early close by one of two openers", .waiting) { place in
        place.keep(try FileSystem.open(place.result, O_WRONLY | O_CREAT))
        try place.append(DropPlace.valid.prefix(20))
      }.step(.taken) { try $0.finishKept(DropPlace.valid.dropFirst(20), at: 20) },
      // As fork(2) leaves it to a child: the same open file, of which the kernel tells at its last close.
      DropCase("a descriptor that is closed, and that a child still has", .waiting, told: false) { place in
        let file = try FileSystem.open(place.result, O_WRONLY | O_CREAT)
        defer { close(file) }
        try DropPlace.valid[..<20].withUnsafeBytes { try FileSystem.writeAll(file, $0, place.result) }
        place.keep(dup(file))
      }.step(.taken) { try $0.finishKept(DropPlace.valid.dropFirst(20), at: 20) },
      // A real one: the shell that wrote the beginning has gone, and what it left in the background goes on.
      DropCase("a shell's child that goes on writing", .waiting, told: false) { place in
        let (first, rest) = place.texts(cutAt: 20)
        try place.check(mkfifo(place.gate, 0o600), "make a FIFO for")
        try place.shell(
          "exec 3>'\(place.result)'; printf %s '\(first)' >&3; { read go <'\(place.gate)'; printf %s '\(rest)' >&3; } &"
        )
      }.step(.taken) { try $0.openGate() },
      DropCase("written backwards: first the end, behind a hole", .waiting) { place in
        let bytes = DropPlace.valid
        let file = try FileSystem.open(place.result, O_WRONLY | O_CREAT)
        defer { close(file) }
        _ = bytes[40...].withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 40) }
      }.step(.taken) { place in
        let file = try FileSystem.open(place.result, O_WRONLY)
        defer { close(file) }
        _ = DropPlace.valid[..<40].withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 0) }
      },
      DropCase("room made first, then filled", .waiting) {
        try $0.write([])
        try $0.check(truncate($0.result, off_t(DropPlace.valid.count)), "extend")
      }.step(.taken) { place in
        let file = try FileSystem.open(place.result, O_WRONLY)
        defer { close(file) }
        _ = DropPlace.valid.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 0) }
      },
      DropCase("the same wrong bytes written again and again", .waiting, { try $0.write("{") })
        .step(.waiting) { try $0.write("{") }.step(.waiting) { try $0.write("{") }
        .step(.waiting) { try $0.write("{") }.step(.waiting) { try $0.write("{") }
        .step(.waiting) { try $0.write("{") }.step(.taken) { try $0.write(DropPlace.valid) },
      DropCase("a symlink that is replaced in time", .waiting) {
        try $0.check(symlink("nowhere", $0.result), "link")
      }.step(.taken) { try FileSystem.rename(try $0.made(), $0.result) },
    ], isQuick: true)

  private static func pieces(_ name: String, at cuts: [Int]) -> DropCase {
    var made = DropCase("in pieces: \(name)")
    var from = 0
    for cut in cuts + [DropPlace.valid.count] {
      let piece = Array(DropPlace.valid[from..<cut])
      made = made.step(cut == DropPlace.valid.count ? .taken : .waiting) { try $0.append(piece) }
      from = cut
    }
    return made
  }

  /// Every text that a strict reader refuses, as the whole file.
  static let texts = DropGroup(
    name: "texts that are no JSON",
    cases: (HostileInputs.all.filter { $0.bytes.count < 1 << 16 }).map {
      .bytes("text: \($0.name)", $0.bytes, "byte ")
    })

  /// The same as `data` of an envelope that is right otherwise.
  static let dataTexts = DropGroup(
    name: "data that is no JSON",
    cases: HostileInputs.all.filter { $0.bytes.count < 1 << 16 }.map { input in
      let (before, after) = split(EnvelopeCase.text(["data": "@"]))
      return .bytes("data: \(input.name)", before + input.bytes + after, "byte ")
    })

  /// Envelopes that are JSON and no envelopes, and some that are.
  static let envelopes = DropGroup(
    name: "envelopes",
    cases: (EnvelopeCase.noJSON + EnvelopeCase.noEnvelope + EnvelopeCase.brokenParts).map {
      .bytes("envelope: \($0.name)", $0.bytes, $0.says.first ?? "")
    }
      + EnvelopeCase.taken.map { envelope in
        DropCase("envelope, right: \(envelope.name)", .taken) { try $0.write(envelope.bytes) }
      })

  static let large = DropGroup(
    name: "large results",
    cases: HostileInputs.all.filter { $0.bytes.count >= 1 << 16 }.map {
      .bytes("large: \($0.name)", $0.bytes, "byte ")
    } + [
      DropCase("a million keys", .refused("100000 keys")) {
        let members = (0..<1_000_000).map { "\"k\($0)\":0" }.joined(separator: ",")
        let (before, after) = split(EnvelopeCase.text(["data": "{@}"]))
        try $0.write(before + Array(members.utf8) + after)
      },
      DropCase("a result of 15 MiB", .taken) {
        let (before, after) = split(EnvelopeCase.text(["data": "\"@\""]))
        try $0.write(before + [UInt8](repeating: 0x78, count: 15 << 20) + after)
      },
      DropCase("a number of ten thousand digits", .refused("byte ")) {
        let (before, after) = split(EnvelopeCase.text(["data": "@"]))
        try $0.write(before + [UInt8](repeating: 0x39, count: 10_000) + after)
      },
    ])

  private static func split(_ text: String) -> ([UInt8], [UInt8]) {
    let parts = Array(text.utf8).split(
      separator: UInt8(ascii: "@"), maxSplits: 1, omittingEmptySubsequences: false)
    return (Array(parts[0]), Array(parts[1]))
  }

  /// Results that are meant for somebody else, and files that are not ours.
  static let foreign = DropGroup(
    name: "files that are not ours",
    cases: [
      DropCase("a result in a folder that no lease names", .waiting, told: false) {
        let stray = FileSystem.split($0.package.root).parent + "/11111111-2222-4333-8444-555555555555"
        try FileSystem.makeDirectories(stray)
        try FileSystem.write(DropPlace.valid, to: "\(stray)/adapter-result.json")
      },
      DropCase("a result in the task's folder, beside the lease's", .waiting, told: false) {
        try FileSystem.write(
          DropPlace.valid, to: FileSystem.split($0.package.root).parent + "/adapter-result.json")
      },
      // In this task's folder, under the token of a lease that another task has.
      DropCase("the package copied under the name of another lease", .waiting, told: false) {
        let copy = FileSystem.split($0.package.root).parent + "/" + FileSystem.split($0.other.root).name
        try FileSystem.makeDirectories(copy)
        try FileSystem.write(DropPlace.valid, to: "\(copy)/adapter-result.json")
      },
      DropCase("a package under the name of no lease", .waiting, told: false) {
        let copy = FileSystem.split($0.package.root).parent + "/../copy-\(UInt32.random(in: 0...UInt32.max))"
        try FileSystem.makeDirectories(copy)
        try FileSystem.write(DropPlace.valid, to: "\(copy)/adapter-result.json")
      },
      // A lease's folder is its worker's right to deliver: who may write there delivers (docs/reliability.md).
      DropCase("a valid result that another task's worker wrote here", .taken) {
        try FileSystem.write(DropPlace.valid, to: "\($0.other.scratch)/made-elsewhere")
        try FileSystem.rename("\($0.other.scratch)/made-elsewhere", $0.result)
      },
      DropCase("another package's task file as the result", .refused("status")) {
        try $0.write(try FileSystem.read($0.other.task))
      },
      DropCase("the schema as the result", .refused("status")) {
        try $0.write(try FileSystem.read($0.package.schema))
      },
      DropCase("an envelope that names another task and lease", .refused("childKey")) {
        try $0.write(EnvelopeCase.text(["childKey": "\"fanout:f#t1\"", "leaseToken": "\"x\""]))
      },
      DropCase("a symlink to another package's result", .refused("a symlink")) {
        try $0.check(symlink($0.other.result, $0.result), "link")
      },
    ])

  /// A task whose answer must be `{"n": integer}`; three wrong ones and it has failed.
  static let schemas = DropGroup(
    name: "against the task's schema",
    cases: [
      DropCase("data of the wrong type", .refused("/data")) {
        try $0.write(EnvelopeCase.text(["data": "[]"]))
      },
      DropCase("a member that is missing", .refused("/data")) {
        try $0.write(EnvelopeCase.text(["data": "{}"]))
      },
      DropCase("no number but its text", .refused("/data/n")) {
        try $0.write(EnvelopeCase.text(["data": "{\"n\":\"1\"}"]))
      },
      DropCase("the same wrong answer ever again", .refused("/data"), { try $0.write(EnvelopeCase.text()) })
        .step(.refused("/data")) { try $0.write(EnvelopeCase.text()) }
        .step(.refused("/data")) { try $0.write(EnvelopeCase.text()) }
        .step(.refused("/data")) { try $0.write(EnvelopeCase.text()) },
      DropCase("broken JSON as often as it likes", .refused("byte "), { try $0.write("{1") })
        .step(.refused("byte ")) { try $0.write("{2") }.step(.refused("byte ")) { try $0.write("{3") }
        .step(.refused("byte ")) { try $0.write("{4") },
      DropCase("failed, without an answer", .taken) {
        try $0.write(EnvelopeCase.text(["status": "\"failed\""]))
      },
    ])
}
