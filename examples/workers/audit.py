#!/usr/bin/env python3
"""A worker for examples/code-audit.ts: Python 3, its standard library, and nothing else.

usage: audit.py RUN_DIRECTORY [--once] [--idle SECONDS]

It takes packages from RUN_DIRECTORY/queue/ready (which `flowdex watch RUN --dispatch` keeps filled), audits the
files that each names, and writes the result. Any number of workers may share a queue: moving an entry from
`ready` to `claimed` is one rename(2), so exactly one of them gets it. It ends when the run has ended.

  --once          do one package, then exit
  --idle SECONDS  exit when there has been nothing to do for so long

examples/workers/audit.sh does the same work with a shell, awk and coreutils; a test holds their results equal.
"""

import hashlib
import json
import os
import re
import signal
import sys
import time

RULES = ("unsafe-c", "forced-try", "forced-cast", "unchecked", "trap",
         "long-function", "long-file", "no-test", "marker", "long-line")
RANK = {rule: rank for rank, rule in enumerate(RULES)}
CODE_RULES = {
    "unsafe-c": re.compile(
        rb"(^|[^A-Za-z0-9_])(strcpy|strcat|sprintf|vsprintf|gets|system|alloca|tmpnam|mktemp)[ \t]*\("),
    "forced-try": re.compile(rb"(^|[^A-Za-z0-9_])try!"),
    "forced-cast": re.compile(rb"(^|[^A-Za-z0-9_])as!"),
    "unchecked": re.compile(rb"@unchecked Sendable|(nonisolated|unowned)\(unsafe\)|unsafeBitCast\("),
    "trap": re.compile(rb"(^|[^A-Za-z0-9_.])(fatalError|preconditionFailure)[ \t]*\("),
}
MARKER = re.compile(rb"(^|[^A-Za-z0-9_])(TODO|FIXME|XXX|HACK)([^A-Za-z0-9_]|$)")
SWIFT_FUNCTION = re.compile(rb"^[ \t]*([@a-z]+(\([a-z]+\))? )*(func [^ ]|init[?!]?[(<])")
C_FUNCTION = re.compile(rb"^[A-Za-z_][^;]*\([^;]*$")


class Lines:
    """Tells code from comments and string literals, line by line: good enough for an audit, not a parser."""

    def __init__(self, is_swift):
        self.is_swift = is_swift
        self.depth = 0
        self.in_text = False
        self.start = re.compile(rb'"""|"|//|/\*' if is_swift else rb"\"|'|//|/\*")
        self.comment_edge = re.compile(rb"/\*|\*/" if is_swift else rb"\*/")

    def split(self, rest):
        code, comment = b"", b""
        while rest:
            if self.depth > 0:
                edge = self.comment_edge.search(rest)
                if not edge:
                    return code, comment + rest
                comment += rest[:edge.start()]
                self.depth += 1 if edge.group() == b"/*" else -1
                rest = rest[edge.end():]
                continue
            if self.in_text:
                end = rest.find(b'"""')
                if end < 0:
                    return code, comment
                self.in_text = False
                rest = rest[end + 3:]
                continue
            start = self.start.search(rest)
            if not start:
                return code + rest, comment
            code += rest[:start.start()]
            token, tail = start.group(), rest[start.start():]
            if token == b"//":
                return code, comment + tail
            if token == b"/*":
                self.depth = 1
                rest = tail[2:]
            elif token == b'"""':
                self.in_text = True
                code += b'""'
                rest = tail[3:]
            else:
                literal = re.match(rb'"([^"\\]|\\.)*"' if token == b'"' else rb"'([^'\\]|\\.)*'", tail)
                if not literal:
                    return code, comment
                code += b'""'
                rest = tail[literal.end():]
        return code, comment


class Functions:
    """Finds where functions begin and end by counting braces in code."""

    def __init__(self, is_swift):
        self.pattern = SWIFT_FUNCTION if is_swift else C_FUNCTION
        self.start, self.depth, self.is_open, self.text = 0, 0, False, b""

    def see(self, number, code, line):
        """The (first line, its text) of a function that ends on this line, else None."""
        if not self.is_open and self.pattern.search(code):
            self.start, self.depth, self.text = number, 0, line
        if self.start == 0:
            return None
        opened, closed = code.count(b"{"), code.count(b"}")
        self.is_open = self.is_open or opened > 0
        self.depth += opened - closed
        if self.depth > 0 or (not self.is_open and closed == 0):
            return None
        ended = (self.start, self.text) if self.is_open else None
        self.start, self.is_open = 0, False
        return ended


