// A replay, which is written ahead, gives what a live run gave; and what the process has about it.

import Glibc
import QueueRunner
import Testing

@testable import Runtime

extension SessionTests {
  @Suite struct Replay {
    /// 20,000 deliveries in an order that depends on none but a seed: one at a time, then all written ahead.
    @Test func aPipelinedReplayEqualsTheLiveRun() throws {
      let count = 20_000
      let play = Play(
        """
          let sum = 0, last = "";
          const lane = async (lane: number) => {
            for (let i = 0; i < \(count) / 8; i++) {
              const r = await ctx.agent({ id: lane + "-" + i, prompt: last });
              sum = (sum * 31 + r.n + ctx.now()) % 1000003;
              last = lane + ":" + i;
              if (i % 500 === 0) ctx.log(last);
            }
          };
          await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(lane));
          return { sum, last };
        """)
      var next = [Int](repeating: 0, count: 8)
      var seed: UInt64 = 42
      let deliveries = (0..<count).map { n -> SessionDelivery in
        seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        var lane = Int(seed >> 33) % 8
        while next[lane] == count / 8 { lane = (lane + 1) % 8 }
        defer { next[lane] += 1 }
        return .resolved("agent:\(lane)-\(next[lane])", #"{"n":\#(n),"t":"some text"}"#, at: 5000 + Int64(n))
      }
      let live = try play.turns(deliveries)
      let replayed = try play.turns(deliveries, ahead: true)
      #expect(live.count == count + 1)
      #expect(live == replayed)
      #expect(live.last?.state != .suspended)
    }

    /// More than both directions of the channel hold, without a reader on either side.
    @Test func largeDeliveriesAndTurnsCannotBlockEachOther() throws {
      let play = Play(
        """
          for (let i = 0; i < 40; i++) {
            const r = await ctx.agent({ id: String(i) });
            ctx.log(r.text + i);
          }
        """)
      let text = String(repeating: "é", count: 200_000)
      let turns = try play.turns(
        (0..<40).map { .resolved("agent:\($0)", #"{"text":"\#(text)"}"#) }, ahead: true)
      #expect(turns.count == 41)
      #expect(turns.dropFirst().enumerated().allSatisfy { $1.logs == ["\(text)\($0)"] })
    }

    /// More than the channel holds, in parts, to a session that has as much to say before it reads them.
    @Test(.timeLimit(.minutes(15))) func aTextInPartsIsOneAndBlocksNobody() throws {
      let play = Play(
        """
          const { text } = await ctx.agent({ id: "a" });
          for (let i = 0; i < 20; i++) ctx.log(text);
          const list = await ctx.fanout({ id: "f", tasks: [] });
          const next = await ctx.agent({ id: "b" });
          return [list.length, list.join(""), next];
        """)
      let text = String(repeating: "é", count: 200_000)
      let parts = (0..<40).map { "\($0 == 0 ? "[" : "")\"\(text)\($0)\"," }
      let turns = try play.session { session -> [Turn] in
        try session.deliver(.resolved("agent:a", #"{"text":"\#(text)"}"#))
        for part in parts { try session.deliver(part: part) }
        try session.deliver(.resolved("fanout:f", "\"end\"]"))
        try session.deliver(.resolved("agent:b", "7"))
        return try (0..<4).map { _ in try #require(try session.receive(wakeups: [])) }
      }
      #expect(turns.map(\.logs.count) == [0, 20, 0, 0])
      let joined = (0..<40).map { "\(text)\($0)" }.joined() + "end"
      #expect(turns.last?.state == .completed("[41,\"\(joined)\",7]"))
    }

    /// What the process was started with, as the kernel tells it.
    @Test func theProcessIsContained() throws {
      let seen = try Play("await ctx.agent({ id: 'a' });").session { session -> [String] in
        _ = try session.receive(wakeups: [])
        let root = "/proc/\(session.pid)"
        func text(_ name: String) throws -> String {
          String(decoding: try FileSystem.read("\(root)/\(name)"), as: UTF8.self)
        }
        let status = try text("status").split(separator: "\n").map(String.init)
        let environment = try text("environ").split(separator: "\0").map(String.init).sorted()
        let limits = try text("limits").split(separator: "\n").map {
          $0.split(separator: " ").map(String.init)
        }
        let core = limits.first { $0.starts(with: ["Max", "core"]) } ?? []
        let size = limits.first { $0.starts(with: ["Max", "file", "size"]) } ?? []
        let files = limits.first { $0.starts(with: ["Max", "open", "files"]) } ?? []
        return [
          status.first { $0.hasPrefix("NoNewPrivs") } ?? "", environment.joined(separator: " "),
          "\(core.dropFirst(4).first ?? "")", "\(size.dropFirst(3).first ?? "")",
          files.dropFirst(3).first ?? "",
          "\(getsid(session.pid) == session.pid)", "\(try FileSystem.names(in: "\(root)/cwd/").count)",
        ]
      }
      #expect(
        seen == [
          "NoNewPrivs:\t1",
          "DENO_DIR=/dev/null DENO_NO_PROMPT=1 DENO_NO_UPDATE_CHECK=1 HOME=/nonexistent LC_ALL=C NO_COLOR=1 TZ=UTC",
          "0", "0", "128", "true", "0",
        ])
    }

    /// Descriptors of ours that are not close-on-exec stay ours.
    @Test func noDescriptorIsInherited() throws {
      var ends: [Int32] = [-1, -1]
      #expect(pipe(&ends) == 0)
      defer { for end in ends { close(end) } }
      let inode = try #require(link(of: "/proc/self/fd/\(ends[0])"))
      let inherited = try Play("await ctx.agent({ id: 'a' });").session { session in
        _ = try session.receive(wakeups: [])
        let folder = "/proc/\(session.pid)/fd"
        return try FileSystem.names(in: folder).compactMap { link(of: "\(folder)/\($0)") }
      }
      #expect(!inherited.isEmpty && !inherited.contains(inode))
      #expect(!inherited.contains { $0.hasPrefix("/") && $0 != "/dev/null" && !$0.hasPrefix("/proc") })
    }

    /// A rule for a file of a kind that Landlock has no rules for.
    @Test(.enabled(if: SessionContainmentSupport.ofThisKernel().landlockVersion > 0))
    func aContainmentStepThatFailsStopsTheStart() throws {
      let deno = try TestDeno.path.get()
      let error = try PermanentThread.run {
        try TestDeno.withFolder { folder -> FlowdexError? in
          let refuse = SessionContainment(files: [.init(path: "/proc/self/ns/net")])
          do {
            _ = try DenoSession(
              configuration: .init(deno: deno, limits: .init(), workingFolder: folder, containment: refuse))
            return nil
          } catch let error as FlowdexError {
            return error
          }
        }
      }
      #expect(error?.code == "errno-\(EBADFD)")
    }

    @Test(arguments: ["/nowhere/deno", "/bin/false", "/bin/true"])
    func whatIsNoDenoIsAnErrorThatSaysWhatToDo(path: String) throws {
      let error = try PermanentThread.run {
        try TestDeno.withFolder { folder -> FlowdexError? in
          do {
            let session = try DenoSession(
              configuration: .init(deno: path, limits: .init(), workingFolder: folder))
            _ = try session.receive(wakeups: [])
            return nil
          } catch let error as FlowdexError {
            return error
          }
        }
      }
      #expect(error?.code == "deno-unusable" && error?.next?.contains("pip install deno") == true)
    }

    @Test func aMissingFolderIsNamed() throws {
      let deno = try TestDeno.path.get()
      let error = try PermanentThread.run { () -> FlowdexError? in
        do {
          _ = try DenoSession(
            configuration: .init(deno: deno, limits: .init(), workingFolder: "/nowhere/at/all"))
          return nil
        } catch let error as FlowdexError {
          return error
        }
      }
      #expect(error?.message == "cannot enter `/nowhere/at/all`: no such file or directory")
    }
  }
}

private func link(of path: String) -> String? {
  var bytes = [CChar](repeating: 0, count: 4096)
  let count = readlink(path, &bytes, bytes.count)
  return count < 0 ? nil : String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
