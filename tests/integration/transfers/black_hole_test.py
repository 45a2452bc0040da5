# SPDX-License-Identifier: Apache-2.0
"""A network that swallows everything: whoever waits is answered, what came is kept, and the transfer goes on when the hole closes."""
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from case import LONG, MB, MIB, Calls, TransferCase, model  # noqa: E402

TIMEOUT = 60 if LONG else 6
SLACK = 15


class BlackHole(TransferCase):
    """Every origin takes and never answers, while a transfer is half way."""

    CONFIG = f"[metadata]\nbranch_max_age_seconds = 0\n[network]\nprogress_timeout_seconds = {TIMEOUT}\n"

    def swallowed(self, kind: str, tls: bool) -> None:
        size = 40 * MB
        self.start(model(size), model(3 * MB, "acme/known", seed=8), model(3 * MB, "acme/other", seed=9), config=self.CONFIG, tls=tls)
        self.got(self.get(kind, "acme/known"))
        before = self.moved()
        self.local.knobs(throttle=20 * MB)
        asked = time.monotonic()
        waiting = Calls([lambda: self.get(kind)] * 8)
        self.wait_for_bytes(kind, before + size // 2, waiting.running)
        self.local.knobs(black_hole=True, throttle=0)
        begun = time.monotonic()
        late = Calls([lambda: self.get(kind, "acme/other"), lambda: self.get(kind)])
        answers = waiting.wait() + late.wait()
        took = time.monotonic() - begun
        self.note(f"{kind}{' tls' if tls else ''}: all ten had their answer after {took:.1f} s: "
                  + ", ".join(f"{s:.1f}" for s in waiting.seconds + late.seconds))
        host = self.local.call("GET", "/_localhub/info")
        hosts = [url.partition("//")[2] for url in host.values()]
        for answer in answers:
            self.assertEqual("ERROR_KIND_STALLED", answer.get("kind"), answer)
            self.assertTrue(any(one in answer["message"] or one == answer.get("host") for one in hosts), answer)
        self.assertLessEqual(max(waiting.seconds) - (begun - asked), TIMEOUT + 4, self.daemon.log_text())  # of waiting for bytes
        self.assertLessEqual(took, TIMEOUT + SLACK)

        # What is known is told meanwhile, and what came is kept.
        asked = time.monotonic()
        known = self.got(self.get(kind, "acme/known"))
        self.assertTrue(known.get("stale"), known)
        self.assertLessEqual(time.monotonic() - asked, 10 + SLACK)
        parked = next(t for t in self.transfers() if t["repo"]["id"] == "acme/model")
        self.assertEqual("parked", parked["state"], parked)
        self.assertGreater(int(parked["bytesDone"]), size // 4)
        self.assertEqual([], [p for p in self.snapshot().glob("*.bin")])

        # The world is back: it is done by itself.
        self.local.knobs(black_hole=False)
        opened = time.monotonic()
        self.wait_until(lambda: not [t for t in self.transfers() if t["repo"]["id"] == "acme/model"], "the parked transfer", 400)
        self.note(f"{kind}: done by itself {time.monotonic() - opened:.1f} s after the hole closed, {self.moved() - before - size:+} bytes")
        self.assert_right()
        # By whichever route; what was in sockets when the connections were given up is lost.
        self.assertLessEqual(self.moved() - before, 1.02 * (size + 3 * MB) + 8 * MIB)

    def test_plain(self):
        self.swallowed("plain", tls=False)

    def test_xet(self):
        self.swallowed("xet", tls=False)

    if LONG:
        def test_plain_tls(self):
            self.swallowed("plain", tls=True)

        def test_xet_tls(self):
            self.swallowed("xet", tls=True)


if __name__ == "__main__":
    unittest.main()
