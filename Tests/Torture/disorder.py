"""One seeded run of the swarm (see `swarm.py`): what is done to it, by whom, and how it is judged afterwards."""
import glob, json, os, random, signal, sqlite3, subprocess, tempfile, threading, time

RUN, TASKS, WORKERS = "r", 10, 8
SOURCE = """import { workflow } from "@flowdex/runtime";
export default workflow({
  name: "swarm", maxAgents: 1000, maxConcurrency: 6,
  permissions: { read: ["src/**"], write: [], hostCommands: [{ id: "true", argv: ["true"], idempotent: true }] },
  phases: [{ id: "one" }],
}, async (ctx) => {
  const tasks = Array.from({ length: %d }, (_, i) => ({ id: "t" + i, mode: "read-only", prompt: "p", data: { i },
    leaseMinutes: 0.02, maxAttempts: 1000 }));
  const first = ctx.hostCommand({ id: "h", phase: "one", commandId: "true" });
  const last = { id: "z", phase: "one", mode: "read-only", prompt: "p", data: { i: 99 }, leaseMinutes: 0.02,
    maxAttempts: 1000 };
  const found = await ctx.fanout({ id: "f", phase: "one", tasks });
  const end = await ctx.agent(last);
  ctx.report({ found: found.map((r) => r.data.i), end: end.data.i, check: (await first).status });
});
""" % TASKS
REPORT = {"found": list(range(TASKS)), "end": 99, "check": "completed"}
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
        self.accepted, self.wrong, self.processes, self.threads = set(), [], [], []

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
        killed = process.returncode == -signal.SIGKILL
        lines = [text for text in err.splitlines() if text]
        if not killed and (process.returncode not in (0, 1) or "internal error" in err or "bug" in err):
            self.note(f"{arguments}: exit {process.returncode}: {err[-400:]}")
        elif process.returncode == 1 and not any(word in lines[-1] for word in EXPECTED):
            self.note(f"{arguments}: {lines[-1:]}")
        return out if process.returncode == 0 else None

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
        except (FileNotFoundError, NotADirectoryError, ValueError):
            pass  # The lease ended under it.

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
                threading.Thread(target=self.listen, args=(watch,), daemon=True).start()
            time.sleep(0.02)

    def listen(self, process):
        err = process.stderr.read()
        if "internal error" in err or "bug of flowdex" in err or "Fatal error" in err:
            self.note(f"watch: {err[-400:]}")

    def spawn(self, target, *arguments):
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self.threads.append(thread)
        thread.start()

    def calm(self):
        """Ends what is going on, gently for those who may be stopped."""
        self.over.set()
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
        for thread in self.threads:
            thread.join(60)
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()

    def play(self, seconds):
        os.makedirs(f"{self.root}/src")
        open(f"{self.root}/src/a.txt", "w").write("a\n")
        open(f"{self.root}/workflow.ts", "w").write(SOURCE)
        self.command(["run", "workflow.ts", "--yes", "--run-id", RUN])
        child = lambda: random.Random(self.random.random())
        for _ in range(WORKERS):
            self.spawn(self.worker, child())
        for _ in range(2):
            self.spawn(self.watches, child())
            self.spawn(self.strays, child())
        time.sleep(seconds)
        self.calm()
        self.finish()
        self.judge()
        return self.wrong

    def finish(self):
        """A plain watch, and workers who know their trade."""
        self.over.clear()
        self.threads = []
        self.command(["resume", RUN])
        for _ in range(2):
            self.spawn(self.worker, type("Steady", (), {"random": lambda _: 0.5, "shuffle": lambda _, names: None})())
        self.command(["watch", RUN, "--dispatch"])
        self.calm()

    def judge(self):
        db = sqlite3.connect(f"file:{self.run}/state.sqlite?mode=ro", uri=True)
        rows = lambda sql, *values: db.execute(sql, values).fetchall()
        status, error, report = rows("SELECT status, error, report FROM run")[0]
        if status != "completed":
            return self.note(f"unfinished: the run is {status}: {error}")
        found = json.loads(rows("SELECT bytes FROM artifacts WHERE digest = ?", report)[0][0])
        if found != REPORT:
            self.note(f"another report: {found}")
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
