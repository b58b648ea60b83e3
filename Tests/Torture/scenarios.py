"""What is tortured: from which state, which command, and how a person would go on afterwards."""
import json, os, shutil

import flood, leases, oracle
from project import AFTER, BEFORE, HIDDEN, RUN, SHARED, Project, envelope, names, parsed, remove, source

CREATE = ["run", "workflow.ts", "--yes", "--run-id", RUN]
COLLECT = ["collect-results", RUN, "--json"]


def report(project):
    """The one right report: of each task the result that it has now, which the oracle holds to its lease."""
    with oracle.State(project.run) as state:
        found = [state.json(state.one(
            "SELECT result FROM tasks WHERE child_key = ? ORDER BY generation DESC", f"fanout:f#{task}"))
            for task in project.tasks]
    return {"found": [result and result["data"]["n"] for result in found], "told": "completed", "sure": True,
            "cut": False, "done": "completed", "error": None}


# The states that scenarios start from; each is made of the one before.
def made(project):
    project.make()


def begun(project):
    project.flowdex(*CREATE)


def leased(project):
    project.flowdex("next", RUN, "--files", "--json", "--limit", "200")


def answered(project):
    project.mine |= project.told()
    project.answer()


def collected(project):
    project.flowdex("collect-results", RUN, "--json")
    project.look()


def completed(project):
    project.flowdex("continue", RUN)


def suspended(project):
    project.flowdex("pause", RUN)


def damaged(project):
    """A log of events that lacks a line, and ends in the middle of another."""
    with open(f"{project.run}/events.jsonl", "r+b") as file:
        lines = file.read().splitlines(keepends=True)
        file.seek(0)
        file.truncate()
        file.write(b"".join(lines[:3] + lines[4:])[:-20])


STARTS = [made, begun, leased, answered, collected, completed]


def deliver(project):
    """`complete-agent` for the second task, as a person hands in a result."""
    package = next(p for p in project.packages() if "/fanout-f-b-" in p)
    project.put("result.json", envelope(oracle.answer_of(os.path.basename(package)), "by hand"))
    return ["complete-agent", RUN, "fanout:f#b", "--lease-token", os.path.basename(package), "--result",
            "@result.json", "--json"]


def judge_repaired(project, done):
    """Who says that the log has been made anew has made it."""
    return {"events differ": ["the repair was told, and events.jsonl is not the table"]} if (
        done.status == 0 and lags(project)) else {}


def judge_listed(project, _):
    """A run is listed whole or not at all: exactly where its folder is."""
    done, is_there = project.flowdex("list", "--json"), os.path.isdir(project.run)
    listed = [run["runId"] for run in parsed(done.stdout) or []]
    return {} if done.status == 0 and listed == [RUN] * is_there else {
        "half listed": [f"exit {done.status}, {listed} listed, its folder {'is' if is_there else 'is not'} there: "
                        f"{done.stderr[-300:]}"]}


class Scenario:
    """`start` is a state's maker, or several that follow the first's state. `late`: whoever holds a lease at the start
    delivers late, whatever has become of it. `look`: what else is judged after the fault, by how the command ended.
    `worker`: who answers first beside an attended command."""
    def __init__(self, start, command, attended=False, late=False, look=None, worker=None, **project):
        self.start, self.command, self.attended, self.options = start, command, attended, project
        self.late, self.look, self.worker = late, look, worker


