#!/usr/bin/env python3
"""Judges a run from the disk and the log of what was acknowledged, without flowdex.

    oracle.py PROJECT RUN [ACKNOWLEDGED.jsonl]

Of a run that has been driven to its end. Every check is a figure that must be zero: results lost, results collected
twice, stale leases accepted; and the invariants that hold whatever died when. Exits 1 and says what is wrong.
"""
import datetime, hashlib, json, os, re, sqlite3, stat, sys, time

import packages
from packages import read

ENDED = ("agent.completed", "agent.failed", "agent.blocked")
CACHES = (".creation-lock", ".list-cache", ".stat-cache", ".stat-cache.new")  # And a lock.
FINAL = "('completed','failed','blocked')"


class State:
    """A run's state, read as any SQLite reader would."""
    def __init__(self, run):
        self.run = run
        self.db = sqlite3.connect(f"file:{run}/state.sqlite?mode=ro", uri=True)
        self.db.row_factory = sqlite3.Row

    def rows(self, sql, *values):
        return self.db.execute(sql, values).fetchall()

    def one(self, sql, *values):
        row = self.db.execute(sql, values).fetchone()
        return None if row is None else row[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.db.close()

    def artifact(self, digest):
        row = self.rows("SELECT size, bytes FROM artifacts WHERE digest = ?", digest)
        if not row:
            return None
        if row[0]["bytes"] is not None:
            return bytes(row[0]["bytes"])
        return read(f"{self.run}/artifacts/sha256/{digest}")

    def json(self, digest):
        """The value that an artifact holds; None where there is none."""
        try:
            return json.loads(self.artifact(digest) or b"null")
        except ValueError:
            return None


def sha256(found):
    return hashlib.sha256(found).hexdigest()


def answer_of(token):
    """What a worker answers under a lease: a number of its own, so that no result can pass for another's."""
    return int(sha256(token.encode())[:8], 16)


def line(run_id, row):
    at = datetime.datetime.fromtimestamp(row["created_at"] // 1000, datetime.timezone.utc)
    time = at.strftime("%Y-%m-%dT%H:%M:%S") + f".{row['created_at'] % 1000:03d}Z"
    return (f'{{"seq":{row["seq"]},"runId":{json.dumps(run_id)},"type":"{row["type"]}",'
            f'"payload":{row["payload"]},"createdAt":"{time}"}}\n')


class Judgement:
    """What is wrong, by figure. `shared`: the files that every snapshot must hold and no others, where they are known."""
    def __init__(self, project, run_id, acknowledged, shared=None):
        self.project, self.run_id, self.acknowledged, self.shared = project, run_id, acknowledged, shared
        self.run = f"{project}/.flowdex/runs/{run_id}"
        self.wrong = {}

    def note(self, figure, detail):
        self.wrong.setdefault(figure, []).append(detail)

    def acks(self, kind):
        return [entry[kind] for entry in self.acknowledged if kind in entry]

    def state(self):
        """What must hold at any time, also between a crash and the next command."""
        if not os.path.isdir(self.run):
            if any("began" not in entry for entry in self.acknowledged):
                self.note("lost", f"run {self.run_id} was acknowledged and is not there")
            return self.wrong
        try:
            with State(self.run) as state:
                if state.one("PRAGMA integrity_check") != "ok":
                    self.note("corrupt", "integrity_check")
                self.sequence(state); self.results(state); self.leases(state); self.workers(state)
                self.artifacts(state); self.snapshots(state); self.reports(state)
                self.contents(state); self.told(state); self.stands(state); self.sources(state)
        except sqlite3.DatabaseError as error:
            self.note("corrupt", str(error))
        return self.wrong

    def ended(self):
        """What must hold once the run has been driven to its end."""
        self.state()
        if self.wrong.get("corrupt") or not os.path.isdir(self.run):
            return self.wrong
        with State(self.run) as state:
            row = state.rows("SELECT status, report, error FROM run")[0]
            if row["status"] != "completed":
                self.note("unfinished", f"the run is {row['status']}: {row['error']}")
            elif not row["report"] or state.artifact(row["report"]) is None:
                self.note("another report", "the run is completed and has none")
            self.history(state)
            log = state.rows("SELECT seq, type, payload, created_at FROM events ORDER BY seq")
            if read(f"{self.run}/events.jsonl") != "".join(line(self.run_id, e) for e in log).encode():
                self.note("events differ", "events.jsonl is not the table")
            self.debris(state)
        return self.wrong

    def history(self, state):
        """What a replay would deliver again: each operation once, and the event of the end."""
        for row in state.rows("SELECT key, state, generation FROM operations WHERE generation = "
                              "(SELECT max(generation) FROM operations)"):
            if row["state"] != "final" or not state.one("SELECT 1 FROM history WHERE key = ? AND generation = ?",
                                                        row["key"], row["generation"]):
                self.note("lost", f"{row['key']} is {row['state']}, or was delivered and is not in the history")
        if not state.rows("SELECT 1 FROM operations") or not state.rows(
                "SELECT 1 FROM events WHERE type = 'workflow.completed'"):
            self.note("lost", "the run is completed without operations, or without the event that says so")

    def sequence(self, state):
        found = [row["seq"] for row in state.rows("SELECT seq FROM events ORDER BY seq")]
        if found != list(range(1, len(found) + 1)):
            self.note("events with gaps", "the sequence of the events table")

    def results(self, state):
        """Every result once: a lease that was collected, an event that says so, a delivery where one is due."""
        said = [json.loads(row["payload"]) for row in state.rows(
            f"SELECT payload FROM events WHERE type IN {ENDED} ORDER BY seq")]
        keys = [event["childKey"] for event in said]
        taken = {row["child_key"]: row["taken"] for row in state.rows(
            "SELECT child_key, sum(leases.state = 'collected') AS taken FROM tasks "
            "LEFT JOIN leases ON leases.task = tasks.id GROUP BY child_key")}
        for key, count in taken.items():
            times = keys.count(key)
            if times != (count or 0):
                self.note("collected twice" if times > (count or 0) else "lost",
                          f"{key}: {count or 0} leases collected, {times} events say so")
        for task in state.rows(f"SELECT child_key, result FROM tasks WHERE state IN {FINAL} AND kept_from IS NULL"):
            if not any(e["childKey"] == task["child_key"] and e["resultArtifactId"] == task["result"] for e in said):
                self.note("lost", f"{task['child_key']} has a result that no event names")
        for row in state.rows("SELECT key FROM history GROUP BY generation, key HAVING count(*) > 1"):
            self.note("collected twice", f"{row['key']} was delivered twice")
        for key, token in self.acks("result"):
            if not taken.get(key) or token and not state.one(
                    "SELECT 1 FROM leases WHERE token = ? AND state = 'collected'", token):
                self.note("lost", f"{key} was reported taken under {token or 'a lease'}, and is not")
        for token in self.acks("accepted"):
            row = state.rows("SELECT leases.state, tasks.result FROM leases JOIN tasks ON tasks.id = leases.task "
                             "WHERE token = ?", token)
            if not row or row[0]["state"] != "collected" or row[0]["result"] is None:
                self.note("lost", f"{token} was accepted, its lease is {dict(row[0]) if row else None}")

    def contents(self, state):
        """Every result is the one that was made under the lease that brought it."""
        for row in state.rows("SELECT leases.token, tasks.child_key, tasks.result FROM leases JOIN tasks "
                              "ON tasks.id = leases.task WHERE leases.state = 'collected' AND tasks.state = 'completed'"):
            found = ((state.json(row["result"]) or {}).get("data") or {}).get("n")
            if found != answer_of(row["token"]):
                self.note("stale accepted", f"{row['child_key']} holds {found}, not what came under {row['token']}")

    def told(self, state):
        """Every event that was printed is in the table, under its number."""
        for seq, kind in self.acks("event"):
            if state.one("SELECT type FROM events WHERE seq = ?", seq) != kind:
                self.note("lost", f"event {seq}, {kind}, was printed and is not stored")

    def stands(self, state):
        """A command has said how the run stands, and nothing has been begun since."""
        told = [entry for entry in self.acknowledged if "began" in entry or "stands" in entry]
        stands, status = told[-1].get("stands") if told else None, state.one("SELECT status FROM run")
        if stands is not None and status != stands:
            self.note("lost", f"the run was said to be {stands}, and is {status}")

    def sources(self, state):
        """What the run was made of is there, as it was approved."""
        for path, column in (("workflow.ts", "source_hash"), ("input.json", "input_hash")):
            wanted = state.one(f"SELECT {column} FROM run")
            if wanted is not None and sha256(read(f"{self.run}/{path}") or b"") != wanted:
                self.note("lost", f"{path} is not what was approved")

    def leases(self, state):
        for row in state.rows("SELECT task FROM leases WHERE state = 'collected' GROUP BY task HAVING count(*) > 1"):
            self.note("stale accepted", f"task {row['task']} took results under more than one lease")
        for row in state.rows("SELECT leases.token, tasks.child_key FROM leases JOIN tasks ON tasks.id = leases.task "
                              "WHERE leases.state = 'live' AND (tasks.lease IS NOT leases.token)"):
            self.note("stale accepted", f"{row['token']} is live and does not hold {row['child_key']}")
        for row in state.rows("SELECT tasks.child_key, new.token FROM leases old "
                              "JOIN leases new ON old.task = new.task AND new.rowid > old.rowid "
                              "JOIN tasks ON tasks.id = old.task "
                              "WHERE old.state = 'collected' AND new.state != 'withdrawn'"):
            self.note("stale accepted", f"{row['child_key']} took a result after {row['token']} had been handed out")
        for token in self.acks("lease"):
            if state.one("SELECT 1 FROM leases WHERE token = ?", token) is None:
                self.note("lost", f"lease {token} was printed and is not stored")

    def workers(self, state):
        """Who was said to work on a lease does; one that was said to be renewed lasts so long; each has run out once."""
        said = [(row["type"], json.loads(row["payload"])) for row in state.rows(
            "SELECT type, payload FROM events WHERE type LIKE 'native.dispatch.%'")]
        for token, reference in dict(self.acks("attached")).items():
            stored = state.one("SELECT agent_ref FROM leases WHERE token = ?", token)
            times = sum(kind.endswith(".attached") and (e["leaseToken"], e["agentRef"]) == (token, reference)
                        for kind, e in said)
            if stored != reference or times != 1:
                self.note("lost", f"{reference} was attached to {token}: {stored} is stored, {times} events say so")
        for token, until in dict(self.acks("renewed")).items():
            row = state.rows("SELECT state, expires_at FROM leases WHERE token = ?", token)
            until = datetime.datetime.fromisoformat(until.replace("Z", "+00:00")).timestamp() * 1000
            has_ended = row and row[0]["state"] in ("expired", "replaced") and until > time.time() * 1000
            if not row or has_ended or row[0]["expires_at"] < until - 1:
                self.note("lost", f"{token} was renewed until {until:.0f}: {[dict(found) for found in row]}")
        for row in state.rows("SELECT child_key, sum(expiries) AS times FROM tasks WHERE kept_from IS NULL "
                              "GROUP BY child_key"):
            times = sum(kind.endswith(".reclaimed") and event["childKey"] == row["child_key"] for kind, event in said)
            if times != row["times"]:
                self.note("reclaimed twice", f"{row['child_key']}: {row['times']} counted, {times} events say so")

    def artifacts(self, state):
        for row in state.rows("SELECT digest, size, bytes FROM artifacts"):
            found = bytes(row["bytes"]) if row["bytes"] is not None else read(
                f"{self.run}/artifacts/sha256/{row['digest']}")
            if found is None or len(found) != row["size"] or sha256(found) != row["digest"]:
                self.note("lost", f"artifact {row['digest']} does not hash so")

    def snapshots(self, state):
        """Every snapshot that a lease names holds what its manifest says, and nothing else."""
        for row in state.rows("SELECT DISTINCT cwd FROM leases WHERE cwd IS NOT NULL"):
            folder = f"{self.run}/snapshots/{os.path.basename(row['cwd'])}"
            manifest = read(folder + ".manifest.json")
            try:
                files = {f["path"]: f for f in json.loads(manifest or b"")["files"]}
            except (ValueError, KeyError):
                self.note("lost", f"snapshot {folder} has no manifest")
                continue
            found = {os.path.relpath(f"{at}/{name}", folder) for at, _, inside in os.walk(folder) for name in inside}
            for path in found | set(files):
                if path not in files or sha256(read(f"{folder}/{path}") or b"") != files[path]["sha256"]:
                    self.note("lost", f"snapshot file {path} is not as its manifest says")
            for path in found ^ self.shared if self.shared else []:
                self.note("another snapshot", f"{path} {'is' if path in found else 'is not'} in it")

    def reports(self, state):
        """What was printed of the generation that is now is the run's report."""
        restarts = [at for at, entry in enumerate(self.acknowledged) if "restart" in entry]
        if (state.one("SELECT max(generation) FROM operations") or 1) > len(restarts) + 1:
            return  # Restarted, and nobody was told of it yet.
        told = self.acknowledged[restarts[-1] if restarts else 0:]
        stored = state.rows("SELECT status, report FROM run")[0]
        digest = stored["report"]
        found = state.json(digest) if digest else None
        for report in (entry["report"] for entry in told if "report" in entry):
            if found != report or stored["status"] != "completed":
                self.note("lost", f"report {report} was printed, the run is {stored['status']} with {found}")
        for announced in (entry["ended"] for entry in told if "ended" in entry):
            if announced != digest or stored["status"] != "completed":
                self.note("lost", f"report {announced} was announced, the run is {stored['status']} with {digest}")

    def packages(self, tokens=None):
        """While the machine is up, a worker sees a package whole or not at all: each, or those of these leases."""
        for child, token in packages.of(self.run):
            for what in packages.wrong(self.run, child, token) if tokens is None or token in tokens else []:
                self.note("half a package", what)
        return self.wrong

    def files(self, allowed):
        """Writes outside the write globs, and mixtures: `allowed` are the texts that each file may have."""
        found, kept = {}, {os.path.dirname(path) for path in allowed} - {""}
        for at, folders, inside in os.walk(self.project):
            if at == self.project:
                folders[:] = [name for name in folders if name != ".flowdex"]
            for name in folders:
                path = os.path.relpath(f"{at}/{name}", self.project)
                if os.path.islink(f"{at}/{name}") or path not in kept:
                    self.note("outside the globs", f"{path}, a folder")
            for name in inside:
                path, status = os.path.relpath(f"{at}/{name}", self.project), os.lstat(f"{at}/{name}")
                if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o7133:
                    self.note("outside the globs", f"{path} has the mode {status.st_mode:o}")
                found[path] = (read(f"{at}/{name}") or b"").decode(errors="replace")
        for path in found.keys() - allowed.keys():
            self.note("outside the globs", path)
        for path, texts in allowed.items():
            if texts is not None and found.get(path) not in texts:
                self.note("a mixture", f"{path} is {str(found.get(path))[:80]!r}")
        return self.wrong

    def debris(self, state):
        """What nobody will ever look at again."""
        known = {row["token"]: row["state"] for row in state.rows("SELECT token, state FROM leases")}
        for folder in ("ready", "claimed"):
            for name in os.listdir(f"{self.run}/queue/{folder}"):
                if known.get(name) not in ("offered", "live"):
                    self.note("left behind", f"queue/{folder}/{name} of a lease that is {known.get(name)}")
        dispatches = f"{self.run}/dispatches"
        for child in os.listdir(dispatches):
            if child.startswith("."):
                inside = os.listdir(f"{dispatches}/{child}") if os.path.isdir(f"{dispatches}/{child}") else ["it"]
                for name in inside:
                    self.note("left behind", f"dispatches/{child}: {name}")
                continue
            for token in os.listdir(f"{dispatches}/{child}"):
                if token not in known:
                    self.note("left behind", f"package {child}/{token} that no lease names")
        for name in os.listdir(f"{self.run}/artifacts/sha256"):
            if not re.fullmatch("[0-9a-f]{64}", name):
                self.note("left behind", f"artifacts/sha256/{name}")
        for folder, what in ((f"{self.run}/artifacts/.incoming", ""), (f"{self.run}/snapshots", "."),
                             (f"{self.project}/.flowdex/runs", ".")):
            for name in os.listdir(folder) if os.path.isdir(folder) else []:
                if name.startswith(what) and name not in CACHES:
                    self.note("left behind", f"{os.path.basename(folder)}/{name}")


def main(project, run_id, log=None):
    text = read(log or f"{project}/acknowledged.jsonl") or b""
    judgement = Judgement(os.path.abspath(project), run_id, [json.loads(entry) for entry in text.splitlines()])
    wrong = {**judgement.packages(), **judgement.ended()}
    for figure, details in wrong.items():
        for detail in details:
            print(f"oracle: {figure}: {detail}")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
