import Glibc

@testable import QueueRunner

/// What can lie in a result's place, and the ways in which it gets there.
extension DropTable {
  private static func notAFile(_ kind: String) -> DropCase.Outcome {
    .refused("`adapter-result.json` is not a file: expected a regular file, found \(kind)")
  }

  static let kinds = DropGroup(
    name: "kinds of entry",
    cases: [
      DropCase("a directory", notAFile("a directory")) { try FileSystem.makeDirectories($0.result) },
      DropCase("a directory with a valid result in it", notAFile("a directory")) {
        try FileSystem.makeDirectories($0.result)
        try FileSystem.write(DropPlace.valid, to: "\($0.result)/adapter-result.json")
      },
      DropCase("a FIFO", notAFile("a FIFO")) { try $0.check(mkfifo($0.result, 0o666), "make a FIFO at") },
      DropCase("a socket", notAFile("a socket")) {
        try $0.check(mknod($0.result, S_IFSOCK | 0o666, 0), "make a socket at")
      },
      link("to a valid result", "scratch/made"), link("to an absolute path", "/etc/hostname"),
      link("that dangles", "nowhere"), link("to itself", "adapter-result.json"), link("to a folder", "."),
      link("to a device that never ends", "/dev/zero"), link("to a FIFO", "scratch/fifo"),
      link("to the task", "task.json"), link("out of the run", "../../../../workflow.ts"),
      DropCase("a file of 16 MiB and one byte", .refused("expected at most 16777216 bytes, found 16777217")) {
        try $0.write([])
        try $0.check(truncate($0.result, off_t(ResultFile.limitBytes + 1)), "extend")
      },
      DropCase("a file that says it has 4 TiB", .refused("found 4398046511104")) {
        try $0.write([])
        try $0.check(truncate($0.result, 1 << 42), "extend")
      },
      DropCase("16 MiB of nothing", .refused("byte 0")) {
        try $0.write([])
        try $0.check(truncate($0.result, off_t(ResultFile.limitBytes)), "extend")
      },
      DropCase("an empty file", .refused("byte 0")) { try $0.write([]) },
      DropCase("a valid result that nobody may write", .taken) {
        try $0.write(DropPlace.valid)
        chmod($0.result, 0o444)
      },
      DropCase("a valid result that says it is a program", .taken) {
        try $0.write(DropPlace.valid)
        chmod($0.result, 0o7777)
      },
      DropCase("a valid result dated before 1970", .taken) {
        try $0.write(DropPlace.valid)
        var times = [timespec(tv_sec: -1, tv_nsec: 0), timespec(tv_sec: -1, tv_nsec: 0)]
        try $0.check(utimensat(AT_FDCWD, $0.result, &times, 0), "date")
      },
      DropCase("a valid result of the year 2400", .taken) {
        try $0.write(DropPlace.valid)
        var times = [timespec(tv_sec: 13_569_465_600, tv_nsec: 0), timespec(tv_sec: 0, tv_nsec: 0)]
        try $0.check(utimensat(AT_FDCWD, $0.result, &times, 0), "date")
      },
    ] + devices)

  private static func link(_ name: String, _ target: String) -> DropCase {
    DropCase("a symlink \(name)", notAFile("a symlink")) {
      _ = try $0.made()
      _ = mkfifo("\($0.package.scratch)/fifo", 0o666)
      try $0.check(symlink(target, $0.result), "link")
    }
  }

  /// Only root can make devices: 1, 5 is /dev/zero, which never ends; 7, 0 the first loop device.
  private static let devices: [DropCase] =
    geteuid() != 0
    ? []
    : [("a character device", S_IFCHR, dev_t(1 << 8 | 5)), ("a block device", S_IFBLK, dev_t(7 << 8))].map {
      name, kind, number in
      DropCase(name, notAFile("a device")) {
        try $0.check(mknod($0.result, kind | 0o666, number), "make a device at")
      }
    }

