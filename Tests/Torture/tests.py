"""Tests of the torture itself: that the oracle sees each deliberate fault, and that points are chosen as they should.

    FLOWDEX=.build/debug/flowdex python3 -B -m unittest Tests/Torture/tests.py
"""
import json, os, random, shutil, sqlite3, subprocess, sys, tempfile, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import oracle, project, scenarios, sweep, trace
from project import RUN
from error_tests import ErrorTests  # Run with those below.
from full_tests import FullTests
from lease_tests import LeaseTests
from point_tests import PointTests
from swarm_tests import SwarmTests


def sql(text):
    def apply(run):
        db = sqlite3.connect(f"{run}/state.sqlite")
        db.execute("PRAGMA ignore_check_constraints = 1")
        db.execute(text)
        db.commit()
        db.close()
    return apply


def cut(run):
    with open(f"{run}/events.jsonl", "r+b") as log:
        log.truncate(os.path.getsize(log.name) - 3)


def orphan(run):
    os.makedirs(f"{run}/dispatches/fanout-f-x-0000000000000000/nobody")


def entry(run):
    with oracle.State(run) as state:
        token = state.one("SELECT token FROM leases WHERE state = 'collected'")
    os.symlink("nowhere", f"{run}/queue/ready/{token}")


def artifact_file(run):
    folder = f"{run}/artifacts/sha256"
    path = f"{folder}/{sorted(os.listdir(folder))[0]}"
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.write(b"?")


def snapshot(run):
    folder = f"{run}/snapshots"
    name = next(name for name in os.listdir(folder) if not name.endswith(".json"))
    path = f"{folder}/{name}/src/one.txt"
    os.chmod(path, 0o644)
    with open(path, "w") as file:
        file.write("")


def snapshot_of_secrets(run):
    """One that is in itself as it should be, and holds what `.gitignore` names."""
    folder = f"{run}/snapshots"
    manifest = f"{folder}/{next(name for name in os.listdir(folder) if name.endswith('.json'))}"
    place = manifest.removesuffix(".manifest.json")
    os.chmod(f"{place}/src", 0o755)
    with open(f"{place}/src/secret.txt", "w") as file:
        file.write("secret\n")
    with open(manifest) as file:
        found = json.load(file)
    found["files"].append({"path": "src/secret.txt", "sha256": oracle.sha256(b"secret\n")})
    os.chmod(manifest, 0o644)
    with open(manifest, "w") as file:
        json.dump(found, file)


def package(run):
    at = next(f"{folder}/task.json" for folder, _, names in os.walk(f"{run}/dispatches") if "task.json" in names)
    os.remove(at)
    open(at, "w").close()


def emptied_copy(run):
    open(next(f"{at}/two.txt" for at, _, names in os.walk(f"{run}/dispatches") if "two.txt" in names), "w").close()


def stranger(run):
    open(f"{run}/../../../src/stranger.txt", "w").close()


def half_patched(run):
    with open(f"{run}/../../../src/two.txt", "w") as file:
        file.write("two\n")


def half_deleted(run):
    """A folder that was to become a file, with what was in it gone and the file not there."""
    os.remove(f"{run}/../../../src/d")


def half_made(run):
    os.remove(f"{run}/../../../src/deep/new.txt")


def emptied_source(run):
    os.chmod(f"{run}/workflow.ts", 0o644)
    open(f"{run}/workflow.ts", "w").close()


def link_out(run):
    os.symlink("/etc", f"{run}/../../../src/etc")


def set_user_id(run):
    os.chmod(f"{run}/../../../src/two.txt", 0o4755)


EVENT = ("INSERT INTO events (seq, type, payload, created_at) SELECT max(seq) + 1, 'agent.completed', (SELECT payload "
         "FROM events WHERE type = 'agent.completed' LIMIT 1), 1 FROM events")
LEASE = ("INSERT INTO leases SELECT 'other', task, state, via, attempt, duration_ms, cwd, has_package, agent_ref, "
         "heartbeat_ns, created_at, printed_expiry, expires_at, boot_id, boot_deadline, result_stamp, noted_digest "
         "FROM leases WHERE state = 'collected' LIMIT 1")
