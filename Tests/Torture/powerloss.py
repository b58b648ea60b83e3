"""Power cuts: a run is recorded once, and what a disk may hold of it at any moment is judged and gone on with."""
import hashlib, itertools, json, os, random
from time import sleep

import leases, oracle, scenarios, trace
from project import RUN, LOG, SHARED, Project, acknowledgements

JOURNEYS = {
    "whole": {}, "watch": {}, "restart": {},
    # The log of the state is checkpointed on the way.
    "many": scenarios.MANY,
    # Every command is killed with its first commit written and not synced, then with its second, until it gets through:
    # what follows a kill builds on what only the kernel knows. What the host command says is short: the sync of a file of
    # its own would take every name along.
    "killed": {"lines": 14},
    # The same once the run is there, and after each kill somebody asks how things stand.
    "asked": {},
    # A host command that must not be started twice.
    "command": {"idempotent": False},
    # Leases run out, are handed out anew, claimed, kept alive, and given back, while those who held the first deliver late.
    "leases": {},
}
QUESTIONS = [["status", RUN, "--json"], ["report", RUN]]


def journey(name, project, shim):
    """A run from its creation to its end, every command on its own."""
    def attempt(arguments, attended, fault):
        project.recorder.add(trace.COMMAND, second=json.dumps(arguments).encode())
        return (project.attended if attended else project.flowdex)(*arguments, shim={**shim, **fault})

    def call(*arguments, attended=False):
        is_killed = name == "killed" or name == "asked" and arguments[0] != "run"
        for number in itertools.count(1):
            done = attempt(arguments, attended, {"TORTURE_FAULT": f"before:fdatasync:{number}"} if is_killed else {})
            if not is_killed or done.status != -9:
                break
            for question in QUESTIONS if name == "asked" else []:
                attempt(question, False, {})
        # A pause that has been made is not made again, and that is said.
        if done.status != 0 and not (number > 1 and "is paused" in done.stderr):
            raise SystemExit(f"torture: `{' '.join(arguments)}` fails without a fault: {done.stderr}")
    call(*scenarios.CREATE)
    if name == "watch":
        return call("watch", RUN, "--dispatch", "--json", attended=True)
    if name == "leases":
        return lives_of_leases(project, call)
    call("next", RUN, "--files", "--json", "--limit", "200")
    if name == "asked":
        call("pause", RUN, "--json")
        call("resume", RUN)
    project.mine |= project.told()
    project.answer()
    if name == "many":
        return call("collect-results", RUN, "--continue", "--json")
    call("collect-results", RUN, "--json")
    if name == "restart":
        call("restart-agent", RUN, "fanout:f#a")
        call("watch", RUN, "--dispatch", "--json", attended=True)
        return call("repair-events", RUN)
    call("continue", RUN)


def lives_of_leases(project, call):
    call("next", RUN, "--files", "--json", "--limit", "200")
    first = leases.packages(project)
    for key, token in first:
        call("renew", RUN, key, "--lease-token", token, "--lease-minutes", leases.SHORT_MINUTES, "--json")
    sleep(leases.SHORT_SECONDS)
    call("watch", RUN, "--once", "--dispatch")
    project.claim()
    call("watch", RUN, "--once")
    mine = {os.path.basename(package) for package in project.packages()} - {token for _, token in first}
    project.mine = {token for _, token in first}
    project.answer_held()
    call("watch", RUN, "--once")
    for package in project.packages():
        if os.path.basename(package) in mine:
            project.write(f"{package}/heartbeat", "")
    call("collect-results", RUN, "--json")
    back = sorted(mine)[0]
    project.rename(f"{project.run}/queue/claimed/{back}", f"{project.run}/queue/ready/{back}")
    project.mine = mine - {back}
    project.answer_held()
    call("watch", RUN, "--dispatch", "--json", attended=True)


