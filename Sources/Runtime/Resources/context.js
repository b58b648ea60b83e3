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

const operations = new Map();
let entries = [];
let taken = 0;
let now = 0, registered, isDone = false, state = "suspended", value = "", report, manifestText = "";

// Canonical JSON (RFC 8785).

/** Refuses what lies at the end of the trail, whose keys become a JSON pointer only now. */
function refuse(trail, what) {
  const path = pointer(trail);
  const where = path === "" ? "the value" : "`" + path.toWellFormed() + "`";
  throw new TypeError(`${where} is ${what}, which JSON cannot hold`);
}

const token = (key) => "/" + key.replaceAll("~", "~0").replaceAll("/", "~1");
const pointer = (trail) => trail.map((key) => token(String(key))).join("");

function text(string, trail) {
  if (!string.isWellFormed()) refuse(trail, "a string with a lone surrogate");
  return JSON.stringify(string);
}

function member(holder, key, trail) {
  const found = getOwnPropertyDescriptor(holder, key);
  if (found === undefined) refuse(trail, "undefined (a hole)");
  if (!("value" in found)) refuse(trail, "an accessor");
  if (!found.enumerable) refuse(trail, "not enumerable");
  return found.value;
}

/**
 * The text of a value, or a TypeError that names the JSON pointer of what is not JSON. `noted` is given the root's `id`, as
 * it was written: a proxy may say something else when it is asked again.
 */
function canonical(root, noted) {
  const around = new Set();
  const trail = [];
  let members = 0;
  const array = (value) => {
    if (getPrototypeOf(value) !== Array.prototype) refuse(trail, "an instance of a class");
    const length = getOwnPropertyDescriptor(value, "length").value;
    const parts = [];
    for (let at = 0; at < length; at++) {
      trail[trail.length] = at;
      parts[at] = write(member(value, String(at), trail));
      trail.length--;
    }
    const keys = ownKeys(value);
    if (keys.length !== length + 1) {
      const extra = keys.find((key, at) => at >= length && key !== "length");
      refuse(trail, `an array with the member \`${String(extra)}\``);
    }
    return "[" + parts.join(",") + "]";
  };
  const object = (value) => {
    const prototype = getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) refuse(trail, "an instance of a class");
    const parts = [];
    const keys = ownKeys(value);
    const symbol = keys.find((key) => typeof key === "symbol");
    if (symbol !== undefined) refuse(trail, `an object with the key \`${String(symbol)}\``);
    for (const key of keys.sort()) {
      trail[trail.length] = key;
      if (++members > MAX_MEMBERS) {
        throw new TypeError(`\`${pointer(trail)}\`: more than ${MAX_MEMBERS} members`);
      }
      const held = member(value, key, trail);
      parts[parts.length] = text(key, trail) + ":" + write(held);
      if (noted !== undefined && key === "id" && value === root) noted.id = held;
      trail.length--;
    }
    return "{" + parts.join(",") + "}";
  };
  const write = (value) => {
    switch (typeof value) {
      case "string": return text(value, trail);
      case "boolean": return value ? "true" : "false";
      case "number": return Number.isFinite(value) ? JSON.stringify(value) : refuse(trail, String(value));
      case "object": break;
      case "undefined": return refuse(trail, "undefined");
      default: return refuse(trail, `a ${typeof value}`);
    }
    if (value === null) return "null";
    if (around.has(value)) refuse(trail, "part of a cycle");
    if (around.size >= MAX_DEPTH) {
      throw new TypeError(`\`${pointer(trail)}\`: nested deeper than ${MAX_DEPTH}`);
    }
    around.add(value);
    const written = Array.isArray(value) ? array(value) : object(value);
    around.delete(value);
    return written;
  };
  return write(root);
}

function deepFreeze(value) {
  if (typeof value === "object" && value !== null) {
    for (const key of ownKeys(value)) deepFreeze(value[key]);
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

function operation(kind, args) {
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
  const made = { argsText, isPending: true, error: new Error() };
  made.promise = new Promise((resolve, reject) => {
    made.resolve = resolve;
    made.reject = reject;
  });
  operations.set(key, made);
  entries.push("o" + kind, id, argsText);
  return made.promise;
}

const ctx = {
  now() { return now; },
  log(message) {
    entries.push("l" + (typeof message === "string" ? message.toWellFormed() : canonical(message)));
  },
  claim(claim) { entries.push("c" + canonical(claim)); },
  report(value) {
    report = canonical(value);
    return value;
  },
};
for (const kind of ["hostCommand", "agent", "fanout", "integrate"]) {
  ctx[kind] = { [kind]: (args) => operation(kind, args) }[kind];
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
  state: () => doom()?.state ?? state,
  value: () => doom()?.value ?? value,
  manifest() {
    const text = manifestText;
    manifestText = "";
    return text;
  },
  entries: () => entries.length - taken,
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
