"""Tests of the swarm's script: what it does to a run must not fail by itself."""
import random, tempfile, threading, unittest

from disorder import Swarm


class SwarmTests(unittest.TestCase):
    def test_several_move_the_clock_at_once(self):
        with tempfile.TemporaryDirectory() as root:
            swarm = Swarm("flowdex", root, 1)
            start = threading.Barrier(4)

            def move():
                start.wait()
                for _ in range(300):
                    swarm.move_clock(random)

            swarm.join([swarm.spawn(move) for _ in range(4)])
            self.assertEqual(swarm.wrong, [])
            self.assertEqual(swarm.happened["clocks moved"], 1200)
            with open(swarm.clock) as file:
                self.assertIn(file.read(), ("-10d\n", "+0d\n", "+10d\n"))
