import Glibc

@testable import QueueRunner

/// What workers do to the package around the result, and to what flowdex writes into it.
extension DropTable {
  static let packages = DropGroup(
    name: "the package",
    cases: [
      DropCase("renamed away under the watcher", .waiting) {
        try FileSystem.rename($0.package.root, "\($0.package.root)-away")
      }.mended { try FileSystem.rename("\($0.package.root)-away", $0.package.root) },
      DropCase("renamed away with a valid result in it", .waiting) {
        try FileSystem.rename($0.package.root, "\($0.package.root)-away")
        try FileSystem.write(DropPlace.valid, to: "\($0.package.root)-away/adapter-result.json")
      }.step(.taken, told: false) { try FileSystem.rename("\($0.package.root)-away", $0.package.root) },
      DropCase("removed under the watcher", .waiting) { try FileSystem.removeTree($0.package.root) }
        .mended { try FileSystem.makeDirectories($0.package.root) },
      DropCase("removed with the task's whole folder", .waiting) {
        try FileSystem.removeTree(FileSystem.split($0.package.root).parent)
      }.mended { try FileSystem.makeDirectories($0.package.root) },
      DropCase("replaced by a new folder with a valid result", .taken) {
        try FileSystem.rename($0.package.root, "\($0.package.root)-away")
        try FileSystem.makeDirectories($0.package.root)
        try $0.write(DropPlace.valid)
      },
      DropCase("replaced by a file", .waiting) {
        try FileSystem.removeTree($0.package.root)
        try FileSystem.write(DropPlace.valid, to: $0.package.root)
      }.mended {
        unlink($0.package.root)
        try FileSystem.makeDirectories($0.package.root)
      },
      DropCase("replaced by a link to a folder with a valid result", .waiting) {
        try linkOut($0)
      }.step(.waiting, told: false) { place in
        // Neither read nor written through: what lies beyond the link is not the package.
        let names = try FileSystem.names(in: "\(place.aside)/\(name(place))").sorted()
        if names != ["adapter-result.json"] {
          throw FlowdexError.bug("test", "written through a link: \(names)")
        }
      }.mended {
        unlink($0.package.root)
        try FileSystem.makeDirectories($0.package.root)
      },
      DropCase("the task's folder replaced by a link to one with a valid result", .waiting) { place in
        let folder = FileSystem.split(place.package.root).parent
        try FileSystem.rename(folder, beyond(place))
        try FileSystem.write(DropPlace.valid, to: "\(beyond(place))/\(name(place))/adapter-result.json")
        try place.check(symlink(beyond(place), folder), "link")
      }.step(.waiting, told: false) { place in
        let names = try FileSystem.names(in: "\(beyond(place))/\(name(place))")
        if names.contains("adapter-result.accepted") || names.contains("adapter-result.rejected.txt") {
          throw FlowdexError.bug("test", "written through a link: \(names)")
        }
      }.mended { place in
        unlink(FileSystem.split(place.package.root).parent)
        try FileSystem.makeDirectories(place.package.root)
      },
      DropCase("everything of flowdex's removed, and a valid result", .taken) {
        for path in [$0.package.task, $0.package.instructions, $0.package.schema] { unlink(path) }
        try FileSystem.removeTree($0.package.scratch)
        try $0.write(DropPlace.valid)
      },
      DropCase("the task's own words changed, and a valid result", .taken) {
        try FileSystem.write(Array("{\"leaseToken\":\"mine\"}".utf8), to: $0.package.task)
        try $0.write(DropPlace.valid)
      },
      DropCase("thousands of other files, and a valid result", .taken) {
        for number in 0..<2000 { try FileSystem.write([], to: "\($0.package.root)/other-\(number)") }
        try $0.write(DropPlace.valid)
      },
      DropCase("a heartbeat that is a folder", .waiting) {
        try FileSystem.makeDirectories($0.package.heartbeat)
      },
      DropCase("a heartbeat that is a FIFO", .waiting) {
        try $0.check(mkfifo($0.package.heartbeat, 0o666), "make a FIFO at")
      },
    ])

