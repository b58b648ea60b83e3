// Sources that are more than a workflow, or look like something else. The scanner refuses most of them before
// any session; these tests play them all the same.

extension RunProbe {
  private static let start = "import { workflow } from '@flowdex/runtime';\n"

  /// The wrapper is closed early, and opened again.
  private static func outside(_ text: String, _ end: ProbeEnd) -> RunProbe {
    RunProbe("});\n\(text)\n(() => {", end)
  }

  private static func whole(_ text: String, _ end: ProbeEnd) -> RunProbe {
    RunProbe(source: start + text, end)
  }

  static let endedEarly: [RunProbe] = [
    outside("Deno.readTextFileSync('/etc/passwd');", .fails("`Deno` is not there")),
    outside("import fs from 'node:fs';", .fails("imports `node:fs`")),
    outside("export * from 'data:text/javascript,1';", .fails("imports `data:text/javascript,1`")),
    outside("export { default as x } from 'file:///etc/passwd';", .fails("imports `file:///etc/passwd`")),
    outside(
      "import { workflow as w } from '@flowdex/runtime' with { type: 'json' };",
      .fails("imports `@flowdex/runtime`")),
    outside("import 'npm:left-pad';", .fails("imports `npm:left-pad`")),
    outside("import source x from 'x.wasm';", .fails("imports `x.wasm`")),
    outside("import defer * as y from 'node:fs';", .fails("imports `node:fs`")),
    outside(
      "import * as all from '@flowdex/runtime'; (all as any).workflow = 1;",
      .fails("Cannot assign to property 'workflow'")),
    outside("export default 1;", .fails("already been declared")),
    outside("for (;;) await null;", .passes(["tickCpuMs"])),
    outside("throw { get stack() { return 1; } };", .fails("cannot be shown")),
    outside(
      "throw new Proxy(new Error('x'), { get() { throw 1; }, getPrototypeOf() { throw 2; } });",
      .fails("cannot be shown")),
    outside("(globalThis as any).leak = 1;", .fails("not extensible")),
    outside("var Deno = 1, process = 2; let fetch = 3;", .completes("null")),
    outside("Object.prototype.then = (r: any) => r('taken over');", .fails("not extensible")),
    outside("class A { static { (Array.prototype as any).push = null; } }", .fails("read only")),
  ]

