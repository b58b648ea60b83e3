// Attempts by way of values that fight being read, and promises that are not what they seem.

extension Probe {
  static let valueProbes: [Probe] = [
    Probe(
      #"const t: any = { then(r: any) { return this.then.constructor('return this')(); } }; return await t;"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"const t: any = { then(resolve: any) { resolve.constructor('return Deno')(); } }; return await t;"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"const t: any = { then(_: any, reject: any) { reject.constructor.constructor('return 1')(); } }; return await t;"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"return await new Promise((resolve: any) => resolve({ get then() { return (ctx.now as any).constructor('return 1'); } }));"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"let f: any; await { then(r: any) { f = r; r(1); } } as any; return f.constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"return await Promise.resolve().then(function (this: any) { return this.Deno; });"#,
      #"TypeError: Cannot read properties of undefined (reading 'Deno')"#),
    Probe(
      #"return (Promise.resolve(1).then as any).constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"return (Promise as any).constructor('return globalThis')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"const p: any = ctx.agent({ id: 'x1', phase: 'p', prompt: 'p' }); return p.constructor.constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"const p: any = ctx.agent({ id: 'x2' }); return p.then.call({ constructor: { [Symbol.species]: Function } }, () => 1);"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"const p: any = ctx.agent({ id: 'x3' }); p.then = 1; p.constructor = { [Symbol.species]: function (f: any) { return f.constructor('return 1')(); } }; return p.then(() => 1);"#,
      #"TypeError: Cannot assign to read only property 'then' of object '[object Promise]'"#),
    Probe(
      #"const p: any = Promise.resolve(1); p.constructor = { [Symbol.species]: function (f: any) { return f.constructor('return 1')(); } }; return p.then(() => 1);"#,
      #"TypeError: Cannot assign to read only property 'constructor' of object '[object Promise]'"#),
    Probe(
      #"return Promise.prototype.then.call(Promise.resolve(), null).constructor.constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"return (Promise.withResolvers() as any).resolve.constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"return ctx.agent(new Proxy({ id: 'y1' }, { getOwnPropertyDescriptor(t: any, k: any) { return ((t as any).hasOwnProperty.constructor as any)('return 1')(); } }));"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"return ctx.agent(new Proxy({ id: 'y2' }, { getPrototypeOf() { return null; }, ownKeys() { return ['id', 'missing']; } }));"#,
      #"TypeError: `/missing` is undefined (a hole)"#),
    Probe(
      #"return ctx.agent(new Proxy({}, { ownKeys() { return ['id']; }, getOwnPropertyDescriptor() { return { get() { return 1; }, configurable: true, enumerable: true }; } }));"#,
      #"TypeError: `/id` is an accessor"#),
    Probe(
      #"return ctx.agent({ get id() { return (arguments as any).callee.caller; } } as any);"#,
      #"TypeError: `/id` is an accessor"#),
    Probe(
      #"return ctx.agent({ id: { toString() { return 'y3'; } } } as any);"#,
      #"TypeError: `/id/toString` is a function"#),
    Probe(
      #"return ctx.agent({ id: new String('y4') } as any);"#,
      #"TypeError: `/id` is an instance of a class"#),
    Probe(
      #"return ctx.agent({ id: 'y5', toJSON() { return { id: 'other' }; } } as any);"#,
      #"TypeError: `/toJSON` is a function"#),
    Probe(
      #"return ctx.agent({ __proto__: { id: 'y6' } } as any);"#,
      #"TypeError: the value is an instance of a class"#),
    Probe(
      #"return ctx.agent(Object.create({ id: 'y7' }));"#,
      #"TypeError: the value is an instance of a class"#),
    Probe(
      #"return ctx.agent([['id', 'y8']] as any);"#,
      #"TypeError: ctx.agent: `id` is missing or not a string"#),
    Probe(
      #"return ctx.agent(new Proxy([], { get() { throw ctx; } }) as any);"#,
      #"TypeError: ctx.agent: `id` is missing or not a string"#),
    Probe(
      #"const r = Proxy.revocable({ id: 'y9' }, {}); r.revoke(); return ctx.agent(r.proxy as any);"#,
      #"TypeError: Cannot perform 'IsArray' on a proxy that has been revoked"#),
    Probe(
      #"return ctx.log(new Proxy({}, { ownKeys() { return (ctx as any).constructor.constructor('return 1')(); } }) as any);"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(
      #"return ctx.claim({ id: 'c', get text() { return 'x'; } } as any);"#,
      #"TypeError: `/text` is an accessor"#),
    Probe(#"return ctx.claim({ id: Symbol('c') } as any);"#, #"TypeError: `/id` is a symbol"#),
    Probe(
      #"return ctx.claim(new Map([['id', 'c']]) as any);"#,
      #"TypeError: the value is an instance of a class"#),
    Probe(#"return ctx.report(new Date(0));"#, #"ReferenceError: `Date` is not there in a workflow"#),
    Probe(#"return ctx.report({ a: 1n } as any);"#, #"TypeError: `/a` is a bigint"#),
    Probe(#"return ctx.report({ a: undefined } as any);"#, #"TypeError: `/a` is undefined"#),
    Probe(#"const a: any = {}; a.a = a; return ctx.report(a);"#, #"TypeError: `/a` is part of a cycle"#),
    Probe(#"return ctx.report({ a: NaN } as any);"#, #"TypeError: `/a` is NaN"#),
    Probe(#"return ctx.report({ a: () => 1 } as any);"#, #"TypeError: `/a` is a function"#),
    Probe(
      #"return ctx.report({ [Symbol.toStringTag]: 'x' } as any);"#,
      #"TypeError: the value is an object with the key `Symbol(Symbol.toStringTag)`"#),
    Probe(
      #"return ctx.report(new (class { a = 1 })() as any);"#,
      #"TypeError: the value is an instance of a class"#),
    Probe(
      #"return ctx.report(Object.defineProperty({}, 'a', { value: 1 }) as any);"#,
      #"TypeError: `/a` is not enumerable"#),
    Probe(
      #"const a: any = [1]; a.extra = 1; return ctx.report(a);"#,
      #"TypeError: the value is an array with the member `extra`"#),
    Probe(#"return ctx.report([1, , 2] as any);"#, #"TypeError: `/1` is undefined (a hole)"#),
    Probe(#"return ctx.report('\ud800');"#, #"TypeError: the value is a string with a lone surrogate"#),
    Probe(#"return ctx.report({ '\udfff': 1 } as any);"#, #"TypeError: "#),
    Probe(
      #"let d: any = 1; for (let i = 0; i < 200; i++) d = [d]; return ctx.report(d);"#,
      #"TypeError: `/0/0/0"#),
    Probe(
      #"return ctx.report(Array.from({ length: 5 }, () => Object.create({ toJSON: () => 1 })) as any);"#,
      #"TypeError: `/0` is an instance of a class"#),
    Probe(
      #"return ctx.report(new Uint8Array(4) as any);"#,
      #"TypeError: the value is an instance of a class"#),
    Probe(#"return ctx.report(new Error('x') as any);"#, #"TypeError: the value is an instance of a class"#),
    Probe(
      #"return ctx.report(Promise.resolve(1) as any);"#,
      #"TypeError: the value is an instance of a class"#),
    Probe(#"return ctx.report(Object(1n) as any);"#, #"TypeError: the value is an instance of a class"#),
  ]
}
