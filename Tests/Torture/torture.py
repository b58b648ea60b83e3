#!/usr/bin/env python3
"""Nothing is ever lost: flowdex killed and failed at one call after another, restarted plainly, judged by oracle.py.

    torture.py FLOWDEX slice [--seed S] [--kills N] [--errors N] [--states N]
    torture.py FLOWDEX full [--points N] [--seed S] [--scenario NAME]... [--only KIND]... [--progress FOLDER]

`slice` is what `make test` runs: a seeded choice of the points, with a debug build, whose safeguards can be left out to
see that it is noticed. `full` is every point, and 50,000 disks after a power cut; with --points only so many points of
each kind that an earlier part has not had, and the totals are those of all parts. Exits 1 if a figure is not zero, if too
few points were met, or if `full` is given a build that can leave a safeguard out.
"""
import argparse, collections, hashlib, json, multiprocessing, os, random, shutil, subprocess, sys, tempfile, time, traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import controls, disks, powerloss, scenarios, sweep

KINDS = ["kills", "errors", "cuts", "disks"]
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


recordings = {}


def cut(numbered):
    """A number of disks after power cuts, of one journey and seed: what powerloss.states says."""
    number, (name, seed, count, restarts) = numbered
    try:
        if name not in recordings:
            recordings[name] = powerloss.Recording(bench, library, name)
        _, seen, restarted, failures = powerloss.states(recordings[name], seed, count, restarts)
        return number, [key.hex() for key in seen], restarted, failures
    except Exception:
        return number, [], 0, [(f"{name}, seed {seed}", {"harness": [traceback.format_exc()[-1500:]]})]


def control(seed):
    return controls.all_of(bench, library, seed)


def heed():
    return controls.heeded(bench)


class Torture:
    """A folder in memory where there is one, the shim, and as many processes as keep the cores busy."""
    def __init__(self, binary, keep):
        fast = "/dev/shm" if os.access("/dev/shm", os.W_OK) and shutil.disk_usage("/dev/shm").free > 1 << 30 else None
        self.base = tempfile.mkdtemp(prefix="flowdex-torture-", dir=fast)
        self.keep = keep
        self.library = sweep.shim(HERE, self.base)
        # A copy, so that a build meanwhile disturbs nobody.
        self.binary = shutil.copy(binary, f"{self.base}/flowdex")
        cores = len(os.sched_getaffinity(0))
        self.pool = multiprocessing.Pool(cores + 1, enter, (self.binary, self.base, self.library, keep))

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


class Cuts:
    """The tally of power cuts."""
    def __init__(self):
        self.judged, self.restarted, self.failed, self.figures = 0, 0, 0, {}
        self.different = set()

    def add(self, seen, restarted, failures):
        self.judged, self.restarted = self.judged + len(seen), self.restarted + restarted
        self.different.update(seen)
        self.failed += len(failures)
        for _, wrong in failures:
            for figure in wrong:
                short = figure.replace(", before the restart", "")
                self.figures[short] = self.figures.get(short, 0) + 1

    def line(self):
        zeros = ", ".join(f"{figure} {self.figures.get(figure, 0)}" for figure in FIGURES)
        others = "".join(f", {figure} {n}" for figure, n in sorted(self.figures.items()) if figure not in FIGURES)
        return (f"torture: power cuts: {self.judged} disks judged, {len(self.different)} different, {self.restarted} "
                f"gone on with under another boot; {zeros}{others}; {self.failed} failed")


def cut_power(torture, numbered, cuts, on_done=lambda *_: None):
    for number, seen, restarted, failures in torture.pool.imap_unordered(cut, numbered):
        cuts.add(seen, restarted, failures)
        on_done(number, seen, restarted, failures)
        for place, wrong in failures:
            print(f"torture: power cut: {place}: {json.dumps(wrong)[:1500]}", flush=True)


def start_disks(torture, names):
    """Beside the rest: it waits more than it works."""
    mine = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", *mine, "--mount", sys.executable, "-B", f"{HERE}/disks.py", torture.binary, torture.base,
               "--", *names]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def end_disks(process):
    out = process.communicate()[0]
    if process.returncode != 0:
        print("torture: disks: no file system could be mounted (that takes root or a user name space): not tested, so "
              "failed")
        return True
    found = json.loads(out)
    for place, wrong in found["failures"]:
        print(f"torture: disks: {place}: {json.dumps(wrong)[:1500]}")
    print(f"torture: disks: {found['tried']} full or read-only disks and low limits, {found['failing']} of them ended "
          f"in an error; {len(found['failures'])} failed", flush=True)
    return bool(found["failures"])


def run_controls(torture, seed):
    caught, of, clean, of_clean, problems = torture.pool.apply(control, [seed])
    for problem in problems:
        print(f"torture: control: {problem}")
    print(f"torture: controls: {caught} of {of} safeguards were missed when they were left out; {clean} of {of_clean} "
          "scripts are clean with them", flush=True)
    return bool(problems)


def runs_whole(torture):
    """Whether this build leaves no safeguard out, whatever it is told."""
    problems = torture.pool.apply(heed)
    for problem in problems:
        print(f"torture: this build heeds FLOWDEX_SABOTAGE: {problem}")
    if not problems:
        print(f"torture: this build knows nothing of FLOWDEX_SABOTAGE: {len(controls.SCRIPTS)} scripts end as without",
              flush=True)
    return not problems


