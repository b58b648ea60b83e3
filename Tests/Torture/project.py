"""A project with a small run that uses everything, its worker, and the log of what flowdex has acknowledged.

The log (`acknowledged.jsonl`, in the project's folder) is what people were told: leases that were printed, results that
were reported taken, reports that were printed, runs that were named. The oracle holds the disk to it.
"""
import json, os, shutil, subprocess, threading

import oracle

RUN = "r1"
LOG = "acknowledged.jsonl"
SOURCE = r"""import { workflow } from "@flowdex/runtime";
export default workflow({
  name: "torture", maxAgents: 200, maxConcurrency: 200,
  permissions: { read: ["src/**"], write: ["src/**"], hostCommands: [
    { id: "tell", argv: ["sh", "-c", "seq 1 LINES; echo ran >>ran.txt"], idempotent: IDEMPOTENT }] },
  phases: [{ id: "one" }],
}, async (ctx) => {
  ctx.log("began");
  const told = ctx.hostCommand({ id: "h", phase: "one", commandId: "tell" });
  const found = await ctx.fanout({ id: "f", phase: "one", tasks: TASKS.map((id) => ({
    id, mode: id === "c" ? "write" : "read-only", prompt: "do " + id, leaseMinutes: 500000 })) });
  const edit = ["one", "two"].map((n) =>
    `--- a/src/${n}.txt\n+++ b/src/${n}.txt\n@@ -1 +1 @@\n-${n}\n+${n}!\n`).join("") +
    `--- /dev/null\n+++ b/src/deep/new.txt\n@@ -0,0 +1 @@\n+deep\n` +
    `--- a/src/d/x.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n--- /dev/null\n+++ b/src/d\n@@ -0,0 +1 @@\n+file\n`;
  const diffs = found.map((r) => r.diff).filter((d) => d).map((patch) => ({ patch }));
  const done = await ctx.integrate({ id: "i", phase: "one", patches: [{ patch: edit }, ...diffs] });
  const data = (await told).data;
  ctx.report({ found: found.map((r) => r.data.n), told: (await told).status, sure: !data.indeterminate,
    cut: data.stdoutTruncated, done: done.status, error: done.error ?? null });
});
"""
BEFORE = {"src/one.txt": "one\n", "src/two.txt": "two\n", "src/d/x.txt": "x\n"}
# Never in a snapshot: a folder's `.gitignore` that cannot be read must not be taken for none.
HIDDEN = {"src/.gitignore": "secret.txt\n", "src/secret.txt": "secret\n"}
SHARED = {*BEFORE, "src/.gitignore"}
# A folder is made, and another becomes a file.
AFTER = {"src/one.txt": "one!\n", "src/two.txt": "two!\n", "src/deep/new.txt": "deep\n", "src/d": "file\n",
         "src/new.txt": "new\n"}


def source(tasks, idempotent, lines=14000):
    return SOURCE.replace("TASKS", json.dumps(tasks)).replace("IDEMPOTENT", json.dumps(idempotent)).replace(
        "LINES", str(lines))


class Done:
    """How a command ended: `status` is negative for a signal, None where it hung."""
    def __init__(self, status, stdout, stderr):
        self.status, self.stdout, self.stderr = status, stdout, stderr


