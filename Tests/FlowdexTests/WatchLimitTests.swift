import Glibc
import QueueRunner
import Testing

/// Where the kernel does not tell of what is dropped, `watch` looks by itself, says so, and loses nothing. No full look
/// (`FLOWDEX_SABOTAGE=no-full-look`) makes up for what is neither hinted nor polled: then the watch never ends.
@Suite("watching where hints are few", .serialized, .timeLimit(.minutes(15)))
struct WatchLimitTests {
  static let canUnshare = Installed.has("unshare")
  static let canMount = FaultTests.isRoot && canUnshare
  static let canBind = Installed.has("bindfs") && FileSystem.exists("/dev/fuse")
  /// The time is a bound against a watch that never ends.
  private static let watch = "FLOWDEX_SABOTAGE=no-full-look exec timeout -k 1 120 \"$F\" watch r1"

  private static func lease(_ scratch: Scratch, _ limit: Int) async throws -> [String] {
    let next = try await Cli.run(
      ["next", "r1", "--json", "--files", "--limit", "\(limit)"], in: scratch.path)
    return try next.json().array?.compactMap { $0["resultPath"]?.string } ?? []
  }

  /// `watch` under a line of shell; once it says these words and has made its first look, the results are dropped,
  /// and it must end the run.
  ///
  /// - Parameter place: where its process finds the project, once it runs.
  private static func watched(
    _ line: String, says words: [String], _ scratch: Scratch, in place: () throws -> String? = { nil },
    meanwhile: () async throws -> Void = {}, drop: () async throws -> Void
  ) async throws {
    let said = "\(scratch.path)/said"
    let watch = Task { try await FaultTests.shell("\(line) 2>\(said)", in: scratch.path) }
    try await meanwhile()
    var (text, noted) = ("", "")
    // A watch notes what it polls when it has looked and has acted on it.
    for _ in 0..<1200 where !words.allSatisfy(text.contains) || !words.allSatisfy(noted.contains) {
      text = Self.text(said)
      noted = Self.text("\(try place() ?? scratch.path)/.flowdex/runs/r1/driver.lock")
      try await Task.sleep(for: .milliseconds(50))
    }
    #expect(words.allSatisfy(text.contains), "it says `\(text)`")
    #expect(words.allSatisfy(noted.contains), "it notes `\(noted)`")
    try await drop()
    let ended = try await watch.value
    #expect(ended.status == 0, "\(ended) \((try? scratch.text("said")) ?? "")")
    #expect(text.components("looking every") == 1, "it is said once: \(text)")
  }

