# SPDX-License-Identifier: Apache-2.0
"""Ceilings are true under load: bytes per second, memory, requests of a rate-limit window."""
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from case import KINDS, LONG, MB, MIB, Calls, TransferCase, model  # noqa: E402

SECONDS = 30 if LONG else 8
SOCKETS = 128 * MB  # the most that lies between the local Hub and hubd: some connections, each with megabytes of buffers
FLOOR = 0.95 if LONG else 0.8  # of a rate, on a machine that does other things meanwhile


class Bandwidth(TransferCase):
    def rate(self, kind: str, seconds: float) -> float:
        """What hubd takes per second; the local Hub counts the same but for what fills the sockets between them."""
        begun, before, sent = time.monotonic(), self.metric("hubd_upstream_received_bytes_total"), self.sent(kind)
        self.wait_until(lambda: time.monotonic() >= begun + seconds, "the clock")
        after = self.metric("hubd_upstream_received_bytes_total")
        took = time.monotonic() - begun
        self.assertLessEqual(abs((after - before) - (self.sent(kind) - sent)), SOCKETS)
        return (after - before) / took

    def held(self, kind: str) -> None:
        size = (30 * SECONDS + 90) * MB
        self.start(model(size, "acme/a"), model(size, "acme/b", seed=9),
                   config='[bandwidth]\nmax = "50 MB/s"\n')
        running = Calls([lambda: self.get(kind, "acme/a"), lambda: self.get(kind, "acme/b")])
        self.wait_for_bytes(kind, 50 * MB, running.running)
        fifty = self.rate(kind, SECONDS)
        self.set_config("bandwidth.max", "20 MB/s")
        self.rate(kind, 1)
        twenty = self.rate(kind, SECONDS / 2)
        self.set_config("bandwidth.max", "off")
        for answer in running.wait():
            self.got(answer)
        self.note(f"{kind}: {fifty / MB:.2f} MB/s of 50 for {SECONDS} s, then {twenty / MB:.2f} of 20")
        for rate, wanted in ((fifty, 50 * MB), (twenty, 20 * MB)):
            self.assertLessEqual(rate, 1.05 * wanted)
            self.assertGreaterEqual(rate, FLOOR * wanted)
        self.assert_right("acme/a")
        self.assert_right("acme/b")

    def test_plain(self):
        self.held("plain")

    def test_xet(self):
        self.held("xet")


class Memory(TransferCase):
    CLIENTS = 64
    FILES = 50  # in each repo

    def test_many_clients_and_files_stay_below_the_ceiling(self):
        size = 8 * MB
        self.start(model(size, "acme/plain", self.FILES, seed=100), model(size, "acme/xet", self.FILES, seed=300),
                   config='[memory]\nmax = "512 MiB"\n[transfer]\nfiles_in_flight = 64\nconnections_per_file = 16\n'
                          "[network]\nconnections_total = 512\nconnections_per_host = 256\n")
        self.local.knobs(throttle=200 * MB)
        clients = Calls([lambda kind=kind: self.get(kind, f"acme/{kind}") for kind in ("plain", "xet") * (self.CLIENTS // 2)])
        for answer in clients.wait():
            self.got(answer)
        peak = self.process("VmHWM")
        self.note(f"peak {peak // MIB} MiB, {self.local.counters()['in_flight_max']} requests at a time")
        self.assertLessEqual(peak, 576 * MIB)
        for kind in KINDS:
            self.assert_right(f"acme/{kind}")
            self.assertLessEqual(self.sent(kind), 1.02 * size * self.FILES)


class RateWindow(TransferCase):
    """An answer said that nothing is left for so many seconds."""

    WINDOW = 20 if LONG else 6

    def closed(self, limit_class: str, routes: list[str], first: list[str], action: dict) -> None:
        names = [f"acme/r{i}" for i in range(12)]
        alone = {"id": "acme/alone", "commits": [{"files": [{"path": "config.json", "text": "{}"}]}]}  # a redirect at home, then the file
        self.start(alone, *(model(2 * MB, name, seed=50 + i) for i, name in enumerate(names)),
                   config="[metadata]\nbranch_max_age_seconds = 0\n")
        self.got(self.get("plain", names[0]))
        self.local.reset()
        self.local.faults({"match": {"route": first, "times": 1}, "action": action})
        begun = time.monotonic()
        first_one = Calls([lambda: self.get("plain", "acme/alone")])
        self.wait_until(lambda: 0 in self.metrics("hubd_rate_window_remaining"), "the window to close")
        crowd = Calls([lambda name=name: self.get("plain", name) for name in names * 3])
        for answer in first_one.wait() + crowd.wait():
            self.got(answer)  # nobody hears of a 429
        requests = self.local.requests()
        closing = min(r["at"] for r in requests if r["route"] in first)
        inside = [r for r in requests if r["route"] in routes and closing < r["at"] < closing + self.WINDOW]
        self.note(f"{limit_class} by {action.get('status', 200)}: {len(inside)} requests in the {self.WINDOW} s, all answered after "
                  f"{time.monotonic() - begun:.1f} s")
        self.assertEqual([], inside)
        self.assertGreater(len([r for r in requests if r["route"] in routes and r["at"] >= closing + self.WINDOW]), 10)
        for name in names:
            self.assert_right(name)

    API = ["info", "revision", "tree", "paths-info", "refs", "commits", "auth-check", "list", "whoami", "xet-token"]
    RESOLVERS = ["resolve-head", "resolve-get", "resolve-cache-head", "resolve-cache", "raw"]

    def test_an_answer_says_that_the_api_window_is_empty(self):
        action = {"type": "set_header", "name": "RateLimit", "value": f'"api";r=0;t={self.WINDOW}'}
        self.closed("api", self.API, ["revision", "tree"], action)

    def test_a_refusal_says_that_the_api_window_is_empty(self):
        self.closed("api", self.API, ["revision", "tree"], {"type": "status", "status": 429, "t": self.WINDOW})

    def test_an_answer_says_that_the_resolvers_window_is_empty(self):
        action = {"type": "set_header", "name": "RateLimit", "value": f'"resolvers";r=0;t={self.WINDOW}'}
        self.closed("resolvers", self.RESOLVERS, ["resolve-head", "resolve-get"], action)


if __name__ == "__main__":
    unittest.main()