def shown(line):
    """A line as text for people: trimmed, ASCII, at most 100 characters."""
    return re.sub(rb"[^ -~]", b"?", line.strip(b" \t"))[:100].decode("ascii")


def lines_of(content):
    lines = content.split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


def audit_file(path, content, limits, tested_words):
    """Yields (rule, line, end line, text) for one file."""
    is_swift = path.endswith(".swift")
    splitter, functions = Lines(is_swift), Functions(is_swift)
    lines = lines_of(content)
    names = ("forced-try", "forced-cast", "unchecked", "trap") if is_swift else ("unsafe-c",)
    for number, line in enumerate(lines, 1):
        code, comment = splitter.split(line)
        for rule in names:
            if CODE_RULES[rule].search(code):
                yield rule, number, number, shown(line)
        if MARKER.search(comment):
            yield "marker", number, number, shown(line)
        if len(line) > limits["maxLineBytes"]:
            yield "long-line", number, number, f"{len(line)} bytes; at most {limits['maxLineBytes']}"
        ended = functions.see(number, code, line)
        if ended and number - ended[0] + 1 > limits["maxFunctionLines"]:
            length = number - ended[0] + 1
            yield ("long-function", ended[0], number,
                   f"{length} lines; at most {limits['maxFunctionLines']}: {shown(ended[1])}")
    if len(lines) > limits["maxFileLines"]:
        yield ("long-file", limits["maxFileLines"] + 1, len(lines),
               f"{len(lines)} lines; at most {limits['maxFileLines']}")
    if is_swift and lines and tested_words and not is_test(path):
        name = path.rsplit("/", 1)[-1]
        stem = re.split(r"[+.]", name)[0]
        if not name.startswith("Package") and stem.encode() not in tested_words:
            yield "no-test", 1, 1, f"no file under Tests mentions {stem}"


def is_test(path):
    return "/Tests/" in "/" + path


def source_files(folder, root):
    """The paths of the sources below a root, sorted by their bytes."""
    def refuse(error):
        raise error

    found = []
    for place, _, names in os.walk(folder, onerror=refuse):
        for name in names:
            path = os.path.relpath(os.path.join(place, name), folder)
            if path.endswith((".swift", ".c", ".h")) and not os.path.islink(os.path.join(place, name)):
                found.append(path)
    everything = sorted(found, key=os.fsencode)
    return everything, [path for path in everything if root == "" or path.startswith(root + "/")]


def audit(task, beat):
    """Does the task; gives the result's `data`."""
    data, folder = task["data"], task["cwd"]
    everything, mine = source_files(folder, data["root"])
    words = set()
    for path in everything:
        if is_test(path) and path.endswith(".swift"):
            with open(os.path.join(folder, path), "rb") as file:
                words.update(re.findall(rb"[A-Za-z0-9_]+", file.read()))
    mine = mine[data["shard"]::data["of"]]
    counts, found, total = {}, [], 0
    for path in mine:
        beat()
        with open(os.path.join(folder, path), "rb") as file:
            content = file.read()
        total += len(lines_of(content))
        for rule, line, end, text in audit_file(path, content, data, words):
            counts[rule] = counts.get(rule, 0) + 1
            found.append((RANK[rule], os.fsencode(path), line, end, path, text))
    findings = []
    for rank, _, line, end, path, text in sorted(found)[:data["maxFindings"]]:
        with open(os.path.join(folder, path), "rb") as file:
            content = b"".join(keep(file, line, end))
        findings.append({"rule": RULES[rank], "file": path, "line": line, "endLine": end, "text": text,
                         "contentHash": hashlib.sha256(content).hexdigest()})
    return {"files": len(mine), "lines": total, "counts": counts, "findings": findings}


def keep(file, first, last):
    """The bytes of lines first to last, line feeds included."""
    return [line for number, line in enumerate(file, 1) if first <= number <= last]


def envelope(status, summary, data, error):
    """The eight fields of an adapter result."""
    return {"status": status, "summary": summary, "data": data, "claims": [], "artifacts": [],
            "diff": None, "usage": {}, "error": error}


def write_whole(task, result):
    """Writes the result where only flowdex sees it whole: beside, in scratch, then renamed into place."""
    temporary = os.path.join(task["scratchPath"], f"result.{os.getpid()}")
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(result, file, ensure_ascii=False)
    os.rename(temporary, task["resultPath"])