  private static func text(_ path: String) -> String {
    (try? FileSystem.read(path)).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  @Test(
    "the limit on watches is reached: what does not fit is looked at on a timer, and that is said",
    .enabled(if: canUnshare, "unshare is needed"), arguments: [13, 1])
  func limit(watches: Int) async throws {
    let scratch = try Scratch()
    _ = try await WorkerLoopTests.start(scratch, n: 40)
    var results = try await Self.lease(scratch, 5)
    let what = watches == 1 ? "at everything" : "at what could not be watched"
    let words = ["the limit on watches is reached (`user.max_inotify_watches` = \(watches))", what]
    try await Self.watched(
      "unshare -Ur sh -c 'echo \(watches) >/proc/sys/user/max_inotify_watches; \(Self.watch)'",
      says: words, scratch,
      meanwhile: {
        // Most leases come while it watches already.
        results += try await Self.lease(scratch, 40)
        try #require(results.count == 40)
      }
    ) {
      try await Self.checkTold(scratch, words)
      for result in results { try FileSystem.write(Envelope.json().canonicalBytes, to: result) }
    }
    let report = try await Cli.run(["report", "r1", "--path", "statuses"], in: scratch.path).json()
    #expect(report.array?.count == 40)
    let after = try await Cli.run(["status", "r1", "--json"], in: scratch.path).json()
    #expect(after["run"]?["driver"]?["polling"] == .null, "nobody polls any more")
  }

  /// Other processes say what the one that drives looks at on a timer.
  private static func checkTold(_ scratch: Scratch, _ words: [String]) async throws {
    let status = try await Cli.run(["status", "r1", "--json"], in: scratch.path).json()
    let polling = status["run"]?["driver"]?["polling"]?.string ?? ""
    #expect(words.allSatisfy(polling.contains), "status has `\(polling)`")
    let inspected = try await Cli.run(["inspect", "r1"], in: scratch.path).json()
    #expect(inspected["run"]?["driver"]?["polling"]?.string == polling)
    let said = try await Cli.run(["status", "r1"], in: scratch.path).stderr
    #expect(words.allSatisfy(said.contains), "status says `\(said)`")
    let doctor = try await Cli.run(["doctor"], in: scratch.path).stdout
    #expect(words.allSatisfy(doctor.contains), "doctor says \(doctor)")
  }

  @Test(
    "on an overlay, which does not tell of every change, what is dropped is found",
    .enabled(if: canMount, "mounting needs root"))
  func overlay() async throws {
    let scratch = try Scratch()
    _ = try await WorkerLoopTests.start(scratch, n: 5)
    let results = try await Self.lease(scratch, 5)
    let layers = try Scratch("flowdex-layers")
    for folder in ["up", "work"] { try FileSystem.makeDirectories("\(layers.path)/\(folder)") }
    // Through the overlay itself: what becomes of changes to its layers from behind, the kernel leaves open, and what
    // has been looked for in vain it need not find there. No hint tells of it all the same, for nothing is watched.
    let place = {
      let pid = Self.text("\(layers.path)/pid").filter(\.isNumber)
      return "/proc/\(pid)/root\(scratch.path)"
    }
    try await Self.watched(
      """
      B=\(layers.path) unshare --mount sh -c 'mount -t overlay overlay \
        -o lowerdir=$PWD,upperdir=$B/up,workdir=$B/work $PWD && cd $PWD && echo $$ >$B/pid && \(Self.watch)'
      """, says: ["`overlay` does not tell of every change"], scratch, in: place
    ) {
      for result in results { try Self.drop(place() + result.dropFirst(scratch.path.utf8.count)) }
    }
  }

  @Test(
    "behind a FUSE mount, which does not tell of changes, what is dropped is found",
    .enabled(if: canMount && canBind, "bindfs, /dev/fuse and root are needed"))
  func fuse() async throws {
    let scratch = try Scratch()
    _ = try await WorkerLoopTests.start(scratch, n: 5)
    let results = try await Self.lease(scratch, 5)
    let behind = try Scratch("flowdex-behind")
    _ = try await FaultTests.shell("cp -a . \(behind.path)/data", in: scratch.path)
    try await Self.watched(
      """
      B=\(behind.path) unshare --mount sh -c 'bindfs -o nonempty $B/data $PWD && cd $PWD && \(Self.watch)'
      """, says: ["does not tell of changes"], scratch, in: { "\(behind.path)/data" }
    ) {
      for result in results {
        try Self.drop("\(behind.path)/data" + result.dropFirst(scratch.path.utf8.count))
      }
    }
  }

  private static func drop(_ path: String) throws {
    try FileSystem.writeAtomically(Envelope.json().canonicalBytes, to: path, sync: false)
  }

  @Test("claims and results are taken by hints alone, also when the queue's folders were moved away and back")
  func hintsAlone() async throws {
    let scratch = try Scratch()
    _ = try await WorkerLoopTests.start(scratch, n: 6)
    let run = scratch.layout.run("r1")
    let watch = Task {
      try await FaultTests.shell("\(Self.watch) --dispatch --limit 2 >events", in: scratch.path)
    }
    for turn in 0..<6 {
      var ready: [String] = []
      // All that there is to be shown is: what is moved away is not made anew meanwhile.
      for _ in 0..<1200 where ready.count < min(2, 6 - turn) {
        ready = (try? FileSystem.names(in: run.ready)) ?? []
        try await Task.sleep(for: .milliseconds(20))
      }
      let token = try #require(ready.first)
      if turn.isMultiple(of: 2) {
        let folder = turn == 2 ? run.ready : run.claimed
        try FileSystem.rename(folder, "\(run.root)/away")
        if turn == 4 { try await Task.sleep(for: .milliseconds(100)) }
        // An offer that is missed in the meantime is shown again, in a folder that is made for it: then that one stays.
        if (try? FileSystem.rename("\(run.root)/away", folder)) == nil {
          try FileSystem.removeTree("\(run.root)/away")
        }
        for _ in 0..<1200 where !FileSystem.exists(run.ready(token)) {
          try await Task.sleep(for: .milliseconds(20))
        }
      }
      try FileSystem.rename(run.ready(token), run.claimed(token))
      var states: [String] = []
      for _ in 0..<1200 where !states.contains("leased") {
        let status = try await Cli.run(["status", "r1", "--compact", "--json"], in: scratch.path).json()
        states = (status["tasks"]?.array ?? []).compactMap {
          $0["leaseToken"]?.string == token ? $0["status"]?.string : nil
        }
      }
      #expect(states == ["leased"], "the claim was seen")
      try Self.drop(PackageLayout(root: run.claimed(token)).result)
    }
    let ended = try await watch.value
    #expect(ended.status == 0, "\(ended)")
    let report = try await Cli.run(["report", "r1", "--path", "statuses"], in: scratch.path).json()
    #expect(report.array?.count == 6)
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
