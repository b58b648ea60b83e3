"""Tests of which points a sweep tries, and of what a command may say at one."""
import unittest

import project, sweep


class PointTests(unittest.TestCase):
    FOUND = {"pread": 1000, "write": 10, "fsync": 3}

    def test_every_call_is_a_point_and_changes_are_more(self):
        points = list(sweep.kill_points("s", self.FOUND))
        self.assertEqual(len(points), 1000 + 3 * 10 + 2 * 3)
        self.assertEqual(len(set(points)), len(points))
        causes = {point[1].split(":")[3] for point in sweep.error_points("s", self.FOUND) if point[1].count(":") == 3}
        self.assertEqual(causes, {"EIO", "EINTR", "ENOSPC"})

    def test_a_choice_is_seeded_and_prefers_what_changes(self):
        points = list(sweep.kill_points("s", self.FOUND))
        one, same, other = (sweep.chosen(points, 40, seed) for seed in (1, 1, 2))
        self.assertEqual(one, same)
        self.assertNotEqual(one, other)
        self.assertGreater(sum("pread" not in point[1] for point in one), 4)
        self.assertEqual(sweep.chosen(points, None, 1), points)

    def test_where_faults_were_is_looked_again(self):
        points = list(sweep.kill_points("next", self.FOUND))
        choice = sweep.with_remembered(points, points[:2], 1)
        self.assertEqual(choice, [("next", f"before:write:{n}") for n in range(1, 11)] + points[:2])
        many = list(sweep.error_points("integrate", {"stat": 300}))
        self.assertEqual(len(sweep.with_remembered(many, [], 1)), sweep.MANY_REMEMBERED)

    def test_what_is_unclear(self):
        for status, text, is_clear in [
                (0, "", True), (1, "flowdex: no space left on device\n", True), (-11, "", False), (None, "", False),
                (132, "Fatal error: x", False), (1, "flowdex: internal error: x", False), (1, "oops\n", False), (1, "", False)]:
            self.assertEqual(sweep.unclear(project.Done(status, "", text)) is None, is_clear, (status, text))