MANY = {"tasks": [f"t{n}" for n in range(36)], "large": [f"t{n}" for n in range(36)], "large_bytes": 60000}
SCENARIOS = {
    "run": Scenario([made], CREATE, look=judge_listed),
    "command": Scenario([made], CREATE, look=judge_listed, idempotent=False),
    "next": Scenario([begun], ["next", RUN, "--files", "--json"]),
    "offer": Scenario([begun], ["watch", RUN, "--once", "--dispatch"]),
    "collect": Scenario([answered], COLLECT),
    "integrate": Scenario([answered], ["collect-results", RUN, "--continue", "--json"]),
    "watch": Scenario([begun], ["watch", RUN, "--dispatch", "--json"], attended=True),
    "restart": Scenario([collected], ["restart-agent", RUN, "fanout:f#a"]),
    "repair": Scenario([completed], ["repair-events", RUN], look=judge_repaired),
    "mend": Scenario([completed, damaged], ["repair-events", RUN], look=judge_repaired),
    "deliver": Scenario([leased], deliver),
    "pause": Scenario([leased], ["pause", RUN, "--json"]),
    "stop": Scenario([answered], ["stop", RUN, "--json"]),
    "resume": Scenario([collected, suspended], ["resume", RUN]),
    # Leases that have run out: offered anew, answered late, answered when nobody else had them, and alive by a heartbeat.
    "expire": Scenario([leased, leases.ran_out], ["watch", RUN, "--once", "--dispatch"], late=True),
    "late": Scenario([leased, leases.ran_out, leases.delivered], COLLECT),
    "revive": Scenario([leased, leases.ran_out, leases.reclaimed, leases.delivered], COLLECT),
    "beat": Scenario([leased, leases.ran_out, leases.beaten], COLLECT, late=True, look=leases.judge_beats),
    "renew": Scenario([leased, leases.ran_out], leases.renew, late=True),
    "attach": Scenario([leased], leases.attach),
    "giveback": Scenario([begun, leases.offered, leases.held, leases.given_back], ["watch", RUN, "--once", "--dispatch"],
                         late=True),
    # Its log is longer than what flowdex lets grow: the state is checkpointed.
    "many": Scenario([answered], COLLECT, **MANY),
    # More than is committed at once; and so many at once that a second thread reads ahead.
    "batches": Scenario([answered], COLLECT, tasks=[f"t{n}" for n in range(150)], large=()),
    "flood": Scenario([begun], ["watch", RUN, "--dispatch", "--json"], attended=True, worker=flood.drop,
                      tasks=[f"t{n}" for n in range(190)], large=()),
}
# `make test` leaves out the longest.
SLICE = [name for name in SCENARIOS if name not in ("many", "batches", "flood")]


class Bench:
    """One process's place to work in: starting states are made once, and copied."""
    def __init__(self, binary, base):
        self.binary, self.base = binary, base
        os.makedirs(base, exist_ok=True)

    def project(self, name):
        """The scenario at its beginning. Always in one place, for packages name their place."""
        scenario = SCENARIOS[name]
        steps = STARTS[:STARTS.index(scenario.start[0]) + 1] + scenario.start[1:]
        project = self.state(steps, Project(self.binary, f"{self.base}/work", **scenario.options))
        project.late = {os.path.basename(package) for package in project.packages()} if scenario.late else set()
        return project

    def state(self, steps, project):
        kept = "-".join([f"{self.base}/start", str(project.idempotent), str(len(project.tasks)),
                         *(step.__name__ for step in steps)])
        if os.path.isdir(kept):
            clear(project.root)
            copy_into(kept, project.root)
        else:
            if len(steps) > 1:
                self.state(steps[:-1], project)
            else:
                clear(project.root)
            steps[-1](project)
            copy_into(project.root, kept)
        return project

    def command(self, name, project, shim):
        scenario, arguments = SCENARIOS[name], arguments_of(name, project)
        if scenario.attended:
            done = project.attended(*arguments, shim=shim, worker=scenario.worker)
        else:
            done = project.flowdex(*arguments, shim=shim)
        project.look()
        return done


def arguments_of(name, project):
    command = SCENARIOS[name].command
    return command(project) if callable(command) else command


def clear(folder):
    """Leaves the folder itself: something may be mounted there."""
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(folder):
        path = f"{folder}/{name}"
        remove(path) if os.path.isdir(path) and not os.path.islink(path) else os.remove(path)


def copy_into(source_folder, folder):
    shutil.copytree(source_folder, folder, symlinks=True, dirs_exist_ok=True)


def judge_after(project):
    """Between the fault and the next command."""
    judgement = oracle.Judgement(project.root, RUN, project.acknowledged(), SHARED)
    judgement.state()
    judgement.packages()
    return judgement.wrong


def untold(project):
    """Leases whose time runs and of which nobody was told. After an error (not a kill) there may be none: whoever asked
    would ask again, and be told that all are out."""
    try:
        with oracle.State(project.run) as state:
            live = {row["token"] for row in state.rows("SELECT token FROM leases WHERE state = 'live' AND via = 'hand'")}
    except oracle.sqlite3.Error:
        return []
    return sorted(live - {entry["lease"] for entry in project.acknowledged() if "lease" in entry})