  static let ways = DropGroup(
    name: "ways to publish",
    cases: [
      DropCase("written in place", .taken) { try $0.write(DropPlace.valid) },
      DropCase("moved into place", .taken) { try FileSystem.rename(try $0.made(), $0.result) },
      DropCase("moved from outside the package", .taken) {
        let made = "\($0.aside)/\(FileSystem.split($0.package.root).name)"
        try FileSystem.write(DropPlace.valid, to: made)
        try FileSystem.rename(made, $0.result)
      },
      DropCase("moved over a file that is wrong", .refused("byte 0"), { try $0.write("no") })
        .step(.taken) { try FileSystem.rename(try $0.made(), $0.result) },
      DropCase("moved over a symlink", notAFile("a symlink")) {
        try $0.check(symlink("/etc/hostname", $0.result), "link")
      }.step(.taken) { try FileSystem.rename(try $0.made(), $0.result) },
      DropCase("exchanged with a directory", notAFile("a directory")) {
        try FileSystem.makeDirectories($0.result)
      }.step(.taken) {
        try FileSystem.rename($0.result, "\($0.package.scratch)/was")
        try FileSystem.rename(try $0.made(), $0.result)
      },
      DropCase("published by a hard link", .taken) { place in
        try place.check(Glibc.link(try place.made(), place.result), "link")
      },
      DropCase("published by a hard link whose first name goes", .taken) { place in
        let made = try place.made()
        try place.check(Glibc.link(made, place.result), "link")
        unlink(made)
      },
      DropCase("published out of a file that never had a name", .taken) { place in
        // asm-generic/fcntl.h, which Swift does not see: O_TMPFILE.
        let file = try FileSystem.open(place.package.root, O_RDWR | 0o20_000_000 | O_DIRECTORY, mode: 0o600)
        defer { close(file) }
        try DropPlace.valid.withUnsafeBytes { try FileSystem.writeAll(file, $0, place.result) }
        let name = "/proc/self/fd/\(file)"
        try place.check(linkat(AT_FDCWD, name, AT_FDCWD, place.result, AT_SYMLINK_FOLLOW), "link")
      },
      DropCase("a hard link to a file outside", .taken) { place in
        let made = "\(place.aside)/outside-\(FileSystem.split(place.package.root).name)"
        try FileSystem.write(DropPlace.valid, to: made)
        try place.check(Glibc.link(made, place.result), "link")
      },
      DropCase("written through a hard link elsewhere", .refused("byte 0")) { place in
        try place.check(Glibc.link(try place.made([]), place.result), "link")
      }.step(.taken, told: false) { try FileSystem.write(DropPlace.valid, to: "\($0.package.scratch)/made") },
      DropCase("deleted and written again", .refused("byte 0"), { try $0.write("no") })
        .step(.waiting, told: false) { unlink($0.result) }.step(.taken) { try $0.write(DropPlace.valid) },
      DropCase("written, and deleted before anybody looked", .waiting) {
        try $0.write(DropPlace.valid)
        unlink($0.result)
      },
      DropCase("touched, then written", .refused("byte 0"), { try $0.append([]) })
        .step(.taken) { try $0.append(DropPlace.valid) },
      DropCase("two redirections in a row", .taken) {
        try $0.write([])
        try $0.write(DropPlace.valid)
      },
      DropCase(
        "cut in place, without a close", .refused("after the value"),
        {
          try $0.write(DropPlace.valid + Array("}".utf8))
        }
      ).step(.taken, told: false) { try $0.check(truncate($0.result, off_t(DropPlace.valid.count)), "cut") },
      DropCase("written under another name only", .waiting) {
        for name in ["adapter-result.json.tmp", "Adapter-Result.json", "adapter-result.json~", "result.json"]
        {
          try FileSystem.write(DropPlace.valid, to: "\($0.package.root)/\(name)")
        }
      },
      DropCase("written into scratch only", .waiting, told: false) {
        try FileSystem.write(DropPlace.valid, to: "\($0.package.scratch)/adapter-result.json")
      },
      DropCase("an old file kept open, and a new one moved over it", .taken) {
        let old = try FileSystem.open($0.result, O_WRONLY | O_CREAT)
        try FileSystem.rename(try $0.made(), $0.result)
        close(old)
      },
      DropCase("a thousand rewrites at once", .taken) { place in
        for _ in 0..<1000 { try FileSystem.rename(try place.made(), place.result) }
      },
    ])
}
