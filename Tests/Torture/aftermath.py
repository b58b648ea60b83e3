"""How a seeded run of the swarm is judged, once a plain `watch` has ended it."""
import json, os, sqlite3

RUN, TASKS = "r", 10
REPORT = {"found": list(range(TASKS)), "end": 99, "check": "completed", "edit": "completed"}


class Aftermath:
    """What must hold of the run in `root`, whatever was done to it; `note` is told what does not."""
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

    def judge_leases(self, rows):
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
        # A lease that was replaced brings nothing any more: none is handed out after one that was taken.
        for old, new, state in rows(
                "SELECT old.token, new.token, new.state FROM leases old JOIN leases new ON old.task = new.task AND "
                "new.rowid > old.rowid WHERE old.state = 'collected' AND new.state != 'withdrawn'"):
            self.note(f"stale accepted: {old} was taken although {new} had followed it, which is {state}")

    def recall(self, rows):
        """Counts what the run went through."""
        for what, kind in (("leases run out", "native.dispatch.reclaimed"), ("stale results noted", "native.result.stale")):
            self.happened[what] += rows("SELECT count(*) FROM events WHERE type = ?", kind)[0][0]

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
        self.judge_leases(rows)
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
        self.recall(rows)
        db.close()
        before = open(f"{self.run}/events.jsonl", "rb").read()
        self.command(["repair-events", RUN])
        if open(f"{self.run}/events.jsonl", "rb").read() != before:
            self.note("events differ from their table")
        for folder in ("ready", "claimed"):
            if os.listdir(f"{self.run}/queue/{folder}"):
                self.note(f"left behind: {os.listdir(f'{self.run}/queue/{folder}')} in queue/{folder}")
