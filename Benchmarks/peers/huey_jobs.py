"""huey on SQLite with one worker, every enqueue and every result durable: N jobs that do nothing.

    huey_jobs.py FOLDER N     prints seconds from the first job's enqueueing to the last result
"""

import logging
import sys
import time

from huey import SqliteHuey

folder, count = sys.argv[1], int(sys.argv[2])
logging.disable(logging.CRITICAL)
huey = SqliteHuey("bench", filename=f"{folder}/huey.sqlite", fsync=True)


@huey.task()
def job(number):
    return number


consumer = huey.create_consumer(workers=1, initial_delay=0.001, backoff=1, max_delay=0.001, periodic=False)
consumer.start()
before = time.monotonic()
results = [job(number) for number in range(count)]
for result in results:
    result.get(blocking=True, backoff=1, max_delay=0.001)
print(time.monotonic() - before)
consumer.stop()
