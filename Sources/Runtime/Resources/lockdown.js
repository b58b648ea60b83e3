// What workflow code finds in its context: nothing that differs between two runs of the same code, nothing
// that can be changed. Evaluated as a script in the empty context, before context.js.
(() => {
"use strict";

const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys, construct, apply } = Reflect;
const { freeze } = Object;

// What is not there, and what does it instead.

const time = "use `ctx.now()`, the run's logical time";
const random = "derive what varies from `ctx.input`, or let a host command choose it";
const wait = "nothing in a workflow waits for time; await an operation";
const outside = "do it in a host command (`ctx.hostCommand`) or let an agent do it (`ctx.agent`)";
const code = "code is never made from text in a workflow";
const shared = "a workflow has one thread and no shared memory";
const locale = "what depends on the locale differs between machines; compare and format by hand";
const collector = "what the garbage collector does differs between runs";
const banned = {
  Date: time, performance: time, Temporal: time, Intl: locale, crypto: random, Crypto: random,
  setTimeout: wait, setInterval: wait, setImmediate: wait, clearTimeout: wait, clearInterval: wait,
  clearImmediate: wait, queueMicrotask: "use `Promise.resolve().then(...)`", requestAnimationFrame: wait,
  fetch: outside, XMLHttpRequest: outside, WebSocket: outside, EventSource: outside, Worker: outside,
  Deno: outside, process: outside, require: outside, Buffer: outside, localStorage: outside,
  sessionStorage: outside, caches: outside, navigator: outside, console: "use `ctx.log(text)`",
  alert: outside, confirm: outside, prompt: outside, global: "use `globalThis`", window: "use `globalThis`",
  self: "use `globalThis`", eval: code, Function: code, WebAssembly: code, ShadowRealm: code,
  SharedArrayBuffer: shared, Atomics: shared, MessageChannel: shared, BroadcastChannel: shared,
  WeakRef: collector, FinalizationRegistry: collector,
};

function absent(holder, name, shown, hint) {
  const get = () => { throw new ReferenceError(`\`${shown}\` is not there in a workflow: ${hint}`); };
  defineProperty(holder, name, { get, set: get, enumerable: false, configurable: false });
}

/** Makes a data member an accessor that an assignment to an heir can override, as if it were not frozen. */
function overridable(holder, name) {
  const found = getOwnPropertyDescriptor(holder, name);
  if (!found.configurable || !("value" in found)) return;
  const { value } = found;
  defineProperty(holder, name, {
    get: () => value,
    set(other) {
      if (this === holder) throw new TypeError(`\`${String(name)}\` of an intrinsic cannot be changed`);
      defineProperty(this, name, { value: other, writable: true, enumerable: true, configurable: true });
    },
    enumerable: false, configurable: false,
  });
}
// What differs between two runs of the same code, and must not be caught and gone on from.

const OVERFLOW = "RangeError: the callback's calls nest too deep for the stack";
/** Ends the run at the end of the turn, whatever the callback makes of the error. */
let doom;

function isOverflow(error) {
  return typeof error === "object" && error !== null && getPrototypeOf(error) === RangeError.prototype
    && getOwnPropertyDescriptor(error, "message")?.value === "Maximum call stack size exceeded";
}

function guarded(allocate) {
  try {
    return allocate();
  } catch (error) {
    if (error instanceof RangeError && /allocation failed|out of memory/i.test(error.message)) {
      doom = { state: "memory", value: "an array buffer could not be had" };
    }
    throw error;
  }
}

function guardConstructor(original) {
  const guard = new Proxy(original, {
    construct: (target, args, newTarget) => guarded(() => construct(target, args, newTarget)),
  });
  defineProperty(original.prototype, "constructor", { value: guard });
  defineProperty(globalThis, original.name, { value: guard });
}

function guardMethods(prototype, names) {
  for (const name of names) {
    const original = prototype[name];
    const guard = { [name](...args) { return guarded(() => apply(original, this, args)); } }[name];
    defineProperty(prototype, name, { value: guard });
  }
}

/** Stack traces show the workflow's own frames and nothing else. */
function formatStack(error, frames) {
  if (isOverflow(error)) doom = { state: "failed", value: OVERFLOW };
  let head;
  try {
    head = apply(errorToString, error, []);
  } catch {
    head = "Error";
  }
  for (const frame of frames) {
    if (frame.getFileName() !== "workflow.ts") continue;
    const name = frame.getFunctionName();
    const place = `workflow.ts:${frame.getLineNumber()}:${frame.getColumnNumber()}`;
    const shown = name === null || name === "" ? place : `${name} (${place})`;
    head += `\n    at ${frame.isAsync() ? "async " : ""}${shown}`;
  }
  return head;
}

const errorToString = Error.prototype.toString;
const errors = [
  Error, AggregateError, EvalError, RangeError, ReferenceError, SuppressedError, SyntaxError, TypeError,
  URIError,
];
const functions = Function.prototype;
const TypedArray = getPrototypeOf(Uint8Array);
const buffers = [
  ArrayBuffer, Uint8Array, Int8Array, Uint16Array, Int16Array, Uint32Array, Int32Array, BigUint64Array,
  BigInt64Array, Uint8ClampedArray, Float16Array, Float32Array, Float64Array,
];

/** Objects that no global names, reached from a sample. */
function hidden() {
  const makers = [function* () {}, async () => {}, async function* () {}];
  const iterators = [
    [].values(), new Map().entries(), new Set().values(), ""[Symbol.iterator](), "".matchAll(/./g),
    makers[0](), makers[2](), Iterator.from({ next() {} }), [].values().map((x) => x),
  ];
  return [...makers, ...iterators].flatMap((sample) => {
    const chain = [];
    for (let at = getPrototypeOf(sample); at !== null; at = getPrototypeOf(at)) chain.push(at);
    return chain;
  });
}

function removeWhatVaries(intrinsics) {
  for (const name of Object.keys(banned)) absent(globalThis, name, name, banned[name]);
  absent(Math, "random", "Math.random", random);
  for (const holder of intrinsics) {
    if (Object.hasOwn(holder, "constructor") && typeof holder === "function" || makesFunctions(holder)) {
      absent(holder, "constructor", "Function", code);
    }
  }
  for (const holder of [Number, BigInt, Array, TypedArray, String]) {
    for (const name of ownKeys(holder.prototype)) {
      if (typeof name === "string" && /^(toLocale|localeCompare)/.test(name)) {
        absent(holder.prototype, name, name, locale);
      }
    }
  }
}

/** Whether the object is the prototype of a kind of functions: its constructor makes code from text. */
function makesFunctions(holder) {
  const found = getOwnPropertyDescriptor(holder, "constructor")?.value;
  return typeof found === "function" && /Function$/.test(found.name);
}

/** Takes away what varies and freezes the rest, with the objects of `own`, before any workflow code runs. */
function lock(own) {
  const intrinsics = hidden();
  removeWhatVaries([functions, ...intrinsics]);
  buffers.forEach(guardConstructor);
  guardMethods(ArrayBuffer.prototype, ["slice", "resize", "transfer", "transferToFixedLength"]);
  guardMethods(TypedArray.prototype, ["toReversed", "toSorted", "with"]);
  defineProperty(Error, "prepareStackTrace", { value: formatStack });
  defineProperty(Error, "stackTraceLimit", { value: 32 });
  for (const key of ownKeys(Object.prototype)) if (key !== "__proto__") overridable(Object.prototype, key);
  overridable(functions, "toString");
  for (const { prototype } of errors) for (const key of ownKeys(prototype)) overridable(prototype, key);
  const seen = new Set();
  const found = [globalThis, ...own, ...intrinsics];
  while (found.length > 0) {
    const object = found.pop();
    const isObject = typeof object === "object" && object !== null || typeof object === "function";
    if (!isObject || seen.has(object)) continue;
    seen.add(object);
    found.push(getPrototypeOf(object));
    for (const key of ownKeys(object)) {
      const { value, get, set } = getOwnPropertyDescriptor(object, key);
      found.push(value, get, set);
    }
  }
  seen.forEach((object) => freeze(object));
}

return { lock, doom: () => doom, isOverflow, OVERFLOW };
})()
