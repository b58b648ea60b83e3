"""Tests of errors of which no figure tells: something else is done instead, or is said of what may be lost."""
import os, tempfile, unittest

import project, scenarios, sweep, trace
from project import RUN


class ErrorTests(unittest.TestCase):
    def setUp(self):
        self.base = tempfile.mkdtemp(prefix="flowdex-errors-")
        self.library = sweep.shim(os.path.dirname(os.path.abspath(__file__)), self.base)

    def tearDown(self):
        project.remove(self.base)

    def made(self, name):
        made = project.Project(os.path.abspath(os.environ["FLOWDEX"]), f"{self.base}/{name}", tasks=[])
        made.make()
        return made

    def create(self, made, **more):
        """The command's end, and what it recorded of files."""
        place = f"{made.root}/.flowdex"
        done = made.flowdex(*scenarios.CREATE, shim={
            "LD_PRELOAD": self.library, "TORTURE_TRACE": f"{place}/trace", "TORTURE_HIT": f"{place}/hit", **more})
        records = list(trace.records(f"{place}/trace"))
        os.remove(f"{place}/trace")
        return done, records

    def test_a_run_is_told_of_only_when_its_name_is_on_disk(self):
        def of_name(made, records):
            """Which of the syncs made the run's name durable, from 1; the last where a sync of it failed."""
            at = next((n for n, r in enumerate(records) if r[0] == trace.RENAME and r[4].decode() == made.run), 0)
            until = next(n for n, r in enumerate(records)
                         if n > at and r[0] == trace.SYNC and r[3] == f"{made.root}/.flowdex/runs")
            return sum(r[0] == trace.SYNC for r in records[:until + 1])
        whole, broken = self.made("whole"), self.made("broken")
        done, records = self.create(whole)
        self.assertEqual(done.status, 0, done.stderr)
        done, _ = self.create(broken, TORTURE_FAULT=f"once:fsync:{of_name(whole, records)}:5")
        self.assertEqual((done.status, done.stdout), (1, ""))
        self.assertIn("cannot sync", done.stderr)
        self.assertNotIn(f"run {RUN}", done.stderr)
        self.assertTrue(os.path.isdir(broken.run))
        # The same again finds it, and makes up for that before it says so.
        done, records = self.create(broken)
        self.assertEqual(done.status, 0, done.stderr)
        self.assertEqual(of_name(broken, records), 1)

    def test_another_program_is_not_run_where_the_disk_cannot_tell_of_the_first(self):
        def tools(made):
            for folder in ("a", "b"):
                os.makedirs(f"{made.root}/.flowdex/{folder}")
                made.put(f".flowdex/{folder}/sh",
                         f"#!/bin/sh\necho {folder} >>'{made.root}/which'\nexec /bin/sh \"$@\"\n")
                os.chmod(f"{made.root}/.flowdex/{folder}/sh", 0o755)
            return f"{made.root}/.flowdex/a:{made.root}/.flowdex/b:{os.environ['PATH']}"
        for call in ("stat", "access"):
            with self.subTest(call=call):
                broken = self.made(f"broken-{call}")
                path = tools(broken)
                done, _ = self.create(broken, PATH=path, TORTURE_FAULT=f"once:{call}:1:5", TORTURE_ONLY="/a/sh")
                self.assertIsNotNone(broken.text(".flowdex/hit"))
                self.assertEqual(done.status, 1)
                self.assertIn("could not be started: cannot look at", done.stderr)
                self.assertIsNone(broken.text("which"))
                self.assertEqual(broken.flowdex("continue", RUN, shim={"PATH": path}).status, 0)
                self.assertEqual(broken.text("which"), "a\n")

    def test_which_errors_must_end_nothing(self):
        failed, log = project.Done(1, "", "flowdex: no\n"), "/p/.flowdex/runs/r1/events.jsonl"
        self.assertIsNone(sweep.mistaken("once:write:7:EIO", [], failed))
        for fault, place, is_right in [
                ("once:write:7:EIO", log, False), ("short:write:7", log, False), ("once:open:7:EMFILE", log, False),
                ("stuck:write:7:EIO", log, True), ("once:write:7:EIO", f"{log}.other", True), ("once:stat:7:EIO", log, True),
                ("once:poll:7:EINTR", "", False), ("once:lock:7:EINTR", "", True)]:
            met = [(fault.split(":")[1], place)]
            self.assertEqual(sweep.mistaken(fault, met, failed) is None, is_right, (fault, place))
            self.assertIsNone(sweep.mistaken(fault, met, project.Done(0, "", "")))

    def test_after_which_faults_a_command_may_be_unknown(self):
        for fault, expected in [
                ("before:stat:7", True), ("after:fsync:7", True), ("torn:write:7", True), ("stuck:write:7:EIO", True),
                ("once:write:7:EIO", False), ("once:fdatasync:7:EIO", False), ("brief:fsync:7:EIO", False),
                ("short:pwrite:7", False)]:
            self.assertEqual(sweep.may_be_unknown(fault), expected, fault)

    def test_where_a_fault_was_met(self):
        made, hit = self.made("met"), f"{self.base}/hit"
        self.assertEqual(sweep.met_at(hit), [])
        done = made.flowdex(*scenarios.CREATE, shim={
            **sweep.environment(self.library, "once:write:1:EIO", hit), "TORTURE_ONLY": "/events.jsonl"})
        self.assertEqual(done.status, 0, done.stderr)
        (call, place), = sweep.met_at(hit)
        self.assertEqual((call, os.path.basename(place)), ("write", "events.jsonl"))
        os.remove(hit)
        made.flowdex("continue", RUN, shim=sweep.environment(self.library, "brief:fdatasync:1:EIO", hit))
        self.assertEqual([call for call, _ in sweep.met_at(hit)][0], "fdatasync")
        self.assertEqual(len(sweep.met_at(hit)), 2)
