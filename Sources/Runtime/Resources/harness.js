// The process's side of a session. It speaks frames with flowdex, strips the types, evaluates the workflow in
// an empty context, and gives it one delivery a turn. It never hands the context an object of its own: only
// strings and numbers go in, only strings come out (lockdown.js and context.js are the other side).
//
// A frame is its length (uint32, little-endian), the session's secret (32 bytes), a kind (one byte), and
// fields: each a length (uint32) and UTF-8 text. The first frame brings the secret, lockdown.js and
// context.js. A text that is too long for one frame comes in parts (`P`), of which the delivery (`D`) brings the last.
// Many short deliveries come in one frame (`B`), as one text that is cut at each U+001F. Turns that brought nothing but
// that the callback still waits go back as their number (`q`).
//
// All this is interpreted, for V8 has no compiler here: a call of a builtin that does much costs no more than a few steps of a
// loop, so texts are decoded, cut and joined by the thousand.

import vm from "node:vm";
import { stripTypeScriptTypes } from "node:module";

const SECRET = 32;
const FLUSH_BYTES = 65536;
/** So many turns that brought nothing are told at the latest. */
const MOST_QUIET = 1000;
/** Between the texts of one field. */
const SEPARATOR = "\x1f";
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();
const { stdin, stdout } = Deno;
const next = setImmediate;

let secret;
let context;
let api;
/** Rejections that nobody has handled yet, by promise: an event may be taken back within the turn. */
const unhandled = new Map();
/** A reason to fail that arose outside the context: refused syntax, a refused import. */
let failure;

// The wire.

let input = new Uint8Array(FLUSH_BYTES);
let filled = 0;
let taken = 0;
/** What is at hand as text, from the place where it begins, if that is one character for each byte; else undefined. */
let text;
let textBegin = 0;
let textEnd = 0;
let output = new Uint8Array(2 * FLUSH_BYTES);
let view = new DataView(output.buffer);
let outputBytes = 0;
/** Turns that brought nothing and are not told yet. */
let quiet = 0;

/** Repeats a call that a signal came into (EINTR). */
function uninterrupted(call) {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof Deno.errors.Interrupted)) throw error;
    }
  }
}

function flush() {
  tellQuiet();
  let done = 0;
  while (done < outputBytes) done += uninterrupted(() => stdout.writeSync(output.subarray(done, outputBytes)));
  outputBytes = 0;
}

/** Has at least so many unread bytes at hand. What is written is flushed before a read that may wait. */
function need(count) {
  if (filled - taken >= count) return;
  flush();
  if (taken > 0) {
    input.copyWithin(0, taken, filled);
    filled -= taken;
    taken = 0;
  }
  textEnd = 0;
  if (input.length < count) {
    const larger = new Uint8Array(Math.max(count, input.length * 2));
    larger.set(input.subarray(0, filled));
    input = larger;
  }
  while (filled < count) {
    const got = uninterrupted(() => stdin.readSync(input.subarray(filled)));
    if (got === null || got === 0) Deno.exit(0);
    filled += got;
  }
}

/** The number at a place of what is at hand. */
function uint32(at) {
  return (input[at] | input[at + 1] << 8 | input[at + 2] << 16) + input[at + 3] * 16777216;
}

/**
 * Decodes all that is at hand, once. Where there are as many UTF-16 units as bytes, each byte has become one, and the fields of
 * all its frames can be cut out.
 */
function decodeAhead() {
  text = decoder.decode(input.subarray(taken, filled));
  if (text.length !== filled - taken) text = undefined;
  textBegin = taken;
  textEnd = filled;
}

/** The text of some bytes of what is at hand. */
function part(from, to) {
  return text !== undefined
    ? text.slice(from - textBegin, to - textBegin) : decoder.decode(input.subarray(from, to));
}

/** The next frame. */
function readFrame() {
  need(4);
  const length = uint32(taken);
  taken += 4;
  need(length);
  const begin = taken;
  const end = begin + length;
  if (end > textEnd) decodeAhead();
  taken = end;
  let at = begin + SECRET;
  const head = part(begin, at);
  if (secret !== undefined && head !== secret) Deno.exit(2);
  secret = head;
  const kind = String.fromCharCode(input[at++]);
  const fields = [];
  while (at < end) {
    const size = uint32(at);
    at += 4;
    fields.push(part(at, at + size));
    at += size;
  }
  return { kind, fields };
}

/** Room for so many more bytes of output. */
function room(count) {
  if (output.length - outputBytes >= count) return;
  const larger = new Uint8Array(Math.max(outputBytes + count, output.length * 2));
  larger.set(output.subarray(0, outputBytes));
  output = larger;
  view = new DataView(output.buffer);
}

/** Its UTF-8, and how many bytes that is. No UTF-16 unit becomes more than three bytes. */
function writeBytes(text) {
  room(3 * text.length);
  const { written } = encoder.encodeInto(text, output.subarray(outputBytes));
  outputBytes += written;
  return written;
}

/** The length of a field that is shorter than this is four characters of one byte each. */
const SHORT = 128;
const LENGTHS = Array.from({ length: SHORT }, (_, length) => String.fromCharCode(length, 0, 0, 0));

/** Writes a frame with one call of the coder, where its fields are short and of ASCII; false, and nothing, where not. */
function writePlain(kind, fields) {
  let text = secret + kind;
  for (const field of fields) {
    if (field.length >= SHORT) return false;
    text += LENGTHS[field.length] + field;
  }
  room(4 + 3 * text.length);
  const { written } = encoder.encodeInto(text, output.subarray(outputBytes + 4));
  if (written !== text.length) return false;
  view.setUint32(outputBytes, written, true);
  outputBytes += 4 + written;
  return true;
}

