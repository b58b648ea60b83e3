"""The life of a lease, as scenarios: it runs out, is given back, renewed, taken up again; and who held it answers late."""
import json, os, sqlite3, time

import oracle
from project import RUN, names

# As short as flowdex gives it, and what is surely longer.
SHORT_MINUTES, SHORT_SECONDS = "0.001", 0.15
LONG_MINUTES = "525000"


def packages(project):
    """[child key, token] of every package, in the order of the tasks."""
    found = []
    for package in project.packages():
        with open(f"{package}/task.json") as file:
            found.append([json.load(file)["childKey"], os.path.basename(package)])
    return sorted(found)


def token_of(project, task):
    return next(token for key, token in packages(project) if key.endswith(f"#{task}"))


# The states that scenarios start from. Time that passes between one and its use changes nothing: what has run out stays so,
# and what has not lasts for months.

def ran_out(project):
    for key, token in packages(project):
        must(project.flowdex("renew", RUN, key, "--lease-token", token, "--lease-minutes", SHORT_MINUTES, "--json"))
    time.sleep(SHORT_SECONDS)


def reclaimed(project):
    must(project.flowdex("collect-results", RUN, "--json"))
    states = {row[0] for row in rows(project, "SELECT state FROM leases")}
    if states != {"expired"}:
        raise SystemExit(f"torture: leases that have run out and were looked for are {states}")


def delivered(project):
    """Whoever was given a package answers, whatever has become of the lease."""
    project.mine |= {token for _, token in packages(project)}
    project.answer()


def offered(project):
    must(project.flowdex("watch", RUN, "--once", "--dispatch"))


def held(project):
    project.claim()
    must(project.flowdex("watch", RUN, "--once"))


def given_back(project):
    for name in names(f"{project.run}/queue/claimed"):
        os.rename(f"{project.run}/queue/claimed/{name}", f"{project.run}/queue/ready/{name}")


def beaten(project):
    """Workers have touched their heartbeats, in leases that are long again from then on."""
    db = sqlite3.connect(f"{project.run}/state.sqlite")
    with db:
        db.execute("UPDATE leases SET duration_ms = 30000000000")
    db.close()
    for package in project.packages():
        open(f"{package}/heartbeat", "a").close()
        os.utime(f"{package}/heartbeat")


def must(done):  # Of a start, in which nothing fails.
    if done.status != 0:
        raise SystemExit(f"torture: a start fails without a fault: {done.stderr}")


def rows(project, sql, *values):
    with oracle.State(project.run) as state:
        return [tuple(row) for row in state.rows(sql, *values)]


# Commands.

def renew(project):
    return ["renew", RUN, "fanout:f#b", "--lease-token", token_of(project, "b"), "--lease-minutes", LONG_MINUTES, "--json"]


def attach(project):
    return ["attach-agent", RUN, "fanout:f#b", "--lease-token", token_of(project, "b"), "--agent-ref", "codex-7", "--json"]


# What is looked at after the fault, besides what the oracle does.

def judge_beats(project, _):
    """Leases end only once nothing that their workers did is left to be looked at: who has touched a heartbeat is alive."""
    lost = [row[0] for row in rows(project, "SELECT token FROM leases WHERE state != 'live'")]
    return {"a heartbeat lost": lost} if lost else {}


def answer_late(project, shim=None):
    """Before the plain restart: a worker takes one of the packages on offer, and is known to hold it; only then do those who
    held leases before deliver, the one of that task also by hand, each into its own package, if that still is there, and
    are looked at while the others are on offer. How the looks ended."""
    taken = names(f"{project.run}/queue/ready")[:1]
    for name in taken:
        os.rename(f"{project.run}/queue/ready/{name}", f"{project.run}/queue/claimed/{name}")
    first = project.flowdex("watch", RUN, "--once", shim=shim)
    project.mine |= project.late
    key_of = {token: key for key, token in packages(project)}
    keys = {key_of[token] for token in taken}
    for package in project.packages():
        token = os.path.basename(package)
        if key_of[token] in keys and token in project.late:
            # Whether it is taken depends on what has become of the lease, to which the oracle holds it.
            project.prepare(package)
            project.flowdex("complete-agent", RUN, key_of[token], "--lease-token", token, "--result",
                            f"@{package}/scratch/result", "--json", shim=shim)
    project.answer_held()
    return [first, project.flowdex("watch", RUN, "--once", shim=shim)]
