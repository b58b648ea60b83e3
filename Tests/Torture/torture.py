#!/usr/bin/env python3
"""The kill sweep: flowdex is killed at one system call after another, restarted plainly, and judged by oracle.py.

    torture.py FLOWDEX [--points N] [--seed S] [--scenario NAME]... [--keep]

A point is (scenario, system call, number of the call, fault): SIGKILL, or one of ENOSPC, EIO and EINTR once. A first
run of each scenario under strace counts the calls of flowdex's own threads, those of programs that it started left
out; the points are then all of them, or a seeded choice of N. strace counts in each thread by itself.
Prints a line for each failure and one with the denominators; exits 1 if any figure is not zero.
"""
import argparse, json, os, random, re, shutil, signal, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import oracle

CALLS = ["fsync", "fdatasync", "pwrite64", "write", "rename", "renameat2", "openat", "unlink", "unlinkat", "ftruncate",
         "mkdir", "mkdirat", "symlink", "linkat", "clone", "clone3", "vfork", "fcntl", "read"]
FAULTS = {"kill": "signal=KILL", "ENOSPC": "error=ENOSPC", "EIO": "error=EIO", "EINTR": "error=EINTR"}
FAILING = {"ENOSPC": ["write", "pwrite64", "openat", "mkdir", "symlink", "rename"],
           "EIO": ["fsync", "fdatasync", "write", "pwrite64"], "EINTR": ["openat", "fcntl", "write", "fsync"]}
RUN = "r1"
SOURCE = """import { workflow } from "@flowdex/runtime";
export default workflow({
  name: "torture", maxAgents: 20, maxConcurrency: 20,
  permissions: { read: ["src/**"], write: ["src/**"], hostCommands: [
    { id: "echo", argv: ["echo", "hello"], idempotent: true }] },
  phases: [{ id: "one" }],
}, async (ctx) => {
  const check = ctx.hostCommand({ id: "h", phase: "one", commandId: "echo" });
  const found = await ctx.fanout({ id: "f", phase: "one", tasks: ["a", "b", "c"].map((id) =>
    ({ id, mode: "read-only", prompt: "do " + id })) });
  const patch = ["one", "two"].map((n) => `--- a/src/${n}.txt\\n+++ b/src/${n}.txt\\n@@ -1 +1 @@\\n-${n}\\n+${n}!\\n`).join("");
  const done = await ctx.integrate({ id: "i", phase: "one", patches: [{ patch }] });
  ctx.report({ found: found.map((r) => r.data.n), check: (await check).status, done: done.status });
});
"""
REPORT = {"found": [1, 1, 1], "check": "completed", "done": "completed"}


class Project:
    def __init__(self, binary, root):
        self.binary, self.root = binary, root
        self.run = f"{root}/.flowdex/runs/{RUN}"
        self.acknowledged = set()

    def files(self):
        os.makedirs(f"{self.root}/src"); os.makedirs(f"{self.root}/.flowdex")
        open(f"{self.root}/workflow.ts", "w").write(SOURCE)
        for name in ("one", "two"):
            open(f"{self.root}/src/{name}.txt", "w").write(name + "\n")

    def flowdex(self, *arguments, strace=None, timeout=60):
        command = [self.binary, *arguments]
        if strace is not None:
            command = ["strace", "-f", "-qq", "-o", f"{self.root}/.trace", *strace, "--"] + command
        try:
            return subprocess.run(command, cwd=self.root, capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 124, "", "it hung")

    def answer(self):
        """Writes a result into every package that has none, as workers do; claims what is on offer."""
        ready = f"{self.run}/queue/ready"
        for name in os.listdir(ready) if os.path.isdir(ready) else []:
            try:
                os.rename(f"{ready}/{name}", f"{self.run}/queue/claimed/{name}")
            except FileNotFoundError:
                pass
        for package in self.packages():
            if not os.path.exists(f"{package}/adapter-result.json"):
                envelope = {"status": "completed", "summary": "s" * 70000, "data": {"n": 1}, "claims": [],
                            "artifacts": [], "diff": None, "usage": {}, "error": None}
                open(f"{package}/.new", "w").write(json.dumps(envelope))
                os.rename(f"{package}/.new", f"{package}/adapter-result.json")

    def packages(self):
        folder = f"{self.run}/dispatches"
        if not os.path.isdir(folder):
            return []
        return [f"{folder}/{child}/{token}" for child in os.listdir(folder) if not child.startswith(".")
                for token in os.listdir(f"{folder}/{child}")]

    def look(self):
        self.acknowledged |= {p for p in self.packages() if os.path.exists(f"{p}/adapter-result.accepted")}

    def begun(self):
        self.flowdex("run", "workflow.ts", "--yes", "--run-id", RUN)

    def leased(self):
        self.begun(); self.flowdex("next", RUN, "--files", "--json")

    def answered(self):
        self.leased(); self.answer()

    def completed(self):
        self.answered(); self.flowdex("collect-results", RUN, "--continue")


SCENARIOS = {
    "run": (Project.files, ["run", "workflow.ts", "--yes", "--run-id", RUN]),
    "next": (Project.begun, ["next", RUN, "--files", "--json"]),
    "offer": (Project.begun, ["watch", RUN, "--once", "--dispatch"]),
    "collect": (Project.answered, ["collect-results", RUN]),
    "integrate": (Project.answered, ["collect-results", RUN, "--continue"]),
    "watch": (Project.answered, ["watch", RUN]),
    "repair": (Project.completed, ["repair-events", RUN]),
    "restart": (Project.answered, ["restart-agent", RUN, "fanout:f#a"]),
}


