"""Handing out, host commands, whole workflows, replay."""

import os
import subprocess
import time

import peers
from measure import interleave, median, run
from project import FLOWDEX, Project, fanout, floor, folder, workflow


def _tree(project, files):
    for at in range(files):
        project.write(f"src/d{at % 60}/f{at}.txt", f"line of file {at}\n" * 200)


def next_files(tasks=1000, files=3000):
    """`next --files` of 1,000 tasks over a tree of 3,000 files."""
    source = Project()
    _tree(source, files)

    def flowdex():
        project = Project()
        subprocess.run(["cp", "-r", source.path + "/src", project.path + "/"], check=True)
        project.start(fanout(tasks + 1))
        return project.flowdex("next", "r", "--files", "--json", "--limit", str(tasks)).seconds

    def base(*words):
        return float(run([floor("tree"), source.path + "/src", folder() + "/t", str(tasks), *words]).stdout)

    values = interleave({"flowdex": flowdex, "floor": base, "synced": lambda: base("sync")})
    ours, bare, synced = (median(values[side]) for side in ("flowdex", "floor", "synced"))
    return {"raw": values, "rows": [{
        "what": f"`next --files`, {tasks:,} tasks over {files:,} files", "unit": "s", "flowdex": ours,
        "floor": bare, "ratio": ours / bare, "target": "≤ 2 × floor", "met": ours / bare <= 2,
        "peers": {"floor with the snapshot synced": synced}}]}


TRUE = [{"id": "true", "argv": ["true"], "cwd": "project"}]


def _commands(count):
    project = Project()
    body = f"""
  for (let at = 0; at < {count}; at++) {{
    const out = await ctx.hostCommand({{ id: "n" + at, phase: "one", commandId: "true" }});
    if (out.status !== "completed") throw new Error(out.status);
  }}
  return {count};"""
    return project.start(workflow(body, commands=TRUE)).seconds


def commands():
    """Sequential host commands: what one durable operation costs."""
    values = interleave({
        "0": lambda: _commands(0), "20": lambda: _commands(20), "100": lambda: _commands(100),
        "1000": lambda: _commands(1000), "2000": lambda: _commands(2000),
        "floor": lambda: float(run([floor("command"), folder() + "/floor.sqlite", "1000"]).stdout),
        "tick": lambda: peers.tick(20)})
    start = median(values["0"])
    each = {count: (median(values[count]) - start) / int(count) * 1000 for count in ("100", "1000", "2000")}
    base = median(values["floor"])
    over = each["1000"] - base
    growth = each["2000"] / each["100"]
    tick = median(values["tick"]) / median(values["20"])
    return {"raw": values, "rows": [
        {"what": "one durable host command, of 1,000", "unit": "ms", "flowdex": each["1000"], "floor": base,
         "ratio": each["1000"] / base, "target": "≤ floor + 1 ms", "met": over <= 1},
        {"what": "cost of one of 2,000 over one of 100", "unit": "×", "flowdex": growth, "target": "≤ 1.2",
         "met": growth <= 1.2},
        {"what": "20 commands, run and all", "unit": "s", "flowdex": median(values["20"]), "ratio": tick,
         "peers": {"tick a process": median(values["tick"])}, "target": "peer ≥ 10 × ours",
         "met": tick >= 10}]}


def operations():
    """Host commands, one after the other, from 10 to 10,000. One run of each."""
    counts = [int(one) for one in os.environ.get("BENCH_OPERATIONS", "10,100,1000,10000").split(",")]
    points = [(count, _commands(count)) for count in counts]
    start = _commands(0)
    each = [(seconds - start) / count for count, seconds in points]
    return {"points": points, "rows": [{
        "what": f"one of {counts[-1]:,} commands over one of {counts[-2]:,}", "unit": "×",
        "flowdex": each[-1] / each[-2], "target": "linear (≤ 1.2)", "met": each[-1] / each[-2] <= 1.2}]}


def _workflows(count, steps):
    project = Project()
    body = f"""
  for (let at = 0; at < {steps}; at++) {{
    const out = await ctx.hostCommand({{ id: "n" + at, phase: "one", commandId: "nap" }});
    if (out.status !== "completed") throw new Error(out.status);
  }}
  return {steps};"""
    project.write(
        "workflow.ts", workflow(body, commands=[{"id": "nap", "argv": ["sleep", "0.01"], "cwd": "project"}]))
    before = time.monotonic()
    running = [
        subprocess.Popen(
            [FLOWDEX, "run", "workflow.ts", "--yes", "--run-id", f"r{at}"], cwd=project.path,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for at in range(count)]
    failures = sum(process.wait() != 0 for process in running)
    if failures:
        raise SystemExit(f"bench: {failures} of {count} workflows failed")
    return count / (time.monotonic() - before)


def workflows(count=20, steps=5):
    """20 workflows at once, 5 steps of 10 ms each."""
    values = interleave({
        "flowdex": lambda: _workflows(count, steps), "DBOS": lambda: peers.dbos(count, steps, 10, count)})
    ours, dbos = median(values["flowdex"]), median(values["DBOS"])
    return {"raw": values, "rows": [{
        "what": f"{count} workflows at once × {steps} steps of 10 ms", "unit": "workflows/s", "flowdex": ours,
        "peers": {"DBOS": dbos}, "target": "≥ 280 (10 × the published 28)", "met": ours >= 280}]}


def _history(events):
    body = f"""
  let done = 0;
  for (let at = 0; at < {events}; at += 500) {{
    const all = [];
    for (let n = at; n < at + 500; n++) {{
      all.push(ctx.hostCommand({{ id: "n" + n, phase: "one", commandId: "not-allowed" }}));
    }}
    done += (await Promise.all(all)).length;
  }}
  await ctx.agent({{ id: "last", phase: "one", mode: "read-only", prompt: "Say when." }});
  return done;"""
    return workflow(body, limits={"operations": 1000000, "memoryMiB": 1024, "tickCpuMs": 60000})


def replay(events=50000):
    """`continue` of a run whose history has 50,000 deliveries: a session started and brought to where it was."""
    long, short = Project(), Project()
    long.start(_history(events))
    short.start(_history(0))
    values = interleave({
        "flowdex": lambda: long.flowdex("continue", "r").seconds,
        "no history": lambda: short.flowdex("continue", "r").seconds})
    ours = median(values["flowdex"]) - median(values["no history"])
    return {"raw": values, "rows": [{
        "what": f"replay of {events:,} deliveries, beyond the start", "unit": "s", "flowdex": ours,
        "target": "≤ 1 s", "met": ours <= 1}]}