FAULTS = [
    ("lost", sql("UPDATE tasks SET result = NULL, state = 'dispatchable'")),
    ("lost", sql("DELETE FROM leases WHERE rowid = 1")),
    ("lost", sql("UPDATE run SET report = NULL, status = 'running'")),
    ("lost", sql("UPDATE artifacts SET bytes = NULL WHERE bytes IS NOT NULL")),
    ("lost", artifact_file), ("lost", snapshot), ("another snapshot", snapshot_of_secrets), ("lost", shutil.rmtree),
    ("collected twice", sql(EVENT)), ("stale accepted", sql(LEASE)),
    ("stale accepted", sql("UPDATE leases SET state = 'live' WHERE rowid = 1")),
    ("events differ", cut), ("left behind", orphan), ("left behind", entry), ("half a package", package),
    ("half a package", emptied_copy),
    ("unfinished", sql("UPDATE run SET status = 'paused'")), ("outside the globs", stranger),
    ("a mixture", half_patched), ("a mixture", half_deleted), ("a mixture", half_made), ("another report", sql(
        "UPDATE run SET report = (SELECT result FROM tasks LIMIT 1)")),
    ("another report", sql("UPDATE run SET report = NULL")),
    ("events with gaps", sql("DELETE FROM events WHERE seq = 3")),
    ("stale accepted", sql("UPDATE tasks SET result = (SELECT result FROM tasks WHERE task_id = 'b')")),
    ("lost", sql("DELETE FROM history")), ("lost", sql("DELETE FROM operations")), ("lost", emptied_source),
    ("lost", sql("DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)")),
    ("outside the globs", link_out), ("outside the globs", set_user_id),
]


class OracleTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = tempfile.mkdtemp(prefix="flowdex-oracle-")
        bench = scenarios.Bench(os.path.abspath(os.environ["FLOWDEX"]), cls.base)
        cls.project = bench.project("repair")

    @classmethod
    def tearDownClass(cls):
        project.remove(cls.base)

    def judge(self, root):
        copy = project.Project("flowdex", root)
        found = dict(scenarios.judge_after(copy))
        if os.path.isdir(copy.run):
            found.update(scenarios.judge_ended(copy, False))
        return found

    def test_a_good_state_is_good(self):
        self.assertEqual(self.judge(self.project.root), {})
        kinds = {kind for entry in self.project.acknowledged() for kind in entry}
        self.assertEqual(kinds, {"began", "run", "lease", "result", "accepted", "stands", "report"})

    def test_every_deliberate_fault_is_seen(self):
        for number, (figure, fault) in enumerate(FAULTS):
            with self.subTest(figure=figure, number=number):
                root = f"{self.base}/copy-{number}"
                shutil.copytree(self.project.root, root, symlinks=True)
                fault(f"{root}/.flowdex/runs/{RUN}")
                self.assertIn(figure, self.judge(root))
                project.remove(root)

    def test_a_command_of_which_nobody_knows_without_need_is_seen(self):
        made = project.Project(self.project.binary, self.project.root, idempotent=False)
        found = {**scenarios.stored_report(made), "told": "failed", "sure": False}
        for ran, may_be_unknown, seen in ((1, True, []), (0, True, []), (1, False, ["unknown"]), (0, False, ["unknown"]),
                                          (2, True, ["run twice"])):
            noted = []
            scenarios.judge_report(made, found, ran, True, lambda figure, _: noted.append(figure), may_be_unknown)
            self.assertEqual(noted, seen)

    def test_as_a_program_it_judges_alike(self):
        program = f"{os.path.dirname(os.path.abspath(__file__))}/oracle.py"

        def said(root):
            done = subprocess.run([sys.executable, "-B", program, root, RUN], capture_output=True, text=True)
            self.assertEqual(done.stderr, "")
            return done.returncode, done.stdout
        self.assertEqual(said(self.project.root), (0, ""))
        # What a program cannot know: what the workflow was to do, and which files there should be.
        seen = {figure: fault for figure, fault in reversed(FAULTS) if figure not in (
            "outside the globs", "a mixture", "another snapshot", "another report")}
        self.assertGreater(len(seen), 7)
        for figure, fault in seen.items():
            with self.subTest(figure=figure):
                root = f"{self.base}/judged"
                shutil.copytree(self.project.root, root, symlinks=True)
                fault(f"{root}/.flowdex/runs/{RUN}")
                status, text = said(root)
                self.assertEqual(status, 1)
                self.assertIn(f"oracle: {figure}: ", text)
                project.remove(root)

    def test_a_run_that_is_listed_otherwise_and_a_log_that_was_not_made_anew_are_seen(self):
        made = project.Project(self.project.binary, f"{self.base}/listed")
        shutil.copytree(self.project.root, made.root, symlinks=True)
        done = project.Done(0, "", "")
        self.assertEqual({**scenarios.judge_listed(made, done), **scenarios.judge_repaired(made, done)}, {})
        scenarios.damaged(made)
        self.assertIn("events differ", scenarios.judge_repaired(made, done))
        for fault in (lambda: os.truncate(f"{made.run}/state.sqlite", 0), lambda: os.remove(f"{made.run}/state.sqlite"),
                      lambda: os.rename(made.run, f"{made.run}-2")):
            fault()
            self.assertIn("half listed", scenarios.judge_listed(made, done))
        project.remove(made.root)

    def test_another_boot_is_another_one_to_flowdex(self):
        root, boot = f"{self.base}/booted", f"{self.base}/boot"
        shutil.copytree(self.project.root, root, symlinks=True)
        with open(boot, "w") as file:
            file.write("another-boot\n")
        shim = {"LD_PRELOAD": sweep.shim(os.path.dirname(os.path.abspath(__file__)), self.base), "TORTURE_BOOT": boot}
        copy = project.Project(os.path.abspath(os.environ["FLOWDEX"]), root)
        self.assertEqual(copy.flowdex("collect-results", RUN, "--json", shim=shim).status, 0)
        with oracle.State(copy.run) as state:
            self.assertEqual(state.one("SELECT boot_id FROM queue"), "another-boot")
        project.remove(root)


