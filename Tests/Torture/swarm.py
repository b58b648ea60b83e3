#!/usr/bin/env python3
"""Many processes at one run, from seeded scripts: eight workers, two `watch`, and commands of every kind, some with
the clock ten days off, or jumping while they run; processes are stopped past the end of their leases and wake up again,
drivers are killed and leave their lock, and the lock is taken from under one that lives, so that two believe that they
drive. How often each of these happened is counted.

    swarm.py FLOWDEX [--seeds N] [--from SEED] [--jobs N] [--done FOLDER]
    swarm.py FLOWDEX --without SAFEGUARD [--seeds N]

The second plays a debug build that leaves a safeguard out (Sources/QueueRunner/State/Sabotage.swift) until a seed fails,
as one must.

Whatever happened, a plain `watch` must then finish the run to the one right report, every result once, nothing under
a stale lease. The seed says what is done; the machine says when, so a seed that failed may have to be run again.
"""
import argparse, collections, hashlib, multiprocessing, os, queue, shutil, sqlite3, subprocess, tempfile

from disorder import FAKETIME, Swarm

# What the disorder is made of; with fewer seeds, one of them may not have come about.
KINDS = ("stopped past a lease", "killed", "locks taken away", "clocks moved", "leases run out", "late workers",
         "delivered after giving back", "handed in late", "stale results noted")
ENOUGH = 200


def controls(swarm):
    """Breaks a copy of a good run in ways that the judgement must see; how many it saw, of how many."""
    broken = ("UPDATE leases SET state = 'released' WHERE token = '%s'" % sorted(swarm.accepted)[0],
              "INSERT INTO leases SELECT 'other', task, state, via, attempt, duration_ms, cwd, has_package, agent_ref, "
              "heartbeat_ns, created_at, printed_expiry, expires_at, boot_id, boot_deadline, result_stamp, noted_digest "
              "FROM leases WHERE state = 'collected' LIMIT 1",
              "INSERT INTO leases SELECT 'other', task, 'expired', via, attempt, duration_ms, cwd, has_package, agent_ref, "
              "heartbeat_ns, created_at, printed_expiry, expires_at, boot_id, boot_deadline, result_stamp, noted_digest "
              "FROM leases WHERE state = 'collected' LIMIT 1",
              "UPDATE tasks SET result = (SELECT result FROM tasks WHERE result IS NOT NULL ORDER BY id LIMIT 1) "
              "WHERE result IS NOT NULL",
              "UPDATE run SET status = 'paused'", "DELETE FROM events WHERE type = 'agent.completed'",
              None)  # The last: a command that is not idempotent has run once more.
    seen = 0
    for sql in broken:
        with tempfile.TemporaryDirectory() as copy:
            shutil.copytree(swarm.root, copy, symlinks=True, dirs_exist_ok=True)
            other = Swarm(swarm.binary, copy, swarm.seed)
            other.accepted, other.told = swarm.accepted, swarm.told
            if sql is None:
                with open(f"{copy}/said.txt", "a") as said:
                    said.write("0\n")
            with sqlite3.connect(f"{other.run}/state.sqlite") as db:
                db.execute("PRAGMA ignore_check_constraints = 1")
                db.execute(sql or "SELECT 1")
            other.judge()
            seen += bool(other.wrong)
            subprocess.run(["chmod", "-R", "u+w", copy])
    return seen, len(broken)


def forget_clocks(swarm):
    """What libfaketime leaves in memory of a process that was killed."""
    for process in swarm.processes:
        for name in (f"faketime_shm_{process.pid}", f"sem.faketime_sem_{process.pid}"):
            if os.path.exists(f"/dev/shm/{name}"):
                os.unlink(f"/dev/shm/{name}")


def attempt(options, seed, judged):
    """Plays one seed: what was wrong, how much was acknowledged, and what the judgement saw of the deliberate faults."""
    root = tempfile.mkdtemp(prefix="flowdex-swarm-")
    swarm = Swarm(os.path.abspath(options.flowdex), root, seed)
    wrong, caught = swarm.play(options.seconds), None
    if not wrong and swarm.accepted and not judged.value:
        judged.value, caught = True, controls(swarm)
    forget_clocks(swarm)
    if wrong and options.keep:
        wrong.insert(0, f"kept {root}")
    else:
        subprocess.run(["chmod", "-R", "u+w", root])
        shutil.rmtree(root, ignore_errors=True)
    return seed, wrong, len(swarm.accepted), caught, swarm.happened


