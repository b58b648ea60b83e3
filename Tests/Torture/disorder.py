"""One seeded run of the swarm (see `swarm.py`): what is done to it, and by whom."""
import collections, glob, itertools, json, os, random, signal, subprocess, threading, time

from aftermath import RUN, TASKS, Aftermath
from project import acknowledgements

WORKERS, SAYINGS = 8, 4
# Leases run out while the disorder lasts, and who is stopped for PAST wakes up behind the end of every lease that it knew.
LEASE, PAST = 0.36, 0.6
SOURCE = """import { workflow } from "@flowdex/runtime";
export default workflow({
  name: "swarm", maxAgents: 1000, maxConcurrency: 6,
  permissions: { read: ["src/**"], write: ["src/**"], hostCommands: [
    { id: "true", argv: ["true"], idempotent: true },
    %s] },
  phases: [{ id: "one" }],
}, async (ctx) => {
  const task = (id: string, i: number) => ({ id, mode: "read-only", prompt: "p", data: { i }, leaseMinutes: %s,
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
                 for n in range(SAYINGS)), LEASE / 60, TASKS, SAYINGS)
FAKETIME = (glob.glob("/usr/lib/*/faketime/libfaketime.so.1") + [None])[0]
# What a command may say that is no fault: it came too late, or too early.
EXPECTED = ("is completed", "is failed", "is paused", "is stopped", "has ended", "cannot be", "has no task",
            "while it is", "is running", "nothing was taken", "drives this run")


def envelope(task):
    """A result that says of which task it is, and under which lease it was made."""
    return json.dumps({"status": "completed", "summary": "s", "data": {"i": task["data"]["i"], "token": task["leaseToken"]},
                       "claims": [], "artifacts": [], "diff": None, "usage": {}, "error": None})


class Swarm(Aftermath):
    def __init__(self, binary, root, seed):
        self.binary, self.root, self.seed = binary, root, seed
        self.random = random.Random(seed)
        self.run = f"{root}/.flowdex/runs/{RUN}"
        # How far the clock is off that the watches see.
        self.clock = f"{root}/clock"
        self.over = threading.Event()
        self.guard = threading.Lock()
        self.accepted, self.wrong, self.processes, self.threads, self.listeners = set(), [], [], [], []
        self.files = itertools.count()  # Two who do the same at once write a file each.
        self.told = []  # What commands have printed: leases, and results that were taken.
        # How often what this is about has happened: a seed in which nothing did would prove nothing.
        self.happened = collections.Counter()

    def note(self, text):
        with self.guard:
            self.wrong.append(text)

    def happens(self, what):
        with self.guard:
            self.happened[what] += 1

    def start(self, arguments, days=0, out=subprocess.PIPE, clock=None):
        """`days`: how far its clock is off; `clock`: a file that says so, and may say something else later."""
        environment = dict(os.environ)
        if (days or clock) and FAKETIME:
            environment |= {"LD_PRELOAD": FAKETIME, "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                            **({"FAKETIME_TIMESTAMP_FILE": clock, "FAKETIME_NO_CACHE": "1"} if clock
                               else {"FAKETIME": f"{days:+d}d"})}
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
            text = envelope(task)
            package = os.path.dirname(task["resultPath"])
            if choice < 0.1:
                return  # It goes away, and its lease runs out.
            if choice < 0.2:
                time.sleep(PAST)  # Past its lease; somebody else may have the task by now.
                self.happens("late workers")
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
                if choice > 0.8:
                    self.give_back(name, os.path.realpath(mine), choice)
                    continue
                self.answer(mine, choice)
            time.sleep(0.01)

    def give_back(self, name, package, choice):
        """Moves a package back; most of those who do think better of it, and deliver."""
        try:
            task = json.load(open(f"{package}/task.json"))
            os.rename(f"{self.run}/queue/claimed/{name}", f"{self.run}/queue/ready/{name}")
        except OSError:
            return  # It is theirs no more.
        if choice > 0.95:
            return
        time.sleep(0.1)
        self.happens("delivered after giving back")
        if choice < 0.9:
            self.hand_in({**task, "taskPath": f"{package}/task.json"}, False)
        else:
            self.answer(package, 0.5)

    def leases(self, out):
        try:
            return json.loads(out) if out is not None else []
        except ValueError:
            self.note(f"next printed {out[:200]!r}")
            return []

    def hand_in(self, lease, is_late):
        """Delivers with `complete-agent`, which judges the lease by itself; late, when another may hold the task."""
        token, path = lease["leaseToken"], f"{self.root}/by-hand-{next(self.files)}.json"
        try:
            with open(lease["taskPath"]) as task, open(path, "w") as file:
                file.write(envelope(json.load(task)))
        except FileNotFoundError:
            return  # The lease ended under it.
        if is_late:
            time.sleep(PAST)
            self.happens("handed in late")
        self.command(["complete-agent", RUN, lease["childKey"], "--lease-token", token, "--result", f"@{path}", "--json"])

    # What operators, schedulers and the machine do.

    def stray(self, random):
        """One of the things that may happen to a run at any time."""
        days = random.choice((0, 0, 10, -10))
        what = random.choice(("next", "next", "collect", "collect --continue", "pause", "restart", "continue", "stop it",
                              "stop it", "kill", "take the lock", "status", "move the clock"))
        if what == "next":
            out = self.command(["next", RUN, "--files", "--json", "--limit", str(random.randint(1, 6))], days)
            for lease in self.leases(out):
                choice = random.random()
                if choice < 0.4:
                    self.answer(os.path.dirname(lease["taskPath"]), random.random())
                elif choice < 0.8:
                    self.threads.append(self.spawn(self.hand_in, lease, choice < 0.7))
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
                self.happens("locks taken away")
            except FileNotFoundError:
                pass
            self.command(["continue", RUN], days)
        elif what == "move the clock":
            self.move_clock(random)
        else:
            self.hurt_one(random, what, random.choice((0.05, PAST)))

    def hurt_one(self, random, what, seconds):
        with self.guard:
            alive = [process for process in self.processes if process.poll() is None]
        if not alive:
            return time.sleep(0.005)
        victim = random.choice(alive)
        if what == "kill":
            victim.kill()
            return self.happens("killed")
        victim.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        if seconds == PAST and victim.poll() is None:
            self.happens("stopped past a lease")
        victim.send_signal(signal.SIGCONT)

    def move_clock(self, random):
        """Under a `watch` that runs."""
        new = f"{self.clock}.{next(self.files)}"  # Another may be doing the same.
        with open(new, "w") as file:
            file.write(f"{random.choice((-10, 0, 10)):+d}d\n")
        os.rename(new, self.clock)
        self.happens("clocks moved")

    def strays(self, random):
        while not self.over.is_set():
            self.stray(random)

    def stops(self, random):
        """One process after the other is stopped until leases have run out that it believes to be alive, and woken."""
        while not self.over.is_set():
            time.sleep(random.random() / 5)
            self.hurt_one(random, "stop it", PAST)

    def watches(self, random):
        """A `watch` that is started again whenever it has gone."""
        watch = None
        while not self.over.is_set():
            if watch is None or watch.poll() is not None:
                watch = self.start(["watch", RUN, "--dispatch", "--limit", str(random.randint(2, 6))],
                                   out=subprocess.DEVNULL, clock=self.clock)
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
        """Ends what is going on. Whoever has stopped a process wakes it before it ends itself."""
        self.over.set()
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
        with open(self.clock, "w") as file:
            file.write("+0d\n")
        open(f"{self.root}/src/a.txt", "w").write("a\n")
        open(f"{self.root}/workflow.ts", "w").write(SOURCE)
        self.command(["run", "workflow.ts", "--yes", "--run-id", RUN])
        child = lambda: random.Random(self.random.random())
        for _ in range(WORKERS):
            self.threads.append(self.spawn(self.worker, child()))
        for _ in range(2):
            self.threads += [self.spawn(self.watches, child()), self.spawn(self.strays, child())]
        self.threads.append(self.spawn(self.stops, child()))
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