def finish(project):
    """A plain restart, until the run has ended: what a person or a script would do. The errors that it met."""
    errors = []
    project.look()
    for _ in range(6):
        for arguments in (["run", "workflow.ts", "--yes", "--run-id", RUN], ["watch", RUN, "--once", "--dispatch"]):
            done = project.flowdex(*arguments)
            if done.returncode not in (0,):
                errors.append(f"{arguments[0]}: {done.returncode} {done.stderr.strip()[-300:]}")
        project.look()
        if oracle.rows(project.run, "SELECT status FROM run")[0][0] in ("completed", "failed"):
            break
        project.answer()
        collected = project.flowdex("collect-results", RUN, "--continue", "--json")
        if collected.returncode != 0:
            errors.append(f"collect-results: {collected.stderr.strip()[-300:]}")
        project.look()
    # One more creation, and one more log: each sweeps what others left.
    project.flowdex("repair-events", RUN)
    project.flowdex("run", "workflow.ts", "--yes", "--run-id", "r2")
    project.flowdex("collect-results", RUN)
    return errors


def prepared(binary, scenario, base, cache):
    """A copy of the scenario's starting state: made once, for the run's files name no absolute path of their own."""
    root = f"{base}/work"
    shutil.rmtree(root, ignore_errors=True)
    if scenario not in cache:
        os.makedirs(root)
        project = Project(binary, root)
        if SCENARIOS[scenario][0] is not Project.files:
            project.files()
        SCENARIOS[scenario][0](project)
        cache[scenario] = f"{base}/start-{scenario}"
        shutil.copytree(root, cache[scenario], symlinks=True)
        return project
    shutil.copytree(cache[scenario], root, symlinks=True)
    return Project(binary, root)


def flags(call, number, fault):
    return ["-e", f"trace={call}", "-e", f"inject={call}:{FAULTS[fault]}:when={number}"]


def count(binary, scenario, base, cache):
    project = prepared(binary, scenario, base, cache)
    project.flowdex(*SCENARIOS[scenario][1], strace=["-e", "trace=" + ",".join(CALLS + ["execve"])])
    counts, programs, own = {}, set(), None
    for text in open(f"{project.root}/.trace"):
        found = re.match(r"(\d+) +(\w+)\(", text)
        if not found:
            continue
        own = own or found[1]
        if found[2] == "execve":
            programs.add(found[1])
        counts[found[1], found[2]] = counts.get((found[1], found[2]), 0) + 1
    most = {}
    for (thread, call), number in counts.items():
        if call != "execve" and (thread == own or thread not in programs):
            most[call] = max(most.get(call, 0), number)
    return most


def points(binary, scenarios, base, cache):
    for scenario in scenarios:
        for call, total in sorted(count(binary, scenario, base, cache).items()):
            for number in range(1, total + 1):
                for fault in FAULTS:
                    if fault == "kill" or call in FAILING[fault]:
                        yield scenario, call, number, fault


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("flowdex")
    parser.add_argument("--points", type=int, help="a seeded choice of so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", action="append", choices=SCENARIOS)
    parser.add_argument("--keep", action="store_true", help="keep the folders of failures")
    options = parser.parse_args()
    binary = os.path.abspath(options.flowdex)
    base = tempfile.mkdtemp(prefix="flowdex-torture-")
    cache, failures, hit, figures = {}, 0, 0, {}
    chosen = list(points(binary, options.scenario or list(SCENARIOS), base, cache))
    total = len(chosen)
    if options.points and options.points < total:
        # Threads take turns as they like, so a point may be missed: others stand by.
        chosen = random.Random(options.seed).sample(chosen, min(total, 4 * options.points))
    controls = None
    tried = 0
    for number, point in enumerate(chosen):
        if options.points and hit == options.points:
            break
        tried += 1
        scenario, call, when, fault = point
        project = prepared(binary, scenario, base, cache)
        first = project.flowdex(*SCENARIOS[scenario][1], strace=flags(call, when, fault))
        hit += os.path.exists(f"{project.root}/.trace") and "INJECTED" in open(f"{project.root}/.trace").read() \
            or first.returncode == 137
        errors = finish(project)
        wrong = {"cannot go on": errors} if errors else {}
        wrong.update(oracle.judge(project.root, RUN, sorted(project.acknowledged), REPORT))
        texts = [open(f"{project.root}/src/{n}.txt").read() for n in ("one", "two")]
        if texts != ["one!\n", "two!\n"]:
            wrong["not as the patches say"] = texts
        if fault != "kill" and ("Fatal error" in first.stderr or first.returncode in (124, 132, 133, 134, 139)):
            wrong["unclear"] = [f"{first.returncode}: {first.stderr[-300:]}"]
        for figure in wrong:
            figures[figure] = figures.get(figure, 0) + 1
        if wrong:
            failures += 1
            print(f"torture: {scenario} {call}#{when} {fault}: {json.dumps(wrong)[:1500]}", flush=True)
            if options.keep:
                shutil.copytree(project.root, f"{base}/failure-{number}", symlinks=True)
        elif controls is None:
            controls = oracle.self_test(project.root, RUN, sorted(project.acknowledged))
    for figure in ("lost", "collected twice", "stale accepted"):
        print(f"{figure}: {figures.get(figure, 0)} of {tried} points")
    print(f"torture: {tried} of {total} points (seed {options.seed}), {hit} of them hit, {failures} failed; "
          f"the oracle saw {controls} of 7 deliberate faults")
    if not (options.keep and failures):
        subprocess.run(["chmod", "-R", "u+w", base]); shutil.rmtree(base, ignore_errors=True)
    raise SystemExit(1 if failures or controls != 7 or not hit else 0)


main()
