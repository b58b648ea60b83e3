"""Kill points and error points: which there are, and what is to be seen at each."""
import errno, fnmatch, os, random, shutil, subprocess

import scenarios
from project import remove

CHANGES = ["create", "write", "pwrite", "fsync", "fdatasync", "syncfs", "rename", "link", "symlink", "unlink", "mkdir",
           "rmdir", "ftruncate", "chmod", "lock", "unlock", "fork", "thread", "print", "pipewrite", "send", "sendmsg"]
WRITES = ["write", "pwrite", "print"]
# What a call can fail with, and which of these stay until their cause is gone.
ONCE = {
    "open": ["EMFILE", "EIO", "EINTR"], "create": ["ENOSPC", "EMFILE", "EIO", "EINTR"],
    "opendir": ["EMFILE", "EIO", "EINTR"], "fdopendir": ["ENOMEM"], "readdir": ["EIO"], "fopen": ["EMFILE"],
    "access": ["EIO"], "readlink": ["EIO"], "statfs": ["EIO", "EINTR"], "fcntl": ["EMFILE"], "ioctl": ["EIO"],
    "read": ["EIO", "EINTR"], "pread": ["EIO", "EINTR"], "write": ["ENOSPC", "EIO", "EINTR"],
    "pwrite": ["ENOSPC", "EIO", "EINTR"], "print": ["ENOSPC", "EIO", "EINTR"], "fsync": ["EIO", "ENOSPC"],
    "fdatasync": ["EIO", "ENOSPC"], "syncfs": ["EIO"], "rename": ["ENOSPC", "EIO"], "link": ["ENOSPC", "EIO"],
    "symlink": ["ENOSPC", "EIO"], "unlink": ["EIO"], "mkdir": ["ENOSPC", "EIO"], "rmdir": ["EIO"],
    "ftruncate": ["EIO", "EINTR"], "lock": ["EINTR", "EIO", "ENOLCK"], "stat": ["EIO"], "chmod": ["EIO"],
    "fork": ["EAGAIN"], "thread": ["EAGAIN"], "wait": ["EINTR"], "pipe": ["EMFILE"], "socketpair": ["EMFILE"],
    "inotify": ["EMFILE"], "watch": ["ENOSPC"], "poll": ["EINTR"], "recv": ["EINTR"], "send": ["EINTR"],
    "sendmsg": ["EINTR"], "piperead": ["EINTR"], "pipewrite": ["EINTR"],
}
STUCK = {
    "write": ["ENOSPC", "EIO"], "pwrite": ["ENOSPC", "EIO"], "create": ["ENOSPC", "EROFS", "EMFILE"],
    "mkdir": ["ENOSPC", "EROFS"], "fsync": ["EIO"], "fdatasync": ["EIO"], "open": ["EMFILE"],
}
# What passes, but not at once: whoever takes back what failed meets it once more.
BRIEF = {"create": ["ENOSPC", "EIO"], "link": ["ENOSPC"], "mkdir": ["ENOSPC", "EIO"], "rename": ["EIO"],
         "fsync": ["EIO"]}
# Calls of which there are many, and which change nothing: a choice of points takes fewer of them.
COMMON = {"pread": 0.06, "lock": 0.15, "unlock": 0.15, "stat": 0.2, "readdir": 0.1, "poll": 0.3, "fcntl": 0.3, "close": 0.4,
          "piperead": 0.3, "ioctl": 0.3, "read": 0.5, "open": 0.6}


def shim(folder, into):
    """Builds the library that stands before the C library; its path."""
    path = f"{into}/shim.so"
    sources = sorted(f"{folder}/shim/{name}" for name in os.listdir(f"{folder}/shim") if name.endswith(".c"))
    compiler = shutil.which("cc") or shutil.which("clang") or "cc"
    subprocess.run([compiler, "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", path,
                    *sources, "-ldl"], check=True)
    return path


def counts(bench, scenario, library):
    """How often the scenario's command calls each function: measured."""
    project = bench.project(scenario)
    calls = f"{bench.base}/calls"
    if os.path.exists(calls):
        os.remove(calls)
    done = bench.command(scenario, project, {"LD_PRELOAD": library, "TORTURE_CALLS": calls})
    if done.status != 0:
        raise SystemExit(f"torture: `{scenario}` fails without a fault: {done.stderr}")
    found = {}
    with open(calls) as file:
        for line in file:
            name = line.split("\t")[0]
            found[name] = found.get(name, 0) + 1
    return found


def kill_points(scenario, found):
    for name, total in sorted(found.items()):
        for kind in ["before"] + ["after"] * (name in CHANGES) + ["torn"] * (name in WRITES):
            for number in range(1, total + 1):
                yield scenario, f"{kind}:{name}:{number}"


def error_points(scenario, found):
    for name, total in sorted(found.items()):
        for number in range(1, total + 1):
            for cause in ONCE.get(name, []):
                yield scenario, f"once:{name}:{number}:{cause}"
            for cause in STUCK.get(name, []):
                yield scenario, f"stuck:{name}:{number}:{cause}"
            for cause in BRIEF.get(name, []):
                yield scenario, f"brief:{name}:{number}:{cause}"
            if name in WRITES:
                yield scenario, f"short:{name}:{number}"


def chosen(points, count, seed):
    """A seeded choice: every scenario alike, and of the calls that change nothing fewer."""
    points = list(points)
    if count is None or count >= len(points):
        return points
    by_scenario = {}
    for point in points:
        by_scenario[point[0]] = by_scenario.get(point[0], 0) + 1
    generator = random.Random(seed)

    def key(point):
        weight = COMMON.get(point[1].split(":")[1], 1.0) / by_scenario[point[0]] ** 0.5
        return generator.random() ** (1 / weight)
    return sorted(points, key=key, reverse=True)[:count]


