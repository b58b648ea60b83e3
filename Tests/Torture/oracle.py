"""Judges a run that has been tortured, from the disk and the log of what was acknowledged, without flowdex.

Every check is a figure that must be zero: results lost, results collected twice, stale leases accepted, and what
is left lying about. `self_test` breaks a copy of a good state in each of these ways and must see each of them.
"""
import json, os, re, shutil, sqlite3, tempfile


def rows(run, sql, *values):
    with sqlite3.connect(f"file:{run}/state.sqlite?mode=ro", uri=True) as db:
        db.row_factory = sqlite3.Row
        return db.execute(sql, values).fetchall()


def events(run):
    return rows(run, "SELECT seq, type, payload, created_at FROM events ORDER BY seq")


def line(run_id, row):
    import datetime
    at = datetime.datetime.fromtimestamp(row["created_at"] // 1000, datetime.timezone.utc)
    time = at.strftime("%Y-%m-%dT%H:%M:%S") + f".{row['created_at'] % 1000:03d}Z"
    return (f'{{"seq":{row["seq"]},"runId":{json.dumps(run_id)},"type":"{row["type"]}",'
            f'"payload":{row["payload"]},"createdAt":"{time}"}}\n')


def judge(project, run_id, acknowledged, expected_report=None):
    """What is wrong, as {figure: [details]}; `acknowledged` are the packages in which `.accepted` was seen."""
    run = f"{project}/.flowdex/runs/{run_id}"
    wrong = {}

    def note(figure, detail):
        wrong.setdefault(figure, []).append(detail)

    state = rows(run, "SELECT status, report, error FROM run")[0]
    if state["status"] != "completed":
        note("unfinished", f"the run is {state['status']}: {state['error']}")
    log = events(run)
    if [e["seq"] for e in log] != list(range(1, len(log) + 1)):
        note("events with gaps", "the sequence of the events table")
    ended = [json.loads(e["payload"]) for e in log if e["type"] in ("agent.completed", "agent.failed", "agent.blocked")]
    keys = [e["childKey"] for e in ended]
    for row in rows(run, "SELECT child_key, sum(state = 'collected') AS taken FROM (SELECT child_key, leases.state AS "
                    "state FROM tasks LEFT JOIN leases ON leases.task = tasks.id) GROUP BY child_key"):
        said = keys.count(row["child_key"])
        if said != (row["taken"] or 0):
            note("collected twice" if said > (row["taken"] or 0) else "lost",
                 f"{row['child_key']}: {row['taken']} leases collected, {said} events say so")
    for task in rows(run, "SELECT child_key, result FROM tasks WHERE state IN ('completed','failed','blocked')"):
        if not any(e["childKey"] == task["child_key"] and e["resultArtifactId"] == task["result"] for e in ended):
            note("lost", f"{task['child_key']} has a result that no event names")
    history = rows(run, "SELECT key, count(*) AS times FROM history GROUP BY generation, key HAVING times > 1")
    for row in history:
        note("collected twice", f"{row['key']} was delivered {row['times']} times")
    for package in acknowledged:
        token = os.path.basename(package)
        lease = rows(run, "SELECT leases.state, tasks.result, tasks.state AS task FROM leases "
                     "JOIN tasks ON tasks.id = leases.task WHERE token = ?", token)
        if not lease or lease[0]["state"] != "collected" or lease[0]["result"] is None:
            note("lost", f"{package} was acknowledged, its lease is {dict(lease[0]) if lease else None}")
    taken = rows(run, "SELECT task, count(*) AS n FROM leases WHERE state = 'collected' GROUP BY task HAVING n > 1")
    for row in taken:
        note("stale accepted", f"task {row['task']} took results under {row['n']} leases")
    for lease in rows(run, "SELECT leases.token, tasks.child_key FROM leases JOIN tasks ON tasks.id = leases.task "
                      "WHERE leases.state = 'live' AND (tasks.lease IS NOT leases.token)"):
        note("stale accepted", f"{lease['token']} is live and does not hold {lease['child_key']}")
    debris(project, run, note)
    stored = open(f"{run}/events.jsonl", "rb").read()
    if stored != "".join(line(run_id, e) for e in log).encode():
        note("events differ", "events.jsonl is not the table")
    if rows(run, "PRAGMA integrity_check")[0][0] != "ok":
        note("corrupt", "integrity_check")
    if expected_report is not None and state["report"]:
        found = rows(run, "SELECT bytes FROM artifacts WHERE digest = ?", state["report"])[0][0]
        if json.loads(found) != expected_report:
            note("another report", f"{json.loads(found)} is not {expected_report}")
    return wrong


def debris(project, run, note):
    """What nobody will ever look at again."""
    known = {r["token"]: r["state"] for r in rows(run, "SELECT token, state FROM leases")}
    for folder in ("ready", "claimed"):
        for name in os.listdir(f"{run}/queue/{folder}"):
            if known.get(name) not in ("offered", "live"):
                note("left behind", f"queue/{folder}/{name} of a lease that is {known.get(name)}")
    dispatches = f"{run}/dispatches"
    for child in os.listdir(dispatches):
        if child.startswith("."):
            inside = os.listdir(f"{dispatches}/{child}") if os.path.isdir(f"{dispatches}/{child}") else ["it"]
            for name in inside:
                note("left behind", f"dispatches/{child}: {name}")
            continue
        for token in os.listdir(f"{dispatches}/{child}"):
            if token not in known:
                note("left behind", f"package {child}/{token} that no lease names")
    digests = {r["digest"] for r in rows(run, "SELECT digest FROM artifacts WHERE bytes IS NULL")}
    for name in os.listdir(f"{run}/artifacts/sha256"):
        if not re.fullmatch("[0-9a-f]{64}", name):
            note("left behind", f"artifacts/sha256/{name}")
    for digest in digests:
        if not os.path.exists(f"{run}/artifacts/sha256/{digest}"):
            note("lost", f"artifact {digest} has a row and no file")
    for folder, what in ((f"{run}/artifacts/.incoming", ""), (f"{run}/snapshots", "."),
                         (f"{project}/.flowdex/runs", ".staging-")):
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            if name.startswith(what):
                note("left behind", f"{os.path.basename(folder)}/{name}")


def self_test(project, run_id, acknowledged):
    """The figures that each deliberate fault is seen as; a fault that is not seen fails the torture."""
    def sql(text):
        def apply(run):
            with sqlite3.connect(f"{run}/state.sqlite") as db:
                db.execute("PRAGMA ignore_check_constraints = 1")
                db.execute(text)
        return apply

    def cut(run):
        with open(f"{run}/events.jsonl", "r+b") as log:
            log.truncate(os.path.getsize(log.name) - 3)

    def orphan(run):
        os.makedirs(f"{run}/dispatches/fanout-f-x-0000000000000000/nobody")

    def entry(run):
        token = rows(run, "SELECT token FROM leases WHERE state = 'collected'")[0]["token"]
        os.symlink("nowhere", f"{run}/queue/ready/{token}")

    faults = {
        "lost": sql("UPDATE tasks SET result = NULL, state = 'dispatchable'"),
        "collected twice": sql("INSERT INTO events (seq, type, payload, created_at) SELECT max(seq) + 1, "
                               "'agent.completed', (SELECT payload FROM events WHERE type = 'agent.completed' "
                               "LIMIT 1), 1 FROM events"),
        "stale accepted": sql("INSERT INTO leases SELECT 'other', task, state, via, attempt, duration_ms, cwd, "
                              "has_package, agent_ref, heartbeat_ns, created_at, printed_expiry, expires_at, "
                              "boot_id, boot_deadline, result_stamp, noted_digest FROM leases "
                              "WHERE state = 'collected' LIMIT 1"),
        "events differ": cut, "left behind": orphan, "unfinished": sql("UPDATE run SET status = 'paused'"),
    }
    seen = 0
    for figure, fault in list(faults.items()) + [("left behind", entry)]:
        with tempfile.TemporaryDirectory() as copy:
            shutil.copytree(project, f"{copy}/p", symlinks=True)
            fault(f"{copy}/p/.flowdex/runs/{run_id}")
            moved = [p.replace(project, f"{copy}/p") for p in acknowledged]
            if figure not in judge(f"{copy}/p", run_id, moved):
                raise SystemExit(f"torture: the oracle does not see `{figure}`")
            seen += 1
    return seen
