"""DBOS on SQLite: N workflows of S steps of MS milliseconds each, one after the other or W at once.

    dbos_jobs.py FOLDER N S MS W     prints seconds; the queue is in the process itself
"""

import logging
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from dbos import DBOS

folder, count, steps, ms, width = sys.argv[1], *map(int, sys.argv[2:6])
logging.disable(logging.CRITICAL)


@DBOS.step()
def step(number):
    if ms:
        time.sleep(ms / 1000)
    return number


@DBOS.workflow()
def job(number):
    return [step(number) for _ in range(steps)]


DBOS(config={
    "name": "bench", "system_database_url": f"sqlite:///{folder}/dbos.sqlite", "run_admin_server": False,
    "log_level": "CRITICAL"})
DBOS.launch()
job(-1)
before = time.monotonic()
if width == 1:
    for number in range(count):
        job(number)
else:
    with ThreadPoolExecutor(width) as pool:
        list(pool.map(job, range(count)))
print(time.monotonic() - before)
DBOS.destroy()
