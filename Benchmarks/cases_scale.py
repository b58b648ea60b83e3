"""How much: a hundred thousand tasks, thousands of runs, an idle watch, ten gigabytes, cold starts."""

import json
import os
import shutil
import sqlite3
import time

from measure import interleave, median, run
from project import Project, fanout, floor, workflow


def _fanout(count):
    """Seconds and peak MiB of each stage of a fan-out of so many tasks."""
    project = Project()
    stages = {}
    text = fanout(count).replace('"phases"', '"limits": {"memoryMiB": 2048, "tickCpuMs": 60000}, "phases"')
    project.write("workflow.ts", text)
    stages["create"] = project.sampled("run", "workflow.ts", "--yes", "--run-id", "r")
    stages["lease"] = project.sampled("next", "r", "--files", "--json", "--limit", str(count))
    packages = project.write("packages", "".join(
        os.path.dirname(path) + "\n" for path in _result_paths(stages["lease"].stdout)))
    with project.watch() as watch:
        begun = time.monotonic()
        peak = 0
        run([floor("worker"), "burst", packages])
        while watch.process.poll() is None:
            peak = max(peak, watch.peak_mib())
            time.sleep(0.05)
        collected = time.monotonic() - begun
    report = project.flowdex("report", "r", "--path", "done").stdout.strip()
    if report != str(count):
        raise SystemExit(f"bench: a fan-out of {count} reports `{report}`")
    seconds = {"create": stages["create"].seconds, "lease": stages["lease"].seconds, "collect": collected}
    peaks = {"create": stages["create"].peak_mib, "lease": stages["lease"].peak_mib, "collect": peak}
    return seconds, peaks


def _result_paths(printed):
    return [lease["resultPath"] for lease in json.loads(printed)]


def growth():
    """Fan-outs of 10 to 100,000 tasks: created, leased, answered, collected, reported. One run of each."""
    rows, points, peaks_at = [], [], {}
    counts = [int(one) for one in os.environ.get("BENCH_TASKS", "10,100,1000,10000,100000").split(",")]
    for count in counts:
        seconds, peaks = _fanout(count)
        points.append({"tasks": count, **seconds, "peakMiB": peaks})
        peaks_at[count] = max(peaks.values())
        print(f"  {count:,} tasks: {seconds} peak MiB {peaks}", flush=True)
    last, before = points[-1], points[-2]
    per = [sum(point[stage] for stage in ("create", "lease", "collect")) / point["tasks"]
           for point in (before, last)]
    rows.append({
        "what": f"fan-out of {counts[-1]:,} tasks: time a task over that of {counts[-2]:,}", "unit": "×",
        "flowdex": per[1] / per[0], "target": "linear (≤ 1.2)", "met": per[1] / per[0] <= 1.2})
    rows.append({
        "what": f"its peak memory", "unit": "MiB", "flowdex": peaks_at[counts[-1]], "target": "≤ 128",
        "met": peaks_at[counts[-1]] <= 128})
    return {"rows": rows, "points": points}


def cold():
    """`--help`, `status` and `list` from a cold start."""
    project = Project()
    project.start(fanout(3))
    sides = {"--help": ["--help"], "status": ["status", "r"], "list": ["list"]}
    values = interleave({
        name: lambda words=words: project.measured(*words) for name, words in sides.items()}, rounds=41)
    rows = []
    for name, all_runs in values.items():
        ms = median([one.seconds * 1000 for one in all_runs])
        mib = median([one.peak_mib for one in all_runs])
        rows.append({
            "what": f"`{name}`, cold", "unit": "ms", "flowdex": ms, "target": "≤ 10 ms and ≤ 20 MiB",
            "met": ms <= 10 and mib <= 20,
            "peers": {"MiB": mib, "ms of CPU": median([one.cpu * 1000 for one in all_runs])}})
    return {"rows": rows}


def runs(count=5000):
    """`list` of 5,000 runs."""
    project = Project()
    project.start(workflow("  return 1;"))
    first = project.run_folder()
    for at in range(count - 1):
        run_id = f"copy-{at}"
        target = project.run_folder(run_id)
        os.makedirs(target)
        for name in ("state.sqlite", "state.sqlite-wal", "workflow.ts", "input.json"):
            if os.path.exists(f"{first}/{name}"):
                shutil.copy(f"{first}/{name}", f"{target}/{name}")
        database = sqlite3.connect(f"{target}/state.sqlite", isolation_level=None)
        database.execute("PRAGMA synchronous = OFF")
        database.execute("UPDATE run SET run_id = ?", (run_id,))
        database.close()
    # A state that was written in the last two seconds is not remembered.
    time.sleep(3)
    for _ in range(2):
        project.flowdex("list")
    values = interleave({"flowdex": lambda: project.flowdex("list").seconds * 1000})
    ours = median(values["flowdex"])
    return {"raw": values, "rows": [{
        "what": f"`list` of {count:,} runs", "unit": "ms", "flowdex": ours, "target": "≤ 300 ms",
        "met": ours <= 300}]}


def idle(leases=10000, seconds=60):
    """An idle watch with 10,000 live leases, over a minute. One run."""
    project = Project()
    project.start(fanout(leases + 1))
    project.lease(leases)
    with project.watch() as watch:
        time.sleep(25)
        before = watch.cpu_seconds()
        time.sleep(seconds)
        share = (watch.cpu_seconds() - before) / seconds * 100
        mib = watch.peak_mib()
    return {"rows": [
        {"what": f"idle watch, {leases:,} live leases: CPU", "unit": "%", "flowdex": share, "target": "≤ 0.5 %",
         "met": share <= 0.5},
        {"what": "its peak memory", "unit": "MiB", "flowdex": mib, "target": "≤ 64", "met": mib <= 64}]}


def output(gigabytes=10):
    """A host command that prints 10 GB, against one that prints nothing. One run of each."""
    peaks = []
    for size in (0, gigabytes):
        project = Project()
        body = """
  const out = await ctx.hostCommand({ id: "n", phase: "one", commandId: "print" });
  return out.data.stdoutTruncated;"""
        argv = ["head", "-c", str(size * 1000 ** 3), "/dev/zero"]
        project.write("workflow.ts", workflow(body, commands=[{"id": "print", "argv": argv, "cwd": "project"}]))
        peaks.append(project.sampled("run", "workflow.ts", "--yes"))
    more = peaks[1].peak_mib - peaks[0].peak_mib
    return {"rows": [{
        "what": f"{gigabytes} GB of output: memory beyond that of none", "unit": "MiB", "flowdex": more,
        "target": "constant (≤ 2 MiB)", "met": more <= 2, "peers": {"GB/s": gigabytes / peaks[1].seconds}}]}
