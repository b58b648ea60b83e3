// Turns: what a callback asks for, what it is given, and how it ends.

import QueueRunner
import Testing

@testable import Runtime

extension SessionTests {
  @Suite struct Turns {
    @Test func oneOperationFromCallToReport() throws {
      let play = Play(
        """
          ctx.log("before");
          const result = await ctx.agent({ prompt: "p", id: "a", phase: "x" });
          ctx.log("after " + ctx.now());
          return { got: result.n, at: ctx.now() };
        """)
      let turns = try play.turns([.resolved("agent:a", #"{"n":1}"#, at: 4321)])
      let call = ScheduledOperation(
        kind: .agent, id: "a", argsText: #"{"id":"a","phase":"x","prompt":"p"}"#)
      #expect(
        turns == [
          Turn(scheduled: [call], logs: ["before"], state: .suspended),
          Turn(logs: ["after 4321"], state: .completed(#"{"at":4321,"got":1}"#)),
        ])
      #expect(call.key == "agent:a")
    }

    @Test func promiseAllSchedulesAtOnceAndWaitsForTheLast() throws {
      let play = Play(
        """
          const [a, b, c, d] = await Promise.all([ctx.hostCommand({ id: "1" }), ctx.agent({ id: "1" }),
            ctx.fanout({ id: "1" }), ctx.integrate({ id: "1" })]);
          return [a, b, c, d];
        """)
      let keys = ["hostCommand:1", "agent:1", "fanout:1", "integrate:1"]
      let turns = try play.turns(keys.reversed().map { .resolved($0, "\"\($0)\"") })
      #expect(turns.map { $0.scheduled.map(\.key) } == [keys, [], [], [], []])
      #expect(turns.dropLast().allSatisfy { $0.state == .suspended })
      #expect(turns.last?.state == .completed(#"["hostCommand:1","agent:1","fanout:1","integrate:1"]"#))
    }

    @Test(arguments: [["a", "b"], ["b", "a"]])
    func aRaceIsWonByTheFirstDelivery(order: [String]) throws {
      let play = Play(
        #"return await Promise.race([ctx.agent({ id: "a" }), ctx.agent({ id: "b" })]);"#)
      #expect(
        try play.outcome(order.map { .resolved("agent:\($0)", "\"\($0)\"") }) == .completed("\"\(order[0])\"")
      )
    }

    /// Written ahead or not, each delivery has a turn of its own, in which what follows from it happens.
    @Test(arguments: [false, true]) func oneDeliveryIsOneTurn(ahead: Bool) throws {
      let play = Play(
        """
          await Promise.all(["a", "b", "c"].map(async (id) => {
            await ctx.agent({ id });
            for (let i = 0; i < 50; i++) await null;
            ctx.log(id);
            await ctx.hostCommand({ id });
          }));
        """)
      let turns = try play.turns(["c", "a", "b"].map { .resolved("agent:\($0)", "1") }, ahead: ahead)
      #expect(turns.map(\.logs) == [[], ["c"], ["a"], ["b"]])
      #expect(turns.dropFirst().map { $0.scheduled.map(\.id) } == [["c"], ["a"], ["b"]])
    }

    @Test(arguments: [
      ("", "null"), ("return undefined;", "null"), ("return null;", "null"), ("return -0;", "0"),
      ("return { b: 1, a: [1.5, 'é', '\\u2028'] };", "{\"a\":[1.5,\"é\",\"\u{2028}\"],\"b\":1}"),
      ("ctx.report(1); ctx.report({ last: true }); return 'ignored';", #"{"last":true}"#),
      ("ctx.report(1); return 5n;", "1"), ("return ctx.report('same') + '!';", #""same!""#),
      ("return ctx.input.deep.value;", "7"), ("return ctx.now();", "1000"),
      ("return Object.create(null);", "{}"), ("const x = [1]; return [x, x];", "[[1],[1]]"),
      (
        "return { 'é': 1, 'e\\u0301': 2, '\\ud83d\\ude00': 3, '\\ufffd': 4 };",
        "{\"e\u{301}\":2,\"é\":1,\"😀\":3,\"\u{fffd}\":4}"
      ),
      ("return 1e21 + 0.1;", "1e+21"), ("return JSON.parse('{\"__proto__\":1}');", #"{"__proto__":1}"#),
    ])
    func whatTheCallbackComesTo(body: String, report: String) throws {
      var play = Play(body.contains("'same'") ? "ctx.report('same!'); return 1;" : body)
      play.input = #"{"deep":{"value":7}}"#
      #expect(try play.outcome() == .completed(report))
    }

    @Test(arguments: [
      ("return 5n;", "a bigint"), ("return () => 1;", "a function"),
      ("return { a: [1, NaN] };", "`/a/1` is NaN"),
      ("const x: any = {}; x.y = { x }; return x;", "`/y/x` is part of a cycle"),
      ("return Symbol('s');", "a symbol"),
      ("return new Map();", "an instance of a class"), ("return { a: undefined };", "`/a` is undefined"),
      ("return { get a() { return 1; } };", "`/a` is an accessor"), ("return '\\ud800';", "a lone surrogate"),
      ("return { then: (ok: any) => ok(1n) };", "a bigint"),
    ])
    func whatIsNotJSONFailsTheRunAndNamesThePath(body: String, part: String) throws {
      let reason = try Play(body).outcome().failure
      #expect(reason.contains("the callback returned what is not JSON") && reason.contains(part), "\(reason)")
    }

    @Test func claimsAreStaged() throws {
      let turns = try Play("return [ctx.claim({ id: 'c', evidence: [] }), typeof ctx.claim].length;").turns()
      #expect(turns.map(\.claims) == [[["id": "c", "evidence": []]]])
      #expect(turns[0].state == .completed("2"))
    }

    @Test func logsKeepEveryCharacter() throws {
      let turns = try Play(#"ctx.log("\u0301\u0000\n😀"); ctx.log(""); ctx.log("\ud800");"#).turns()
      #expect(
        turns[0].logs.map { Array($0.utf8) } == ["\u{301}\0\n😀", "", "\u{fffd}"].map { Array($0.utf8) })
    }

    @Test func aRejectionShowsTheLineOfTheCall() throws {
      let play = Play(
        """
          const helper = async (id: string) => {
            await ctx.agent({ id });
          };
          await helper("a");
        """)
      #expect(
        try play.outcome([.rejected("agent:a", "over `maxAgents`: 3")]).failure
          == """
          Error: over `maxAgents`: 3
              at helper (workflow.ts:4:15)
              at workflow.ts:6:9
          """)
    }

    @Test func aRejectionCanBeCaught() throws {
      let play = Play(
        """
          try { await ctx.agent({ id: "a" }); } catch (e: any) { return [e instanceof Error, e.message, e.name]; }
        """)
      #expect(try play.outcome([.rejected("agent:a", "no")]) == .completed(#"[true,"no","Error"]"#))
    }

    @Test func aThenableThatNeverSettlesIsASuspension() throws {
      #expect(try Play("return { then() {} };").outcome() == .suspended)
      #expect(try Play("await new Promise(() => {});").outcome() == .suspended)
    }

    @Test func resultsAreDeeplyFrozen() throws {
      let play = Play(
        """
          const r = await ctx.agent({ id: "a" });
          const refused = [() => { r.x = 1; }, () => { r.list.push(1); }, () => { r.list[0].y = 2; },
            () => { delete r.list; }, () => { ctx.agent = 1; }, () => { ctx.input.a.b = 2; }];
          return refused.map((f) => { try { f(); return "done"; } catch (e: any) { return e.name; } });
        """)
      var started = play
      started.input = #"{"a":{}}"#
      #expect(
        try started.outcome([.resolved("agent:a", #"{"list":[{"y":1}]}"#)])
          == .completed(#"["TypeError","TypeError","TypeError","TypeError","TypeError","TypeError"]"#))
    }

    /// Names that mean something to promises, objects or the harness mean nothing in a result.
    @Test(
      arguments: [
        (#"{"then":"x","catch":1}"#, #"{"catch":1,"then":"x"}"#),
        (#"{"__proto__":{"polluted":1},"constructor":{"prototype":2}}"#, nil),
        (#"{"toJSON":1,"length":-1,"toString":null,"valueOf":3}"#, nil), (#"[null,[],{},"",0,false]"#, nil),
        (#""\ud83d\ude00\u0000""#, "\"😀\\u0000\""), ("1e300", "1e+300"), ("null", nil),
      ] as [(String, String?)])
    func resultsComeBackAsTheyWere(value: String, canonical: String?) throws {
      let play = Play(
        "const r = await ctx.agent({ id: 'a' }); return [r, ({} as any).polluted === undefined];")
      let expected = try canonical ?? JSONValue(parsing: value).canonicalText
      #expect(try play.outcome([.resolved("agent:a", value)]) == .completed("[\(expected),true]"))
    }

    /// Once it has ended, what still runs of the callback cannot take its word back.
    @Test func theFirstEndingCounts() throws {
      let play = Play(
        """
          (async () => { for (let i = 0; i < 20; i++) await null; ctx.report("late"); ctx.log("stray"); })();
          return "first";
        """)
      let turns = try play.turns()
      #expect(turns == [Turn(logs: ["stray"], state: .completed(#""first""#))])
    }

    @Test func aWakeupComesFirst() throws {
      let wakeup = try Wakeup()
      wakeup.signal()
      let turns = try Play("await ctx.agent({ id: 'a' });").session { session in
        let first = try session.receive(wakeups: [])
        return [first, try session.receive(wakeups: [wakeup.descriptor])]
      }
      #expect(turns.map { $0?.state } == [.suspended, nil])
    }

    @Test func aDeliveryThatNobodyWaitsForChangesNothing() throws {
      let play = Play("return await ctx.agent({ id: 'a' });")
      let states = try play.turns([.resolved("agent:b", "1"), .resolved("agent:a", "2")]).map(\.state)
      #expect(states == [.suspended, .suspended, .completed("2")])
    }
  }
}