class Recording:
    """A journey's trace, and the place that it happened in."""
    def __init__(self, bench, library, name, sabotage=None, without_intent=False):
        self.bench, self.library, self.name = bench, library, name
        self.options = JOURNEYS[name]
        root, path = f"{bench.base}/work", f"{bench.base}/trace"
        scenarios.clear(root)
        self.project = Project(bench.binary, root, **self.options)
        self.project.make()
        if os.path.exists(path):
            os.remove(path)
        self.model = trace.Model(root)
        self.project.recorder = trace.Recorder(path)
        journey(name, self.project, {"LD_PRELOAD": library, "TORTURE_TRACE": path, "FLOWDEX_SABOTAGE": sabotage or ""})
        records = list(trace.records(path))
        for number, record in enumerate(records):
            if not (without_intent and number == intent_sync(records)):
                self.model.add(record)

    def place(self, state, acknowledged):
        root = self.project.root
        scenarios.clear(root)
        for path, found in state.items():
            if found is None:
                os.makedirs(root + path, exist_ok=True)
            elif isinstance(found, str):
                os.symlink(found, root + path)
            else:
                with open(root + path, "wb") as file:
                    file.write(found)
        with open(f"{root}/{LOG}", "w") as file:
            file.writelines(json.dumps(entry) + "\n" for entry in acknowledged)

    def judge(self, state, acknowledged, time, goes_on):
        """What is wrong on the disk, and with the run that goes on from it under another boot."""
        self.place(state, acknowledged)
        judgement = oracle.Judgement(self.project.root, RUN, acknowledged, SHARED)
        judgement.state()
        if not goes_on:
            return judgement.wrong
        wrong = {f"{figure}, before the restart": details for figure, details in judgement.wrong.items()}
        # SQLite has left nothing of the look behind that a restart would not make.
        boot = f"{self.bench.base}/boot"
        with open(boot, "w") as file:
            file.write("another-boot\n")
        project = Project(self.bench.binary, self.project.root, **self.options)
        wrong.update(self.go_on(project, {"LD_PRELOAD": self.library, "TORTURE_BOOT": boot}))
        # What the command itself wrote is on no disk of ours: whatever is there now, it wrote after the restart.
        if not project.idempotent and self.model.output and time >= self.model.output and project.text("ran.txt"):
            wrong["run twice"] = ["a command that had begun before the cut was started again"]
        return wrong

    def go_on(self, project, shim):
        wrong = {}
        if os.path.exists(f"{project.run}/state.sqlite"):
            first = project.flowdex("collect-results", RUN, "--json", shim=shim)
            if first.status != 0:
                wrong["cannot go on"] = [first.stderr[-300:]]
            judgement = oracle.Judgement(project.root, RUN, project.acknowledged(), SHARED)
            wrong.update(judgement.packages(project.told()))
        errors = scenarios.finish(project, shim)
        if errors:
            wrong["cannot go on"] = errors
        wrong.update(scenarios.judge_ended(project, is_power_cut=True))
        return wrong


def intent_sync(records):
    """The sync of the commit that says that a host command is about to start."""
    output = next(n for n, record in enumerate(records) if record[0] == trace.WRITE and trace.OUTPUT in record[3])
    return max(n for n, record in enumerate(records[:output])
               if record[0] == trace.DATASYNC and record[3].endswith("state.sqlite-wal"))


def key_of(state, acknowledged):
    digest = hashlib.blake2b(json.dumps(acknowledged).encode(), digest_size=16)
    for path, found in state.items():
        content = b"" if found is None else found.encode() if isinstance(found, str) else found
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.digest()


def states(recording, seed, count, restarts, limit=None):
    """Judges `count` different disks, of which `restarts` are gone on with: these are cut in each command alike, however
    much it writes.

    (How many were drawn, the keys of those that were judged, how many were gone on with, what is wrong.)
    """
    generator = random.Random(f"{seed} {recording.name}")
    model, seen, drawn, restarted, failures = recording.model, set(), 0, 0, []
    while len(seen) < count and drawn < 20 * count:
        drawn += 1
        goes_on = (len(seen) + 1) * restarts // count > restarted
        time = generator.randint(*generator.choice(model.windows()) if goes_on else (1, model.time))
        state = model.state(time, generator)
        acknowledged = model.acknowledged(time, acknowledgements)
        key = key_of(state, acknowledged)
        if key in seen:
            continue
        seen.add(key)
        restarted += goes_on
        wrong = recording.judge(state, acknowledged, time, goes_on)
        if wrong:
            failures.append((f"{recording.name} state {drawn} of seed {seed}, cut at {time} of {model.time}", wrong))
            if limit and len(failures) >= limit:
                break
    return drawn, seen, restarted, failures
