// Attempts by way of names of a host, and modules.

extension Probe {
  static let nameProbes: [Probe] = [
    Probe(
      #"return (globalThis as any).constructor.constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(#"return (0, eval)('1');"#, #"ReferenceError: `eval` is not there in a workflow"#),
    Probe(#"return new Function('return 1')();"#, #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(#"return eval('1');"#, #"ReferenceError: `eval` is not there in a workflow"#),
    Probe(#"return setTimeout('1', 0);"#, #"ReferenceError: `setTimeout` is not there in a workflow"#),
    Probe(
      #"return new Worker('data:text/javascript,1');"#,
      #"ReferenceError: `Worker` is not there in a workflow"#),
    Probe(
      #"return new SharedArrayBuffer(1);"#,
      #"ReferenceError: `SharedArrayBuffer` is not there in a workflow"#),
    Probe(
      #"return new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));"#,
      #"ReferenceError: `WebAssembly` is not there in a workflow"#),
    Probe(#"return process.env;"#, #"ReferenceError: `process` is not there in a workflow"#),
    Probe(#"return process.binding('fs');"#, #"ReferenceError: `process` is not there in a workflow"#),
    Probe(#"return require('fs');"#, #"ReferenceError: `require` is not there in a workflow"#),
    Probe(
      #"return Deno.readTextFileSync('/etc/passwd');"#,
      #"ReferenceError: `Deno` is not there in a workflow"#),
    Probe(#"return Deno.env.get('PATH');"#, #"ReferenceError: `Deno` is not there in a workflow"#),
    Probe(#"return new Deno.Command('id');"#, #"ReferenceError: `Deno` is not there in a workflow"#),
    Probe(#"return fetch('http://127.0.0.1/');"#, #"ReferenceError: `fetch` is not there in a workflow"#),
    Probe(
      #"return new WebSocket('ws://127.0.0.1/');"#,
      #"ReferenceError: `WebSocket` is not there in a workflow"#),
    Probe(#"return localStorage.length;"#, #"ReferenceError: `localStorage` is not there in a workflow"#),
    Probe(#"return caches.open('x');"#, #"ReferenceError: `caches` is not there in a workflow"#),
    Probe(#"return crypto.randomUUID();"#, #"ReferenceError: `crypto` is not there in a workflow"#),
    Probe(#"return Date.now();"#, #"ReferenceError: `Date` is not there in a workflow"#),
    Probe(#"return performance.now();"#, #"ReferenceError: `performance` is not there in a workflow"#),
    Probe(#"return Math.random();"#, #"ReferenceError: `Math.random` is not there in a workflow"#),
    Probe(#"return new Intl.DateTimeFormat();"#, #"ReferenceError: `Intl` is not there in a workflow"#),
    Probe(#"return structuredClone({});"#, #"ReferenceError: structuredClone is not defined"#),
    Probe(#"return new TextDecoder();"#, #"ReferenceError: TextDecoder is not defined"#),
    Probe(#"return new URL('file:///etc/passwd');"#, #"ReferenceError: URL is not defined"#),
    Probe(#"return new AbortController();"#, #"ReferenceError: AbortController is not defined"#),
    Probe(
      #"return queueMicrotask(() => {});"#,
      #"ReferenceError: `queueMicrotask` is not there in a workflow"#),
    Probe(#"return reportError(1);"#, #"ReferenceError: reportError is not defined"#),
    Probe(#"return new Blob([]);"#, #"ReferenceError: Blob is not defined"#),
    Probe(#"return atob('YQ==');"#, #"ReferenceError: atob is not defined"#),
    Probe(#"return postMessage(1);"#, #"ReferenceError: postMessage is not defined"#),
    Probe(#"return import.meta.url.x;"#, #"TypeError: Cannot read properties of undefined (reading 'x')"#),
    Probe(#"return __filename;"#, #"ReferenceError: __filename is not defined"#),
    Probe(#"return module;"#, #"ReferenceError: module is not defined"#),
    Probe(#"return secret;"#, #"ReferenceError: secret is not defined"#),
    Probe(#"return api;"#, #"ReferenceError: api is not defined"#),
    Probe(#"return lockdown;"#, #"ReferenceError: lockdown is not defined"#),
    Probe(#"return context;"#, #"ReferenceError: context is not defined"#),
    Probe(#"return vm;"#, #"ReferenceError: vm is not defined"#),
    Probe(
      #"return (import.meta as any).resolve('node:fs');"#,
      #"TypeError: (intermediate value).resolve is not a function"#),
    Probe(
      #"return (import.meta as any).main.x;"#,
      #"TypeError: Cannot read properties of undefined (reading 'x')"#),
    Probe(#"return await import('node:vm');"#, #"TypeError: A dynamic import callback was not specified."#),
    Probe(#"return await import('node:v8');"#, #"TypeError: A dynamic import callback was not specified."#),
    Probe(
      #"return await import('data:application/json,1', { with: { type: 'json' } } as any);"#,
      #"TypeError: A dynamic import callback was not specified."#),
    Probe(
      #"return await import('https://example.invalid/x.js');"#,
      #"TypeError: A dynamic import callback was not specified."#),
    Probe(
      #"return await import('./workflow.ts');"#,
      #"TypeError: A dynamic import callback was not specified."#),
    Probe(
      #"return await import('workflow.ts');"#,
      #"TypeError: A dynamic import callback was not specified."#),
    Probe(
      #"return await import({ toString() { return 'node:fs'; } } as any);"#,
      #"TypeError: A dynamic import callback was not specified."#),
    Probe(
      #"return await import(new Proxy({}, { get() { throw new TypeError('mine'); } }) as any);"#,
      #"TypeError: mine"#),
    Probe(
      #"return await import('npm:left-pad');"#,
      #"TypeError: A dynamic import callback was not specified."#),
    Probe(
      #"return await import('jsr:@std/fs');"#,
      #"TypeError: A dynamic import callback was not specified."#),
    Probe(#"return 'x'.repeat(2 ** 30);"#, #"RangeError: Invalid string length"#),
    Probe(#"return 'x'.padEnd(2 ** 30).length;"#, #"RangeError: Invalid string length"#),
    Probe(
      #"const a: any = []; a[4294967294] = 1; return ctx.report(a);"#,
      #"TypeError: `/0` is undefined (a hole)"#),
    Probe(
      #"const a: any = []; a.length = 4294967295; return ctx.report(a);"#,
      #"TypeError: `/0` is undefined (a hole)"#),
    Probe(#"return new Array(-1);"#, #"RangeError: Invalid array length"#),
    Probe(
      #"return new Array(4294967295).fill(0, 0, 1).flat.constructor('return 1')();"#,
      #"ReferenceError: `Function` is not there in a workflow"#),
    Probe(#"return ((2n ** 30n) ** (2n ** 30n));"#, #"RangeError: Maximum BigInt size exceeded"#),
    Probe(
      #"return new RegExp('a{2147483648,1}');"#,
      #"SyntaxError: Invalid regular expression: /a{2147483648,1}/: numbers out of order in {} qua"#),
  ]
}
