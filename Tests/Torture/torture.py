#!/usr/bin/env python3
"""Nothing is ever lost: flowdex killed and failed at one call after another, restarted plainly, judged by oracle.py.

    torture.py FLOWDEX slice [--seed S] [--kills N] [--errors N]
    torture.py FLOWDEX full [--points N] [--seed S] [--scenario NAME]... [--only kills|errors] [--progress FOLDER]

`slice` is what `make test` runs: a seeded choice of the points. `full` is every point; with --points only so many of
those that an earlier part has not had, and the totals are those of all parts. Exits 1 if a figure is not zero.
"""
import argparse, hashlib, json, multiprocessing, os, random, shutil, subprocess, sys, tempfile, time, traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import scenarios, sweep

FIGURES = ["lost", "collected twice", "stale accepted", "outside the globs"]


class Tally:
    """What is printed in the end, and what makes the torture fail."""
    def __init__(self, name):
        self.name, self.tried, self.hit, self.failed, self.figures = name, 0, 0, 0, {}

    def add(self, met, wrong):
        self.tried += 1
        self.hit += met
        self.failed += bool(wrong)
        for figure in wrong:
            short = figure.replace(", before the restart", "")
            self.figures[short] = self.figures.get(short, 0) + 1

    def lines(self, total):
        zeros = ", ".join(f"{figure} {self.figures.get(figure, 0)}" for figure in FIGURES)
        others = "".join(f", {figure} {n}" for figure, n in sorted(self.figures.items()) if figure not in FIGURES)
        return (f"torture: {self.name}: {self.tried} points tried of {total}, {self.hit} met; {zeros}{others}; "
                f"{self.failed} failed")


# One process of the pool: a bench of its own.

bench = library = None
keeping = False


def enter(binary, base, shim, keep):
    global bench, library, keeping
    bench, library, keeping = scenarios.Bench(binary, f"{base}/{os.getpid()}"), shim, keep


def count(scenario):
    return scenario, sweep.counts(bench, scenario, library)


def attempt(numbered):
    number, point = numbered
    try:
        met, wrong, said = sweep.tried(bench, library, point)
    except Exception:
        met, wrong, said = False, {"harness": [traceback.format_exc()[-1500:]]}, ""
    if wrong and keeping:
        said += f" (kept in {sweep.keep(bench, number)})"
    return number, point, met, wrong, said


class Torture:
    """A folder in memory where there is one, the shim, and as many processes as keep the cores busy."""
    def __init__(self, binary, keep):
        fast = "/dev/shm" if os.access("/dev/shm", os.W_OK) and shutil.disk_usage("/dev/shm").free > 1 << 30 else None
        self.base = tempfile.mkdtemp(prefix="flowdex-torture-", dir=fast)
        self.keep = keep
        self.library = sweep.shim(HERE, self.base)
        cores = len(os.sched_getaffinity(0))
        self.pool = multiprocessing.Pool(cores + 1, enter, (binary, self.base, self.library, keep))

    def points(self, kind, names):
        made = {"kills": sweep.kill_points, "errors": sweep.error_points}[kind]
        return [point for scenario, found in self.counts(names) for point in made(scenario, found)]

    def counts(self, names):
        missing = [name for name in names if name not in getattr(self, "counted", {})]
        self.counted = {**getattr(self, "counted", {}), **dict(self.pool.imap_unordered(count, missing))}
        return [(name, self.counted[name]) for name in names]

    def sweep(self, numbered, tally, on_done=lambda *_: None):
        for number, point, met, wrong, said in self.pool.imap_unordered(attempt, numbered):
            tally.add(met, wrong)
            on_done(number, met, wrong)
            if wrong:
                print(f"torture: {' '.join(point)}: {json.dumps(wrong)[:1500]} {said}", flush=True)

    def close(self):
        self.pool.terminate()
        self.pool.join()
        if not self.keep:
            subprocess.run(["chmod", "-R", "u+w", self.base], stderr=subprocess.DEVNULL)
            shutil.rmtree(self.base, ignore_errors=True)


def run_slice(torture, options):
    failed = False
    for kind, wanted in (("kills", options.kills), ("errors", options.errors)):
        began = time.monotonic()
        points = torture.points(kind, options.scenario or scenarios.SLICE)
        # Threads take turns as they like, so a point may be missed: a few stand by.
        chosen = sweep.chosen(points, wanted + wanted // 50, options.seed)
        tally = Tally(kind)
        torture.sweep(enumerate(chosen), tally)
        print(f"{tally.lines(len(points))} (seed {options.seed}, {time.monotonic() - began:.0f} s)", flush=True)
        failed |= tally.failed > 0
        if tally.hit < min(wanted, len(points)):
            failed = True
            print(f"torture: {kind}: {tally.hit} points were met; expected at least {wanted}")
    return failed


class Progress:
    """The points of a full sweep and what became of each, in a folder of the binary's own."""
    def __init__(self, folder, kind, make):
        self.points_path, self.done_path = f"{folder}/{kind}.points.json", f"{folder}/{kind}.done.jsonl"
        os.makedirs(folder, exist_ok=True)
        if not os.path.exists(self.points_path):
            with open(self.points_path + ".new", "w") as file:
                json.dump(make(), file)
            os.rename(self.points_path + ".new", self.points_path)
        with open(self.points_path) as file:
            self.points = [tuple(point) for point in json.load(file)]
        self.done = {}
        if os.path.exists(self.done_path):
            with open(self.done_path) as file:
                self.done = {entry[0]: entry[1:] for entry in map(json.loads, file)}

    def left(self, limit, seed):
        numbered = [(n, p) for n, p in enumerate(self.points) if n not in self.done]
        if limit is None or limit >= len(numbered):
            return numbered
        return random.Random(seed).sample(numbered, limit)

    def note(self, number, met, wrong):
        with open(self.done_path, "a") as file:
            file.write(json.dumps([number, bool(met), sorted(wrong)]) + "\n")
        self.done[number] = [bool(met), sorted(wrong)]

    def tally(self, name):
        tally = Tally(name)
        for met, wrong in self.done.values():
            tally.add(met, wrong)
        return tally


def run_full(torture, options, binary):
    with open(binary, "rb") as file:
        identity = hashlib.sha256(file.read()).hexdigest()[:12]
    failed = False
    for kind in options.only or ["kills", "errors"]:
        names = options.scenario or list(scenarios.SCENARIOS)
        label = "-".join(sorted(options.scenario or ["all"]))
        progress = Progress(f"{options.progress}/{identity}-{label}", kind, lambda: torture.points(kind, names))
        torture.sweep(progress.left(options.points, options.seed), Tally(kind), progress.note)
        tally = progress.tally(kind)
        print(tally.lines(len(progress.points)), flush=True)
        failed |= tally.failed > 0
    return failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("flowdex")
    parser.add_argument("what", choices=["slice", "full"])
    parser.add_argument("--kills", type=int, default=800)
    parser.add_argument("--errors", type=int, default=400)
    parser.add_argument("--points", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", action="append", choices=scenarios.SCENARIOS)
    parser.add_argument("--only", action="append", choices=["kills", "errors"])
    parser.add_argument("--progress", default=".build/torture")
    parser.add_argument("--keep", action="store_true", help="keep the folders of failures")
    options = parser.parse_args()
    binary = os.path.abspath(options.flowdex)
    torture = Torture(binary, options.keep)
    try:
        failed = run_slice(torture, options) if options.what == "slice" else run_full(torture, options, binary)
    finally:
        torture.close()
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
