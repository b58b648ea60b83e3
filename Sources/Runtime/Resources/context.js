// The callback's side of a session: everything that workflow code can reach. Evaluated as a script in an
// empty context before the workflow; what it makes is what the harness calls, with strings and numbers only.
// After the lockdown (lockdown.js) no intrinsic can be changed, so plain code is safe here; but every value
// that the workflow hands in is taken for hostile: it may be a proxy, and its accessors may run anything.
((lockdown) => {
"use strict";

const { lock, doom, isOverflow, OVERFLOW } = lockdown;
const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
const { freeze } = Object;
const MAX_DEPTH = 128;
const MAX_MEMBERS = 2000000;
const MAX_REASON = 16384;
/** Between the entries of a batch, which go back as one text. */
const SEPARATOR = "\x1f";
/** A batch of so many characters is told by itself. */
const BATCH = 65536;

const operations = new Map();
/** What the turn brought, each as one text but for an operation, which is three; or a batch of them (`j`). */
let entries = [];
let taken = 0;
let batch = "";
let now = 0, registered, isDone = false, state = "suspended", value = "", report, manifestText = "";

// Canonical JSON (RFC 8785).

/** Refuses what lies at the end of the trail, whose keys become a JSON pointer only now. */
function refuse(walk, depth, what) {
  const path = pointer(walk, depth);
  const where = path === "" ? "the value" : "`" + path.toWellFormed() + "`";
  throw new TypeError(`${where} is ${what}, which JSON cannot hold`);
}

const token = (key) => "/" + key.replaceAll("~", "~0").replaceAll("/", "~1");
const pointer = (walk, depth) => walk.trail.slice(0, depth).map((key) => token(String(key))).join("");

/** The names of members as they are written, the short ones: mostly they are few. */
const names = new Map();
const MOST_NAMES = 1000;
const LONGEST_NAME = 64;

function name(key, walk, depth) {
  const known = names.get(key);
  if (known !== undefined) return known;
  const written = text(key, walk, depth) + ":";
  if (key.length <= LONGEST_NAME && names.size < MOST_NAMES) names.set(key, written);
  return written;
}

function text(string, walk, depth) {
  if (!string.isWellFormed()) refuse(walk, depth, "a string with a lone surrogate");
  return JSON.stringify(string);
}

function member(holder, key, walk, depth) {
  const found = getOwnPropertyDescriptor(holder, key);
  if (found === undefined) refuse(walk, depth, "undefined (a hole)");
  if (!("value" in found)) refuse(walk, depth, "an accessor");
  if (!found.enumerable) refuse(walk, depth, "not enumerable");
  return found.value;
}

/**
 * The text of a value, or a TypeError that names the JSON pointer of what is not JSON. `noted` is given the root's `id`, as
 * it was written: a proxy may say something else when it is asked again.
 */
function canonical(root, noted) {
  // The objects around a value, and the keys that lead to it: as many as it lies deep.
  return write(root, { around: [], trail: [], members: 0, noted }, 0);
}

function write(value, walk, depth) {
  switch (typeof value) {
    case "string": return text(value, walk, depth);
    case "boolean": return value ? "true" : "false";
    case "number": return Number.isFinite(value) ? JSON.stringify(value) : refuse(walk, depth, String(value));
    case "object": break;
    case "undefined": return refuse(walk, depth, "undefined");
    default: return refuse(walk, depth, `a ${typeof value}`);
  }
  if (value === null) return "null";
  const { around } = walk;
  if (around.includes(value)) refuse(walk, depth, "part of a cycle");
  if (depth >= MAX_DEPTH) throw new TypeError(`\`${pointer(walk, depth)}\`: nested deeper than ${MAX_DEPTH}`);
  around.push(value);
  const written = Array.isArray(value) ? writeArray(value, walk, depth) : writeObject(value, walk, depth);
  around.pop();
  return written;
}

function writeArray(value, walk, depth) {
  if (getPrototypeOf(value) !== Array.prototype) refuse(walk, depth, "an instance of a class");
  const length = getOwnPropertyDescriptor(value, "length").value;
  const { trail } = walk;
  const inside = depth + 1;
  const parts = [];
  for (let at = 0; at < length; at++) {
    trail[depth] = at;
    parts[at] = write(member(value, String(at), walk, inside), walk, inside);
  }
  const keys = ownKeys(value);
  if (keys.length !== length + 1) {
    const extra = keys.find((key, at) => at >= length && key !== "length");
    refuse(walk, depth, `an array with the member \`${String(extra)}\``);
  }
  return "[" + parts.join(",") + "]";
}

function writeObject(value, walk, depth) {
  const prototype = getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) refuse(walk, depth, "an instance of a class");
  const keys = ownKeys(value);
  const count = keys.length;
  for (let at = 0; at < count; at++) {
    if (typeof keys[at] !== "symbol") continue;
    refuse(walk, depth, `an object with the key \`${String(keys[at])}\``);
  }
  keys.sort();
  const { trail } = walk;
  const inside = depth + 1;
  const parts = [];
  for (let at = 0; at < count; at++) {
    const key = keys[at];
    trail[depth] = key;
    if (++walk.members > MAX_MEMBERS) {
      throw new TypeError(`\`${pointer(walk, inside)}\`: more than ${MAX_MEMBERS} members`);
    }
    const held = member(value, key, walk, inside);
    parts[at] = name(key, walk, inside) + write(held, walk, inside);
    if (depth === 0 && key === "id" && walk.noted !== undefined) walk.noted.id = held;
  }
  return "{" + parts.join(",") + "}";
}

function deepFreeze(value) {
  if (typeof value === "object" && value !== null) {
    const held = Object.values(value);
    for (let at = 0; at < held.length; at++) {
      // Most are no objects, and are not asked with a call.
      if (typeof held[at] === "object") deepFreeze(held[at]);
    }
    freeze(value);
  }
  return value;
}

/** The JSON pointer of the first difference, in canonical order. */
function difference(a, b, path) {
  const hold = [a, b].every((value) => typeof value === "object" && value !== null);
  if (!hold || Array.isArray(a) !== Array.isArray(b)) return a === b ? undefined : path === "" ? "/" : path;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  for (const key of Array.isArray(a) ? keys : [...keys].sort()) {
    const here = path + token(key);
    if (!Object.hasOwn(a, key) || !Object.hasOwn(b, key)) return here;
    const found = difference(a[key], b[key], here);
    if (found !== undefined) return found;
  }
  return undefined;
}

// Operations.

function setMessage(error, message) {
  defineProperty(error, "message", { value: message, writable: true, configurable: true, enumerable: false });
}

/** Adds what holds no other separator than its own to the turn's entries. */
function add(entry) {
  batch += (batch === "" ? "j" : SEPARATOR) + entry;
  if (batch.length > BATCH) closeBatch();
}

function closeBatch() {
  if (batch !== "") entries.push(batch);
  batch = "";
}

/** A call of `ctx` that schedules operations of a kind: one function, for each frame is looked at for each error. */
const operationOf = (kind) => ({ [kind]: (args) => {
  const noted = { id: undefined };
  const argsText = canonical(args, noted);
  const { id } = noted;
  if (typeof id !== "string" || id === "") {
    throw new TypeError(`ctx.${kind}: \`id\` is missing or not a string`);
  }
  const key = `${kind}:${id}`;
  const known = operations.get(key);
  if (known !== undefined) {
    if (known.argsText === argsText) return known.promise;
    const path = difference(JSON.parse(known.argsText), JSON.parse(argsText), "");
    throw new Error(`\`${key}\` was called before with other arguments: they differ at \`${path}\``);
  }
  // Made here, so that it shows the line of the call; its text is formatted when it is first read.
  const error = new Error();
  const { promise, resolve, reject } = Promise.withResolvers();
  operations.set(key, { argsText, isPending: true, error, promise, resolve, reject });
  if (id.includes(SEPARATOR)) {
    closeBatch();
    entries.push("o" + kind, id, argsText);
  } else {
    add("o" + kind + SEPARATOR + id + SEPARATOR + argsText);
  }
  return promise;
} })[kind];

const ctx = {
  now() { return now; },
  log(message) {
    const entry = "l" + (typeof message === "string" ? message.toWellFormed() : canonical(message));
    if (!entry.includes(SEPARATOR)) return add(entry);
    closeBatch();
    entries.push(entry);
  },
  claim(claim) { add("c" + canonical(claim)); },
  report(value) {
    report = canonical(value);
    return value;
  },
};
for (const kind of ["hostCommand", "agent", "fanout", "integrate"]) {
  ctx[kind] = operationOf(kind);
}

const workflow = (manifest, callback) => {
  if (registered !== undefined) throw new TypeError("`workflow` was called twice");
  if (typeof callback !== "function") {
    throw new TypeError("the second argument of `workflow` is not a function");
  }
  manifestText = canonical(manifest);
  registered = callback;
  return freeze({});
};

// How a callback ends.

/** What to say of a thrown value. It is the workflow's: reading it may throw, or give anything. */
function describe(reason) {
  try {
    if (isOverflow(reason)) return OVERFLOW;
    const isObject = typeof reason === "object" && reason !== null;
    const stack = isObject ? reason.stack : undefined;
    const said = typeof stack === "string" ? stack : isObject ? canonical(reason) : String(reason);
    return said.slice(0, MAX_REASON).toWellFormed();
  } catch {
    return "a value was thrown that cannot be shown";
  }
}

function end(how, what) {
  if (isDone) return;
  isDone = true;
  state = how;
  value = what;
}

function finish(returned) {
  try {
    end("completed", report ?? (returned === undefined ? "null" : canonical(returned)));
  } catch (error) {
    const what = error instanceof TypeError ? error.message : "it cannot be read";
    end("failed", `the callback returned what is not JSON: ${what.slice(0, MAX_REASON).toWellFormed()}`);
  }
}

/** A failure outranks a completion of the same turn. */
function fail(reason) {
  if (state === "completed") isDone = false;
  end("failed", describe(reason));
}

const api = {
  workflow,
  fail,
  start(inputText, time) {
    ctx.input = deepFreeze(JSON.parse(inputText));
    freeze(ctx);
    now = time;
  },
  begin() {
    if (registered === undefined) return fail(new TypeError("the module did not call `workflow`"));
    new Promise((resolve) => resolve(registered(ctx))).then(finish, fail);
  },
  deliver(key, isResolved, text, time) {
    now = time;
    const operation = operations.get(key);
    if (operation === undefined || !operation.isPending) return;
    operation.isPending = false;
    if (isResolved) {
      operation.resolve(deepFreeze(JSON.parse(text)));
    } else {
      setMessage(operation.error, text);
      operation.reject(operation.error);
    }
    operation.error = operation.resolve = operation.reject = undefined;
  },
  /** Whether there is nothing to tell but that the callback waits. */
  isQuiet: () => !isDone && batch === "" && entries.length === 0 && manifestText === "" && doom() === undefined,
  state: () => doom()?.state ?? state,
  value: () => doom()?.value ?? value,
  manifest() {
    const text = manifestText;
    manifestText = "";
    return text;
  },
  entries() {
    closeBatch();
    return entries.length - taken;
  },
  entry() {
    const entry = entries[taken++];
    if (taken === entries.length) {
      entries = [];
      taken = 0;
    }
    return entry;
  },
};

lock([workflow, ...Object.values(ctx)]);
return api;
})