class Project:
    def __init__(self, binary, root, tasks=("a", "b", "c"), idempotent=True, large=("a",),
                 large_bytes=70000, lines=14000):
        self.binary, self.root = binary, root
        self.tasks, self.idempotent, self.large = list(tasks), idempotent, set(large)
        self.large_bytes, self.lines = large_bytes, lines
        self.run = f"{root}/.flowdex/runs/{RUN}"
        self.log = f"{root}/{LOG}"
        # The tokens of the packages that the worker has been given, and those of earlier leases, whose workers will be late.
        self.mine, self.late = set(), set()
        # Writes down what the worker does, where somebody wants to know.
        self.recorder = None

    def make(self):
        os.makedirs(f"{self.root}/src/d"); os.makedirs(f"{self.root}/.flowdex")
        self.put("workflow.ts", source(self.tasks, self.idempotent, self.lines))
        for path, text in {**BEFORE, **HIDDEN}.items():
            self.put(path, text)
            # Old enough for the cache of hashes.
            os.utime(f"{self.root}/{path}", (1e9, 1e9))

    def put(self, path, text):
        with open(f"{self.root}/{path}", "w") as file:
            file.write(text)

    def text(self, path):
        try:
            with open(f"{self.root}/{path}") as file:
                return file.read()
        except FileNotFoundError:
            return None

    # What was acknowledged.

    def acknowledged(self):
        if not os.path.exists(self.log):
            return []
        with open(self.log) as file:
            return [json.loads(line) for line in file]

    def acknowledge(self, kind, what):
        with open(self.log, "a") as file:
            file.write(json.dumps({kind: what}) + "\n")

    def note(self, arguments, stdout):
        """What a command's output tells people; also of one that was killed, as far as it got."""
        for kind, what in acknowledgements(arguments, stdout):
            self.acknowledge(kind, what)

    def look(self):
        known = {e["accepted"] for e in self.acknowledged() if "accepted" in e}
        for package in self.packages():
            token = os.path.basename(package)
            if token not in known and os.path.exists(f"{package}/adapter-result.accepted"):
                self.acknowledge("accepted", token)

    # Commands.

    def flowdex(self, *arguments, shim=None, timeout=120, prefix=()):
        environment = dict(os.environ, **(shim or {}))
        self.acknowledge("began", arguments[0])
        done = subprocess.Popen([*prefix, self.binary, *arguments], cwd=self.root, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        try:
            out, err = done.communicate(timeout=timeout)
            status = done.returncode
        except subprocess.TimeoutExpired:
            done.kill()
            out, err = done.communicate()
            status = None
        result = Done(status, out.decode(errors="replace"), err.decode(errors="replace"))
        self.note(arguments, result.stdout)
        return result

    def attended(self, *arguments, shim=None, timeout=120, worker=None):
        """A command beside which a worker answers: `worker` first, where another is wanted, until it returns."""
        over = threading.Event()
        # What a worker finds that has been started anew.
        self.mine |= self.told() | set(names(f"{self.run}/queue/claimed"))

        def work():
            if worker:
                worker(self, over)
            while not over.wait(0.004):
                self.answer()
        thread = threading.Thread(target=work)
        thread.start()
        try:
            return self.flowdex(*arguments, shim=shim, timeout=timeout)
        finally:
            over.set()
            thread.join()
            self.look()

    # The worker.

    def packages(self):
        folder = f"{self.run}/dispatches"
        return [f"{folder}/{child}/{token}" for child in names(folder) if not child.startswith(".")
                for token in names(f"{folder}/{child}")]

    def told(self):
        """The leases of which `status` tells whoever asks: one that was handed out and never printed is among them."""
        try:
            with oracle.State(self.run) as state:
                return {row["token"] for row in state.rows("SELECT token FROM leases WHERE state = 'live'")}
        except oracle.sqlite3.Error:
            return set()

    def claim(self):
        for name in names(f"{self.run}/queue/ready"):
            try:
                self.rename(f"{self.run}/queue/ready/{name}", f"{self.run}/queue/claimed/{name}")
                self.mine.add(name)
            except FileNotFoundError:
                pass

    def answer(self):
        """Writes a result into every package that it was given, as workers do; claims what is on offer."""
        self.claim()
        self.answer_held()

    def answer_held(self):
        for package in self.packages():
            try:
                if os.path.basename(package) in self.mine:
                    self.answer_one(package)
            except (FileNotFoundError, NotADirectoryError, ValueError):
                pass  # Taken away by its lease's end, or not mended yet after a power cut.

    def answer_one(self, package):
        if not os.path.exists(f"{package}/adapter-result.json"):
            self.prepare(package)
            self.rename(f"{package}/scratch/result", f"{package}/adapter-result.json")

    def prepare(self, package):
        with open(f"{package}/task.json") as file:
            task = json.load(file)
        if task["mode"] == "write":
            self.write(f"{package}/work/src/new.txt", "new\n")
        is_large = task["taskId"] in self.large
        summary = (task["taskId"] * self.large_bytes)[:self.large_bytes] if is_large else "short"
        self.write(f"{package}/scratch/result", envelope(oracle.answer_of(task["leaseToken"]), summary))

    def write(self, path, text):
        with open(path, "w") as file:
            file.write(text)
        if self.recorder:
            self.recorder.wrote(path, text)

    def rename(self, path, to):
        os.rename(path, to)
        if self.recorder:
            self.recorder.renamed(path, to)


def names(folder):
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def envelope(n, summary="short"):
    return json.dumps({"status": "completed", "summary": summary, "data": {"n": n}, "claims": [], "artifacts": [],
                       "diff": None, "usage": {}, "error": None})


def acknowledgements(arguments, stdout):
    """(kind, what) of everything that this output tells. Output that was cut off tells what stands there whole."""
    command = arguments[0]
    if command == "watch":
        yield from (told for line in stdout.splitlines(keepends=True) if line.endswith("\n")
                    for told in told_by_event(parsed(line)))
        return
    value = parsed(stdout)
    if command == "next" and isinstance(value, list):
        for lease in value:
            yield "lease", lease["leaseToken"]
    if command == "report" and value is not None:
        yield "report", value
    if not isinstance(value, dict):
        return
    if command == "restart-agent":
        yield "restart", value["invalidated"]
    if command in ("run", "continue", "resume", "restart-agent"):
        yield "run", value["runId"]
    if command == "complete-agent":
        yield "result", [value["childKey"], option(arguments, "--lease-token")]
    if command == "renew":
        yield "renewed", [option(arguments, "--lease-token"), value["leaseExpiresAt"]]
    if command == "attach-agent":
        yield "attached", [option(arguments, "--lease-token"), option(arguments, "--agent-ref")]
    if command == "status":
        yield from told_by_status(value)
    for item in value.get("results", []):
        if item["status"] == "collected":
            yield "result", [item["childKey"], os.path.basename(os.path.dirname(item["resultPath"]))]
    for drive in (value, value.get("continued")):
        if isinstance(drive, dict) and drive.get("report") is not None:
            yield "report", drive["report"]
        if isinstance(drive, dict) and isinstance(drive.get("status"), str):
            yield "stands", drive["status"]


def option(arguments, name):
    return arguments[arguments.index(name) + 1]


def told_by_event(event):
    if not isinstance(event, dict):
        return
    yield "event", [event["seq"], event["type"]]
    if event["type"] == "agent.completed":
        yield "result", [event["payload"]["childKey"], None]
    if event["type"] == "workflow.completed":
        yield "ended", event["payload"]["reportArtifactId"]


def told_by_status(value):
    yield "run", value["runId"]
    yield "stands", value["run"]["status"]
    for task in value["tasks"]:
        if task["leaseToken"]:
            yield "lease", task["leaseToken"]
        if task["status"] == "completed":
            yield "result", [task["childKey"], None]


def parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def remove(path):
    """Also what has no write permission."""
    def again(call, name, _):
        os.chmod(os.path.dirname(name), 0o755)
        os.chmod(name, 0o755) if os.path.exists(name) and not os.path.islink(name) else None
        call(name)
    if os.path.lexists(path):
        shutil.rmtree(path, onerror=again)
