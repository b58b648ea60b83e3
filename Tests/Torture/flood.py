"""A worker that takes everything on offer and delivers all of it at once, so that flowdex reads ahead."""
import os, time

import oracle
from project import names

# How long a number may stay as it is before no more is waited for: after a fault it may never come.
PATIENCE_SECONDS = 3


def drop(project, over):
    """Once every package is on offer, takes them; once flowdex knows of that, drops all results at once."""
    wanted = len(project.tasks)
    if not settled(over, lambda: len(names(f"{project.run}/queue/ready")), wanted):
        return
    project.claim()
    if not settled(over, lambda: live(project), wanted):
        return
    packages = [package for package in project.packages() if os.path.basename(package) in project.mine]
    for package in packages:
        project.prepare(package)
    for package in packages:
        os.rename(f"{package}/scratch/result", f"{package}/adapter-result.json")


def live(project):
    try:
        with oracle.State(project.run) as state:
            return state.one("SELECT count(*) FROM leases WHERE state = 'live'")
    except oracle.sqlite3.Error:
        return 0


def settled(over, count, wanted):
    """Whether so many were there before flowdex ended or the number stood still."""
    before, since = None, time.monotonic()
    while not over.wait(0.01):
        now = count()
        if now == wanted:
            return True
        if now != before:
            before, since = now, time.monotonic()
        elif now and time.monotonic() - since > PATIENCE_SECONDS:
            return False
    return False
