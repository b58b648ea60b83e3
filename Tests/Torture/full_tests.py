"""Tests of what a full sweep demands besides its zeros."""
import contextlib, io, os, tempfile, unittest, unittest.mock

import controls, project, scenarios, sweep, torture


class FullTests(unittest.TestCase):
    def test_a_build_that_heeds_what_it_should_not_know_is_seen(self):
        base = tempfile.mkdtemp(prefix="flowdex-full-")
        self.addCleanup(project.remove, base)
        bench = scenarios.Bench(os.path.abspath(os.environ["FLOWDEX"]), base)
        # A debug build heeds it, a release build does not.
        is_debug = controls.scripted(bench, "no-guard", True) is None
        self.assertEqual(len(controls.heeded(bench)), 2 if is_debug else 0)
        with unittest.mock.patch.dict(controls.SCRIPTS, {"no-guard": (controls.twice, "", [0, 0])}):
            self.assertGreater(len(controls.heeded(bench)), 0)

    def test_a_flood_is_read_ahead_by_a_thread_of_its_own(self):
        base = tempfile.mkdtemp(prefix="flowdex-flood-")
        self.addCleanup(project.remove, base)
        bench, library = scenarios.Bench(os.path.abspath(os.environ["FLOWDEX"]), base), sweep.shim(torture.HERE, base)
        few = {**scenarios.SCENARIOS["flood"].options, "tasks": [f"t{n}" for n in range(100)]}
        with unittest.mock.patch.object(scenarios.SCENARIOS["flood"], "options", few):
            threads = sweep.counts(bench, "flood", library)["thread"]
        # Another turn of the threads may have flowdex look before all is there.
        self.assertTrue(any(sweep.counts(bench, "flood", library)["thread"] == threads + 1 for _ in range(5)))

    def test_a_part_is_drawn_evenly_from_those_that_are_left(self):
        points = [("long", str(n)) for n in range(1000)] + [(name, str(n)) for name in ("short", "other") for n in range(9)]
        with tempfile.TemporaryDirectory() as folder:
            progress = torture.Progress(folder, "kills", lambda: points)
            for limit, of_each in ((12, 4), (60, 9)):
                drawn = progress.left(limit, seed=1)
                self.assertEqual(len(set(drawn)), limit)
                for name in ("short", "other"):
                    self.assertEqual(sum(point[0] == name for _, point in drawn), of_each)
            for number, _ in progress.left(12, seed=1):
                progress.note(number, True, {})
            again = torture.Progress(folder, "kills", lambda: [])
            self.assertFalse({number for number, _ in again.left(60, seed=1)} & set(progress.done))
            self.assertEqual(len(again.left(None, seed=1)), len(points) - 12)

    def test_too_few_points_are_seen(self):
        for hit, is_wrong in ((89, True), (90, False), (100, False)):
            tally = torture.Tally("kills")
            for number in range(100):
                tally.add(number < hit, {})
            with contextlib.redirect_stdout(io.StringIO()) as said:
                self.assertEqual(torture.too_few(tally), is_wrong)
            self.assertEqual(bool(said.getvalue()), is_wrong)
