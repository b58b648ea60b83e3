#!/usr/bin/env python3
"""A disk that is full to the brim, one that is read-only, and too few descriptors: a clear error, and the run goes on.

    unshare --mount disks.py FLOWDEX FOLDER -- SCENARIO...

Mounts what it needs, so it wants a mount name space of its own. Prints one line of JSON: what was tried, what went
wrong.
"""
import json, os, shutil, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scenarios, sweep

# Bytes that are left on a full disk: each lets a command get a little further.
ROOM = [0, 4096, 16384, 40960, 81920, 163840, 327680]
NUMBERS = [12, 16, 20, 24]
SLICE = ["run", "next", "integrate", "deliver", "offer", "restart"]
# Not those beside which a worker writes: it has no room either, and flowdex would wait for it.
ALL = [name for name, scenario in scenarios.SCENARIOS.items() if not scenario.attended]
# MiB, where another size does not hold what the scenario makes.
SIZE, SIZES = 6, {"many": 24, "batches": 24}


def fill(root, room):
    """Takes all of the disk but so much."""
    with open(f"{root}/fill", "wb", buffering=0) as file:
        piece = bytes(4096)
        try:
            while True:
                file.write(piece)
        except OSError:
            pass
        file.truncate(max(0, file.tell() - room))


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def faults(root):
    """(what, how it begins, how it ends, what stands before the command)."""
    for room in ROOM:
        yield f"full but for {room}", lambda room=room: fill(root, room), lambda: os.remove(f"{root}/fill"), ()
    yield "read-only", lambda: mount("-o", "remount,ro", root), lambda: mount("-o", "remount,rw", root), ()
    for number in NUMBERS:
        yield (f"ulimit -n {number}", lambda: None, lambda: None,
               ("sh", "-c", f'ulimit -n {number}; exec "$@"', "sh"))


def tried(bench, name, begin, end, prefix):
    project = bench.project(name)
    arguments = scenarios.arguments_of(name, project)
    # What is acknowledged while the disk is full is written down elsewhere.
    log = f"{bench.base}/log"
    shutil.copyfile(project.log, log) if os.path.exists(project.log) else open(log, "w").close()
    project.log = log
    begin()
    try:
        done = project.flowdex(*arguments, prefix=prefix)
    finally:
        end()
    wrong = {}
    text = sweep.unclear(done)
    if text:
        wrong["unclear"] = [text]
    for figure, details in scenarios.judge_after(project).items():
        wrong[f"{figure}, before the restart"] = details
    look = scenarios.SCENARIOS[name].look
    wrong.update(look(project, done) if look else {})
    errors = scenarios.again(name, project) + scenarios.finish(project)
    if errors:
        wrong["cannot go on"] = errors
    wrong.update(scenarios.judge_ended(project, fault_is_error=True))
    return done.status != 0, wrong


def main(binary, base, _, *names):
    bench = scenarios.Bench(os.path.abspath(binary), f"{base}/disks")
    root = f"{bench.base}/work"
    os.makedirs(root)
    mount("-t", "tmpfs", "-o", f"size={SIZE}m", "none", root)
    count, failing, failures = 0, 0, []
    for name in names:
        mount("-o", f"remount,size={SIZES.get(name, SIZE)}m", root)
        for what, begin, end, prefix in faults(root):
            has_failed, wrong = tried(bench, name, begin, end, prefix)
            count += 1
            failing += has_failed
            if wrong:
                failures.append([f"{name}, {what}", wrong])
    print(json.dumps({"tried": count, "failing": failing, "failures": failures}))


if __name__ == "__main__":
    main(*sys.argv[1:])