function tellQuiet() {
  if (quiet === 0) return;
  const count = String(quiet);
  quiet = 0;
  writePlain("q", [count]);
}

function writeFrame(kind, fields) {
  tellQuiet();
  if (!writePlain(kind, fields)) {
    const begin = outputBytes;
    room(4);
    outputBytes += 4;
    writeBytes(secret + kind);
    for (const text of fields) {
      const at = outputBytes;
      room(4);
      outputBytes += 4;
      // Before the view is asked for: it may be another then.
      const size = writeBytes(text);
      view.setUint32(at, size, true);
    }
    view.setUint32(begin, outputBytes - begin - 4, true);
  }
  if (outputBytes > FLUSH_BYTES) flush();
}

// The workflow.

const PLACE = / at file:\/\/\/[^ ]*?:([0-9]+):([0-9]+)$/;

/** What a refusal says, with the place in front. Where it names none, the other mode is asked, which does. */
function syntaxError(source, refusal) {
  const text = String(refusal?.message ?? refusal);
  const place = PLACE.exec(text.trimEnd());
  if (place !== null) {
    return `workflow.ts:${place[1]}:${place[2]}: ${text.slice(0, place.index).split("\n")[0]}`;
  }
  if (source === undefined) return "workflow.ts: " + text;
  try {
    stripTypeScriptTypes(source, { mode: "transform" });
  } catch (located) {
    return syntaxError(undefined, located);
  }
  return "workflow.ts: " + text;
}

/** Strips the types; lines and columns stay. */
function strip(source) {
  try {
    return stripTypeScriptTypes(source);
  } catch (refusal) {
    failure = syntaxError(source, refusal);
    return undefined;
  }
}

function evaluate(source, context) {
  const stripped = strip(source);
  if (stripped === undefined) return false;
  let module;
  try {
    module = new vm.SourceTextModule(stripped, { context, identifier: "workflow.ts" });
  } catch (error) {
    failure = "workflow.ts: " + String(error?.message ?? error);
    return false;
  }
  const runtime = new vm.SyntheticModule(["workflow"], function () {
    this.setExport("workflow", api.workflow);
  }, { context, identifier: "@flowdex/runtime" });
  for (const request of module.moduleRequests) {
    if (request.specifier !== "@flowdex/runtime" || Object.keys(request.attributes).length > 0) {
      failure = "workflow.ts: imports `" + request.specifier + "`; only `@flowdex/runtime` can be imported";
      return false;
    }
  }
  try {
    module.linkRequests(module.moduleRequests.map(() => runtime));
    module.instantiate();
  } catch (error) {
    failure = "workflow.ts: " + String(error?.message ?? error);
    return false;
  }
  module.evaluate().then(() => {}, (error) => api.fail(error));
  return module.status === "evaluated";
}

function start([source, inputText, now]) {
  api.start(inputText, Number(now));
  if (evaluate(source, context)) api.begin();
}

/** Deliveries that have come together, as their texts one after the other, and how many of those have been given. */
let together = [];
let given = 0;

function deliver(key, outcome, text, now) {
  api.deliver(key, outcome === "resolved", text, Number(now));
  next(turn);
}

function deliverNext() {
  const at = given;
  given += 4;
  deliver(together[at], together[at + 1], together[at + 2], together[at + 3]);
}

/** Runs when the microtasks are drained: what the turn came to, then the next delivery. */
function turn() {
  if (unhandled.size > 0) {
    for (const reason of unhandled.values()) api.fail(reason);
    unhandled.clear();
  }
  if (failure === undefined && api.isQuiet()) {
    if (++quiet === MOST_QUIET) flush();
  } else {
    tell();
  }
  if (given < together.length) deliverNext();
  else act();
}

function tell() {
  const fields = [api.state(), api.value(), api.manifest()];
  if (failure !== undefined) [fields[0], fields[1]] = ["failed", failure];
  for (let count = api.entries(); count > 0; count--) fields.push(api.entry());
  writeFrame("t", fields);
}

function act() {
  const parts = [];
  let { kind, fields } = readFrame();
  while (kind === "P") {
    parts.push(fields[0]);
    ({ kind, fields } = readFrame());
  }
  if (kind === "D") {
    const [key, outcome, last, now] = fields;
    deliver(key, outcome, parts.length === 0 ? last : parts.join("") + last, now);
  } else if (kind === "B" && parts.length === 0) {
    together = fields[0].split(SEPARATOR);
    given = 0;
    deliverNext();
  } else if (kind === "S" && parts.length === 0) {
    start(fields);
    next(turn);
  } else {
    Deno.exit(3);
  }
}

globalThis.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  unhandled.set(event.promise, event.reason);
});
globalThis.addEventListener("rejectionhandled", (event) => unhandled.delete(event.promise));

next(() => {
  const { kind, fields } = readFrame();
  if (kind !== "H") Deno.exit(3);
  const codeGeneration = { strings: false, wasm: false };
  context = vm.createContext(vm.constants.DONT_CONTEXTIFY, { codeGeneration });
  const lockdown = vm.runInContext(fields[0], context, { filename: "lockdown.js" });
  api = vm.runInContext(fields[1], context, { filename: "context.js" })(lockdown);
  writeFrame("h", [Deno.version.deno]);
  flush();
  act();
});
