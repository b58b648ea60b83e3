"""Scratch projects, the workflows that are run in them, and where the programs are.

Folders are removed only at the very end: for minutes after many files were removed, ext4 makes new ones ten times
slower, which would be measured too.
"""

import atexit
import json
import os
import shutil
import subprocess
import tempfile
import time

from measure import Background, run, run_alone, run_sampled

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
TOOLS = os.path.join(ROOT, ".tools")
FLOWDEX = os.environ.get("BENCH_FLOWDEX") or os.path.join(ROOT, ".build/release/flowdex")
DENO = os.environ.get("FLOWDEX_DENO") or os.path.join(TOOLS, "bin/deno")
FLOORS = os.path.join(TOOLS, "bench/floor")
os.environ["FLOWDEX_DENO"] = DENO


def build_floors():
    """Compiles every floor that is missing or older than its source."""
    os.makedirs(FLOORS, exist_ok=True)
    for name in ("worker", "collector", "tree", "command", "peak"):
        source = os.path.join(HERE, "floor", name + ".c")
        target = os.path.join(FLOORS, name)
        newest = max(os.path.getmtime(source), os.path.getmtime(os.path.join(HERE, "floor/common.h")))
        if os.path.exists(target) and os.path.getmtime(target) > newest:
            continue
        subprocess.run(
            [os.environ.get("CC", "cc"), "-O2", "-Wall", "-Wextra", "-Wno-format-truncation", "-o", target,
             source, "-lsqlite3"], check=True)


def floor(name):
    return os.path.join(FLOORS, name)


def workflow(body, agents=1, files="src/**", commands=None, limits=None):
    manifest = {
        "name": "bench", "maxAgents": max(agents, 1), "maxConcurrency": max(agents, 1),
        "permissions": {"read": [files], "write": [], "hostCommands": commands or []},
        "phases": [{"id": "one"}],
    }
    if limits:
        manifest["limits"] = limits
    return (
        'import { workflow } from "@flowdex/runtime";\n\n'
        f"export default workflow({json.dumps(manifest)}, async (ctx) => {{\n{body}\n}});\n")


def fanout(count):
    """A fan-out of so many small tasks; its report is how many came back."""
    return workflow(
        f"""
  const tasks = [];
  for (let at = 0; at < {count}; at++) {{
    tasks.push({{ id: "t" + at, mode: "read-only", prompt: "Look at shard " + at + " and say what you see." }});
  }}
  const results = await ctx.fanout({{ id: "f", phase: "one", tasks }});
  return {{ done: results.length }};""",
        agents=count)


def folder():
    """A new folder on the disk that is measured: BENCH_TMP, else /tmp."""
    path = tempfile.mkdtemp(prefix="flowdex-bench-", dir=os.environ.get("BENCH_TMP"))
    atexit.register(_remove, path)
    return path


def _remove(path):
    subprocess.run(["chmod", "-R", "u+w", path], check=False)
    shutil.rmtree(path, ignore_errors=True)


class Project:
    """A project in a folder of its own."""

    def __init__(self):
        self.path = folder()
        self.write("src/a.txt", "one file\n")

    def write(self, name, text):
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path

    def flowdex(self, *words, check=True):
        return run([FLOWDEX, *words], cwd=self.path, check=check)

    def measured(self, *words):
        """As `flowdex`, with seconds, CPU and memory that are the program's alone."""
        return run_alone([floor("peak"), FLOWDEX, *words], cwd=self.path)

    def start(self, text, run_id="r"):
        """Creates a run and drives it to where it needs workers, or to its end."""
        self.write("workflow.ts", text)
        return self.flowdex("run", "workflow.ts", "--yes", "--run-id", run_id)

    def sampled(self, *words):
        return run_sampled([FLOWDEX, *words], cwd=self.path)

    def run_folder(self, run_id="r"):
        return os.path.join(self.path, ".flowdex/runs", run_id)

    def lease(self, count, run_id="r"):
        """Leases so many tasks by hand; the file that lists their packages."""
        printed = self.flowdex("next", run_id, "--files", "--json", "--limit", str(count)).stdout
        packages = [os.path.dirname(lease["resultPath"]) for lease in json.loads(printed)]
        if len(packages) != count:
            raise SystemExit(f"bench: {len(packages)} leases instead of {count}")
        return self.write("packages", "".join(path + "\n" for path in packages))

    def watch(self, *words, run_id="r"):
        """`flowdex watch` beside us, once it watches."""
        watch = Background([FLOWDEX, "watch", run_id, *words], cwd=self.path)
        self.wait_for_watch(watch)
        return watch

    def wait_for_watch(self, watch):
        """Until every package is watched, which is when the process holds an inotify descriptor and rests."""
        last = -1.0
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            time.sleep(0.25)
            if watch.process.poll() is not None:
                return
            cpu = watch.cpu_seconds()
            if cpu == last and cpu > 0:
                return
            last = cpu
        raise SystemExit("bench: `flowdex watch` does not come to rest")


class FloorFolders:
    """Package folders for a floor, without flowdex: what `Project.lease` gives."""

    def __init__(self, count):
        self.path = folder()
        for at in range(count):
            os.makedirs(f"{self.path}/packages/task-{at}/lease")
        self.list = f"{self.path}/list"
        with open(self.list, "w") as file:
            file.writelines(f"{self.path}/packages/task-{at}/lease\n" for at in range(count))
        self.database = f"{self.path}/floor.sqlite"
