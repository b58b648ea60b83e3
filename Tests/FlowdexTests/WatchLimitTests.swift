import Glibc
import QueueRunner
import Testing

/// Where the kernel does not tell of what is dropped, `watch` looks by itself, says so, and loses nothing.
@Suite("watching where hints are few", .serialized, .timeLimit(.minutes(15)))
struct WatchLimitTests {
  static let canUnshare = Installed.has("unshare")

  /// Starts a run of so many tasks, leases them all by hand; the paths of their results.
  private static func leased(_ scratch: Scratch, _ count: Int) async throws -> [String] {
    _ = try await WorkerLoopTests.start(scratch, n: count)
    return try await more(scratch, count)
  }

  private static func more(_ scratch: Scratch, _ limit: Int) async throws -> [String] {
    let next = try await Cli.run(
      ["next", "r1", "--json", "--files", "--limit", "\(limit)"], in: scratch.path)
    return try next.json().array?.compactMap { $0["resultPath"]?.string } ?? []
  }

  /// `watch` under a line of shell; once it says these words, the results are dropped, and it must end the run.
  private static func watched(
    _ line: String, says words: [String], _ scratch: Scratch, meanwhile: () async throws -> Void = {},
    drop: () throws -> Void
  ) async throws {
    let said = "\(scratch.path)/said"
    let watch = Task { try await FaultTests.shell("\(line) 2>\(said)", in: scratch.path) }
    try await meanwhile()
    var text = ""
    for _ in 0..<300 where !words.allSatisfy(text.contains) {
      text = (try? FileSystem.read(said)).map { String(decoding: $0, as: UTF8.self) } ?? ""
      try await Task.sleep(for: .milliseconds(50))
    }
    #expect(words.allSatisfy(text.contains), "it says `\(text)`")
    try drop()
    let ended = try await watch.value
    #expect(ended.status == 0, "\(ended) \((try? scratch.text("said")) ?? "")")
    #expect(text.components("looking every") == 1, "it is said once: \(text)")
  }

  @Test(
    "the limit on watches is reached: what does not fit is looked at on a timer, and that is said",
    .enabled(if: canUnshare, "unshare is needed"), arguments: [13, 1])
  func limit(watches: Int) async throws {
    let scratch = try Scratch()
    _ = try await WorkerLoopTests.start(scratch, n: 40)
    var results = try await Self.more(scratch, 5)
    let what = watches == 1 ? "at everything" : "at what could not be watched"
    try await Self.watched(
      "unshare -Ur sh -c 'echo \(watches) >/proc/sys/user/max_inotify_watches; exec \"$F\" watch r1'",
      says: ["the limit on watches is reached (`user.max_inotify_watches` = \(watches))", what], scratch
    ) {
      // Most leases come while it watches already.
      results += try await Self.more(scratch, 40)
      try #require(results.count == 40)
    } drop: {
      for result in results { try FileSystem.write(Envelope.json().canonicalBytes, to: result) }
    }
    let report = try await Cli.run(["report", "r1", "--path", "statuses"], in: scratch.path).json()
    #expect(report.array?.count == 40)
  }

  @Test(
    "an overlay, and changes behind a FUSE mount, which give no event: what is dropped is found",
    .enabled(if: FaultTests.isRoot && canUnshare, "mounting needs root"), arguments: ["overlay", "bindfs"])
  func silent(kind: String) async throws {
    if kind == "bindfs", !Installed.has("bindfs") || !FileSystem.exists("/dev/fuse") { return }
    let scratch = try Scratch()
    let results = try await Self.leased(scratch, 5)
    let behind = try Scratch("flowdex-behind")
    for folder in ["up", "work", "data"] { try FileSystem.makeDirectories("\(behind.path)/\(folder)") }
    _ = try await FaultTests.shell("cp -a . \(behind.path)/data", in: scratch.path)
    let mount =
      kind == "overlay"
      ? "mount -t overlay overlay -o lowerdir=$PWD,upperdir=$B/up,workdir=$B/work $PWD"
      : "bindfs -o nonempty $B/data $PWD"
    try await Self.watched(
      "B=\(behind.path) unshare --mount sh -c '\(mount) && cd $PWD && echo $$ >$B/pid && exec \"$F\" watch r1'",
      says: ["does not tell of"], scratch,
      drop: {
        // The kernel leaves it open what an overlay makes of changes to its layers, so there it is its own mount.
        let pid = try behind.text("pid").filter(\.isNumber)
        let prefix = kind == "overlay" ? "/proc/\(pid)/root\(scratch.path)" : "\(behind.path)/data"
        for result in results {
          let path = prefix + result.dropFirst(scratch.path.utf8.count)
          try FileSystem.writeAtomically(Envelope.json().canonicalBytes, to: path, sync: false)
        }
      })
  }
}

extension String {
  /// How often another text occurs.
  fileprivate func components(_ text: String) -> Int { ranges(of: text).count }
}

/// A watch over more runs than there are descriptors for.
@Suite("watching many runs with few descriptors", .serialized, .timeLimit(.minutes(15)))
struct WatchRoomTests {
  /// 150 live runs, copies of one: what is looked at is what happens to the process.
  private static func project() async throws -> Scratch {
    let scratch = try await MisuseTests.project()
    let made = try await FaultTests.shell(
      "cd .flowdex/runs && for n in $(seq -w 150); do cp -a r1 c$n; done && rm -r r1", in: scratch.path)
    try #require(made.status == 0, "\(made)")
    return scratch
  }

  @Test("it ends in one line or gets through, never in a trap, and says who waits")
  func few() async throws {
    let scratch = try await Self.project()
    let none = try await FaultTests.shell("ulimit -n 12; exec \"$F\" watch --once", in: scratch.path)
    FaultTests.check(none, ["too many open files"])
    for limit in [24, 32, 40, 128] {
      let output = try await FaultTests.shell(
        "export SWIFT_BACKTRACE=enable=no; ulimit -n \(limit); exec \"$F\" watch --once", in: scratch.path)
      #expect(output.status <= 1, "ulimit -n \(limit): \(output)")
      let lines = output.stderr.split(separator: "\n")
      #expect(lines.allSatisfy { $0.hasPrefix("flowdex: ") }, "ulimit -n \(limit): \(output)")
      let said = lines.filter { $0.contains("live runs wait to be watched") }
      #expect(said.count == 1, "ulimit -n \(limit): \(output)")
      if limit >= 40 {
        #expect(output.status == 0, "ulimit -n \(limit): \(output)")
        #expect(output.stdout.split(separator: "\n").filter { $0.hasSuffix("\tneeds-dispatch") }.count == 150)
      }
    }
  }

  @Test("who is asked to stop does not begin with those that wait")
  func interrupted() async throws {
    let scratch = try await Self.project()
    let output = try await FaultTests.shell(
      """
      ulimit -n 40
      "$F" watch >out 2>said & P=$!
      for i in $(seq 600); do grep -q 'wait to be watched' said && break; sleep 0.05; done
      kill -TERM $P; wait $P; echo "exit $?"; cat out
      """, in: scratch.path)
    let lines = output.stdout.split(separator: "\n")
    let ended = lines.filter { $0.hasSuffix("\tneeds-dispatch") }
    #expect(lines.first == "exit 130" && ended.count <= 1, "\(output)")
  }
}
