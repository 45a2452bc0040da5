# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random points of downloads by both routes: every restart goes on where the last one was."""
import pathlib
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from case import LONG, MB, MIB, TransferCase, model, route_env  # noqa: E402

KILLS = 100 if LONG else 5  # of each kind
SIZE = (500 if LONG else 80) * MB
LOST = 32 * MIB  # received, not yet noted


class Kills(TransferCase):
    def killed(self, kind: str) -> None:
        self.start(model(SIZE))
        self.local.knobs(throttle=60 * MB)
        chance = random.Random(11)
        for kill in range(KILLS):
            asking = self.daemon.ctl_start("download", "acme/model", env=route_env(kind))
            point = self.sent(kind) + chance.randrange(2 * SIZE // (KILLS + 1))
            self.wait_until(lambda: self.sent(kind) > point or asking.poll() is not None, "bytes to move")
            self.daemon.kill()
            asking.communicate(timeout=60)
            self.daemon.start()
            self.assertNotIn("corrupt", self.daemon.log_text(), f"kill {kill}")
        self.local.knobs(throttle=0)
        self.got(self.get(kind))
        self.assert_right()
        self.note(f"{kind}: {KILLS} kills, {self.sent(kind) / SIZE:.3f} of the bytes, {(self.sent(kind) - SIZE) / KILLS / MIB:.2f} MiB a kill")
        self.assertLessEqual(self.moved(), 1.02 * SIZE + KILLS * LOST)
        self.assertEqual([], self.partials())
        self.assertEqual([], self.transfers())

    def test_plain(self):
        self.killed("plain")

    def test_xet(self):
        self.killed("xet")


if __name__ == "__main__":
    unittest.main()