  static let texts: [RunProbe] = [
    RunProbe(source: "\u{feff}" + Play("return 'bom';").source, .completes(#""bom""#)),
    RunProbe(source: "#!/usr/bin/env deno\n" + Play("return 1;").source, .completes("1")),
    RunProbe(
      source: Play("throw new Error('crlf');").source.replacing("\n", with: "\r\n"),
      .fails("Error: crlf\n    at workflow.ts:3:7")),
    RunProbe("// hidden\u{2028}throw new Error('after it');", .fails("Error: after it")),
    RunProbe("// hidden\u{2029}throw new Error('after it');", .fails("Error: after it")),
    RunProbe("// hidden\rthrow new Error('after it');", .fails("Error: after it")),
    RunProbe("return 'a\u{2028}b'.length;", .completes("3")),
    RunProbe("return 'a\0b'.length;", .completes("3")), RunProbe("\0", .fails("workflow.ts:3:1")),
    RunProbe("<!-- x\nreturn 1;", .fails("yntax error")), RunProbe("with ({}) {}", .fails("yntax error")),
    RunProbe("super.x;", .fails("'super'")), RunProbe("new.target;", .fails("new.target")),
    RunProbe("arguments = 1 as any;", .fails("strict mode")),
    RunProbe("return arguments.length;", .fails("arguments is not defined")),
    RunProbe(#"return \u0065val('1');"#, .fails("`eval` is not there")),
    RunProbe("//# sourceMappingURL=file:///etc/passwd\nreturn 1;", .completes("1")),
    RunProbe(
      "/// <reference path='/etc/passwd' />\n// @deno-types='/etc/passwd'\nreturn 1;", .completes("1")),
    RunProbe("debugger; return 1;", .completes("1")),
    RunProbe("/* !\0\0\0\(String(repeating: "a", count: 32))t */ return 1;", .completes("1")),
    RunProbe(
      #"return '!\u0000\u0000\u0000' + 'a'.repeat(32) + 't';"#,
      .completes(#""!\u0000\u0000\u0000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaat""#)),
    RunProbe(#"throw new Error('!\u0000\u0000\u0000' + 'a'.repeat(32) + 'tcompleted');"#, .fails("Error: !")),
    RunProbe(#"await ctx.agent({ id: 'a\u0000tcompleted' });"#, .waits),
    RunProbe("/* \(String(repeating: "x", count: 5 << 20)) */ return 'large';", .completes(#""large""#)),
    RunProbe("return '\(String(repeating: "x", count: 5 << 20))'.length;", .completes("5242880")),
    // The parser is native and has no limit of its own. The scanner refuses such depths.
    RunProbe(
      "return \(String(repeating: "[", count: 20000))\(String(repeating: "]", count: 20000));", .dies),
  ]

  static let registrations: [RunProbe] = [
    whole(
      "export default workflow({ name: 't' }, new Proxy(async () => 1, { apply(_t: any, _s: any, args: any) "
        + "{ return args[0].constructor.constructor('return 1')(); } }));", .fails("`Function` is not there")),
    whole(
      "export default workflow({ name: 't' }, class { constructor() { Deno.exit(); } } as any);",
      .fails("Class constructors")),
    whole("export default workflow({ name: 't' }, function* () { yield 1; } as any);", .fails("not JSON")),
    whole("export default workflow({ name: 't' }, (() => ({ then() {} })) as any);", .waits),
    whole("export default workflow({ get name() { return 't'; } } as any, () => 1);", .fails("an accessor")),
    whole(
      "export default workflow(new Proxy({ name: 't' }, { getOwnPropertyDescriptor() { return { value: 'u', "
        + "writable: true, enumerable: true, configurable: true }; } }) as any, () => 1);",
      .fails("is not the one that was approved")),
    whole(
      "export default workflow({ name: 't', toJSON() { return { name: 't' }; } } as any, () => 1);",
      .fails("`/toJSON` is a function")),
    whole("export default workflow({ name: 't', [Symbol('x')]: 1 } as any, () => 1);", .fails("Symbol(x)")),
    whole("export default workflow({ name: 'u' }, () => 1);", .fails("is not the one that was approved")),
    whole("export default workflow({ name: 't' }, { call() {} } as any);", .fails("is not a function")),
  ]

  static let returns: [RunProbe] = [
    RunProbe("return { toJSON() { return 1; } };", .fails("`/toJSON` is a function")),
    RunProbe("return 1n;", .fails("a bigint")), RunProbe("return Symbol('s');", .fails("a symbol")),
    RunProbe("const c: any = []; c.push({ c }); return c;", .fails("`/0/c` is part of a cycle")),
    RunProbe("return ctx;", .fails("`/agent` is a function")),
    RunProbe("return globalThis;", .fails("not JSON")),
    RunProbe("return -0;", .completes("0")), RunProbe("return Infinity;", .fails("is Infinity")),
    RunProbe("return { then: 1 };", .completes(#"{"then":1}"#)),
    RunProbe(
      "return { then(r: any, j: any) { r('first'); r('second'); j(1); throw 2; } };", .completes(#""first""#)),
    RunProbe("return { then() { throw { toString() { throw 1; } }; } };", .fails("cannot be shown")),
    RunProbe("const a: any = []; a.length = 4294967295; return a;", .fails("`/0` is undefined (a hole)")),
    RunProbe(
      "let d: any = []; for (let i = 0; i < 100000; i++) d = [d]; return d;", .fails("deeper than 128")),
    RunProbe(
      "return JSON.parse('['.repeat(50000) + ']'.repeat(50000));", .fails("deeper than 128")),
    RunProbe("const e: any = new Error('x'); e.stack = 'y'.repeat(10 << 20); throw e;", .fails("yyyy")),
    RunProbe(
      "const e: any = new AggregateError([1], 'm'); e.cause = e; e.errors = [e]; throw e;",
      .fails("AggregateError: m")),
    RunProbe("throw Object.create(null);", .fails("{}")),
    RunProbe("throw { get stack(): any { return this.stack; } };", .fails("cannot be shown")),
    RunProbe("throw new (new Proxy(class {}, {}) as any)();", .fails("cannot be shown")),
  ]
}
