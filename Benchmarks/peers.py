"""What one could pick instead: each runs a number of jobs that do nothing, and tells how many a second."""

import os
import subprocess
import time

from measure import run
from project import DENO, HERE, TOOLS, folder

PYTHON = os.path.join(TOOLS, "bench/venv/bin/python")


def parallel(count):
    """GNU parallel with a log of what has been done, two at a time."""
    place = folder()
    before = time.monotonic()
    words = "\n".join(map(str, range(count)))
    subprocess.run(
        ["parallel", "--will-cite", "-j2", "--joblog", f"{place}/log", "true"], input=words, text=True,
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "HOME": place})
    return count / (time.monotonic() - before)


def nq(count):
    """nq: a file and a lock for each job."""
    place = folder()
    environment = {**os.environ, "NQDIR": place}
    before = time.monotonic()
    for _ in range(count):
        subprocess.run(["nq", "-q", "true"], env=environment, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["nq", "-w"], env=environment, check=True, stdout=subprocess.DEVNULL)
    return count / (time.monotonic() - before)


def task_spooler(count):
    """task-spooler: a server with a socket."""
    place = folder()
    environment = {**os.environ, "TS_SOCKET": f"{place}/socket", "TMPDIR": place, "TS_MAXFINISHED": "10"}
    before = time.monotonic()
    for _ in range(count):
        subprocess.run(["tsp", "-n", "true"], env=environment, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["tsp", "-w"], env=environment, check=False, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - before
    subprocess.run(["tsp", "-K"], env=environment, check=True)
    return count / seconds


def huey(count):
    """huey on SQLite, synced, with one worker thread."""
    return count / float(run([PYTHON, f"{HERE}/peers/huey_jobs.py", folder(), str(count)]).stdout)


def dbos(count, steps=1, step_ms=0, width=1):
    """DBOS on SQLite: workflows a second."""
    words = [str(one) for one in (count, steps, step_ms, width)]
    return count / float(run([PYTHON, f"{HERE}/peers/dbos_jobs.py", folder(), *words]).stdout.split()[-1])


def tick(count):
    """Seconds of a design that starts Deno once for each operation and replays everything (peers/tick.py)."""
    return float(run(["python3", "-B", f"{HERE}/peers/tick.py", folder(), DENO, str(count)]).stdout)


ON_JOBS = {"GNU parallel": parallel, "nq": nq, "task-spooler": task_spooler, "huey": huey, "DBOS": dbos}
