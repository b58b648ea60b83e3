// Rejections that nobody handles, and how errors are shown.

import QueueRunner
import Testing

@testable import Runtime

extension SessionTests {
  @Suite struct Rejections {
    @Test(arguments: [
      "Promise.reject(new Error('lost'));", "(async () => { throw new Error('lost'); })();",
      "new Promise((_, no) => no(new Error('lost')));",
      "Promise.resolve().then(() => { throw new Error('lost'); });",
      "Promise.reject(new Error('lost')); return 'done';",
      "ctx.report(1); Promise.reject(new Error('lost'));",
      "Promise.all([Promise.reject(new Error('lost'))]);",
      "(async function* () { throw new Error('lost'); })().next();",
    ])
    func anUnhandledRejectionFailsTheRun(body: String) throws {
      let reason = try Play(body).outcome().failure
      #expect(reason.hasPrefix("Error: lost\n    at ") && reason.contains("workflow.ts:3:"), "\(reason)")
    }

    @Test(arguments: [
      "const p = Promise.reject(1); await null; await null; await p.catch(() => {});",
      "const p = Promise.reject(1); for (let i = 0; i < 500; i++) await null; try { await p; } catch {}",
      "await Promise.allSettled([Promise.reject(1), Promise.reject(2)]);",
      "await Promise.race([Promise.resolve(1), Promise.reject(2)]);",
      "await Promise.any([Promise.reject(2), 1]);",
    ])
    func oneThatIsHandledInTheSameTurnDoesNot(body: String) throws {
      #expect(try Play("\(body) return 'fine';").outcome() == .completed(#""fine""#))
    }

    @Test func oneThatIsHandledInALaterTurnFails() throws {
      let body = """
          const p = Promise.reject(new Error("late"));
          await ctx.agent({ id: "a" });
          await p.catch(() => {});
        """
      #expect(try Play(body).turns([.resolved("agent:a", "1")]).count == 1)
    }

    @Test func aRejectedOperationThatNobodyAwaitsFailsTheRun() throws {
      let play = Play("ctx.agent({ id: 'a' }); await ctx.agent({ id: 'b' });")
      #expect(
        try play.outcome([.rejected("agent:a", "broken rule")]).failure
          == "Error: broken rule\n    at workflow.ts:3:5")
    }

    @Test func stacksNameFunctionsAndAsynchronousCallers() throws {
      let body = """
          async function outer() { await inner(); }
          async function inner() { await null; fail(); }
          function fail(): never { throw new TypeError("bad"); }
          await outer();
        """
      #expect(
        try Play(body).outcome().failure == """
          TypeError: bad
              at fail (workflow.ts:5:34)
              at inner (workflow.ts:4:40)
              at async outer (workflow.ts:3:28)
              at async workflow.ts:6:3
          """)
    }

    @Test func typesDoNotShiftPositions() throws {
      let body = """
          interface Shape<T> { readonly a: T; b?: string }
          type Both = Shape<number> & { c: 1 };
          const x = { a: 1, c: 1 } as Both satisfies Both; const f = <T,>(v: T): T => v; f<Both>(x); throw new Error(x!.b);
        """
      #expect(try Play(body).outcome().failure.contains("workflow.ts:5:100"))
    }

    @Test(arguments: [
      ("enum Colour { Red }", "enum", "3:"), ("namespace N { export const x = 1; }", "namespace", "3:"),
      ("class P { constructor(private x: number) {} }", "parameter propert", "3:"),
      ("const x = <number>1;", "", "3:"), ("import fs = require('fs');", "", "3:"),
      ("const x = ;", "", "3:"), ("const x = 1\n  const = 2;", "", "4:"), ("const s = 'open;", "", "3:"),
      ("@d class C {}", "", ""), ("return <div/>;", "", ""),
    ])
    func refusedSyntax(body: String, word: String, position: String) throws {
      let reason = try Play(body).outcome().failure
      #expect(reason.hasPrefix("workflow.ts:\(position)") && reason.lowercased().contains(word), "\(reason)")
    }

    @Test(arguments: [
      ("import fs from 'node:fs';\nexport default 1;", "imports `node:fs`"),
      ("import t from '/etc/passwd' with { type: 'text' };\nexport default t;", "imports `/etc/passwd`"),
      ("import { other } from '@flowdex/runtime';\nexport default other;", "other"),
      ("export default 1;", "did not call `workflow`"), ("await 1;", "did not call `workflow`"),
      ("import { workflow } from '@flowdex/runtime';\nworkflow({}, 1 as any);", "not a function"),
      (
        "import { workflow } from '@flowdex/runtime';\nworkflow({ name: 't' }, () => 1); workflow({ name: 't' }, () => 1);",
        "twice"
      ),
      (
        "import { workflow } from '@flowdex/runtime';\nworkflow({ x: undefined }, () => 1);",
        "`/x` is undefined"
      ),
      ("throw new Error('at load');", "Error: at load\n    at workflow.ts:1:7"),
      ("let a; let a;", "workflow.ts:"),
    ])
    func modulesThatAreNoWorkflow(source: String, part: String) throws {
      let reason = try Play(source: source).outcome().failure
      #expect(reason.contains(part), "\(reason)")
    }

    @Test func anotherManifestThanTheApprovedOneFailsAndSchedulesNothing() throws {
      var play = Play("ctx.agent({ id: 'a' }); ctx.log('x');")
      play.manifestHash = Digest.sha256Hex(#"{"name":"u"}"#)
      let turns = try play.turns()
      #expect(turns.count == 1 && turns[0].scheduled.isEmpty && turns[0].logs.isEmpty)
      #expect(turns[0].state.failure.contains("is not the one that was approved"))
    }
  }
}