class AcknowledgementTests(unittest.TestCase):
    def test_what_output_tells(self):
        event = json.dumps({"seq": 7, "type": "agent.completed", "payload": {"childKey": "c"}})
        status = json.dumps({"runId": "r", "run": {"status": "paused"}, "tasks": [
            {"childKey": "c", "leaseToken": "t", "status": "leased"},
            {"childKey": "d", "leaseToken": None, "status": "completed"}]})
        for arguments, text, told in [
                (["next"], '[{"leaseToken": "t"}]', [("lease", "t")]), (["next"], '[{"leaseToken": "t"', []),
                (["watch"], event + "\n" + event, [("event", [7, "agent.completed"]), ("result", ["c", None])]),
                (["run"], '{"runId": "r", "report": null}', [("run", "r")]), (["report"], "[1]", [("report", [1])]),
                (["pause"], '{"runId": "r", "status": "paused"}', [("stands", "paused")]),
                (["status"], status, [("run", "r"), ("stands", "paused"), ("lease", "t"), ("result", ["d", None])]),
                (["complete-agent", "--lease-token", "t"], '{"childKey": "c"}', [("result", ["c", "t"])]),
                (["renew", "--lease-token", "t"], '{"childKey": "c", "leaseExpiresAt": "z"}', [("renewed", ["t", "z"])]),
                (["attach-agent", "--lease-token", "t", "--agent-ref", "w"], '{"childKey": "c"}',
                 [("attached", ["t", "w"])]),
                (["collect-results"], '{"results": [{"childKey": "a", "status": "collected", "resultPath": "/x/t/r"}, '
                 '{"childKey": "b", "status": "missing"}], "continued": {"report": 1}}',
                 [("result", ["a", "t"]), ("report", 1)])]:
            self.assertEqual(list(project.acknowledgements(arguments, text)), told)


