// Limits, which are enforced from outside, and deaths, which are not the callback's doing.

import Glibc
import QueueRunner
import Testing

@testable import Runtime

extension SessionTests {
  @Suite struct Limits {
    static func limits(_ change: (inout Manifest.Limits) -> Void) -> Manifest.Limits {
      var limits = Manifest.Limits()
      change(&limits)
      return limits
    }

    @Test(arguments: [
      "for (;;) {}", "const spin = () => Promise.resolve().then(spin); await spin();", "for (;;) await null;",
      "/(a+)+$/.test('a'.repeat(40) + 'b');", "await new Promise(() => { for (;;) {} });",
      "return { get a() { for (;;) {} } }.a;", "throw { get stack() { for (;;) {} } };",
      "return new Proxy({}, { ownKeys() { for (;;) {} } });",
    ])
    func aTickThatNeverEnds(body: String) throws {
      var play = Play(body)
      play.limits = Self.limits { $0.tickCpuMs = 200 }
      guard case .limit("tickCpuMs", 200, let message) = try play.failure() else {
        Issue.record("\(body) is not stopped by tickCpuMs")
        return
      }
      #expect(message.contains("ms of CPU"))
    }

    /// Each tick counts for itself.
    @Test func manyShortTicksMayUseMoreTogether() throws {
      var play = Play(
        """
          for (let i = 0; i < 40; i++) {
            await ctx.agent({ id: String(i) });
            let x = 0;
            for (let j = 0; j < 400000; j++) x += j;
          }
        """)
      play.limits = Self.limits { $0.tickCpuMs = 400 }
      #expect(try play.outcome((0..<40).map { .resolved("agent:\($0)", "1") }) == .completed("null"))
    }

    @Test(arguments: [
      "const all = []; for (;;) all.push(new Array(1000).fill(all.length));",
      "const all: any = {}; for (let i = 0; ; i++) all['key' + i] = 'value ' + i;",
      "const all = []; for (;;) { all.push(new Uint8Array(1 << 20).fill(1)); }",
      "const all = []; for (;;) { try { all.push(new ArrayBuffer(1 << 28)); } catch { break; } } return 'went on';",
      "try { new Uint8Array(8 * 1024 * 1024 * 1024 - 1).fill(1); } catch { return 'went on'; }",
      "try { new ArrayBuffer(1e15); } catch { return 'went on'; }",
      "try { for (let b = new ArrayBuffer(1 << 20); ; b = b.transfer(b.byteLength * 2)) {} } catch { return 'went on'; }",
      "let s = 'x'; const all = []; for (;;) all.push((s += s.slice(0, 1000)) + all.length, [...s]);",
    ])
    func memoryBombs(body: String) throws {
      var play = Play(body)
      play.limits = Self.limits {
        $0.memoryMiB = 64
        $0.tickCpuMs = 60_000
      }
      let failure = try play.failure()
      guard case .limit("memoryMiB", 64, _) = failure else {
        Issue.record("\(body): \(String(describing: failure))")
        return
      }
    }

    @Test(arguments: [
      "for (;;) ctx.log('x'.repeat(1000));",
      "for (let i = 0; ; i++) { ctx.log('x'.repeat(1000)); await null; }",
      "ctx.log('x'.repeat(2000000));", "return 'x'.repeat(2000000);",
      "ctx.claim({ x: 'x'.repeat(2000000) });",
      "ctx.agent({ id: 'a', prompt: 'x'.repeat(2000000) });", "ctx.report({ x: 'x'.repeat(2000000) });",
    ])
    func outputFloods(body: String) throws {
      var play = Play(body)
      play.limits = Self.limits {
        $0.outputBytes = 1_000_000
        $0.memoryMiB = 64
        $0.tickCpuMs = 60_000
      }
      let failure = try play.failure()
      guard case .limit(let name, _, _) = failure else {
        Issue.record("\(body): \(String(describing: failure))")
        return
      }
      // What never comes to the end of its turn fills the heap instead.
      #expect(name == (body.hasPrefix("for") ? "memoryMiB" : "outputBytes"))
    }

    @Test func outputCountsOverAllTurns() throws {
      var play = Play(
        "for (let i = 0; ; i++) { ctx.log('x'.repeat(100000)); await ctx.agent({ id: String(i) }); }")
      play.limits = Self.limits { $0.outputBytes = 450_000 }
      let limits = play.limits
      let seen = try play.session { session in
        var turns = 0
        do {
          for index in 0..<10 {
            _ = try session.receive(wakeups: [])
            turns += 1
            try session.deliver(.resolved("agent:\(index)", "1"))
          }
          return (turns, nil as SessionFailure?)
        } catch let failure as SessionFailure {
          return (turns, failure)
        }
      }
      #expect(seen.0 == 4)
      guard case .limit("outputBytes", limits.outputBytes, _) = seen.1 else {
        Issue.record("\(String(describing: seen.1))")
        return
      }
    }