def finish(project, shim=None):
    """A plain restart, until the run has ended: what a person or a script would do. What went wrong with that."""
    errors = []

    def must(done, what):
        if done.status != 0:
            errors.append(f"{what}: {'it hung' if done.status is None else done.status} {done.stderr.strip()[-300:]}")
        return done

    if not os.path.exists(f"{project.run}/state.sqlite"):
        must(project.flowdex(*CREATE, shim=shim), "run")
    status = run_status(project)
    if status in ("paused", "stopped"):
        must(project.flowdex("resume", RUN, shim=shim), "resume")
    for done in leases.answer_late(project, shim) if project.late else []:
        must(done, "watch --once")
    must(project.attended("watch", RUN, "--dispatch", "--json", shim=shim), "watch")
    project.look()
    # What was left of a run under construction goes with the next creation.
    if any(name.startswith(".staging-") for name in names(f"{project.root}/.flowdex/runs")):
        project.put("other.ts", source([], True).replace("ctx.fanout", "0 && ctx.fanout"))
        project.flowdex("run", "other.ts", "--yes", "--run-id", "other", shim={"FLOWDEX_DENO": "/nowhere/deno"})
        os.remove(f"{project.root}/other.ts")
    # A power cut, which is what a shim stands for here, takes back what was not synced; a kill takes nothing back.
    if not shim:
        return errors
    if names(f"{project.run}/queue/ready") + names(f"{project.run}/queue/claimed"):
        # A removal that a power cut took back, of a run that had ended: the next look removes it again.
        must(project.flowdex("collect-results", RUN, shim=shim), "collect-results")
    # It may also leave holes in a log, where a kill leaves at most a torn end.
    if names(f"{project.run}/artifacts/.incoming") or lags(project):
        must(project.flowdex("repair-events", RUN, shim=shim), "repair-events")
    return errors


def again(name, project):
    """Where a command may be tried again as it was, it is, and comes to the same: what went wrong with that."""
    if name not in ("run", "command", "deliver", "repair", "mend", "renew", "attach"):
        return []
    done = project.flowdex(*arguments_of(name, project))
    return [] if done.status == 0 else [f"again: {done.status} {done.stderr.strip()[-300:]}"]


def run_status(project):
    try:
        with oracle.State(project.run) as state:
            return state.one("SELECT status FROM run")
    except oracle.sqlite3.Error:
        return None


def lags(project):
    try:
        with oracle.State(project.run) as state:
            log = state.rows("SELECT seq, type, payload, created_at FROM events ORDER BY seq")
    except oracle.sqlite3.Error:
        return False  # There is no run, which is judged elsewhere.
    text = "".join(oracle.line(RUN, row) for row in log).encode()
    return oracle.read(f"{project.run}/events.jsonl") != text


def judge_ended(project, fault_is_error=False, is_power_cut=False, may_be_unknown=True):
    """Once the run has been driven to its end: the report, the files, the host command, and the four zeros."""
    judgement = oracle.Judgement(project.root, RUN, project.acknowledged(), SHARED)
    judgement.ended()
    found = stored_report(project)
    ran = (project.text("ran.txt") or "").count("ran")
    if found is not None:
        judge_report(project, found, None if is_power_cut else ran, fault_is_error, judgement.note, may_be_unknown)
    allowed = {path: [text] for path, text in AFTER.items() if path != "src/new.txt" or "c" in project.tasks}
    allowed.update({path: [text] for path, text in HIDDEN.items()})
    allowed.update({"workflow.ts": None, "acknowledged.jsonl": None, "ran.txt": None, "result.json": None})
    judgement.files(allowed)
    return judgement.wrong


def judge_report(project, found, ran, fault_is_error, note, may_be_unknown=True):
    """`ran`: how often the host command has said that it ran; None where what it wrote may be lost. `may_be_unknown`: it
    may be one of which nobody knows how it ended."""
    expected = report(project)
    if fault_is_error and not project.idempotent:
        expected["cut"] = found.get("cut")  # Output that no disk had room for is cut, and says so.
    if not project.idempotent and found.get("sure") is False:
        expected.update({"told": "failed", "sure": False, "cut": found.get("cut")})
        if not may_be_unknown:
            note("unknown", f"an error that has passed left a command that ran {ran} times and of which nobody knows")
        if ran and ran > 1:
            note("run twice", f"a command that is not idempotent ran {ran} times")
    elif ran is not None and (ran < 1 or ran > 1 and not project.idempotent):
        note("run twice", f"the report is sure of a host command that ran {ran} times")
    if found != expected:
        note("another report", f"{found} is not {expected}")


def stored_report(project):
    try:
        with oracle.State(project.run) as state:
            digest = state.one("SELECT report FROM run")
            return state.json(digest) if digest else None
    except oracle.sqlite3.Error:
        return None
