import Glibc
import QueueRunner
import Testing

/// `flowdex work` on a machine that is short of something, and beside workers that lay strange things.
@Suite("work in trouble", .timeLimit(.minutes(15)))
struct WorkTroubleTests {
  private func project(_ script: String, tasks: Int = 1) async throws -> Scratch {
    let scratch = try Scratch()
    try scratch.workflow(
      """
      const tasks = Array.from({ length: \(tasks) }, (_, i) => ({ id: "t" + i, mode: "read-only", prompt: "x" }));
      const found = await ctx.fanout({ id: "f", phase: "one", tasks });
      ctx.report(found.map((one) => one.status));
      """)
    chmod(try scratch.file("worker", "#!/bin/sh\n\(script)\n"), 0o755)
    let run = try await Cli.run(["run", "workflow.ts", "--yes", "--run-id", "r1"], in: scratch.path)
    #expect(run.status == 0, "\(run)")
    return scratch
  }

  @Test(
    "a result that becomes a FIFO or a link once it is taken holds nobody up",
    arguments: ["mkfifo", "ln -s /dev/zero"])
  func strangeResult(make: String) async throws {
    let scratch = try await project(
      """
      echo '\(Envelope.json().compactText)' >"$FLOWDEX_RESULT"
      while [ ! -e "${FLOWDEX_RESULT%.json}.accepted" ]; do sleep 0.01; done
      rm "$FLOWDEX_RESULT"; \(make) "$FLOWDEX_RESULT"
      """)
    let work = try await FaultTests.shell("exec timeout 900 $F work r1 -- ./worker", in: scratch.path)
    #expect(work.status == 0 && work.stdout.hasSuffix("r1\tcompleted\n"), "\(work)")
    #expect(try await Cli.run(["report", "r1"], in: scratch.path).json() == ["completed"])
  }

  /// A user of its own has no other processes than those that count.
  @Test(
    "a worker that could not be started for want of processes has not failed",
    .enabled(if: FaultTests.isRoot, "needs another user to become"))
  func fewProcesses() async throws {
    let scratch = try await project(
      "echo ran >>$FLOWDEX_PROJECT/ran; echo '\(Envelope.json().compactText)' >\"$FLOWDEX_RESULT\"")
    let id = 64_000 + Int(getpid()) % 1000
    let owned = try await FaultTests.shell("touch ran; chown -R \(id):\(id) .", in: scratch.path)
    try #require(owned.status == 0, "\(owned)")
    let user = "setpriv --reuid \(id) --regid \(id) --clear-groups $F"
    var metStart = false
    for limit in 2...40 {
      let few = try await FaultTests.shell(
        "export SWIFT_BACKTRACE=enable=no; prlimit --nproc=\(limit) \(user) work r1 --once -- ./worker",
        in: scratch.path)
      let task = try await Cli.run(["status", "r1", "--json"], in: scratch.path).json()["tasks"]?.array?.first
      if task?["status"] == "completed" { break }
      #expect(
        few.status == 1 && task?["status"] == "dispatchable", "\(limit): \(few), \(String(describing: task))")
      #expect(few.stderr.split(separator: "\n").allSatisfy { $0.hasPrefix("flowdex: ") }, "\(few)")
      if few.stderr.contains("/worker`: resource temporarily unavailable") { metStart = true }
    }
    #expect(metStart, "no limit was met where a worker starts")
    #expect(try scratch.text("ran") == "ran\n")
  }

  /// One worker fills the disk before it answers; another fails beside it, so that there is something else to write and to
  /// begin. Somebody makes room two seconds later.
  @Test(
    "an answer on standard output is held while the disk is full",
    .enabled(if: FaultTests.isRoot, "needs to mount a file system"))
  func fullDisk() async throws {
    let scratch = try await project(
      """
      echo "$FLOWDEX_CHILD_KEY $FLOWDEX_TRY" >>"$OUTSIDE/ran"
      case "$FLOWDEX_CHILD_KEY" in
      *#t0) dd if=/dev/zero of="$FLOWDEX_PROJECT/filler" bs=4k 2>/dev/null; touch "$OUTSIDE/full" ;;
      *#t1) while [ ! -e "$OUTSIDE/full" ]; do sleep 0.05; done; [ "$FLOWDEX_TRY" != 1 ] || exit 1 ;;
      esac
      echo '\(Envelope.json().compactText)'
      """, tasks: 4)
    try scratch.file(
      "full.sh",
      """
      set -e; export OUTSIDE="$PWD"; mkdir m; mount -t tmpfs -o size=6m none m; cp -r .flowdex workflow.ts worker m; cd m
      (while [ ! -e "$OUTSIDE/full" ]; do sleep 0.1; done; sleep 3; rm filler) &
      # What drives the run beside the workers may have met the full disk too.
      "$F" work r1 --jobs 2 --result-from stdout -- ./worker || "$F" work r1 --jobs 2 --result-from stdout -- ./worker
      "$F" report r1
      """)
    let work = try await FaultTests.shell("unshare --mount sh full.sh", in: scratch.path)
    #expect(work.status == 0 && work.stdout.hasSuffix("\n]\n"), "\(work)")
    #expect(work.stderr.contains("is held"), "\(work)")
    let ran = try scratch.text("ran").split(separator: "\n")
    #expect(ran.filter { $0.hasPrefix("fanout:f#t0 ") } == ["fanout:f#t0 1"], "\(ran): \(work)")
  }
}
