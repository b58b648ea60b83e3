"""One seeded run of the swarm (see `swarm.py`): what is done to it, by whom, and how it is judged afterwards."""
import glob, json, os, random, signal, sqlite3, subprocess, tempfile, threading, time

from project import acknowledgements

RUN, TASKS, WORKERS, SAYINGS = "r", 10, 8, 4
SOURCE = """import { workflow } from "@flowdex/runtime";
export default workflow({
  name: "swarm", maxAgents: 1000, maxConcurrency: 6,
  permissions: { read: ["src/**"], write: ["src/**"], hostCommands: [
    { id: "true", argv: ["true"], idempotent: true },
    %s] },
  phases: [{ id: "one" }],
}, async (ctx) => {
  const task = (id: string, i: number) => ({ id, mode: "read-only", prompt: "p", data: { i }, leaseMinutes: 0.02,
    maxAttempts: 1000 });
  const tasks = Array.from({ length: %d }, (_, i) => task("t" + i, i));
  const first = ctx.hostCommand({ id: "h", phase: "one", commandId: "true" });
  const said: unknown[] = [];
  let edit: any = null;
  // What must not be done twice, while the results that it waits for come in.
  const speak = async () => {
    for (let n = 0; n < %d; n++) {
      await ctx.agent({ ...task("s" + n, 100 + n), phase: "one" });
      const done = await ctx.hostCommand({ id: "say" + n, phase: "one", commandId: "say" + n });
      said.push([done.status, done.data.indeterminate !== true]);
      if (n === 1) edit = await ctx.integrate({ id: "i", phase: "one", patches: [
        { patch: "--- a/src/a.txt\\n+++ b/src/a.txt\\n@@ -1 +1 @@\\n-a\\n+a!\\n" }] });
    }
  };
  const [found] = await Promise.all([ctx.fanout({ id: "f", phase: "one", tasks }), speak()]);
  const end = await ctx.agent({ ...task("z", 99), phase: "one" });
  ctx.report({ found: found.map((r) => r.data.i), end: end.data.i, check: (await first).status, edit: edit.status, said });
});
""" % (", ".join('{ id: "say%d", argv: ["sh", "-c", "echo %d >>said.txt"], idempotent: false }' % (n, n)
                 for n in range(SAYINGS)), TASKS, SAYINGS)
REPORT = {"found": list(range(TASKS)), "end": 99, "check": "completed", "edit": "completed"}
FAKETIME = (glob.glob("/usr/lib/*/faketime/libfaketime.so.1") + [None])[0]
# What a command may say that is no fault: it came too late, or too early.
EXPECTED = ("is completed", "is failed", "is paused", "is stopped", "has ended", "cannot be", "has no task",
            "while it is", "is running", "nothing was taken", "drives this run")


