#!/usr/bin/env python3
"""Makes the runs that HistoryFixtureTests opens: real ones, worked off by the flowdex that is given.

    make.py FLOWDEX NAME     writes the folders NAME-finished, NAME-restarted, ... beside this script

Once a version has been released, its folders stay as they are for ever: a later version gets a name of its own.
Each folder holds `state.sqlite` (checkpointed: no log beside it), `workflow.ts`, `input.json` and `expected.json`,
which says how the run stood: its status, generation, report, and the operations and history of that generation.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

WORKFLOW = """import { workflow } from "@flowdex/runtime";

export default workflow({
  name: "history", maxAgents: 20, maxConcurrency: 10,
  permissions: { read: ["src/**"], write: [], hostCommands: [
    { id: "echo", argv: ["echo", "hello"] }, { id: "fail", argv: ["sh", "-c", "echo no >&2; exit 3"] },
  ] },
  phases: [{ id: "one" }, { id: "two" }],
}, async (ctx) => {
  const at = ctx.now();
  const schema = { type: "object", required: ["n"], properties: { n: { type: "integer" } } };
  const found = ctx.fanout({ id: "find", phase: "one", tasks: ctx.input.ids.map((id) =>
    ({ id, mode: "read-only", prompt: "count " + id, data: { id }, schema })) });
  const [said, failed] = await Promise.all(["echo", "fail"].map((id) =>
    ctx.hostCommand({ id, phase: "one", commandId: id })));
  let refused;
  try {
    await ctx.agent({ id: "lost", phase: "nowhere", mode: "read-only", prompt: "x" });
  } catch (error) {
    refused = error.message;
  }
  const results = await found;
  const numbers = results.map((result) => result.status === "completed" ? result.data.n : null);
  ctx.log("found " + numbers.join());
  const first = await Promise.race(["a", "b"].map((id) =>
    ctx.agent({ id, phase: "two", mode: "read-only", prompt: "sum " + numbers.join() })));
  if (first.status === "failed") throw new Error("nobody could add: " + first.error);
  ctx.claim({ id: "said", text: "it said hello", kind: "verification", confidence: "high", evidence: [
    { type: "command", artifactId: said.data.stdoutArtifactId, command: ["echo", "hello"], exitCode: 0 },
    { type: "agentResult", childKey: first.flowdex.childKey, artifactId: first.flowdex.resultArtifactId },
  ] });
  ctx.report({ numbers, first: first.flowdex.childKey, exit: failed.data.exitCode, refused,
    later: ctx.now() > at, claimIds: ["said"] });
});
"""


class Story:
    """A project with one run in it."""

    def __init__(self, flowdex, folder):
        self.flowdex, self.folder = flowdex, folder
        os.makedirs(os.path.join(folder, "src"))
        with open(os.path.join(folder, "src", "a.txt"), "w") as file:
            file.write("alpha\n")
        with open(os.path.join(folder, "workflow.ts"), "w") as file:
            file.write(WORKFLOW)

    def call(self, *arguments, status=0):
        done = subprocess.run([self.flowdex, *arguments], cwd=self.folder, capture_output=True, text=True)
        if done.returncode != status:
            sys.exit(f"flowdex {' '.join(arguments)}: exit {done.returncode}\n{done.stderr}")
        return json.loads(done.stdout) if done.stdout else None

    def begin(self):
        self.call("run", "workflow.ts", "--yes", "--run-id", "run", "--input", '{"ids": ["x", "y"]}')

    def answer(self, status="completed", only=None, n=1):
        """Hands in a result for every new lease, or for those of some tasks only."""
        for lease in self.call("next", "run", "--json"):
            if only is not None and lease["taskId"] not in only:
                continue
            result = {"status": status, "summary": "counted", "data": {"n": n}, "claims": [], "artifacts": [],
                      "diff": None, "usage": {"tokens": 7}, "error": None if status == "completed" else "no"}
            self.call("complete-agent", "run", lease["childKey"], "--lease-token", lease["leaseToken"],
                      "--result", json.dumps(result), "--json")

    def go_on(self, status=0):
        self.call("continue", "run", status=status)


def finished(story):
    story.begin()
    story.answer(n=2)
    story.go_on()
    story.answer(only=["b"])
    story.go_on()


def restarted(story):
    finished(story)
    story.call("restart-agent", "run", "fanout:find#y")
    story.answer(n=5)
    story.go_on()
    story.answer(only=["a"])
    story.go_on()


def waiting(story):
    story.begin()
    story.answer(only=["x"], n=4)


def failed(story):
    story.begin()
    story.answer(n=3)
    story.go_on()
    story.answer("failed", only=["a"])
    story.go_on(status=1)


def paused(story):
    story.begin()
    story.call("pause", "run", "--json")


def keep(story, place):
    """Copies what a run is made of, and writes down how it stood."""
    run = os.path.join(story.folder, ".flowdex", "runs", "run")
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place)
    database = sqlite3.connect(os.path.join(run, "state.sqlite"))
    row = database.execute("SELECT status, generation, error, report FROM run, queue").fetchone()
    rows = lambda sql: [list(r) for r in database.execute(sql, (row[1],)).fetchall()]
    report = database.execute("SELECT CAST(bytes AS TEXT) FROM artifacts WHERE digest = ?", (row[3],)).fetchone()
    expected = {
        "status": row[0], "generation": row[1], "error": row[2],
        "report": json.loads(report[0]) if report else None,
        "operations": [r[0] for r in rows("SELECT key FROM operations WHERE generation = ? ORDER BY seq")],
        "history": [r[0] for r in rows("SELECT key FROM history WHERE generation = ? ORDER BY n")],
        "tasks": rows("SELECT child_key, state FROM tasks WHERE generation = ? ORDER BY id"),
        "events": database.execute("SELECT count(*) FROM events").fetchone()[0],
    }
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    for name in ("state.sqlite", "workflow.ts", "input.json"):
        shutil.copyfile(os.path.join(run, name), os.path.join(place, name))
        os.chmod(os.path.join(place, name), 0o644)
    with open(os.path.join(place, "expected.json"), "w") as file:
        json.dump(expected, file, indent=2)
        file.write("\n")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    flowdex = os.path.abspath(sys.argv[1])
    for tell in (finished, restarted, waiting, failed, paused):
        with tempfile.TemporaryDirectory(prefix="flowdex-fixture-") as folder:
            story = Story(flowdex, folder)
            tell(story)
            keep(story, os.path.join(HERE, f"{sys.argv[2]}-{tell.__name__}"))


if __name__ == "__main__":
    main()
