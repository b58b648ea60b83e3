// The sandbox, shown by probes: each workflow tries one thing and must fail closed.

import QueueRunner
import Testing

@testable import Runtime

extension SessionTests {
  @Suite struct Sandbox {
    @Test(arguments: [
      ("Date", "ctx.now()"), ("performance", "ctx.now()"), ("Temporal", "ctx.now()"), ("crypto", "ctx.input"),
      ("Math.random", "ctx.input"), ("setTimeout", "await an operation"),
      ("setInterval", "await an operation"),
      ("setImmediate", "await an operation"), ("queueMicrotask", "Promise.resolve()"),
      ("fetch", "ctx.hostCommand"),
      ("Deno", "ctx.hostCommand"), ("process", "ctx.hostCommand"), ("require", "ctx.hostCommand"),
      ("Buffer", "ctx.hostCommand"), ("WebSocket", "ctx.hostCommand"), ("Worker", "ctx.hostCommand"),
      ("localStorage", "ctx.hostCommand"), ("caches", "ctx.hostCommand"), ("navigator", "ctx.hostCommand"),
      ("console", "ctx.log"), ("eval", "never made from text"), ("Function", "never made from text"),
      ("WebAssembly", "never made from text"), ("Intl", "locale"), ("SharedArrayBuffer", "one thread"),
      ("Atomics", "one thread"), ("WeakRef", "garbage"), ("FinalizationRegistry", "garbage"),
      ("global", "globalThis"), ("window", "globalThis"), ("self", "globalThis"),
      ("'a'.localeCompare", "locale"), ("(1).toLocaleString", "locale"), ("[].toLocaleString", "locale"),
      ("'a'.toLocaleUpperCase", "locale"), ("1n.toLocaleString", "locale"),
      ("(() => 1).constructor", "never made from text"),
      ("(async () => 1).constructor", "never made from text"),
      ("(function* () {}).constructor", "never made from text"),
      ("(class {}).constructor", "never made from text"),
      ("(async function* () {}).constructor", "never made from text"),
      ("ctx.agent.constructor", "never made from text"),
      ("Object.getPrototypeOf(async () => 1).constructor", "never made from text"),
      ("Reflect.get(Object.constructor, 'x')", "never made from text"),
    ])
    func whatIsNotThereNamesTheDurableWay(expression: String, hint: String) throws {
      let reason = try Play("return typeof (\(expression));").outcome().failure
      #expect(reason.hasPrefix("ReferenceError: `") && reason.contains(hint), "\(reason)")
      #expect(reason.contains("workflow.ts:3:"), "\(reason)")
    }

    /// What a context has by itself and nobody named is not there either.
    @Test func theGlobalObjectHoldsOnlyTheLanguage() throws {
      let play = Play(
        """
          return Reflect.ownKeys(globalThis).filter((key) => {
            try { return (globalThis as any)[key] !== undefined; } catch { return false; }
          }).map(String).sort();
        """)
      guard case .completed(let text) = try play.outcome() else {
        Issue.record("not completed")
        return
      }
      let names = Set(try JSONValue(parsing: text).array?.compactMap(\.string) ?? [])
      let known: Set<String> = [
        "AggregateError", "Array", "ArrayBuffer", "AsyncDisposableStack", "BigInt", "BigInt64Array",
        "BigUint64Array", "Boolean", "DataView", "DisposableStack", "Error", "EvalError", "Float16Array",
        "Float32Array", "Float64Array", "Infinity", "Int16Array", "Int32Array", "Int8Array", "Iterator",
        "JSON",
        "Map", "Math", "NaN", "Number", "Object", "Promise", "Proxy", "RangeError", "ReferenceError",
        "Reflect",
        "RegExp", "Set", "String", "SuppressedError", "Symbol", "SyntaxError", "TypeError", "URIError",
        "Uint16Array", "Uint32Array", "Uint8Array", "Uint8ClampedArray", "WeakMap", "WeakSet", "decodeURI",
        "decodeURIComponent", "encodeURI", "encodeURIComponent", "escape", "globalThis", "isFinite", "isNaN",
        "parseFloat", "parseInt", "unescape",
      ]
      #expect(names == known)
    }

