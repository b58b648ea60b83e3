import GRDB
import Glibc
import QueueRunner
import Subprocess
import SystemPackage
import Testing

/// What the machine does to flowdex: each fault ends in one clear line, and the run goes on once its cause is gone.
@Suite("faults of the machine", .timeLimit(.minutes(15)))
struct FaultTests {
  static let isRoot = getuid() == 0

  /// Runs a line of shell with the binary as `$F`.
  static func shell(_ line: String, in folder: String) async throws -> Cli.Output {
    let result = try await Subprocess.run(
      Configuration(
        executable: .path("/bin/sh"), arguments: ["-c", line],
        environment: .inherit.updating(["F": Cli.binary, "FLOWDEX_DENO": Cli.deno]),
        workingDirectory: FilePath(folder)),
      input: .none, output: .string(limit: 64 << 20), error: .string(limit: 64 << 20))
    let status: Int32 =
      switch result.terminationStatus {
      case .exited(let code): Int32(code)
      case .signaled(let number): 128 + Int32(number)
      }
    return Cli.Output(status: status, stdout: result.standardOutput, stderr: result.standardError)
  }

  /// Exit 1 and one last line with these words; none of SQLite's own, and no trap.
  static func check(_ output: Cli.Output, _ words: [String]) {
    #expect(output.status == 1, "\(output)")
    #expect(output.stdout.isEmpty, "\(output)")
    let lines = output.stderr.split(separator: "\n")
    #expect(lines.allSatisfy { $0.hasPrefix("flowdex: ") }, "\(output)")
    for word in words { #expect(lines.last?.contains(word) == true, "\(word): \(output)") }
    for raw in ["SQLite error", "Fatal error", "internal error"] {
      #expect(!output.stderr.contains(raw), "\(output)")
    }
  }

  private static func goesOn(_ scratch: Scratch) async throws {
    let next = try await Cli.run(["continue", "r1"], in: scratch.path)
    #expect(try next.status == 0 && next.json()["status"] == "needs-dispatch", "\(next)")
  }

  @Test("without Deno, or with what is none, a run is not failed by it")
  func deno() async throws {
    let scratch = try await MisuseTests.project()
    let old = try scratch.file("old", "#!/bin/sh\necho 'deno 1.46.3 (stable)'\n")
    let silent = try scratch.file("silent", "#!/bin/sh\nexit 0\n")
    let broken = try scratch.file("broken", "\u{7F}ELF")
    for path in [old, silent, broken] { chmod(path, 0o755) }
    let noWorkflows = ["does not run workflows", "deno"]
    for (deno, words) in [
      ("/nowhere/deno", ["`FLOWDEX_DENO` names `/nowhere/deno`", "set it to"]),
      (old, noWorkflows), (silent, noWorkflows), (broken, noWorkflows),
    ] {
      for arguments in [["run", "workflow.ts", "--yes"], ["continue", "r1"], ["resume", "r1"]] {
        Self.check(
          try await Cli.run(arguments, in: scratch.path, environment: ["FLOWDEX_DENO": deno]), words)
      }
    }
    Self.check(
      try await Cli.run(
        ["continue", "r1"], in: scratch.path, environment: ["FLOWDEX_DENO": "", "PATH": "/nowhere"]),
      ["`deno`, which runs workflows", "FLOWDEX_DENO"])
    try await Self.goesOn(scratch)
    let runs = try await Cli.run(["list", "--json"], in: scratch.path).json().array ?? []
    #expect(runs.allSatisfy { $0["status"] != "failed" }, "\(runs)")
  }

  @Test("a closed stdout, a full one, and a reader that goes away")
  func output() async throws {
    let scratch = try await MisuseTests.project()
    Self.check(try await Self.shell("$F list >&-", in: scratch.path), ["cannot write `standard output`"])
    Self.check(
      try await Self.shell("$F inspect r1 >&-", in: scratch.path), ["cannot write `standard output`"])
    if FileSystem.exists("/dev/full") {
      Self.check(try await Self.shell("$F list >/dev/full", in: scratch.path), ["no space left"])
    }
    // A descriptor that was closed is the first to be given out again: nothing may be printed into the run.
    let lock = try scratch.text(".flowdex/runs/r1/write.lock")
    #expect(lock.isEmpty, "the output has landed in the lock file: \(lock)")
    let quiet = try await Self.shell("$F status r1 <&- 2>&-", in: scratch.path)
    #expect(quiet.status == 0 && quiet.stdout.hasPrefix("r1\t"), "\(quiet)")
    // More than a pipe holds, so that the writer meets the closed end.
    try scratch.workflow("ctx.report('x'.repeat(1 << 20));")
    _ = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r2"], in: scratch.path)
    let gone = try await Self.shell("{ $F report r2; echo \"$?\" >&2; } | head -c 1", in: scratch.path)
    #expect(gone.stdout == "\"" && gone.stderr == "0\n", "\(gone)")
    let deaf = try await Self.shell(
      "$F run workflow.ts --yes --run-id r3 2>&-", in: scratch.path)
    #expect(try deaf.status == 0 && deaf.json()["status"] == "completed", "\(deaf)")
  }

  @Test("`.flowdex` is a file, a link to a folder, or empty")
  func folder() async throws {
    let scratch = try Scratch()
    try scratch.workflow("ctx.report(1);")
    try FileSystem.removeTree("\(scratch.path)/.flowdex")
    try scratch.file(".flowdex", "a file")
    for arguments in [
      ["list"], ["status", "r1"], ["run", "workflow.ts", "--yes"], ["workflow", "list"], ["watch"],
    ] {
      let output = try await Cli.run(arguments, in: scratch.path)
      Self.check(output, ["`\(scratch.path)/.flowdex` is not a folder"])
    }
    try FileSystem.remove("\(scratch.path)/.flowdex")
    try FileSystem.makeDirectories("\(scratch.path)/elsewhere")
    #expect(symlink("elsewhere", "\(scratch.path)/.flowdex") == 0)
    for arguments in [["list"], ["run", "workflow.ts", "--yes", "--run-id", "r1"], ["report", "r1"]] {
      let output = try await Cli.run(arguments, in: scratch.path)
      #expect(output.status == 0, "\(output)")
    }
    #expect(scratch.exists("elsewhere/runs/r1"))
  }

  @Test("a run whose state is gone, empty, foreign or damaged is told, and does not hide the others")
  func state() async throws {
    let scratch = try await MisuseTests.project()
    let r1 = ".flowdex/runs/r1"
    try FileSystem.makeDirectories("\(scratch.path)/.flowdex/runs/bare")
    try scratch.file(".flowdex/runs/note.txt", "no run")
    try scratch.file(".flowdex/runs/empty/state.sqlite", "")
    try scratch.file(".flowdex/runs/text/state.sqlite", String(repeating: "no database ", count: 999))
    let page = try FileSystem.read("\(scratch.path)/\(r1)/state.sqlite")
    try FileSystem.makeDirectories("\(scratch.path)/.flowdex/runs/torn")
    let torn = Array(page.prefix(100)) + [UInt8](repeating: 0xA5, count: max(8192, page.count - 100))
    try FileSystem.write(torn, to: "\(scratch.path)/.flowdex/runs/torn/state.sqlite")
    for (id, words) in [
      ("bare", ["run `bare` has no state", "state.sqlite"]), ("empty", ["empty/state.sqlite`", "tables"]),
      ("text", ["text/state.sqlite`", "no SQLite database"]), ("torn", ["torn/state.sqlite`", "damaged"]),
    ] {
      for arguments in [
        ["status", id], ["continue", id], ["next", id], ["inspect", id], ["repair-events", id],
      ] {
        Self.check(try await Cli.run(arguments, in: scratch.path), words)
      }
    }
    let list = try await Cli.run(["list"], in: scratch.path)
    #expect(list.status == 1 && list.stdout.hasPrefix("r1\t"), "\(list)")
    #expect(list.stdout.split(separator: "\n").count == 1, "\(list)")
    #expect(list.stderr.split(separator: "\n").count == 4, "\(list)")
    let watch = try await Cli.run(["watch", "--once"], in: scratch.path)
    #expect(watch.status == 0 && watch.stdout.contains("r1\tneeds-dispatch"), "\(watch)")
    try await Self.goesOn(scratch)
  }

  @Test("a project that may not be written to", .enabled(if: isRoot, "needs another user to become"))
  func unwritable() async throws {
    let scratch = try await MisuseTests.project()
    chmod(scratch.path, 0o755)
    let other = "setpriv --reuid 65534 --regid 65534 --clear-groups $F"
    for command in ["continue r1", "next r1", "watch r1 --once", "pause r1", "run workflow.ts --yes"] {
      let output = try await Self.shell("\(other) \(command)", in: scratch.path)
      Self.check(output, ["permission denied", scratch.path])
    }
    Self.check(
      try await Self.shell("\(other) init code-audit new.ts", in: scratch.path),
      ["cannot write `new.ts`: permission denied"])
    try await Self.goesOn(scratch)
  }

  @Test(
    "a full disk and a read-only one, and then the run goes on",
    .enabled(if: isRoot, "needs to mount a file system"))
  func disk() async throws {
    let scratch = try await MisuseTests.project()
    // A mount name space of its own: nothing stays mounted, whatever happens.
    let line = """
      set -e; mkdir m; mount -t tmpfs -o size=4m none m; cp -r .flowdex workflow.ts m; cd m
      fails() {
        if "$F" "$@" >>out 2>line; then echo "ok $*"; else echo "$? $* $(tail -n 1 line)"; fi
      }
      exec 3>&1; cd ..; mkdir o; mount -t tmpfs none o; ln -s ../o/line m/line; ln -s ../o/out m/out; cd m
      head -c 8m /dev/zero >fill 2>/dev/null || true
      fails next r1 --files; fails pause r1; fails continue r1; fails run workflow.ts --yes --run-id r2
      rm fill; fails next r1 --files; fails continue r1
      mount -o remount,ro .
      fails pause r1; fails continue r1; fails run workflow.ts --yes --run-id r3; fails init code-audit x.ts
      mount -o remount,rw .; fails continue r1
      """
    try scratch.file("faults.sh", line)
    let output = try await Self.shell("unshare --mount sh faults.sh", in: scratch.path)
    try #require(output.status == 0, "\(output)")
    let lines = output.stdout.split(separator: "\n").map(String.init)
    try #require(lines.count == 11, "\(output)")
    for (at, line) in lines.enumerated() {
      switch at {
      case 0...3: #expect(line.hasPrefix("1 ") && line.hasSuffix("no space left on device"), "\(line)")
      case 6...9: #expect(line.hasPrefix("1 ") && line.hasSuffix("read-only file system"), "\(line)")
      default: #expect(line.hasPrefix("ok "), "\(line)")
      }
    }
  }

  @Test("an internal error says that it is one, in one line, and keeps its details in a file")
  func internalError() async throws {
    let scratch = try await MisuseTests.project()
    let state = "\(scratch.path)/.flowdex/runs/r1/state.sqlite"
    let queue = try DatabaseQueue(path: state)
    try await queue.write { try $0.execute(sql: "DROP TABLE tasks") }
    try queue.close()
    let output = try await Cli.run(
      ["status", "r1"], in: scratch.path, environment: ["TMPDIR": scratch.path])
    let line = output.stderr
    #expect(output.status == 1 && output.stdout.isEmpty, "\(output)")
    #expect(
      line.hasPrefix("flowdex: internal error: ") && line.split(separator: "\n").count == 1, "\(output)")
    #expect(!line.contains("no such table") && line.contains("bug of flowdex"), "\(output)")
    let name = try #require(try FileSystem.names(in: scratch.path).first { $0.hasPrefix("flowdex-bug-") })
    #expect(line.contains("`\(scratch.path)/\(name)`"), "\(output)")
    #expect(try scratch.text(name).contains("no such table"))
  }

  /// libdispatch traps on a thread of its own where it finds no descriptor; with 11 it did in every other run.
  @Test("too few descriptors end a command in one line, never in a trap", arguments: 7...14)
  func descriptors(_ limit: Int) async throws {
    let scratch = try Scratch()
    try scratch.workflow("ctx.report(1);")
    let output = try await Self.shell(
      """
      export SWIFT_BACKTRACE=enable=no
      for n in 1 2 3 4 5 6 7 8 9 10; do
        (ulimit -n \(limit); exec "$F" run workflow.ts --yes --run-id r$n) >/dev/null
        code=$?
        [ $code -le 1 ] || echo "exit $code"
      done
      """, in: scratch.path)
    #expect(output.stdout.isEmpty, "\(output)")
    for line in output.stderr.split(separator: "\n") { #expect(line.hasPrefix("flowdex: "), "\(output)") }
  }
}