def run_slice(torture, options):
    failed = False
    beside = start_disks(torture, disks.SLICE)
    for kind, wanted in (("kills", options.kills), ("errors", options.errors)):
        began = time.monotonic()
        points = torture.points(kind, options.scenario or scenarios.SLICE)
        # Threads take turns as they like, so a point may be missed: a few stand by.
        chosen = sweep.with_remembered(points, sweep.chosen(points, wanted + wanted // 20, options.seed),
                                       options.seed)
        tally = Tally(kind)
        torture.sweep(enumerate(chosen), tally)
        print(f"{tally.lines(len(points))} (seed {options.seed}, {time.monotonic() - began:.0f} s)", flush=True)
        failed |= tally.failed > 0
        if tally.hit < min(wanted, len(points)):
            failed = True
            print(f"torture: {kind}: {tally.hit} points were met; expected at least {wanted}")
    failed |= run_controls(torture, options.seed)
    # Two parts draw some disks twice.
    began, cuts, each = time.monotonic(), Cuts(), options.states // (2 * len(powerloss.JOURNEYS)) * 5 // 4
    chunks = [(name, options.seed + part, each, each // 16) for name in powerloss.JOURNEYS for part in range(2)]
    cut_power(torture, enumerate(chunks), cuts)
    print(f"{cuts.line()} (seed {options.seed}, {time.monotonic() - began:.0f} s)", flush=True)
    if len(cuts.different) < options.states:
        failed = True
        print(f"torture: power cuts: expected {options.states} different disks")
    return end_disks(beside) or failed or cuts.failed > 0


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
        """Some that are left, as many of each scenario as of another where it has so many: the longest repeat themselves."""
        numbered = [(n, p) for n, p in enumerate(self.points) if n not in self.done]
        if limit is None or limit >= len(numbered):
            return numbered
        turns, drawn = collections.Counter(), []
        for number, point in random.Random(seed).sample(numbered, len(numbered)):
            drawn.append((turns[point[0]], number, point))
            turns[point[0]] += 1
        return [(number, point) for _, number, point in sorted(drawn, key=lambda each: each[0])[:limit]]

    def note(self, number, met, wrong):
        with open(self.done_path, "a") as file:
            file.write(json.dumps([number, bool(met), sorted(wrong)]) + "\n")
        self.done[number] = [bool(met), sorted(wrong)]

    def note_cuts(self, number, *what):
        with open(self.done_path, "a") as file:
            file.write(json.dumps([number, *what]) + "\n")
        self.done[number] = what

    def tally(self, name):
        tally = Tally(name)
        for met, wrong in self.done.values():
            tally.add(met, wrong)
        return tally


def too_few(tally):
    """Threads take turns as they like, so some points are missed; where many are, the counts are no longer those."""
    if tally.hit >= 0.9 * tally.tried:
        return False
    print(f"torture: {tally.name}: {tally.hit} of {tally.tried} points were met; expected nine of ten")
    return True


def run_full(torture, options, binary):
    with open(binary, "rb") as file:
        identity = hashlib.sha256(file.read()).hexdigest()[:12]
    failed = not runs_whole(torture)
    folder = f"{options.progress}/{identity}-{'-'.join(sorted(options.scenario or ['all']))}"
    for kind in [kind for kind in ("kills", "errors") if kind in (options.only or KINDS)]:
        names = options.scenario or list(scenarios.SCENARIOS)
        progress = Progress(folder, kind, lambda: torture.points(kind, names))
        torture.sweep(progress.left(options.points, options.seed), Tally(kind), progress.note)
        tally = progress.tally(kind)
        print(tally.lines(len(progress.points)), flush=True)
        failed |= tally.failed > 0 or too_few(tally)
    if "cuts" in (options.only or KINDS):
        failed |= run_all_cuts(torture, options, folder)
    if "disks" in (options.only or KINDS):
        failed |= end_disks(start_disks(torture, [n for n in disks.ALL if n in (options.scenario or disks.ALL)]))
    return failed


def run_all_cuts(torture, options, folder):
    """50,000 disks in parts of 500, as --points says."""
    names = list(powerloss.JOURNEYS)
    progress = Progress(folder, "cuts", lambda: [
        (names[part % len(names)], 1000 * options.seed + part, 500, 25) for part in range(100)])
    limit = None if options.points is None else max(1, options.points // 500)
    cut_power(torture, progress.left(limit, options.seed), Cuts(), progress.note_cuts)
    cuts = Cuts()
    for entry in progress.done.values():
        cuts.add(*entry)
    print(f"{cuts.line()} (of 50000 to judge)", flush=True)
    if len(cuts.different) < cuts.judged:
        print(f"torture: power cuts: {cuts.judged - len(cuts.different)} disks were drawn more than once")
    return cuts.failed > 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("flowdex")
    parser.add_argument("what", choices=["slice", "full"])
    parser.add_argument("--kills", type=int, default=800)
    parser.add_argument("--errors", type=int, default=400)
    parser.add_argument("--states", type=int, default=2000)
    parser.add_argument("--points", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", action="append", choices=scenarios.SCENARIOS)
    parser.add_argument("--only", action="append", choices=KINDS)
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
