// Attacks on what a session may use. Each ends in the error of a limit, or in one of the engine's own.

import QueueRunner

@testable import Runtime

extension RunProbe {
  /// Ticks that never come to an end, each by another way around the loop.
  static let endless: [RunProbe] = [
    "return /^(a|aa)+$/.test('a'.repeat(60) + '!');", "[3, 1, 2].sort(() => { for (;;) {} });",
    "'x'.replace(/x/, () => { for (;;) {} });", "JSON.stringify({ toJSON() { for (;;) {} } });",
    "JSON.parse('[1]', () => { for (;;) {} });", "return `${{ toString() { for (;;) {} } } as any}`;",
    "for (const x of { [Symbol.iterator]: () => ({ next: () => ({ done: false, value: 1 }) }) } as any) {}",
    "for await (const x of (async function* () { for (;;) yield 1; })()) {}",
    "const t: any = { then(r: any) { r(t); } }; await t;",
    "const t: any = { then(r: any) { r(t); } }; return t;",
    "return 1 in (new Proxy({}, { has() { for (;;) {} } }) as any);", "class A { static { for (;;) {} } }",
    "label: for (;;) { continue label; }", "try { for (;;) {} } finally { return 1; }",
    "await ctx.agent(new Proxy({ id: 'a' }, { ownKeys() { for (;;) {} } }));",
    "ctx.report([new Proxy({}, { getPrototypeOf() { for (;;) {} } })] as any);",
    "return new Array(2 ** 32 - 1).indexOf(1);",
    "const a: any[] = []; a.length = 2 ** 32 - 1; for (const x of a) {}",
  ].map { RunProbe($0, .passes(["tickCpuMs"])) }

  /// Memory in the heap and beside it.
  static let greedy: [RunProbe] = [
    "const m = new Map(); for (let i = 0; ; i++) m.set(i, [i]);",
    "for (let i = 0, a: any = null; ; i++) a = { a, i };",
    "return [...(function* () { for (;;) yield 1; })()];", "return 'x'.repeat(2 ** 28).split('');",
    "const a: any[] = []; for (;;) { const b: any = new (ArrayBuffer as any)(1 << 20, "
      + "{ maxByteLength: 1 << 26 }); b.resize(1 << 26); new Uint8Array(b).fill(1); a.push(b); }",
    "new (ArrayBuffer as any)(8, { maxByteLength: 2 ** 52 }); return 'went on';",
    "const a: any[] = []; for (;;) a.push(BigInt('0x' + 'f'.repeat(1 << 20)));",
    "for (let i = 0; ; i++) ctx.agent({ id: String(i) });", "for (let i = 0; ; i++) Promise.reject(i);",
  ].map { RunProbe($0, .passes(["memoryMiB"])) }

  /// Stacks, and lengths that the engine has no room for.
  static let tooMuch: [RunProbe] =
    [
      "const g: any = { get a(): any { return this.a; } }; return g.a;",
      "const t: any = { toString() { return '' + this; } }; return '' + t;",
      "return (new Proxy({}, { get(_t, k, r) { return r[k]; } }) as any).x;",
      "let s: any = new Proxy({}, {}); for (let i = 0; i < 50000; i++) s = new Proxy(s, {}); return s.x;",
      "let f = () => 1; for (let i = 0; i < 20000; i++) { const g = f; f = () => g(); } return f();",
      "const a: any[] = []; a[0] = a; return a.flat(Infinity);",
      "class A extends Promise<any> { constructor(e: any) { super(e); new A(e); } } return new A(() => {});",
      "return [...({ *[Symbol.iterator](): any { yield* this; } } as any)];",
    ].map { RunProbe($0, .fails("nest too deep")) }
    + [
      "return 'a'.repeat(100000).replace(/a/g, 'x'.repeat(100000)).length;",
      "return new Array(1e6).fill('x'.repeat(1e4)).join('').length;",
      "let s = 'ab'; for (;;) s += s;",
    ].map { RunProbe($0, .fails("Invalid string length")) }
}
