// Operations: their arguments, and the rule that a key is one promise.

import QueueRunner
import Testing

@testable import Runtime

extension SessionTests {
  @Suite struct Operations {
    @Test func theSameKeyWithTheSameArgumentsIsTheSamePromise() throws {
      let play = Play(
        """
          const first = ctx.agent({ id: "a", data: { x: 1, y: [2] } });
          const again = ctx.agent({ data: { y: [2], x: 1 }, id: "a" });
          const value = await first;
          return [first === again, value === await ctx.agent({ id: "a", data: { x: 1, y: [2] } })];
        """)
      let turns = try play.turns([.resolved("agent:a", "{}")])
      #expect(turns.map(\.scheduled.count) == [1, 0])
      #expect(turns[1].state == .completed("[true,true]"))
    }

    @Test(arguments: [
      ("{ id: 'a', data: { x: 1 } }", "{ id: 'a', data: { x: 2 } }", "/data/x"),
      ("{ id: 'a', data: [1, 2] }", "{ id: 'a', data: [1, 3] }", "/data/1"),
      ("{ id: 'a', data: [1] }", "{ id: 'a', data: [1, 3] }", "/data/1"),
      ("{ id: 'a', data: [] }", "{ id: 'a', data: {} }", "/data"),
      ("{ id: 'a' }", "{ id: 'a', 'x/~': 1 }", "/x~1~0"),
      ("{ id: 'a', b: 1, c: 1 }", "{ id: 'a', b: 2, c: 2 }", "/b"),
      ("{ id: 'a', b: null }", "{ id: 'a', b: 'null' }", "/b"),
    ])
    func otherArgumentsAreAnErrorThatNamesTheFirstDifference(first: String, second: String, path: String)
      throws
    {
      let play = Play(
        "ctx.agent(\(first)); try { ctx.agent(\(second)); } catch (e: any) { return e.message; }")
      let expected = "`agent:a` was called before with other arguments: they differ at `\(path)`"
      #expect(try play.outcome() == .completed(JSONValue.string(expected).canonicalText))
    }

    @Test func kindsDoNotShareKeys() throws {
      let turns = try Play("ctx.agent({ id: 'a' }); ctx.hostCommand({ id: 'a', commandId: 'c' });").turns()
      #expect(turns[0].scheduled.map(\.key) == ["agent:a", "hostCommand:a"])
    }