  private static func beyond(_ place: DropPlace) -> String { "\(place.aside)/\(name(place))-task" }

  private static func name(_ place: DropPlace) -> String { FileSystem.split(place.package.root).name }

  private static func linkOut(_ place: DropPlace) throws {
    let beyond = "\(place.aside)/\(name(place))"
    try FileSystem.makeDirectories(beyond)
    try FileSystem.write(DropPlace.valid, to: "\(beyond)/adapter-result.json")
    try FileSystem.removeTree(place.package.root)
    try place.check(symlink(beyond, place.package.root), "link")
  }

  /// A worker lays something where flowdex is about to write.
  static let answers = DropGroup(
    name: "in the place of flowdex's answer",
    cases: ["accepted", "rejected.txt"].flatMap { answer in
      let laid: [(String, @Sendable (DropPlace, String) throws -> Void)] = [
        ("a FIFO", { try $0.check(mkfifo($1, 0o666), "make a FIFO at") }),
        ("a folder", { try FileSystem.makeDirectories("\($1)/deep/er") }),
        ("a file", { try FileSystem.write(Array("mine".utf8), to: $1) }),
        (
          "a file that nobody may write",
          {
            try FileSystem.write(Array("mine".utf8), to: $1)
            chmod($1, 0)
          }
        ),
        (
          "a symlink to another file",
          { place, path in
            try FileSystem.write(Array("untouched".utf8), to: bystander(place))
            try place.check(symlink(bystander(place), path), "link")
          }
        ),
        (
          "a hard link to another file",
          { place, path in
            try FileSystem.write(Array("untouched".utf8), to: bystander(place))
            try place.check(Glibc.link(bystander(place), path), "link")
          }
        ),
      ]
      return laid.map { name, lay in
        DropCase("`adapter-result.\(answer)` is \(name)", .refused("byte 0")) { place in
          try lay(place, "\(place.package.root)/adapter-result.\(answer)")
          try place.write("no")
        }.step(.taken) { try $0.write(DropPlace.valid) }
          .step(.taken, told: false) { place in
            guard FileSystem.exists(bystander(place)) else { return }
            let text = String(decoding: try FileSystem.read(bystander(place)), as: UTF8.self)
            if text != "untouched" {
              throw FlowdexError.bug("test", "flowdex wrote `\(text)` through a link")
            }
          }
      }
    })

  private static func bystander(_ place: DropPlace) -> String { "\(place.aside)/bystander-\(name(place))" }

  static let unreadable = DropGroup(
    name: "what may not be read",
    cases: [
      DropCase("a file without rights", .refused("cannot be read: permission denied")) {
        try $0.write(DropPlace.valid)
        chmod($0.result, 0)
      },
      DropCase("a file without rights, then with", .refused("cannot be read: permission denied")) {
        try $0.write(DropPlace.valid)
        chmod($0.result, 0)
      }.step(.taken, told: false) { chmod($0.result, 0o600) },
      // The refusal cannot be laid beside it either: it stands in the state and in the events.
      DropCase("a folder that may be searched, not listed", .refused("permission denied")) {
        try $0.write(DropPlace.valid)
        chmod($0.package.root, 0o311)
      }.mended { chmod($0.package.root, 0o755) },
      DropCase("a folder that may be listed, not searched", .waiting) {
        try $0.write(DropPlace.valid)
        chmod($0.package.root, 0o400)
      }.mended { chmod($0.package.root, 0o755) },
      DropCase("a folder without rights", .waiting) {
        try $0.write(DropPlace.valid)
        chmod($0.package.root, 0)
      }.mended { chmod($0.package.root, 0o755) },
      DropCase("a folder that may not be written to, and a valid result", .taken) {
        try $0.write(DropPlace.valid)
        chmod($0.package.root, 0o555)
      },
    ], isNobody: true)
}