# Where faults were found once: these points are in every choice. A number changes with the code, so all are taken, or of very
# many of a kind as many as time allows.
MANY_REMEMBERED = 60
REMEMBERED = ["resume once:stat:4[0-9]:EIO", "run once:send:*:EINTR", "watch once:pipewrite:*:EINTR",
              "run once:write:*:ENOSPC", "command once:write:*:ENOSPC", "next before:write:*", "next before:unlink:*", "pause once:lock:*:EINTR",
              "integrate once:write:*:EIO", "integrate once:stat:*:EIO", "collect once:stat:*:EIO",
              "next once:opendir:*:EINTR", "restart once:fcntl:*:EMFILE", "integrate once:mkdir:1[0-9]:ENOSPC",
              "integrate brief:create:2[0-9]:ENOSPC", "beat once:stat:[34][0-9]:EIO",
              "command once:fdatasync:1[0-9]:EIO", "next once:fdatasync:*:EIO", "restart once:create:*:ENOSPC", "next stuck:open:2[0-9]:EMFILE", "offer stuck:open:3[0-9]:EMFILE"]


def with_remembered(points, choice, seed):
    """The choice, and before it the points at which faults were found."""
    first = []
    for number, pattern in enumerate(REMEMBERED):
        found = [point for point in points if fnmatch.fnmatchcase(" ".join(point), pattern)]
        chosen_ones = random.Random(f"{seed} {number}").sample(range(len(found)), min(len(found), MANY_REMEMBERED))
        first += [found[at] for at in sorted(chosen_ones)]
    known = set(first)
    return first + [point for point in choice if point not in known]


def environment(library, fault, hit):
    parts = fault.split(":")
    if len(parts) == 4:
        parts[3] = str(getattr(errno, parts[3]))
    return {"LD_PRELOAD": library, "TORTURE_FAULT": ":".join(parts), "TORTURE_HIT": hit}


UNCLEAR = ["Fatal error", "internal error", "SQLite error", "Swift runtime", "Thread ", "Assertion"]


def unclear(done):
    """What is wrong with how a command told of an error; None where it was clear, or got over it."""
    if done.status is None:
        return "it hung"
    if done.status not in (0, 1):
        return f"exit {done.status}: {done.stderr[-300:]}"
    lines = done.stderr.splitlines()
    if done.status == 1 and not lines:
        return "exit 1 without a word"
    if any(word in done.stderr for word in UNCLEAR) or any(not line.startswith("flowdex: ") for line in lines):
        return f"exit {done.status}: {done.stderr[-300:]}"
    return None


def met_at(hit):
    """(call, file) of each call that met the fault, of a cause that stays the first; "" for a call that names no file."""
    if not os.path.exists(hit):
        return []
    with open(hit, errors="replace") as file:
        return [(line.partition("#")[0], line.rstrip("\n").partition(" ")[2]) for line in file]


def mistaken(fault, places, done):
    """What is wrong with how a command took an error that it met there; None where nothing is."""
    kind, call = fault.split(":")[:2]
    text = unclear(done)
    # SQLite asks for locks without waiting, and only a network's file system would interrupt that.
    if text is None and fault.endswith(":EINTR") and call != "lock" and done.status != 0:
        text = f"an interrupted call ended it: {done.stderr[-300:]}"
    # The log of events is made of the state: that it could not be written once is made up for, and ends nothing.
    if text is None and kind in ("once", "short") and call in ("open", "create", "write") and done.status != 0 and (
            any(os.path.basename(place) == "events.jsonl" for _, place in places)):
        text = f"an error of the log of events ended it: {done.stderr[-300:]}"
    return text


def may_be_unknown(fault):
    """Whether nobody may know how the host command ended that must not run twice: if flowdex was killed, or the disk stays
    as it is."""
    return fault.split(":")[0] in ("before", "after", "torn", "stuck")


def tried(bench, library, point):
    """One point: (whether the fault was met, what is wrong by figure, the errors that were met)."""
    scenario, fault = point
    hit = f"{bench.base}/hit"
    if os.path.exists(hit):
        os.remove(hit)
    project = bench.project(scenario)
    done = bench.command(scenario, project, environment(library, fault, hit))
    places = met_at(hit)
    wrong, is_kill = {}, fault.split(":")[0] in ("before", "after", "torn")
    if is_kill and places and done.status != -9:
        wrong["not killed"] = [str(done.status)]
    if not is_kill:
        text = mistaken(fault, places, done)
        if text:
            wrong["unclear"] = [text]
        # Where what was leased could not be printed, nobody can be told.
        is_known = ":print:" not in fault
        if scenario in ("next", "many") and is_known and scenarios.untold(project):
            wrong["leased and not told"] = scenarios.untold(project)
    for figure, details in scenarios.judge_after(project).items():
        wrong[f"{figure}, before the restart"] = details
    unknown, look = may_be_unknown(fault), scenarios.SCENARIOS[scenario].look
    wrong.update(look(project, done) if look else {})
    errors = scenarios.again(scenario, project) + scenarios.finish(project)
    if errors:
        wrong["cannot go on"] = errors
    wrong.update(scenarios.judge_ended(project, not is_kill, may_be_unknown=unknown))
    return bool(places), wrong, done.stderr.strip()[-200:]


def keep(bench, number):
    """The failure's folder, to look around in."""
    place = f"{bench.base}-failure-{number}"
    remove(place)
    shutil.copytree(f"{bench.base}/work", place, symlinks=True)
    return place