def play(options, todo, turn, judged, found):
    """Plays seeds of `todo` until none is left; `turn` says which is next, over all that play."""
    while True:
        with turn.get_lock():
            index, turn.value = turn.value, turn.value + 1
        if index >= len(todo):
            return
        try:
            found.put(attempt(options, todo[index], judged))
        except Exception as error:  # The seed counts as failed; the others go on.
            found.put((todo[index], [f"the script itself failed: {error!r}"], 0, None, {}))


def answer(found, players):
    """What a player has come to; the script ends where one of them was killed."""
    while True:
        try:
            return found.get(timeout=5)
        except queue.Empty:
            if any(player.exitcode for player in players):
                raise SystemExit("swarm: a player was killed")


class Done:
    """The seeds that this very program has passed, so that a long run may be resumed."""
    def __init__(self, folder, binary):
        with open(binary, "rb") as file:
            identity = hashlib.sha256(file.read()).hexdigest()[:12]
        self.path = f"{folder}/{identity}" if folder else None
        self.seeds = set()
        if folder:
            os.makedirs(folder, exist_ok=True)
            self.seeds = set(open(self.path).read().split()) if os.path.exists(self.path) else set()

    def add(self, seed):
        if self.path:
            with open(self.path, "a") as file:
                file.write(f"{seed}\n")


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("flowdex")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--from", dest="first", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1.0, help="of disorder for each seed")
    parser.add_argument("--jobs", type=int, default=1, help="seeds that are played at the same time, each in its project")
    parser.add_argument("--done", help="a folder that keeps the seeds that have passed, for each build")
    parser.add_argument("--keep", action="store_true", help="keep the folders of failures")
    parser.add_argument("--without", help="a safeguard that a debug build is to leave out")
    return parser.parse_args()


def results(options, todo):
    """What `attempt` says of each seed, as they end."""
    found, turn, judged = multiprocessing.Queue(), multiprocessing.Value("q", 0), multiprocessing.Value("b", False)
    players = [multiprocessing.Process(target=play, args=(options, todo, turn, judged, found), daemon=True)
               for _ in range(options.jobs)]
    for player in players:
        player.start()
    try:
        for _ in todo:
            yield answer(found, players)
    finally:
        turn.value = len(todo)  # Nobody asks any more: each ends the seed that it plays, and cleans up behind it.
        for player in players:
            while player.is_alive():
                try:
                    found.get(timeout=0.2)
                except queue.Empty:
                    pass


def control(options):
    """Whether the swarm sees what becomes of a safeguard that is left out."""
    os.environ["FLOWDEX_SABOTAGE"] = options.without
    for number, (_, wrong, *_) in enumerate(results(options, range(options.first, options.first + options.seeds)), 1):
        if wrong:
            print(f"swarm: without {options.without}, one of {number} seeds failed: {wrong[0][:300]}")
            return 0
    print(f"swarm: without {options.without}, none of {options.seeds} seeds failed, and one should have")
    return 1


def main():
    options = arguments()
    if options.without:
        raise SystemExit(control(options))
    done = Done(options.done, options.flowdex)
    if FAKETIME is None:
        print("swarm: there is no libfaketime (`make setup` installs it): the clock does not jump", flush=True)
    todo = [n for n in range(options.first, options.first + options.seeds) if str(n) not in done.seeds]
    failed, accepted, caught, happened = 0, 0, None, collections.Counter()
    for seed, wrong, taken, saw, what in results(options, todo):
        accepted, caught = accepted + taken, saw or caught
        happened.update(what)
        if wrong:
            failed += 1
            print(f"swarm: seed {seed}: " + "\n  ".join(wrong[:8]), flush=True)
        else:
            done.add(seed)
    print(f"swarm: {len(todo)} seeds, {len(done.seeds)} passed before, {accepted} results acknowledged, {failed} seeds "
          f"failed; the judgement saw {caught[0] if caught else 0} of {caught[1] if caught else 7} deliberate faults")
    print("swarm: " + ", ".join(f"{what} {happened[what]}" for what in KINDS))
    missing = [what for what in KINDS if not happened[what]] if len(todo) >= ENOUGH else []
    if missing:
        print(f"swarm: that proves nothing: {', '.join(missing)}: never")
    raise SystemExit(1 if failed or missing or todo and (caught is None or caught[0] < caught[1]) else 0)


main()