class Swarm:
    def __init__(self, binary, root, seed):
        self.binary, self.root, self.seed = binary, root, seed
        self.random = random.Random(seed)
        self.run = f"{root}/.flowdex/runs/{RUN}"
        self.over = threading.Event()
        self.guard = threading.Lock()
        self.accepted, self.wrong, self.processes, self.threads, self.listeners = set(), [], [], [], []
        self.told = []  # What commands have printed: leases, and results that were taken.

    def note(self, text):
        with self.guard:
            self.wrong.append(text)

    def start(self, arguments, days=0, out=subprocess.PIPE):
        environment = dict(os.environ)
        if days and FAKETIME:
            environment |= {"LD_PRELOAD": FAKETIME, "FAKETIME": f"{days:+d}d", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        process = subprocess.Popen([self.binary, *arguments], cwd=self.root, env=environment, text=True, stdout=out,
                                   stderr=subprocess.PIPE)
        with self.guard:
            self.processes.append(process)
        return process

    def command(self, arguments, days=0, patience=60):
        """Runs one to its end; says what it should not have said. Its output, or None."""
        process = self.start(arguments, days)
        try:
            out, err = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self.note(f"{arguments} hung")
            return None
        self.judge_exit(arguments, process.returncode, err)
        with self.guard:
            self.told += [(kind, what) for kind, what in acknowledgements(arguments, out) if kind in ("lease", "result")]
        return out if process.returncode == 0 else None

    def judge_exit(self, arguments, status, err):
        if status == -signal.SIGKILL:
            return
        last = ([text for text in err.splitlines() if text] or ["nothing was said"])[-1]
        if status not in (0, 1) or any(word in err for word in ("internal error", "bug of flowdex", "Fatal error")):
            self.note(f"{arguments}: exit {status}: {err[-400:]}")
        elif status == 1 and not any(word in last for word in EXPECTED):
            self.note(f"{arguments}: {last}")

    # What workers do.

    def answer(self, package, choice):
        """Delivers under this lease in one of the ways that workers have; waits to see what becomes of it."""
        token = os.path.basename(os.path.realpath(package))
        try:
            task = json.load(open(f"{package}/task.json"))
            data = {"i": task["data"]["i"], "token": task["leaseToken"]}
            text = json.dumps({"status": "completed", "summary": "s", "data": data, "claims": [], "artifacts": [],
                               "diff": None, "usage": {}, "error": None})
            package = os.path.dirname(task["resultPath"])
            if choice < 0.1:
                return  # It goes away, and its lease runs out.
            if choice < 0.2:
                time.sleep(1.4)  # Past its lease; somebody else may have the task by now.
            if choice < 0.3:
                open(f"{package}/adapter-result.json", "w").write(text[:len(text) // 2])
                time.sleep(0.02)
            if choice < 0.4:
                open(f"{package}/heartbeat", "w").close()
            open(f"{package}/.new", "w").write(text)
            os.rename(f"{package}/.new", f"{package}/adapter-result.json")
            for _ in range(100):
                if os.path.exists(f"{package}/adapter-result.accepted"):
                    with self.guard:
                        self.accepted.add(token)
                    return
                if self.over.is_set():
                    return
                time.sleep(0.02)
        except (FileNotFoundError, NotADirectoryError):
            pass  # The lease ended under it.
        except ValueError as error:
            self.note(f"half a package: {token}: {error}")

    def worker(self, random):
        while not self.over.is_set():
            try:
                names = sorted(os.listdir(f"{self.run}/queue/ready"))
            except FileNotFoundError:
                names = []
            random.shuffle(names)
            for name in names[:1]:
                mine = f"{self.run}/queue/claimed/{name}"
                try:
                    os.rename(f"{self.run}/queue/ready/{name}", mine)
                except OSError:
                    continue
                choice = random.random()
                if choice > 0.95:
                    try:
                        os.rename(mine, f"{self.run}/queue/ready/{name}")  # Given back.
                    except OSError:
                        pass
                    continue
                self.answer(mine, choice)
            time.sleep(0.01)

    def leases(self, out):
        try:
            return json.loads(out) if out is not None else []
        except ValueError:
            self.note(f"next printed {out[:200]!r}")
            return []

    # What operators, schedulers and the machine do.

    def stray(self, random):
        """One of the things that may happen to a run at any time."""
        days = random.choice((0, 0, 10, -10))
        what = random.choice(("next", "next", "collect", "collect --continue", "pause", "restart", "continue", "stop it",
                              "kill", "take the lock", "status"))
        if what == "next":
            out = self.command(["next", RUN, "--files", "--json", "--limit", str(random.randint(1, 6))], days)
            for lease in self.leases(out):
                if random.random() < 0.8:
                    self.answer(os.path.dirname(lease["taskPath"]), random.random())
        elif what.startswith("collect"):
            self.command(["collect-results", RUN, "--json", *what.split()[1:]], days)
        elif what == "pause":
            self.command(["pause", RUN], days)
            time.sleep(random.random() / 10)
            self.command(["resume", RUN], -days)
        elif what == "restart":
            self.command(["restart-agent", RUN, random.choice([f"fanout:f#t{random.randrange(TASKS)}", "fanout:f"])], days)
        elif what in ("continue", "status"):
            self.command([what, RUN], days)
        elif what == "take the lock":
            try:
                os.unlink(f"{self.run}/driver.lock")  # Whoever holds it goes on believing so.
            except FileNotFoundError:
                pass
            self.command(["continue", RUN], days)
        else:
            with self.guard:
                alive = [p for p in self.processes if p.poll() is None]
            if not alive:
                return
            victim = random.choice(alive)
            if what == "kill":
                victim.kill()
                return
            victim.send_signal(signal.SIGSTOP)
            time.sleep(random.choice((0.05, 1.5)))  # 1.5 s is past every lease.
            victim.send_signal(signal.SIGCONT)

    def strays(self, random):
        while not self.over.is_set():
            self.stray(random)

    def watches(self, random):
        """A `watch` that is started again whenever it has gone."""
        watch = None
        while not self.over.is_set():
            if watch is None or watch.poll() is not None:
                watch = self.start(["watch", RUN, "--dispatch", "--limit", str(random.randint(2, 6))],
                                   random.choice((0, 10, -10)), out=subprocess.DEVNULL)
                self.listeners.append(self.spawn(self.listen, watch))
            time.sleep(0.02)

    def listen(self, process):
        err = process.stderr.read()
        self.judge_exit(["watch"], process.wait(), err)

    def spawn(self, target, *arguments):
        def run():
            try:
                target(*arguments)
            except Exception as error:
                self.note(f"the script itself failed: {error!r}")
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def calm(self):
        """Ends what is going on, gently for those who may be stopped."""
        self.over.set()
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
        self.join(self.threads)
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        self.join(self.listeners)

    def join(self, threads):
        while threads:
            thread = threads.pop()
            thread.join(60)
            if thread.is_alive():
                self.note("a part of the script hung")

    def play(self, seconds):
        os.makedirs(f"{self.root}/src")
        open(f"{self.root}/src/a.txt", "w").write("a\n")
        open(f"{self.root}/workflow.ts", "w").write(SOURCE)
        self.command(["run", "workflow.ts", "--yes", "--run-id", RUN])
        child = lambda: random.Random(self.random.random())
        for _ in range(WORKERS):
            self.threads.append(self.spawn(self.worker, child()))
        for _ in range(2):
            self.threads += [self.spawn(self.watches, child()), self.spawn(self.strays, child())]
        time.sleep(seconds)
        self.calm()
        self.finish()
        self.judge()
        return self.wrong

    def finish(self):
        """A plain watch, and workers who know their trade."""
        self.over.clear()
        self.command(["resume", RUN])
        steady = type("Steady", (), {"random": lambda _: 0.5, "shuffle": lambda _, names: None})
        self.threads += [self.spawn(self.worker, steady()) for _ in range(2)]
        self.command(["watch", RUN, "--dispatch"])
        self.calm()

    def judge_sayings(self, said, rows):
        """A command that is not idempotent ran once, or at most once where the report is not sure of it: once more for each
        restart (`restart-agent`) with which it was begun anew."""
        lines = open(f"{self.root}/said.txt").read().split() if os.path.exists(f"{self.root}/said.txt") else []
        for number, (status, is_sure) in enumerate(said):
            ran, begun = lines.count(str(number)), rows(
                "SELECT count(*) FROM operations WHERE key = ? AND (state != 'pending' OR intent NOT NULL)",
                f"hostCommand:say{number}")[0][0]
            if ran > begun or is_sure and (ran < 1 or status != "completed") or not is_sure and status != "failed":
                self.note(f"run twice: command {number} is {status}, sure: {is_sure}, and ran {ran} times, begun {begun}")

    def judge(self):
        db = sqlite3.connect(f"file:{self.run}/state.sqlite?mode=ro", uri=True)
        rows = lambda sql, *values: db.execute(sql, values).fetchall()
        status, error, report = rows("SELECT status, error, report FROM run")[0]
        if status != "completed":
            return self.note(f"unfinished: the run is {status}: {error}")
        found = json.loads(rows("SELECT bytes FROM artifacts WHERE digest = ?", report)[0][0])
        said = found.pop("said")
        if found != REPORT:
            self.note(f"another report: {found}")
        self.judge_sayings(said, rows)
        if open(f"{self.root}/src/a.txt").read() != "a!\n":
            self.note("a mixture: src/a.txt is not as the integration made it")
        for kind, what in self.told:
            token = what if kind == "lease" else what[1]
            if rows("SELECT count(*) FROM leases WHERE token = ?", token) != [(1,)]:
                self.note(f"lost: {kind} {what} was printed")
            elif kind == "result" and rows("SELECT state FROM leases WHERE token = ?", token) != [("collected",)]:
                self.note(f"lost: {what} was reported taken")
        for token in sorted(self.accepted):
            if rows("SELECT state FROM leases WHERE token = ?", token) != [("collected",)]:
                self.note(f"lost: {token} was acknowledged")
        for task, taken in rows("SELECT task, count(*) FROM leases WHERE state = 'collected' GROUP BY task"):
            if taken > 1:
                self.note(f"collected twice: task {task} under {taken} leases")
        for key, times in rows("SELECT key, count(*) FROM history GROUP BY generation, key HAVING count(*) > 1"):
            self.note(f"collected twice: {key} was delivered {times} times")
        # Every result says under which lease it was made.
        sql = """SELECT leases.token, artifacts.bytes FROM leases JOIN tasks ON tasks.id = leases.task
                 JOIN artifacts ON artifacts.digest = tasks.result WHERE leases.state = 'collected'"""
        for token, text in rows(sql):
            if json.loads(text)["data"]["token"] != token:
                self.note(f"stale accepted: {token} was given the result of {json.loads(text)['data']['token']}")
        ended = [json.loads(p)["childKey"] for (p,) in rows("SELECT payload FROM events WHERE type = 'agent.completed'")]
        for key, taken in rows("SELECT child_key, sum(leases.state = 'collected') FROM tasks LEFT JOIN leases ON "
                               "leases.task = tasks.id GROUP BY child_key"):
            if ended.count(key) != (taken or 0):
                self.note(f"lost or twice: {key}: {taken} collected, {ended.count(key)} events")
        if [s for (s,) in rows("SELECT seq FROM events ORDER BY seq")] != list(range(1, rows(
                "SELECT count(*) FROM events")[0][0] + 1)):
            self.note("events with gaps")
        if rows("PRAGMA integrity_check") != [("ok",)]:
            self.note("corrupt")
        db.close()
        before = open(f"{self.run}/events.jsonl", "rb").read()
        self.command(["repair-events", RUN])
        if open(f"{self.run}/events.jsonl", "rb").read() != before:
            self.note("events differ from their table")
        for folder in ("ready", "claimed"):
            if os.listdir(f"{self.run}/queue/{folder}"):
                self.note(f"left behind: {os.listdir(f'{self.run}/queue/{folder}')} in queue/{folder}")