def await_verdict(task, entry, can_be_refused=True):
    """`accepted`, `rejected`, or `gone` where the lease ended without either."""
    while True:
        if os.path.exists(task["acceptedPath"]):
            return "accepted"
        if can_be_refused and os.path.exists(task["rejectedPath"]):
            return "rejected"
        if not os.path.lexists(entry):
            return "accepted" if os.path.exists(task["acceptedPath"]) else "gone"
        time.sleep(0.05)


class Worker:
    def __init__(self, run):
        self.ready, self.claimed = os.path.join(run, "queue/ready"), os.path.join(run, "queue/claimed")
        self.events = os.path.join(run, "events.jsonl")
        self.held = None
        self.last_beat = 0.0

    def claim(self):
        """Takes one package; the path of its entry in `claimed`, or None where there is nothing."""
        try:
            names = sorted(os.listdir(self.ready))
        except FileNotFoundError:
            return None
        for name in names:
            if name.startswith("."):
                continue
            try:
                os.rename(os.path.join(self.ready, name), os.path.join(self.claimed, name))
            except FileNotFoundError:
                continue  # another worker was first
            return os.path.join(self.claimed, name)
        return None

    def work(self, entry):
        self.held = entry
        package = os.path.realpath(entry)
        with open(os.path.join(package, "task.json"), encoding="utf-8") as file:
            task = json.load(file)

        def beat():
            if time.monotonic() - self.last_beat > 30:
                self.last_beat = time.monotonic()
                with open(task["heartbeatPath"], "a", encoding="utf-8"):
                    os.utime(task["heartbeatPath"])

        try:
            data = audit(task, beat)
            summary = (f"looked at {data['files']} files and {data['lines']} lines, "
                       f"findings: {sum(data['counts'].values())}")
            write_whole(task, envelope("completed", summary, data, None))
        except (OSError, KeyError, TypeError, ValueError) as error:
            write_whole(task, envelope("failed", "the audit failed", None, f"{type(error).__name__}: {error}"))
            summary = f"failed: {error}"
        verdict = await_verdict(task, entry)
        if verdict == "rejected":
            # A script cannot mend what it wrote; it can say so, and the run goes on.
            with open(task["rejectedPath"], encoding="utf-8") as file:
                why = " ".join(file.read().split())[:500]
            write_whole(task, envelope("failed", "the result was refused", None, why))
            verdict = "failed, " + await_verdict(task, entry, can_be_refused=False)
        self.held = None
        print(f"audit.py[{os.getpid()}] {task['taskId']}: {summary} ({verdict})", flush=True)

    def has_ended(self):
        """The last word in the events on how the run stands."""
        try:
            with open(self.events, encoding="utf-8") as file:
                words = [line for line in file if '"type":"run.status"' in line]
        except FileNotFoundError:
            return False
        return bool(words) and json.loads(words[-1])["payload"]["status"] in ("completed", "failed", "stopped")

    def give_back(self, number, _):
        """Asked to stop: what is not done goes back to `ready`, for somebody else."""
        if self.held and os.path.lexists(self.held):
            try:
                os.rename(self.held, os.path.join(self.ready, os.path.basename(self.held)))
            except OSError:
                pass
        sys.exit(128 + number)


def main(arguments):
    if not arguments or arguments[0].startswith("-"):
        sys.exit(__doc__.split("\n\n")[1])
    once, idle = False, None
    rest = arguments[1:]
    while rest:
        option = rest.pop(0)
        if option == "--once":
            once = True
        elif option == "--idle" and rest and rest[0].isdigit():
            idle = int(rest.pop(0))
        else:
            sys.exit(f"audit.py: `{option}`: expected --once or --idle SECONDS")
    if not os.path.isdir(arguments[0]):
        sys.exit(f"audit.py: `{arguments[0]}` is not a run's directory")
    worker = Worker(arguments[0])
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, worker.give_back)
    waiting_since = time.monotonic()
    while True:
        entry = worker.claim()
        if entry:
            worker.work(entry)
            waiting_since = time.monotonic()
            if once:
                return
        elif worker.has_ended() or (idle is not None and time.monotonic() - waiting_since >= idle):
            return
        else:
            time.sleep(0.2)


if __name__ == "__main__":
    main(sys.argv[1:])