    @Test(arguments: [
      ("undefined", "the value is undefined"), ("{}", "`id` is missing"), ("{ id: 1 }", "`id` is missing"),
      ("{ id: '' }", "`id` is missing"), ("null", "`id` is missing"), ("'a'", "`id` is missing"),
      ("[]", "`id` is missing"), ("{ id: 'a', x: undefined }", "`/x` is undefined"),
      ("{ id: 'a', x: [1, , 2] }", "`/x/1` is undefined (a hole)"),
      ("{ id: 'a', x: () => 1 }", "`/x` is a function"),
      ("{ id: 'a', toJSON() { return 1; } }", "`/toJSON` is a function"),
      ("{ id: 'a', x: Infinity }", "`/x` is Infinity"), ("{ id: 'a', x: -Infinity }", "`/x` is -Infinity"),
      ("{ id: 'a', x: { y: 1n } }", "`/x/y` is a bigint"),
      ("{ id: 'a', x: Symbol('q') }", "`/x` is a symbol"),
      ("{ id: 'a', [Symbol('q')]: 1 }", "the key `Symbol(q)`"),
      ("{ id: 'a', x: new Set() }", "`/x` is an instance"),
      ("{ id: 'a', x: new (class P {})() }", "`/x` is an instance"),
      ("{ id: 'a', x: new Error('e') }", "`/x` is an inst"),
      ("{ id: 'a', x: new String('s') }", "`/x` is an instance"),
      ("{ id: 'a', x: /r/ }", "`/x` is an instance"),
      ("{ id: 'a', x: Object.assign([1], { y: 2 }) }", "`/x` is an array with the member `y`"),
      ("{ id: 'a', x: Object.defineProperty({}, 'h', { value: 1 }) }", "`/x/h` is not enumerable"),
      ("{ id: 'a', get x() { throw 1; } }", "`/x` is an accessor"),
      ("{ id: 'a', x: ctx.agent }", "`/x` is a function"),
      ("(() => { const x: any = { id: 'a' }; x.x = [x]; return x; })()", "`/x/0` is part of a cycle"),
      ("{ id: 'a', '\\ud800': 1 }", "a lone surrogate"),
      ("{ id: 'a', x: new Proxy(new Map(), {}) }", "`/x` is an inst"),
      ("{ id: 'a', x: new Uint8Array(2) }", "`/x` is an instance"),
      ("{ id: 'a', x: new Array(3) }", "`/x/0`"),
      ("{ id: 'a', x: Array(2000001).fill({ i: 1 }) }", "more than 2000000 members"),
      (
        "(() => { let x: any = 1; for (let i = 0; i < 200; i++) x = [x]; return { id: 'a', x }; })()",
        "nested deeper than 128"
      ),
    ])
    func argumentsThatAreNotJSON(args: String, part: String) throws {
      let play = Play(
        "try { ctx.agent(\(args)); } catch (e: any) { return [e instanceof TypeError, e.message]; }")
      let turns = try play.turns()
      #expect(turns[0].scheduled.isEmpty)
      guard case .completed(let text) = turns[0].state else {
        Issue.record("\(turns[0].state)")
        return
      }
      let answer = try JSONValue(parsing: text).array
      #expect(answer?.first == true && answer?.last?.string?.contains(part) == true, "\(text)")
    }

    /// What passes in the session must pass where the driver parses it.
    @Test func theLimitsOfArgumentsAreThoseOfTheParser() throws {
      let play = Play(
        """
          let deep: any = 1;
          for (let i = 0; i < 127; i++) deep = [deep];
          const wide: any = { id: "b" };
          for (let i = 0; i < 150000; i++) wide["k" + i] = i;
          ctx.agent({ id: "a", deep });
          ctx.agent(wide);
        """)
      let scheduled = try play.turns()[0].scheduled
      #expect(scheduled.map(\.id) == ["a", "b"])
      for operation in scheduled {
        #expect(
          try JSONValue(parsing: operation.argsText, limits: .arguments).canonicalText == operation.argsText)
      }
    }

    @Test func textsAreCanonicalAsSwiftWritesThem() throws {
      let body = #"""
          ctx.agent({ id: "a", n: [0.1, 1e21, 1e-7, -0, 5e-324, 123456789012345680000], s: "\u007f\u0000\"\\\/\b\u2028é😀",
            "\ud83d\ude00": 1, "\ufb33": 2, "z": 3, "é": 4, "\r": 5, "10": 6, "9": 7 });
        """#
      let text = try Play(body).turns()[0].scheduled[0].argsText
      #expect(try JSONValue(parsing: text).canonicalText == text)
    }

    @Test func aProxyGivesWhatItsTrapsSayAndNoMore() throws {
      let play = Play(
        """
          let asked = 0;
          const args = new Proxy({ id: "a" }, { getOwnPropertyDescriptor(t, k) {
            return { value: "id" + asked++, enumerable: true, configurable: true, writable: true };
          } });
          ctx.agent(args);
        """)
      let scheduled = try play.turns()[0].scheduled
      #expect(scheduled.map(\.id) == ["id0"])
      #expect(scheduled.map(\.argsText) == [#"{"id":"id0"}"#])
    }

    @Test func anIdMayBeAnyTextHereAndIsJudgedByThePlanner() throws {
      let turns = try Play(#"ctx.agent({ id: "../x\u0000" }); ctx.agent({ id: "__proto__" });"#).turns()
      #expect(turns[0].scheduled.map(\.id) == ["../x\0", "__proto__"])
    }
  }
}