class PowerCutTests(unittest.TestCase):
    """What may be on a disk, of a file that is written beside its place, synced or not, and renamed into it."""
    def disks(self, *records, draws=400):
        with tempfile.TemporaryDirectory() as root:
            with open(f"{root}/old", "w") as file:
                file.write("old")
            model = trace.Model(root)
            for kind, path, second, flags in records:
                target = os.fsencode(root) + second if kind == trace.RENAME else second
                model.add((kind, flags, 0, f"{root}{path}", target))
        generator = random.Random(1)
        return [model.state(model.time, generator) for _ in range(draws)]

    WRITTEN = [(trace.OPEN, "/new", b"", 0), (trace.WRITE, "/new", b"x" * 1024, 0)]
    RENAMED = [(trace.RENAME, "/new", b"/old", 0)]

    def test_unsynced_bytes_and_names_may_be_lost_cut_or_kept(self):
        found = {disk.get("/new") for disk in self.disks(*self.WRITTEN)}
        self.assertEqual(found, {None, b"", b"x" * 512, b"x" * 1024})

    def test_a_rename_may_come_without_the_bytes(self):
        found = {disk["/old"] for disk in self.disks(*self.WRITTEN, *self.RENAMED)}
        self.assertLessEqual({b"old", b"", b"x" * 1024}, found)

    def test_synced_bytes_stay_and_an_unsynced_rename_is_whole(self):
        synced = [(trace.SYNC, "/new", b"", 0)]
        disks = self.disks(*self.WRITTEN, *synced, *self.RENAMED)
        self.assertEqual({disk["/old"] for disk in disks}, {b"old", b"x" * 1024})
        self.assertTrue(all(("/new" in disk) == (disk["/old"] == b"old") for disk in disks))
        folder = [(trace.SYNC, "/old", b"", 0)]
        self.assertEqual({disk["/old"] for disk in self.disks(*self.WRITTEN, *synced, *self.RENAMED, *folder)},
                         {b"x" * 1024})

    def test_data_sync_keeps_bytes_and_no_names(self):
        found = {disk.get("/new") for disk in self.disks(*self.WRITTEN, (trace.DATASYNC, "/new", b"", 0))}
        self.assertEqual(found, {None, b"x" * 1024})
        everything = (trace.SYNCFS, "", b"", 0)
        self.assertEqual({disk.get("/new") for disk in self.disks(*self.WRITTEN, everything)}, {b"x" * 1024})

    def test_what_was_told_by_then(self):
        with tempfile.TemporaryDirectory() as root:
            model = trace.Model(root)
            model.add((trace.COMMAND, 0, 0, "", b'["next"]'))
            model.add((trace.PRINT, 0, 0, "", b'[{"leaseToken":'))
            model.add((trace.PRINT, 0, 0, "", b'"t"}]'))
            told = [model.acknowledged(time, project.acknowledgements) for time in (1, 2, 3)]
        self.assertEqual(told, [[{"began": "next"}], [{"began": "next"}], [{"began": "next"}, {"lease": "t"}]])

    def test_an_acceptance_that_a_worker_could_see_was_told_however_its_name_came(self):
        """flowdex links a file without a name into place, or renames one where there is no such thing."""
        for kind, path, second in [(trace.OPEN, "/t/adapter-result.accepted", b""),
                                   (trace.LINK, "/#7 (deleted)", b"/t/adapter-result.accepted"),
                                   (trace.RENAME, "/kept", b"/t/adapter-result.accepted")]:
            with self.subTest(kind=kind), tempfile.TemporaryDirectory() as root:
                model = trace.Model(root)
                model.add((trace.MKDIR, 0, 0, f"{root}/t", b""))
                model.add((trace.OPEN, 0, 0, f"{root}/kept", b""))
                model.add((trace.WRITE, 0, 0, f"{root}/#7 (deleted)", b"accepted"))
                model.add((kind, 0, 0, root + path, os.fsencode(root) + second if second else b""))
                told = [model.acknowledged(time, project.acknowledgements) for time in (3, 4)]
                found = {model.state(4, random.Random(n)).get("/t/adapter-result.accepted") for n in range(50)}
            self.assertEqual(told, [[], [{"accepted": "t"}]])
            self.assertIn(b"accepted" if kind == trace.LINK else b"", found)


if __name__ == "__main__":
    unittest.main()
