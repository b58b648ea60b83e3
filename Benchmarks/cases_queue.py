"""Results on their way into the state: the headline, a burst, a closed loop."""

import peers
from measure import Background, interleave, median, percentile, run
from project import FloorFolders, Project, fanout, floor

DROPS = 60
PAUSE_US = 15000


def _drop(list_path):
    out = run([floor("worker"), "drop", list_path, str(DROPS), str(PAUSE_US)]).stdout
    return [float(line) for line in out.split()]


def _flowdex_drops(leases):
    project = Project()
    project.start(fanout(leases + 1))
    packages = project.lease(leases)
    with project.watch():
        return _drop(packages)


def _floor_drops(leases):
    folders = FloorFolders(leases)
    take = [floor("collector"), "take", folders.list, folders.database, str(leases)]
    with Background(take, ready="ready"):
        return _drop(folders.list)


def drop():
    """drop → committed, one result at a time, with 60 and with 1,000 leases live."""
    rows = []
    for leases in (DROPS, 1000):
        values = interleave({
            "flowdex": lambda: _flowdex_drops(leases), "floor": lambda: _floor_drops(leases)})
        everything = {side: [one for drops in rounds for one in drops] for side, rounds in values.items()}
        for share, name, target in ((0.5, "p50", 1.5), (0.99, "p99", 4)):
            flowdex, base = (percentile(everything[side], share) / 1000 for side in ("flowdex", "floor"))
            rows.append({
                "what": f"drop → accepted, {leases:,} live leases, {name}", "unit": "ms", "flowdex": flowdex,
                "floor": base, "ratio": flowdex / base, "target": f"≤ {target} × floor",
                "met": flowdex / base <= target})
    return {"rows": rows}


def _flowdex_burst(count):
    project = Project()
    project.start(fanout(count + 1))
    packages = project.lease(count)
    with project.watch():
        out = run([floor("worker"), "burst", packages]).stdout
        return count / float(out.split()[1])


def _floor_burst(count):
    folders = FloorFolders(count)
    take = [floor("collector"), "take", folders.list, folders.database, str(count)]
    with Background(take, ready="ready"):
        out = run([floor("worker"), "burst", folders.list]).stdout
        return count / float(out.split()[1])


def burst(count=5000):
    """5,000 valid results dropped at once: results a second until the last is accepted."""
    values = interleave({"flowdex": lambda: _flowdex_burst(count), "floor": lambda: _floor_burst(count)})
    flowdex, base = median(values["flowdex"]), median(values["floor"])
    return {"rows": [{
        "what": f"burst of {count:,} results", "unit": "results/s", "flowdex": flowdex, "floor": base,
        "ratio": flowdex / base, "target": "≥ 0.5 × floor", "met": flowdex / base >= 0.5}], "raw": values}


def _flowdex_loop(count):
    project = Project()
    project.start(fanout(count))
    with project.watch("--dispatch", "--limit", "1") as watch:
        out = run([floor("worker"), "loop", project.run_folder() + "/queue", str(count)]).stdout
        watch.wait()
        return count / float(out)


def _floor_loop(count):
    folders = FloorFolders(0)
    prototype = [floor("collector"), "loop", folders.path, folders.database, str(count)]
    with Background(prototype, ready="ready"):
        out = run([floor("worker"), "loop", folders.path, str(count)]).stdout
        return count / float(out)


def loop(count=1000):
    """One worker in C that answers each package at once; the next is handed out on its result."""
    sides = {"flowdex": lambda: _flowdex_loop(count), "floor": lambda: _floor_loop(count)}
    for name, peer in peers.ON_JOBS.items():
        sides[name] = lambda peer=peer: peer(count // 5)
    values = interleave(sides)
    ours, base = median(values["flowdex"]), median(values["floor"])
    others = {name: median(values[name]) for name in peers.ON_JOBS}
    fastest = max(others[name] for name in others if name not in ("DBOS", "nq"))
    return {"raw": values, "rows": [
        {"what": f"closed loop of {count:,} jobs, one worker", "unit": "jobs/s", "flowdex": ours,
         "floor": base, "ratio": ours / base, "target": "≥ 0.5 × floor", "met": ours / base >= 0.5},
        {"what": "the same against peers", "unit": "jobs/s", "flowdex": ours, "peers": others,
         "target": "≥ 8 × DBOS, ahead of task-spooler, huey and GNU parallel",
         "met": ours >= 8 * others["DBOS"] and ours > fastest}]}
