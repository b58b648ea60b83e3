// Attempts by way of errors, generators, templates, symbols and species, and what hangs on them.

extension Probe {
  static let objectProbes: [Probe] = [
    Probe(
      #"try { (null as any).x; } catch (e: any) { return e.constructor.constructor('return 1')(); }"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"const e: any = new Error('x'); return e.stack.constructor.constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"Error.prepareStackTrace = (e: any, s: any) => s; return new Error('x').stack;"#,
      #"TypeError: Cannot assign to read only property 'prepareStackTrace' of function 'function E"#),
    Probe(
      #"(Error as any).prepareStackTrace.constructor('return 1')(); return 1;"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"return (Error as any).prepareStackTrace({}, [{ getFileName() { return ctx; } }]).constructor.constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"const o: any = {}; (Error as any).captureStackTrace(o, ctx.now); return o.stack.getThis();"#,
      #"TypeError: o.stack.getThis is not a function"#),
    Probe(
      #"class E extends Error { static prepareStackTrace(e: any, s: any) { return s; } } return (new E('x') as any).stack[0].getFunction();"#,
      #"TypeError: (intermediate value).stack[0].getFunction is not a function"#),
    Probe(
      #"return (new AggregateError([1]) as any).errors.constructor.constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"function f() { return (f as any).caller; } return f();"#,
      #"TypeError: 'caller', 'callee', and 'arguments' properties may not be accessed on strict mo"#),
    Probe(
      #"function f() { return (f as any).arguments; } return f();"#,
      #"TypeError: 'caller', 'callee', and 'arguments' properties may not be accessed on strict mo"#),
    Probe(
      #"function f() { return (arguments as any).callee; } return f();"#,
      #"TypeError: 'caller', 'callee', and 'arguments' properties may not be accessed on strict mo"#),
    Probe(
      #"const e: any = new Error('x', { cause: ctx }); return e.cause.constructor.constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"try { new (Proxy as any)(); } catch (e: any) { return Object.getPrototypeOf(e.constructor).constructor('return 1')(); }"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"try { JSON.parse('{'); } catch (e: any) { return e.constructor.constructor('return 1')(); }"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"try { decodeURIComponent('%'); } catch (e: any) { return e.constructor.constructor('return 1')(); }"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"try { ctx.agent({} as any); } catch (e: any) { return e.constructor.constructor('return 1')(); }"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"try { 'x'.repeat(-1); } catch (e: any) { return e.constructor.constructor('return 1')(); }"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"return (async function* () {} as any).constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"const g: any = (async function* () { yield 1; })(); return g.constructor.constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"const g: any = (function* (): any { yield 1; })(); return Object.getPrototypeOf(Object.getPrototypeOf(g)).constructor.constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"const g: any = (async function* () { yield 1; })(); return g.next().constructor.constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"for await (const x of { [Symbol.asyncIterator]: () => ({ next: () => ({ get done() { return (ctx.log as any).constructor('return 1')(); } }) }) } as any) return x;"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"const AI = Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}.prototype)); AI[Symbol.asyncIterator] = () => 1; return 1;"#,
      #"TypeError: Cannot assign to read only property 'Symbol(Symbol.asyncIterator)' of object '["#),
    Probe(
      #"Object.getPrototypeOf(function* () {}.prototype).next = () => 1; return 1;"#,
      #"TypeError: Cannot assign to read only property 'next' of object '[object Generator]'"#),
    Probe(
      #"return (Iterator as any).constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"(Iterator.prototype as any).map = () => 1; return 1;"#,
      #"TypeError: Cannot assign to read only property 'map' of object '[object Object]'"#),
    Probe(
      #"return (Iterator.from([1]) as any).next.constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"const t: any = (s: any) => s; return t`a`.constructor.constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"const t: any = (s: any) => { s.raw = 1; return s; }; return t`a`;"#,
      #"TypeError: Cannot assign to read only property 'raw' of object '[object Array]'"#),
    Probe(
      #"return (String.raw as any).constructor`return 1`();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"return ((ctx.now as any).constructor)`return 1`;"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"return (Symbol as any).constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"(Symbol.prototype as any)[Symbol.toPrimitive] = () => 1; return 1;"#,
      #"TypeError: Cannot assign to read only property 'Symbol(Symbol.toPrimitive)' of object '[ob"#),
    Probe(
      #"return `${{ [Symbol.toPrimitive]: () => ({}) } as any}`;"#,
      #"TypeError: Cannot convert object to primitive value"#),
    Probe(
      #"return (Object.prototype as any)[Symbol.for('Deno.internal')].core;"#,
      #"TypeError: Cannot read properties of undefined (reading 'core')"#),
    Probe(
      #"return (globalThis as any)[Symbol.for('Deno.customInspect')].x;"#,
      #"TypeError: Cannot read properties of undefined (reading 'x')"#),
    Probe(
      #"const s: any = (globalThis as any)[Symbol.for('nodejs.vm')] ; return s.x;"#,
      #"TypeError: Cannot read properties of undefined (reading 'x')"#),
    Probe(
      #"(Array as any)[Symbol.species] = Function; return 1;"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"return (Array as any)[Symbol.species].constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"Object.defineProperty(Array.prototype, Symbol.iterator, { value: () => 1 }); return 1;"#,
      #"TypeError: Cannot redefine property: Symbol(Symbol.iterator)"#),
    Probe(
      #"Object.defineProperty(RegExp, Symbol.species, { get: () => Function }); return 1;"#,
      #"TypeError: Cannot redefine property: Symbol(Symbol.species)"#),
    Probe(
      #"(Map.prototype as any)[Symbol.iterator] = 1; return 1;"#,
      #"TypeError: Cannot assign to read only property 'Symbol(Symbol.iterator)' of object '[objec"#),
    Probe(
      #"Object.defineProperty(Function.prototype, Symbol.hasInstance, { value: () => true }); return 1;"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"const a: any = [1]; a.constructor = { [Symbol.species]: function () { return Object.prototype; } }; return a.map(() => 1);"#,
      #"TypeError: Cannot assign to read only property 'constructor' of object '[object Array]'"#),
    Probe(
      #"const a: any = [1]; a.constructor = { [Symbol.species]: (ctx.now as any).constructor }; return a.map((x: any) => x);"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"class B extends ArrayBuffer { static get [Symbol.species]() { return Array as any; } } return new B(8).slice(0);"#,
      #"TypeError: Method ArrayBuffer.prototype.slice called on incompatible receiver [object Arra"#),
    Probe(
      #"class T extends Uint8Array { static get [Symbol.species]() { return Array as any; } } return new T(8).subarray(0);"#,
      #"TypeError: Method %TypedArray%.prototype.subarray called on incompatible receiver [object "#),
    Probe(
      #"class R extends RegExp { exec(): any { return (ctx.now as any).constructor('return 1')(); } } return new R('a').test('a');"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"return 'a'.replace(/a/, (ctx.now as any).constructor);"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"return [1].map((ctx.now as any).constructor);"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"return [3, 1].sort((globalThis as any).eval);"#,
      #"ReferenceError: `eval` is not there in a workflow"#),
    Probe(
      #"return JSON.parse('[1]', (globalThis as any).Function);"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"return JSON.stringify({}, (globalThis as any).eval);"#,
      #"ReferenceError: `eval` is not there in a workflow"#),
    Probe(
      #"return Reflect.apply((globalThis as any).eval, null, ['1']);"#,
      #"ReferenceError: `eval` is not there in a workflow"#),
    Probe(
      #"return Reflect.construct((globalThis as any).Function, ['return 1']);"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"(Object.prototype as any).toJSON = () => ({ id: 'evil' }); return 1;"#,
      #"TypeError: Cannot add property toJSON, object is not extensible"#),
    Probe(
      #"(JSON as any).rawJSON = () => 1; return 1;"#,
      #"TypeError: Cannot assign to read only property 'rawJSON' of object '[object JSON]'"#),
    Probe(
      #"return JSON.parse('{"__proto__":{"polluted":1}}').polluted.x;"#,
      #"TypeError: Cannot read properties of undefined (reading 'x')"#),
    Probe(
      #"Object.assign({}, JSON.parse('{"__proto__":{"polluted":1}}')); return ({} as any).polluted.x;"#,
      #"TypeError: Cannot read properties of undefined (reading 'x')"#),
    Probe(
      #"const f: any = (o: any, p: any) => { for (const k in p) { if (typeof p[k] === 'object') f(o[k], p[k]); else o[k] = p[k]; } }; f({}, JSON.parse('{"__proto__":{"polluted":1}}')); return ({} as any).polluted;"#,
      #"TypeError: Cannot add property polluted, object is not extensible"#),
    Probe(
      #"const f: any = (o: any, p: any) => { for (const k in p) { if (typeof p[k] === 'object') f(o[k], p[k]); else o[k] = p[k]; } }; f({}, JSON.parse('{"constructor":{"prototype":{"polluted":1}}}')); return ({} as any).polluted;"#,
      #"TypeError: Cannot add property polluted, object is not extensible"#),
    Probe(
      #"(ctx.input as any).x = 1; return 1;"#,
      #"TypeError: Cannot add property x, object is not extensible"#),
    Probe(
      #"Object.defineProperty(ctx.input, 'x', { value: 1 }); return 1;"#,
      #"TypeError: Cannot define property x, object is not extensible"#),
    Probe(
      #"Object.setPrototypeOf(ctx.input as any, null); return 1;"#,
      #"TypeError: [object Object] is not extensible"#),
    Probe(
      #"delete (ctx as any).now; return 1;"#,
      #"TypeError: Cannot delete property 'now' of [object Object]"#),
    Probe(
      #"(ctx as any).input = {}; return 1;"#,
      #"TypeError: Cannot assign to read only property 'input' of object '[object Object]'"#),
    Probe(
      #"return (ctx.input as any).constructor.constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"return (ctx as any).__proto__.constructor.constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"return (ctx.now as any).__proto__.constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"return (ctx as any).__defineGetter__('now', () => 1);"#,
      #"TypeError: Cannot redefine property: now"#),
    Probe(
      #"return (ctx.agent as any).bind(null).constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(#"return new (ctx.agent as any)({ id: 'n' });"#, #"TypeError: ctx.agent is not a constructor"#),
    Probe(
      #"return (ctx.agent as any).call(ctx, { id: '' });"#,
      #"TypeError: ctx.agent: `id` is missing or not a string"#),
    Probe(
      #"return (ctx.agent as any).prototype.x;"#,
      #"TypeError: Cannot read properties of undefined (reading 'x')"#),
    Probe(
      #"return (workflow as any).constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"return workflow({ name: 't' } as any, async () => 1);"#,
      #"TypeError: `workflow` was called twice"#),
    Probe(
      #"return (workflow as any)({ name: 'u' }, async () => 1);"#,
      #"TypeError: `workflow` was called twice"#),
  ]
}