    /// Each expression gives true only if the attempt was of no use.
    @Test(arguments: [
      "refused(() => { (Object.prototype as any).polluted = 1; })",
      "refused(() => { (Array.prototype as any).push = () => 1; })",
      "refused(() => { (Map.prototype as any).get = () => 1; })",
      "refused(() => { (Promise.prototype as any).then = () => 1; })",
      "refused(() => { (JSON as any).stringify = () => '{}'; })",
      "refused(() => { (globalThis as any).leak = 1; })", "refused(() => { (globalThis as any).JSON = 1; })",
      "refused(() => { (Error as any).prepareStackTrace = () => 1; })",
      "refused(() => { Object.defineProperty(Error, 'prepareStackTrace', { value: 1 }); })",
      "refused(() => { (Error as any).stackTraceLimit = 100; })",
      "refused(() => { (ctx as any).now = () => 1; })", "refused(() => { (ctx.agent as any).x = 1; })",
      "refused(() => { Object.setPrototypeOf(ctx, {}); })",
      "refused(() => { Object.setPrototypeOf(Array.prototype, {}); })",
      "refused(() => { Object.defineProperty(Object.prototype, 'then', { get() { return 1; } }); })",
      "refused(() => { ({} as any).__proto__.x = 1; })",
      "refused(() => { ({} as any).constructor.prototype.x = 1; })",
      "refused(() => { (Object.getPrototypeOf(function* () {}) as any).x = 1; })",
      "refused(() => { Object.getPrototypeOf([].values()).next = () => 1; })",
      "refused(() => { (RegExp.prototype as any).test = () => true; })",
      "refused(() => { (new Map().entries() as any).__proto__.next = () => 1; })",
      "refused(() => { (0, (globalThis as any).eval)('1'); })",
      "refused(() => Reflect.construct(Object.getPrototypeOf(async () => 1).constructor, ['return 1']))",
      "refused(() => (ctx.now as any).constructor('return this')())",
      "refused(() => Object.getOwnPropertyDescriptor(Object.getPrototypeOf(() => 1), 'constructor')!.get!())",
      "refused(() => { Object.getOwnPropertyDescriptor(Object.prototype, 'toString')!.set!.call(Object.prototype, 1); })",
      "Object.getPrototypeOf(ctx) === Object.prototype",
      "Object.getPrototypeOf(ctx.agent) === Object.getPrototypeOf(() => 1)",
      "Object.getPrototypeOf(globalThis) === Object.prototype || Object.getPrototypeOf(Object.getPrototypeOf(globalThis)) === Object.prototype",
      "ctx.agent({ id: 'x' }).constructor === Promise",
      "Object.getPrototypeOf(ctx.input) === Object.prototype",
      "!new Error('x').stack!.includes('context.js') && !new Error('x').stack!.includes('data:')",
      "(() => { try { (ctx as any).agent(); } catch (e: any) { return !e.stack.includes('.js') && e.constructor === TypeError; } })()",
      "(() => { try { (null as any).x; } catch (e: any) { return e.constructor === TypeError; } })()",
      "(() => { try { JSON.parse('{'); } catch (e: any) { return e.constructor === SyntaxError; } })()",
      "!String(ctx.agent).includes('secret')",
      "(arguments_ => arguments_ === undefined)((function (this: any) { return this; })())",
      "Symbol.for('nodejs.util.inspect.custom') !== undefined", "refused(() => (ctx.agent as any).caller)",
      "(() => { const f: any = (e: any, s: any) => s; try { Error.captureStackTrace({}); } catch {} return !Array.isArray(f(1, new Error().stack)); })()",
      "new Uint8Array(4).slice(1).constructor === Uint8Array && new Uint8Array(4) instanceof Uint8Array",
      "Object.keys(new (class Foo extends Error { constructor() { super('m'); this.name = 'Foo'; } })()).includes('name')",
      "(() => { const o: any = {}; o.toString = () => 'mine'; o.constructor = 1; return String(o) === 'mine' && o.constructor === 1; })()",
    ])
    func attemptsOfNoUse(expression: String) throws {
      let play = Play(
        """
          const refused = (f: () => unknown) => { try { f(); return false; } catch (e) { return e instanceof Error; } };
          return \(expression);
        """)
      #expect(try play.outcome() == .completed("true"))
    }

    /// A stack that the workflow words itself, and values that fight being shown, end the run and nothing
    /// else.
    @Test(arguments: [
      ("throw null;", "null"), ("throw undefined;", "undefined"), ("throw 'text';", "text"),
      ("throw { a: 1 };", #"{"a":1}"#),
      ("throw Symbol('s');", "Symbol(s)"),
      ("throw new Proxy({}, { get() { throw 1; } });", "cannot be shown"),
      ("throw { get stack() { throw 1; } };", "cannot be shown"), ("throw new Map();", "cannot be shown"),
      ("let n = 0; throw { get stack() { return n++ ? { slice: 1 } : 'first'; } };", "first"),
      ("const e: any = new Error('x'); e.stack = 'forged'; throw e;", "forged"),
      ("throw Object.assign(new Error('m'), { message: { toString() { throw 1; } } });", "Error"),
      ("throw new Error('x'.repeat(100000));", "xxxx"), ("throw new Error('\\ud800');", "\u{fffd}"),
      ("return new Proxy({}, { ownKeys() { throw { get message() { throw 1; } }; } });", "not JSON"),
    ])
    func hostileThrows(body: String, part: String) throws {
      let reason = try Play(body).outcome().failure
      #expect(reason.contains(part) && reason.utf8.count < 70_000, "\(reason.prefix(200))")
    }

    /// The scanner refuses these in the text; the session refuses them again.
    @Test(arguments: [
      "await import('node:fs');", "const n: any = 'node:' + 'fs'; await import(n);",
      "await import('data:text/javascript,1');",
      "await import('/etc/passwd', { with: { type: 'text' } });", "await import('@flowdex/runtime');",
    ])
    func dynamicImportsReachNothing(body: String) throws {
      let reason = try Play("\(body) return 'imported';").outcome().failure
      #expect(reason.contains("import"), "\(reason)")
    }

    @Test func theErrorOfARefusedImportIsTheContextsOwn() throws {
      let body = """
          const p = import("node:fs");
          const e: any = await p.catch((e) => e);
          return [p instanceof Promise, e instanceof Error, Object.getPrototypeOf(e) === e.constructor.prototype];
        """
      #expect(try Play(body).outcome() == .completed("[true,true,true]"))
    }

    @Test func importMetaIsEmpty() throws {
      let body = "const m: any = import.meta; return [Reflect.ownKeys(m), Object.getPrototypeOf(m)];"
      #expect(try Play(body).outcome() == .completed("[[],null]"))
    }

    /// Text that looks like a frame is only text.
    @Test func forgedFramesAreTexts() throws {
      let body = #"""
          ctx.log("\u0000\u0000\u0000\u0021" + "a".repeat(32) + "t");
          ctx.log("oagent"); ctx.log("c{}");
          ctx.agent({ id: "suspended", prompt: "completed" });
        """#
      let turn = try Play(body).turns()[0]
      #expect(turn.logs == ["\0\0\0!" + String(repeating: "a", count: 32) + "t", "oagent", "c{}"])
      #expect(turn.scheduled.count == 1 && turn.claims.isEmpty)
    }
  }
}