    /// The deep end of the stack is the same in equal runs, so even what catches it replays the same.
    @Test func recursionOverflowsAtTheSameDepthAlways() throws {
      let play = Play(
        """
          let depth = 0;
          const fall = (): void => { depth++; fall(); };
          const depths = [];
          for (let i = 0; i < 30; i++) { depth = 0; try { fall(); } catch {} depths.push(depth); }
          return depths;
        """)
      let first = try play.outcome()
      #expect(try play.outcome() == first)
      guard case .completed(let text) = first else {
        Issue.record("\(first)")
        return
      }
      #expect(Set(try JSONValue(parsing: text).array?.compactMap(\.int) ?? []).count == 1, "\(text)")
    }

    @Test(arguments: [
      "const f = (): void => f(); f();",
      "const f = (): void => f(); try { f(); } catch (e: any) { return e.stack; }",
      "const f = (): any => [f()]; Promise.reject(1).catch(f);",
    ])
    func anOverflowThatShowsFailsTheRun(body: String) throws {
      #expect(try Play(body).outcome().failure.contains("nest too deep"))
    }

    @Test(arguments: [SIGKILL, SIGTERM, SIGABRT]) func aKilledSessionHasDied(signal: Int32) throws {
      let failure = try Play("await ctx.agent({ id: 'a' });").session { session -> SessionFailure? in
        _ = try session.receive(wakeups: [])
        kill(session.pid, signal)
        do {
          _ = try session.receive(wakeups: [])
          return nil
        } catch let failure as SessionFailure {
          return failure
        }
      }
      #expect(failure == .died("it was ended by signal \(signal)"))
    }

    @Test func aStoppedSessionHasDiedAfterAWhile() throws {
      var play = Play("await ctx.agent({ id: 'a' });")
      play.silentMs = 2000
      let failure = try play.session { session -> SessionFailure? in
        _ = try session.receive(wakeups: [])
        kill(session.pid, SIGSTOP)
        try session.deliver(.resolved("agent:a", "1"))
        do {
          _ = try session.receive(wakeups: [])
          return nil
        } catch let failure as SessionFailure {
          return failure
        }
      }
      guard case .died(let reason) = failure else {
        Issue.record("\(String(describing: failure))")
        return
      }
      #expect(reason.contains("has not answered"))
    }

    /// Parts wait for the session to take them, but not for ever.
    @Test(arguments: [(SIGSTOP, "has not answered"), (SIGKILL, "it was ended by signal 9")])
    func partsForASessionThatTakesNoneAreNotWaitedWith(signal: Int32, reason: String) throws {
      var play = Play("await ctx.agent({ id: 'a' });")
      play.silentMs = 2000
      let failure = try play.session { session -> SessionFailure? in
        _ = try session.receive(wakeups: [])
        kill(session.pid, signal)
        do {
          for _ in 0..<40 { try session.deliver(part: String(repeating: "x", count: 1 << 18)) }
          _ = try session.receive(wakeups: [])
          return nil
        } catch let failure as SessionFailure {
          return failure
        }
      }
      #expect("\(String(describing: failure))".contains(reason), "\(String(describing: failure))")
    }

    @Test func aClosedSessionLeavesNoProcess() throws {
      let left = try Play("await ctx.agent({ id: 'a' });").session { session in
        _ = try session.receive(wakeups: [])
        session.close()
        session.close()
        let again = Result { try session.receive(wakeups: []) }
        guard case .failure(let error as SessionFailure) = again else { return "not closed" }
        return "\(kill(session.pid, 0)) \(errno == ESRCH) \(error == .died("the session was closed"))"
      }
      #expect(left == "-1 true true")
    }

    @Test func whatIsWrittenToADeadSessionIsLostAndNoSignalComes() throws {
      let failure = try Play("await ctx.agent({ id: 'a' });").session { session -> SessionFailure? in
        _ = try session.receive(wakeups: [])
        kill(session.pid, SIGKILL)
        for _ in 0..<50 {
          try session.deliver(.resolved("agent:a", "\"\(String(repeating: "x", count: 100_000))\""))
        }
        do {
          _ = try session.receive(wakeups: [])
          return nil
        } catch let failure as SessionFailure {
          return failure
        }
      }
      #expect(failure == .died("it was ended by signal 9"))
    }
  }
}
