"""Power cuts: a run is recorded once, and what a disk may hold of it at any moment is judged and gone on with."""
import hashlib, json, os, random

import oracle, scenarios, trace
from project import RUN, LOG, Project, acknowledgements

JOURNEYS = {
    "whole": {}, "watch": {}, "restart": {},
    # The log of the state is checkpointed on the way.
    "many": scenarios.MANY,
}


def journey(name, project, shim):
    """A run from its creation to its end, every command on its own."""
    def call(*arguments, attended=False):
        project.recorder.add(trace.COMMAND, second=json.dumps(arguments).encode())
        done = (project.attended if attended else project.flowdex)(*arguments, shim=shim)
        if done.status != 0:
            raise SystemExit(f"torture: `{' '.join(arguments)}` fails without a fault: {done.stderr}")
    call(*scenarios.CREATE)
    if name == "watch":
        return call("watch", RUN, "--dispatch", "--json", attended=True)
    call("next", RUN, "--files", "--json", "--limit", "200")
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


class Recording:
    """A journey's trace, and the place that it happened in."""
    def __init__(self, bench, library, name, sabotage=None):
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
        for record in trace.records(path):
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

    def judge(self, state, acknowledged, goes_on):
        """What is wrong on the disk, and with the run that goes on from it under another boot."""
        self.place(state, acknowledged)
        judgement = oracle.Judgement(self.project.root, RUN, acknowledged)
        judgement.state()
        if not goes_on:
            return judgement.wrong
        wrong = {f"{figure}, before the restart": details for figure, details in judgement.wrong.items()}
        # SQLite has left nothing of the look behind that a restart would not make.
        boot = f"{self.bench.base}/boot"
        with open(boot, "w") as file:
            file.write("another-boot\n")
        project = Project(self.bench.binary, self.project.root, **self.options)
        errors = scenarios.finish(project, {"LD_PRELOAD": self.library, "TORTURE_BOOT": boot})
        if errors:
            wrong["cannot go on"] = errors
        wrong.update(scenarios.judge_ended(project, is_power_cut=True))
        return wrong


def key_of(state, acknowledged):
    digest = hashlib.blake2b(json.dumps(acknowledged).encode(), digest_size=16)
    for path, found in state.items():
        content = b"" if found is None else found.encode() if isinstance(found, str) else found
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.digest()


def states(recording, seed, count, restarts, limit=None):
    """Judges `count` different disks, of which `restarts` are gone on with.

    (How many were drawn, the keys of those that were judged, how many were gone on with, what is wrong.)
    """
    generator = random.Random(f"{seed} {recording.name}")
    model, seen, drawn, restarted, failures = recording.model, set(), 0, 0, []
    while len(seen) < count and drawn < 20 * count:
        drawn += 1
        time = generator.randint(1, model.time)
        state = model.state(time, generator)
        acknowledged = model.acknowledged(time, acknowledgements)
        key = key_of(state, acknowledged)
        if key in seen:
            continue
        seen.add(key)
        goes_on = len(seen) * restarts // count > restarted
        restarted += goes_on
        wrong = recording.judge(state, acknowledged, goes_on)
        if wrong:
            failures.append((f"{recording.name} state {drawn} of seed {seed}, cut at {time} of {model.time}", wrong))
            if limit and len(failures) >= limit:
                break
    return drawn, seen, restarted, failures
