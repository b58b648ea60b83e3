"""Tests of the leases that are tortured: that each start is what it is for, and that what is judged of them can fail."""
import json, os, shutil, sqlite3, tempfile, unittest

import controls, leases, oracle, project, scenarios

EVENT = ("INSERT INTO events (seq, type, payload, created_at) SELECT (SELECT max(seq) + 1 FROM events), type, payload, 1 "
         "FROM events WHERE type = 'native.dispatch.{}' LIMIT 1")
# By the scenario after whose command it is done, what must be seen, and what is done.
FAULTS = [
    ("attach", "lost", "UPDATE leases SET agent_ref = NULL"),
    ("attach", "lost", "UPDATE leases SET agent_ref = 'somebody else' WHERE agent_ref IS NOT NULL"),
    ("attach", "lost", "UPDATE events SET type = 'native.dispatch.leased' WHERE type = 'native.dispatch.attached'"),
    ("attach", "lost", EVENT.format("attached")),
    ("renew", "lost", "UPDATE leases SET expires_at = expires_at - 1000"),
    ("renew", "lost", "UPDATE leases SET state = 'expired'"),
    ("renew", "lost", "DELETE FROM leases"),
    ("expire", "reclaimed twice", EVENT.format("reclaimed")),
    ("expire", "reclaimed twice", "UPDATE tasks SET expiries = 2"),
    ("expire", "stale accepted", "UPDATE leases SET state = 'collected' WHERE state = 'expired'"),
    ("revive", "stale accepted", "UPDATE leases SET token = 'another-' || token"),
    ("beat", "a heartbeat lost", "UPDATE leases SET state = 'expired' WHERE rowid = 1"),
]
# How the leases stand after each scenario's command.
AFTER = {"expire": ["expired"] * 3 + ["offered"] * 3, "late": ["collected"] * 3, "revive": ["collected"] * 3,
         "beat": ["live"] * 3, "renew": ["live"] * 3, "attach": ["live"] * 3,
         "giveback": ["released"] * 3 + ["offered"] * 3}


class LeaseTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = tempfile.mkdtemp(prefix="flowdex-leases-")
        cls.bench = scenarios.Bench(os.path.abspath(os.environ["FLOWDEX"]), cls.base)

    @classmethod
    def tearDownClass(cls):
        project.remove(cls.base)

    def after(self, name):
        """The project after the scenario's command, with nothing wrong."""
        made = self.bench.project(name)
        done = self.bench.command(name, made, {})
        self.assertEqual(done.status, 0, done.stderr)
        self.assertEqual(self.judge(name, made), {})
        return made

    def judge(self, name, made):
        look = scenarios.SCENARIOS[name].look
        return {**scenarios.judge_after(made), **(look(made, project.Done(0, "", "")) if look else {})}

    def test_every_scenario_does_what_it_is_for(self):
        for name, states in AFTER.items():
            with self.subTest(scenario=name):
                made = self.after(name)
                self.assertEqual([row[0] for row in leases.rows(made, "SELECT state FROM leases ORDER BY rowid")], states)

    def test_who_is_late_delivers_what_is_not_taken(self):
        for name in ("expire", "giveback"):
            with self.subTest(scenario=name):
                made = self.after(name)
                self.assertEqual(scenarios.finish(made), [])
                self.assertEqual(scenarios.judge_ended(made), {})
                stale = leases.rows(made, "SELECT payload FROM events WHERE type = 'native.result.stale'")
                late = {json.loads(row[0])["leaseToken"] for row in stale}
                self.assertTrue(late)
                self.assertLessEqual(late, made.late)

    def test_a_late_result_that_is_taken_is_seen(self):
        # A debug build leaves the check of the token out.
        is_debug = controls.scripted(self.bench, "no-token", True) is None
        for name in ("expire", "giveback"):
            with self.subTest(scenario=name):
                made = self.after(name)
                scenarios.finish(made, {"FLOWDEX_SABOTAGE": "no-token"})
                self.assertEqual("stale accepted" in scenarios.judge_ended(made), is_debug)

    def test_every_deliberate_fault_is_seen(self):
        for name in dict.fromkeys(name for name, *_ in FAULTS):
            made, good = self.after(name), f"{self.base}/good"
            shutil.copytree(made.root, good, symlinks=True)
            for number, (_, figure, sql) in enumerate(fault for fault in FAULTS if fault[0] == name):
                with self.subTest(scenario=name, number=number):
                    project.remove(made.root)
                    shutil.copytree(good, made.root, symlinks=True)
                    db = sqlite3.connect(f"{made.run}/state.sqlite")
                    with db:
                        self.assertGreater(db.execute(sql).rowcount, 0)
                    db.close()
                    self.assertIn(figure, self.judge(name, made))
            project.remove(good)
